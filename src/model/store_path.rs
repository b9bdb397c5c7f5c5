//! Store paths: `/nix/store/<32 characters of hash>-<name>`, as in the Nix manual, "Store Path".

use super::text_newtype;

const STORE: &str = "/nix/store/";
const HASH_LENGTH: usize = 32;
const NAME_LENGTH_MAX: usize = 211;

text_newtype!(
    /// A path directly below `/nix/store`, with a well-formed hash and name.
    StorePath,
    "store path",
    check
);

fn check(text: &str) -> Result<(), &'static str> {
    let Some(base) = text.strip_prefix(STORE) else {
        return Err("is not below /nix/store");
    };
    if base.contains('/') {
        return Err("is a path inside of a store path, but a store path itself is needed");
    }
    let Some((hash, name)) = base.split_at_checked(HASH_LENGTH) else {
        return Err("is too short for a store path");
    };
    if !hash.bytes().all(is_hash_byte) {
        return Err("has no valid hash");
    }
    match name.strip_prefix('-') {
        Some(name) if !name.is_empty() && name.len() <= NAME_LENGTH_MAX => {
            if name.bytes().all(is_name_byte) {
                Ok(())
            } else {
                Err("has an invalid name")
            }
        }
        _ => Err("has no valid name"),
    }
}

/// Nix writes hashes in base 32 without the letters e, o, t and u.
fn is_hash_byte(byte: u8) -> bool {
    (byte.is_ascii_digit() || byte.is_ascii_lowercase()) && !b"eotu".contains(&byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-._?=".contains(&byte)
}

impl StorePath {
    /// Returns the hash part: what tells two builds of one name apart.
    pub fn hash(&self) -> &str {
        &self.as_str()[STORE.len()..STORE.len() + HASH_LENGTH]
    }

    /// Returns the name after the hash, such as `hello-2.12`.
    pub fn name(&self) -> &str {
        &self.as_str()[STORE.len() + HASH_LENGTH + 1..]
    }

    /// Returns whether this path is a derivation file.
    pub fn is_derivation(&self) -> bool {
        self.name().strip_suffix(".drv").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-hello-2.12";

    #[test]
    fn parts() {
        let path: StorePath = HELLO.parse().unwrap();
        assert_eq!(path.hash(), "00023hrmrnvmk0mj2hw7zrfhdnkzyaqy");
        assert_eq!(path.name(), "hello-2.12");
        assert!(!path.is_derivation());
    }

    #[test]
    fn refuses_everything_else() {
        let long = format!("{HELLO}{}", "a".repeat(300));
        for bad in [
            "",
            "/etc/passwd",
            "/nix/store/",
            "/nix/store/abc-x",
            "/nix/store/e0023hrmrnvmk0mj2hw7zrfhdnkzyaqy-x",
            "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-",
            "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a b",
            "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a/bin",
            "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaq\u{e9}-a",
            &long,
        ] {
            assert!(bad.parse::<StorePath>().is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            drop(text.parse::<StorePath>());
            drop(format!("/nix/store/{text}").parse::<StorePath>());
        }
    }
}
