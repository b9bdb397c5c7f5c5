//! `deploy`: the operator's executable.

fn main() -> std::process::ExitCode {
    deploy::cli::main()
}
