//! Absolute paths on a node or on the operator's machine.

use super::text_newtype;

text_newtype!(
    /// An absolute path without `..`, control characters or a trailing slash.
    AbsolutePath,
    "path",
    check
);

fn check(text: &str) -> Result<(), &'static str> {
    if !text.starts_with('/') {
        return Err("is not absolute");
    }
    if text.len() < 2 || text.ends_with('/') {
        return Err("ends with a slash");
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character");
    }
    if text.split('/').any(|part| part == ".." || part == ".") {
        return Err("has a '.' or '..' component");
    }
    Ok(())
}

impl AbsolutePath {
    /// Returns the folder that holds this path, `/` for a path directly below the root.
    pub fn parent(&self) -> &str {
        match self.as_str().rfind('/') {
            None | Some(0) => "/",
            Some(end) => &self.as_str()[..end],
        }
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_into_folder_and_name() {
        let path: AbsolutePath = "/nix/var/nix/profiles/system".parse().unwrap();
        assert_eq!(
            (path.parent(), path.file_name()),
            ("/nix/var/nix/profiles", "system")
        );
        assert_eq!("/x".parse::<AbsolutePath>().unwrap().parent(), "/");
    }

    #[test]
    fn refuses_what_could_escape() {
        for bad in ["", "/", "a", "/a/../b", "/a/", "/a\nb", "/./a"] {
            assert!(bad.parse::<AbsolutePath>().is_err(), "{bad:?}");
        }
    }
}
