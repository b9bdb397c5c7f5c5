//! Where a profile's link leads, read with what every node has.

use crate::host::{Host, HostError, RemoteCommand};
use crate::model::{AbsolutePath, Generation, ProfileState, StorePath};
use crate::plan::PlannedProfile;

/// The text of the link, then where it ends. Some fail where there is none, or no folder for it.
const SCRIPT: &str = "readlink -- \"$1\"; readlink -f -- \"$1\"; true";

/// A profile's link as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// The generation that it names.
    pub(super) generation: Option<Generation>,
    /// What it resolves to.
    pub(super) path: Option<StorePath>,
}

/// Reads the link of a profile; none where there is none.
pub(super) async fn look<H: Host>(
    host: &H,
    profile: &PlannedProfile,
    path: &AbsolutePath,
) -> Result<Option<Link>, HostError> {
    let mut words = profile.settings.sudo.clone().unwrap_or_default();
    words.extend(["sh", "-c", SCRIPT, "sh", path.as_str()].map(str::to_owned));
    let command = RemoteCommand {
        connection: profile.connection.clone(),
        title: "read the profile",
        words,
    };
    let mut lines = Vec::new();
    host.run_command(&command, &mut |line| lines.push(line.to_owned()))
        .await?;
    Ok(parse(&lines, path))
}

fn parse(lines: &[String], path: &AbsolutePath) -> Option<Link> {
    // Without a link only the second command answers.
    let [.., text, end] = lines else { return None };
    let name = text.rsplit('/').next().unwrap_or_default();
    Some(Link {
        generation: Generation::from_link_name(path.file_name(), name),
        path: end.parse().ok(),
    })
}

/// Returns whether a link is what the plan saw, as far as a link tells.
pub(super) fn is_as_planned(planned: &ProfileState, found: Option<&Link>) -> bool {
    match (planned, found) {
        (ProfileState::Unknown { .. }, _) | (ProfileState::Absent { .. }, None) => true,
        (
            ProfileState::Present {
                generation, path, ..
            },
            Some(link),
        ) => link.generation == *generation && link.path == *path,
        _ => false,
    }
}

/// Returns what was found, in a few words.
pub(super) fn describe(found: Option<&Link>) -> String {
    match found {
        None => "no profile".to_owned(),
        Some(Link { generation, path }) => {
            let generation = generation.map_or_else(
                || "no generation".to_owned(),
                |number| format!("generation {number}"),
            );
            let path = path.as_ref().map_or("an unknown path", StorePath::name);
            format!("{generation} ({path})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a";

    #[test]
    fn a_link_is_its_generation_and_its_end() {
        let path: AbsolutePath = "/p/system".parse().unwrap();
        let parse = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            super::parse(&lines, &path)
        };
        let link = |generation: Option<u64>| {
            Some(Link {
                generation: generation.map(Generation),
                path: A.parse().ok(),
            })
        };
        assert_eq!(parse(&["system-3-link", A]), link(Some(3)));
        assert_eq!(parse(&["Welcome!", "/p/system-3-link", A]), link(Some(3)));
        assert_eq!(parse(&[A, A]), link(None));
        assert_eq!(parse(&["/p/system"]), None);
        let planned = ProfileState::Present {
            generation: Some(Generation(3)),
            path: A.parse().ok(),
            highest_generation: Some(Generation(9)),
        };
        assert!(is_as_planned(&planned, link(Some(3)).as_ref()));
        assert!(!is_as_planned(&planned, link(Some(4)).as_ref()));
        assert!(!is_as_planned(&planned, None));
    }
}
