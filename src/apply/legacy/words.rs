//! The command lines of deploy-rs's agent.

use crate::model::{AbsolutePath, Generation, ProfileState, RunId};
use crate::plan::{Action, PlannedProfile};

/// Where deploy-rs keeps the file that it confirms with, unless `tempPath` says otherwise.
const TEMP_PATH: &str = "/tmp";
/// The longest that deploy-rs's `wait` can be told to wait: it ends with the activation.
const WAIT_MAX: &str = "65535";

/// What an agent of deploy-rs's understands, which differs with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The profile is an option, and no argument.
    names_profile: bool,
    /// `wait` can be told how long.
    limits_wait: bool,
}

impl Dialect {
    /// Reads it from what the agent says about its `activate` and its `wait`.
    pub(super) fn of_help(activate: &str, wait: &str) -> Self {
        Self {
            names_profile: activate.contains("--profile-path"),
            limits_wait: wait.contains("--activation-timeout"),
        }
    }
}

/// The agent in the closure of one profile, for one run.
#[derive(Debug)]
pub(super) struct LegacyAgent<'a> {
    profile: &'a PlannedProfile,
    path: &'a AbsolutePath,
    run: &'a RunId,
}

impl<'a> LegacyAgent<'a> {
    /// Returns the agent of a profile whose path is known.
    pub(super) fn of(profile: &'a PlannedProfile, run: &'a RunId) -> Result<Self, String> {
        let path = profile.profile_path.as_ref();
        let path = path.ok_or_else(|| "the profile's path is not known".to_owned())?;
        Ok(Self { profile, path, run })
    }

    /// Returns the words that run `command` as the profile's user.
    pub(super) fn as_user(&self, command: &[&str]) -> Vec<String> {
        let mut words = self.profile.settings.sudo.clone().unwrap_or_default();
        words.extend(command.iter().map(ToString::to_string));
        words
    }

    fn agent(&self, arguments: &[&str]) -> Vec<String> {
        let program = format!("{}/activate-rs", self.profile.target.path);
        let mut words = vec![program.as_str()];
        words.extend(arguments);
        self.as_user(&words)
    }

    /// Returns the words that ask what a command of it understands.
    pub(super) fn help(&self, command: &str) -> Vec<String> {
        self.agent(&[command, "--help"])
    }

    /// Returns the folder of this run alone: no file that an earlier one has left can lie there.
    pub(super) fn folder(&self) -> String {
        let parent = self.profile.settings.temp_path.as_ref();
        let parent = parent.map_or(TEMP_PATH, AbsolutePath::as_str);
        format!("{parent}/deploy-{}-{}", self.run, self.profile.profile)
    }

    /// Returns the words that activate.
    pub(super) fn activate(&self, dialect: Dialect) -> Vec<String> {
        let settings = &self.profile.settings;
        let (target, folder) = (self.profile.target.path.as_str(), self.folder());
        let timeout = settings.confirm_timeout.to_string();
        let mut words = vec!["activate", target];
        words.extend(self.profile_words(dialect));
        words.extend(["--temp-path", &folder, "--confirm-timeout", &timeout]);
        let goes_back = !self.is_first();
        if goes_back && settings.magic_rollback {
            words.push("--magic-rollback");
        }
        if goes_back && settings.auto_rollback {
            words.push("--auto-rollback");
        }
        self.agent(&words)
    }

    /// Returns the words that wait until the activation waits for its confirmation.
    pub(super) fn wait(&self, dialect: Dialect) -> Vec<String> {
        let (target, folder) = (self.profile.target.path.as_str(), self.folder());
        let mut words = vec!["wait", target, "--temp-path", &folder];
        if dialect.limits_wait {
            words.extend(["--activation-timeout", WAIT_MAX]);
        }
        self.agent(&words)
    }

    /// Returns the words that confirm.
    pub(super) fn confirm(&self) -> Vec<String> {
        let hash = self.profile.target.path.hash();
        let canary = format!("{}/deploy-rs-canary-{hash}", self.folder());
        self.as_user(&["rm", "--", &canary])
    }

    /// Returns the words that take the activation back.
    pub(super) fn revoke(&self, dialect: Dialect) -> Vec<String> {
        let mut words = vec!["revoke"];
        words.extend(self.profile_words(dialect));
        self.agent(&words)
    }

    fn profile_words(&self, dialect: Dialect) -> Vec<&str> {
        let path = self.path.as_str();
        if dialect.names_profile {
            vec!["--profile-path", path]
        } else {
            vec![path]
        }
    }

    /// Returns whether the activation is to be confirmed.
    pub(super) fn is_confirmed(&self) -> bool {
        self.profile.settings.magic_rollback && !self.is_first()
    }

    fn is_first(&self) -> bool {
        matches!(self.profile.current, ProfileState::Absent { .. })
    }

