//! Which tree a fleet is described in now: for a flake its locked reference and hash.

use serde::Deserialize;

use super::NixError;
use super::command::{Nix, output};
use crate::config::Origin;
use crate::plan::{Flake, OriginKind};

const DOING: &str = "reading the flake's lock";

/// The part of `nix flake metadata --json` that all versions have.
#[derive(Deserialize)]
struct Metadata {
    url: String,
    locked: Locked,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locked {
    r#type: Option<String>,
    rev: Option<String>,
    nar_hash: Option<String>,
}

/// Returns what a fleet is described in now. Evaluates nothing. Nothing locks a file.
pub async fn read_metadata(nix: &Nix, origin: &Origin) -> Result<Flake, NixError> {
    let flake = match origin {
        Origin::Flake(reference) => reference,
        Origin::File(path) => {
            return Ok(Flake {
                kind: OriginKind::File,
                url: path.clone(),
                locked: path.clone(),
                nar_hash: None,
                dirty: true,
                nix_args: nix.arguments.clone(),
            });
        }
    };
    let invocation = Nix::nix(&["flake", "metadata", "--json", flake]);
    let text = output(&invocation, DOING)
        .await
        .map_err(|error| match error {
            NixError::Failed { stderr, .. } => NixError::Evaluation {
                origin: origin.clone(),
                message: stderr,
            },
            other => other,
        })?;
    parse(flake, &text, nix).map_err(|source| NixError::Unexpected {
        doing: DOING,
        source,
    })
}

fn parse(flake: &str, text: &str, nix: &Nix) -> Result<Flake, serde_json::Error> {
    let metadata: Metadata = serde_json::from_str(text)?;
    let versioned = matches!(
        metadata.locked.r#type.as_deref(),
        Some("git" | "hg" | "mercurial")
    );
    Ok(Flake {
        kind: OriginKind::Flake,
        url: flake.to_owned(),
        locked: metadata.url,
        nar_hash: metadata.locked.nar_hash,
        // Later versions call it dirtyRev; that there is no revision is the same in all of them.
        dirty: versioned && metadata.locked.rev.is_none(),
        nix_args: nix.arguments.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mutated::{mutated, saved_cases};

    /// Recorded from 2.8, 2.26 and 2.34 here; the others have what their release notes add.
    macro_rules! recorded {
        ($($name:literal),*) => {
            [$(($name, include_str!(concat!("fixtures/flake-metadata-", $name, ".json")))),*]
        };
    }

    #[test]
    fn the_answers_of_all_versions_are_read() {
        for (name, json) in recorded![
            "2.8-clean",
            "2.8-dirty",
            "2.18-dirty",
            "2.26-path",
            "2.31-clean",
            "2.31-dirty",
            "2.34-path",
            "lix-2.93-clean",
            "lix-2.93-dirty"
        ] {
            let flake =
                parse(".", json, &Nix::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(flake.dirty, name.ends_with("dirty"), "{name}");
            let hash = flake.nar_hash.unwrap_or_default();
            assert!(hash.starts_with("sha256-"), "{name}: {hash:?}");
            let is_locked = flake.locked.contains("rev=") || flake.locked.contains("narHash=");
            assert_eq!(is_locked, !flake.dirty, "{name}: {}", flake.locked);
        }
    }

    #[test]
    fn clean_dirty_and_plain_folders() {
        let read = |json: &str| parse(".", json, &Nix::default()).unwrap();
        let clean = read(
            r#"{"url":"git+file:///t?rev=b5","locked":{"type":"git","rev":"b5","narHash":"sha256-x","url":"file:///t"}}"#,
        );
        assert!(!clean.dirty);
        assert_eq!(clean.nar_hash.as_deref(), Some("sha256-x"));
        let dirty = read(
            r#"{"url":"git+file:///t","locked":{"type":"git","dirtyRev":"b5-dirty","narHash":"sha256-x"}}"#,
        );
        assert!(dirty.dirty);
        assert!(!read(r#"{"url":"path:/t","locked":{"type":"path","path":"/t"}}"#).dirty);
    }

    const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/metadata.txt");
    const VALID: &str = r#"{"url":"git+file:///t?rev=b5","locks":{"nodes":{"root":{}},"version":7},
        "locked":{"type":"git","rev":"b5","narHash":"sha256-x","url":"file:///t"}}"#;

    proptest::proptest! {
        #![proptest_config(saved_cases(SAVED))]

        #[test]
        fn metadata_is_read_or_refused(text in mutated(VALID)) {
            if let Ok(flake) = parse(".", &text, &Nix::default()) {
                proptest::prop_assert_eq!(flake.url, ".");
            }
        }
    }
}
