# A shell in which this crate is built and tested.
pkgs:
pkgs.mkShell {
  inputsFrom = [ pkgs.deploy-rs.deploy-rs ];
  packages = with pkgs; [
    cargo
    cargo-deny
    clippy
    nix
    openssh
    rust-analyzer
    rustc
    rustfmt
  ];
}