    /// Returns why this agent must not be asked to do it, if it must not.
    pub(super) fn refusal(&self) -> Option<String> {
        let settings = &self.profile.settings;
        if self.profile.action == Action::RollBack {
            return Some(
                "deploy-rs's agent cannot switch to a generation, but makes new ones only".into(),
            );
        }
        let goes_back = settings.auto_rollback || settings.magic_rollback;
        (goes_back && !self.is_first() && !self.goes_back_exactly()).then(|| {
            "deploy-rs's agent would go back to another generation than the current one, and \
             delete a good one; with autoRollback and magicRollback off it would go on without a \
             way back"
                .to_owned()
        })
    }

    /// Returns whether `nix-env --rollback` leads where the profile is now: only where a newer
    /// generation is made, and the current one is the newest before.
    pub(super) fn goes_back_exactly(&self) -> bool {
        let current = &self.profile.current;
        let newest = current.highest_generation();
        let is = |generation: Option<Generation>| generation.is_some() && generation == newest;
        is(current.generation()) && current.path() != Some(&self.profile.target.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::test_plan;

    const NEW: Dialect = Dialect {
        names_profile: true,
        limits_wait: true,
    };
    const OLD: Dialect = Dialect {
        names_profile: false,
        limits_wait: false,
    };

    fn profile(generation: u64, highest: u64) -> PlannedProfile {
        let mut profile = test_plan().profiles[0].clone();
        profile.target.path = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-new"
            .parse()
            .unwrap();
        profile.profile_path = Some("/p/system".parse().unwrap());
        profile.settings.sudo = Some(vec!["sudo".into(), "-u".into(), "root".into()]);
        profile.action = Action::Update;
        profile.current = ProfileState::Present {
            generation: Some(Generation(generation)),
            path: "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-old"
                .parse()
                .ok(),
            highest_generation: Some(Generation(highest)),
        };
        profile
    }

    fn run() -> RunId {
        "0011223344556677".parse().unwrap()
    }

    #[test]
    fn the_words_are_those_of_deploy_rs() {
        let (profile, run) = (profile(3, 3), run());
        let agent = LegacyAgent::of(&profile, &run).unwrap();
        let folder = format!("/tmp/deploy-0011223344556677-{}", profile.profile);
        let target = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-new";
        let call = format!("sudo -u root {target}/activate-rs");
        assert_eq!(
            agent.activate(NEW).join(" "),
            format!(
                "{call} activate {target} --profile-path /p/system --temp-path {folder} --confirm-timeout 30 --magic-rollback --auto-rollback"
            )
        );
        assert_eq!(
            agent.wait(NEW).join(" "),
            format!("{call} wait {target} --temp-path {folder} --activation-timeout 65535")
        );
        assert_eq!(
            agent.wait(OLD).join(" "),
            format!("{call} wait {target} --temp-path {folder}")
        );
        assert_eq!(
            agent.revoke(NEW).join(" "),
            format!("{call} revoke --profile-path /p/system")
        );
        assert_eq!(
            agent.revoke(OLD).join(" "),
            format!("{call} revoke /p/system")
        );
        assert_eq!(
            agent.confirm().join(" "),
            format!(
                "sudo -u root rm -- {folder}/deploy-rs-canary-00023hrmrnvmk0mj2hw7zrfhdnkzyaqy"
            )
        );
    }

    #[test]
    fn a_way_back_to_somewhere_else_is_none() {
        let run = run();
        let refusal = |profile: &PlannedProfile| {
            let agent = LegacyAgent::of(profile, &run).unwrap();
            agent.refusal()
        };
        assert_eq!(refusal(&profile(3, 3)), None);
        let mut older = profile(2, 3);
        assert!(refusal(&older).is_some(), "it would go to 3");
        older.settings.auto_rollback = false;
        older.settings.magic_rollback = false;
        assert_eq!(refusal(&older), None);
        let mut again = profile(3, 3);
        again.action = Action::Reactivate;
        again.target.path = again.current.path().cloned().unwrap();
        assert!(refusal(&again).is_some(), "no generation is made");
        let mut first = profile(3, 3);
        first.current = ProfileState::Absent {
            highest_generation: None,
        };
        assert_eq!(refusal(&first), None);
        let words = LegacyAgent::of(&first, &run).unwrap().activate(NEW);
        assert!(!words.iter().any(|word| word.ends_with("-rollback")));
    }

    #[test]
    fn a_dialect_is_read_from_the_help() {
        let new = "Usage: activate <--profile-path <P>|--profile-user <U>>";
        assert_eq!(Dialect::of_help(new, "--activation-timeout <SECONDS>"), NEW);
        assert_eq!(Dialect::of_help("<CLOSURE> <PROFILE_PATH>", ""), OLD);
    }
}
