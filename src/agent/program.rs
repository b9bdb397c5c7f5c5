//! Which program of a closure activates it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::environment::{Environment, is_executable};
use crate::process::Invocation;
use crate::protocol::{ClosureKind, FailureReason, Manifest, Order};

/// NixOS's status for "active, but some units have failed".
const DEGRADED: i32 = 4;
/// NixOS's status for "not without a reboot".
const NEEDS_REBOOT: i32 = 100;

/// What of a NixOS system, but not of a store path above or below it, is always there.
const SWITCH_TO_CONFIGURATION: &str = "bin/switch-to-configuration";

/// A way to activate a closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Program {
    file: File,
    /// What its exit status means.
    is_nixos: bool,
    takes_actions: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    /// What deploy-rs's library and ours put into a closure.
    DeployRs,
    /// A bare NixOS system.
    SwitchToConfiguration,
    /// A bare home-manager generation and others.
    Activate,
}

/// What a program is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Activate, and boot it from now on.
    Switch,
    /// Activate only.
    Test,
    /// Boot it from now on, without activating.
    Boot,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Test => "test",
            Self::Boot => "boot",
        }
    }
}

impl Program {
    /// Returns the program of the closure at `location`, none where it has none.
    pub(super) fn of(location: &Path) -> Option<Self> {
        let file = [File::DeployRs, File::SwitchToConfiguration, File::Activate]
            .into_iter()
            .find(|file| is_executable(&location.join(file.path())))?;
        let manifest = (file == File::DeployRs)
            .then(|| fs::read_to_string(location.join(Manifest::FILE)).ok())
            .flatten()
            .and_then(|text| Manifest::parse(&text));
        let has_system = is_executable(&location.join(SWITCH_TO_CONFIGURATION));
        Some(Self {
            file,
            is_nixos: match &manifest {
                Some(manifest) => manifest.kind == ClosureKind::Nixos,
                None => has_system,
            },
            takes_actions: manifest.is_some_and(|manifest| manifest.has_test_and_boot()),
        })
    }

    /// Returns the program of a target, which had one when the activation began.
    pub(super) fn of_target(location: &Path) -> Result<Self, FailureReason> {
        Self::of(location).ok_or_else(|| FailureReason::Agent {
            detail: "the target's activation program is gone".to_owned(),
        })
    }

    /// Returns NixOS's own program of the system at `location`, none where there is no system.
    pub(super) fn of_system(location: &Path) -> Option<Self> {
        is_executable(&location.join(SWITCH_TO_CONFIGURATION)).then_some(Self {
            file: File::SwitchToConfiguration,
            is_nixos: true,
            takes_actions: true,
        })
    }

    /// Returns what comes first when this program's closure is activated.
    pub(super) fn order(self) -> Order {
        if self.file == File::DeployRs && self.is_nixos && self.takes_actions {
            Order::ConfirmFirst
        } else {
            Order::SetFirst
        }
    }

    /// Returns whether the program makes the node boot its closure when it does this.
    pub(super) fn writes_boot_entry(self, action: Action) -> bool {
        self.is_nixos && action != Action::Test
    }

    /// Returns whether the program can prepare its closure for the next boot.
    pub(super) fn prepares_boot(self) -> bool {
        self.file != File::Activate
    }

    /// Returns the call that only says what activating would do; none where the program knows none.
    pub(super) fn dry_invocation(
        self,
        environment: &Environment,
        location: &Path,
    ) -> Option<Invocation> {
        let call = self.call(environment, location);
        match self.file {
            File::DeployRs => Some(call.env("DRY_ACTIVATE", "1")),
            File::SwitchToConfiguration => Some(call.arg("dry-activate")),
            File::Activate => None,
        }
    }

    /// Returns the call, with the variables and the working folder that deploy-rs gives.
    pub(super) fn invocation(
        self,
        environment: &Environment,
        location: &Path,
        action: Action,
    ) -> Invocation {
        let call = self.call(environment, location);
        match self.file {
            File::SwitchToConfiguration => call.arg(action.name()),
            File::DeployRs if self.takes_actions && action != Action::Switch => {
                call.env("DEPLOY_ACTION", action.name())
            }
            File::DeployRs if action == Action::Boot => {
                call.env("BOOT", "1").env("DEPLOY_ACTION", "")
            }
            // Whatever the session has, the whole activation is meant.
            File::DeployRs => call.env("DEPLOY_ACTION", ""),
            File::Activate => call,
        }
    }

    fn call(self, environment: &Environment, location: &Path) -> Invocation {
        environment
            .as_after_login(Invocation::new(location.join(self.file.path())))
            .directory(location)
            .env("PROFILE", location)
            .env("DRY_ACTIVATE", "0")
            .env("BOOT", "0")
    }

    /// Returns whether the program has done all it can when it ends with this status, so that what
    /// it has left running is not to be ended.
    pub(super) fn has_finished_with(self, status: i32) -> bool {
        status == 0 || self.is_nixos && status == DEGRADED
    }

