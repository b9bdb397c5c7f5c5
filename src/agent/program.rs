//! Which program of a closure activates it.

use std::path::Path;

use super::environment::{Environment, is_executable};
use crate::process::Invocation;

/// A way to activate a closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// What deploy-rs's library and ours put into a closure.
    DeployRs,
    /// A bare NixOS system.
    SwitchToConfiguration,
    /// A bare home-manager generation and others.
    Activate,
}

impl Program {
    /// Returns the program of the closure at `location`, none where it has none.
    pub(super) fn of(location: &Path) -> Option<Self> {
        [Self::DeployRs, Self::SwitchToConfiguration, Self::Activate]
            .into_iter()
            .find(|program| is_executable(&location.join(program.file())))
    }

    fn file(self) -> &'static str {
        match self {
            Self::DeployRs => "deploy-rs-activate",
            Self::SwitchToConfiguration => "bin/switch-to-configuration",
            Self::Activate => "activate",
        }
    }

    /// Returns the call, with the variables and the working folder that deploy-rs gives.
    pub(super) fn invocation(self, environment: &Environment, location: &Path) -> Invocation {
        let call = environment
            .with_home(Invocation::new(location.join(self.file())))
            .directory(location)
            .env("PROFILE", location)
            .env("DRY_ACTIVATE", "0")
            .env("BOOT", "0");
        match self {
            Self::SwitchToConfiguration => call.arg("switch"),
            Self::DeployRs | Self::Activate => call,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn deploy_rs_comes_before_nixos_before_anything_else() {
        let root = tempfile::tempdir().unwrap();
        let closure = root.path();
        let write = |name: &str, mode| {
            let file = closure.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        };
        assert_eq!(Program::of(closure), None);
        write("activate", 0o444);
        assert_eq!(Program::of(closure), None);
        write("activate", 0o555);
        assert_eq!(Program::of(closure), Some(Program::Activate));
        write("bin/switch-to-configuration", 0o555);
        assert_eq!(Program::of(closure), Some(Program::SwitchToConfiguration));
        write("deploy-rs-activate", 0o555);
        assert_eq!(Program::of(closure), Some(Program::DeployRs));
    }
}
