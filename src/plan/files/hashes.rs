//! Texts without the hashes of store paths, which differ after every rebuild and say nothing to
//! people.

use super::STORE_FOLDER;

const HASH_LENGTH: usize = 32;
const IN_ITS_PLACE: &str = "…";

/// Returns the text with every hash of a store path replaced.
pub(super) fn without_hashes(text: &str) -> String {
    let mut rest = text;
    let mut result = String::with_capacity(text.len());
    while let Some(place) = rest.find(STORE_FOLDER) {
        let (before, after) = rest.split_at(place + STORE_FOLDER.len());
        result.push_str(before);
        rest = match after_hash(after) {
            None => after,
            Some(name) => {
                result.push_str(IN_ITS_PLACE);
                name
            }
        };
    }
    result + rest
}

fn after_hash(text: &str) -> Option<&str> {
    let (hash, rest) = text.split_at_checked(HASH_LENGTH)?;
    let is_hash = hash
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (is_hash && rest.starts_with('-')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_go() {
        let hash = "0".repeat(32);
        let text = format!("PATH=/nix/store/{hash}-a-1/bin:/nix/store/{hash}-b\n/nix/store/x-y");
        let expected = "PATH=/nix/store/…-a-1/bin:/nix/store/…-b\n/nix/store/x-y";
        assert_eq!(without_hashes(&text), expected);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in "(/nix/store/|[0-9a-z]{32}|-|☎|\n|.){0,12}") {
            let once = without_hashes(&text);
            proptest::prop_assert_eq!(without_hashes(&once), once);
        }
    }
}
