//! `activate`: the agent's executable.

fn main() -> std::process::ExitCode {
    deploy::agent::main()
}