    /// Returns what an activation's failure means when it comes from this program.
    pub(super) fn read_failure(self, reason: FailureReason) -> FailureReason {
        match reason {
            FailureReason::Exited { status: DEGRADED } if self.is_nixos => {
                FailureReason::Degraded { status: DEGRADED }
            }
            FailureReason::Exited {
                status: NEEDS_REBOOT,
            } if self.is_nixos => FailureReason::NeedsReboot,
            other => other,
        }
    }
}

impl File {
    fn path(self) -> &'static str {
        match self {
            Self::DeployRs => "deploy-rs-activate",
            Self::SwitchToConfiguration => SWITCH_TO_CONFIGURATION,
            Self::Activate => "activate",
        }
    }
}

/// Returns what was wrong with a program that ended so, none where nothing was.
pub(super) fn failure_of(status: ExitStatus) -> Option<FailureReason> {
    match status.code() {
        Some(0) => None,
        Some(status) => Some(FailureReason::Exited { status }),
        None => Some(FailureReason::Killed {
            signal: status.signal().unwrap_or_default(),
        }),
    }
}

/// Returns the NixOS system that the closure at `location` is or wraps: what
/// `/run/current-system` resolves to once it is active.
pub(super) fn system_of(location: &Path) -> Option<PathBuf> {
    let program = fs::canonicalize(location.join(SWITCH_TO_CONFIGURATION)).ok()?;
    program.parent()?.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Closure(tempfile::TempDir);

    impl Closure {
        fn new(files: &[(&str, u32, &str)]) -> Self {
            let closure = Self(tempfile::tempdir().unwrap());
            for (name, mode, text) in files {
                closure.write(name, *mode, text);
            }
            closure
        }

        fn write(&self, name: &str, mode: u32, text: &str) {
            let file = self.0.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }

        fn program(&self) -> Option<Program> {
            Program::of(self.0.path())
        }
    }

    const MANIFEST: &str = r#"{"format_version": 1, "kind": "nixos", "actions": ["test", "boot"]}"#;

    #[test]
    fn deploy_rs_comes_before_nixos_before_anything_else() {
        let closure = Closure::new(&[]);
        let file = || closure.program().map(|program| program.file);
        assert_eq!(file(), None);
        closure.write("activate", 0o444, "");
        assert_eq!(file(), None);
        closure.write("activate", 0o555, "");
        assert_eq!(file(), Some(File::Activate));
        closure.write("bin/switch-to-configuration", 0o555, "");
        assert_eq!(file(), Some(File::SwitchToConfiguration));
        closure.write("deploy-rs-activate", 0o555, "");
        assert_eq!(file(), Some(File::DeployRs));
    }

    #[test]
    fn only_a_manifest_turns_the_order() {
        let (script, system) = ("deploy-rs-activate", "bin/switch-to-configuration");
        let custom = r#"{"format_version": 1, "kind": "custom", "actions": ["test", "boot"]}"#;
        for (files, order, is_nixos) in [
            (vec![(script, 0o555, "")], Order::SetFirst, false),
            (vec![(system, 0o555, "")], Order::SetFirst, true),
            (
                vec![(script, 0o555, ""), (system, 0o555, "")],
                Order::SetFirst,
                true,
            ),
            (
                vec![(script, 0o555, ""), (Manifest::FILE, 0o444, MANIFEST)],
                Order::ConfirmFirst,
                true,
            ),
            (
                vec![(script, 0o555, ""), (Manifest::FILE, 0o444, custom)],
                Order::SetFirst,
                false,
            ),
        ] {
            let program = Closure::new(&files).program().unwrap();
            assert_eq!((program.order(), program.is_nixos), (order, is_nixos));
        }
    }

    #[test]
    fn the_status_of_nixos_means_something_only_there() {
        let exited = |status| FailureReason::Exited { status };
        let program = |file| Closure::new(&[(file, 0o555, "")]).program().unwrap();
        let nixos = program("bin/switch-to-configuration");
        assert_eq!(
            nixos.read_failure(exited(4)),
            FailureReason::Degraded { status: 4 }
        );
        assert_eq!(nixos.read_failure(exited(100)), FailureReason::NeedsReboot);
        assert_eq!(nixos.read_failure(exited(2)), exited(2));
        let other = program("activate");
        assert_eq!(other.read_failure(exited(4)), exited(4));
        assert_eq!(other.read_failure(exited(100)), exited(100));
    }

    #[test]
    fn a_wrapper_has_the_system_that_it_wraps() {
        let system = Closure::new(&[("bin/switch-to-configuration", 0o555, "")]);
        let wrapper = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(system.0.path().join("bin"), wrapper.path().join("bin"))
            .unwrap();
        let expected = fs::canonicalize(system.0.path()).unwrap();
        assert_eq!(system_of(wrapper.path()), Some(expected.clone()));
        assert_eq!(system_of(&expected), Some(expected));
        assert_eq!(system_of(Path::new("/nowhere")), None);
    }
}
