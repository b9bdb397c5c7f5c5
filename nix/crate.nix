# What every package of this crate has in common. No tests run here: they need real hosts,
# which a build sandbox does not have.
{ lib }:
{
  version = (builtins.fromTOML (builtins.readFile ../Cargo.toml)).package.version;
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.lock
      ../Cargo.toml
      ../src
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;
  buildNoDefaultFeatures = true;
  doCheck = false;
}
