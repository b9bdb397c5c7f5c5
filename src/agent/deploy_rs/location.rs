//! Where a profile lies that is named by its user and its own name.

use std::path::Path;

use super::args::Profile;
use crate::agent::environment::Environment;
use crate::agent::error::AgentError;
use crate::model::{AbsolutePath, InvalidText};

const STATE: &str = "/nix/var/nix";

/// Why there is no profile to work on.
#[derive(Debug, thiserror::Error)]
pub(in crate::agent) enum LocationError {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("the profile's path: {0}")]
    Path(#[from] InvalidText),
}

/// Returns the profile link: where Nix and deploy-rs have it, too.
pub(super) fn locate(
    profile: &Profile,
    environment: &Environment,
) -> Result<AbsolutePath, LocationError> {
    if let Some(path) = profile.place.as_ref().or(profile.link.as_ref()) {
        return Ok(path.clone());
    }
    let user = profile.user.as_deref().unwrap_or_default();
    let name = profile.name.as_deref().unwrap_or_default();
    let state = environment.get("NIX_STATE_DIR");
    let state = Path::new(state.unwrap_or(STATE.as_ref())).join("profiles");
    let of_user = state.join("per-user").join(user);
    let path = match (user, name) {
        ("root", "system") => state.join("system"),
        ("root", _) => of_user.join(name),
        _ if of_user.is_dir() => of_user.join(name),
        _ => environment.state_home()?.join("nix/profiles").join(name),
    };
    Ok(path.display().to_string().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(user: &str, name: &str, state: &Path) -> String {
        let variables = [
            ("HOME", "/home/a"),
            ("NIX_STATE_DIR", state.to_str().unwrap()),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::new(variables.into(), "/agent".into()).await;
        let profile = Profile {
            place: None,
            link: None,
            user: Some(user.to_owned()),
            name: Some(name.to_owned()),
        };
        locate(&profile, &environment).unwrap().to_string()
    }

    #[tokio::test]
    async fn users_have_the_old_folder_where_it_exists() {
        let state = tempfile::tempdir().unwrap();
        let below = |path: &str| state.path().join(path).display().to_string();
        std::fs::create_dir_all(below("profiles/per-user/old")).unwrap();
        for (user, name, expected) in [
            ("root", "system", below("profiles/system")),
            ("root", "app", below("profiles/per-user/root/app")),
            ("old", "app", below("profiles/per-user/old/app")),
            (
                "new",
                "app",
                "/home/a/.local/state/nix/profiles/app".to_owned(),
            ),
        ] {
            assert_eq!(of(user, name, state.path()).await, expected);
        }
    }
}
