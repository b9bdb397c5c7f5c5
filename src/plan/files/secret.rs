//! Files that look like secrets: they are named, and their text is neither fetched nor shown.
//!
//! No secret belongs into a store, which everybody can read; some lie there all the same, and a
//! plan must not carry them on into a pull request.

/// Parts of names, in small letters.
const NAMES: [&str; 14] = [
    "secret",
    "passw",
    "private",
    "token",
    "credential",
    "shadow",
    "keytab",
    "id_rsa",
    "id_ecdsa",
    "id_ed25519",
    ".pem",
    ".key",
    ".p12",
    ".env",
];

/// What stands at the start of keys.
const KEYS: [&str; 3] = ["private key-----", "age-secret-key-", "privatekey"];

/// Ends of names to which a value is given, in small letters.
const VALUES: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "access_key",
];

/// Returns whether a file with this name may be a secret.
pub(super) fn is_named_like_a_secret(place: &str) -> bool {
    let place = place.to_lowercase();
    NAMES.iter().any(|part| place.contains(part))
}

/// Returns whether a text holds what may be a secret: a key, or a value for a password.
pub(super) fn holds_a_secret(text: &str) -> bool {
    let text = text.to_lowercase();
    KEYS.iter().any(|key| text.contains(key)) || text.lines().any(sets_a_password)
}

fn sets_a_password(line: &str) -> bool {
    line.match_indices(['=', ':']).any(|(place, sign)| {
        let name = line[..place].trim_end_matches(|letter: char| {
            letter.is_whitespace() || matches!(letter, '"' | '\'')
        });
        let value = line[place + sign.len()..]
            .trim_start_matches(|letter: char| letter.is_whitespace() || letter == '"');
        // Where the value is a path, the secret lies elsewhere.
        let is_value = !value.is_empty() && !value.starts_with(['/', '$', ':', '=']);
        is_value && VALUES.iter().any(|end| name.ends_with(end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for place in ["etc/Secrets/x", "etc/wg.key", "home-files/.ssh/id_ed25519"] {
            assert!(is_named_like_a_secret(place), "{place}");
        }
        for place in ["etc/nginx/nginx.conf", "etc/systemd/system/a.service"] {
            assert!(!is_named_like_a_secret(place), "{place}");
        }
    }

    #[test]
    fn texts() {
        for text in [
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "Environment=DB_PASSWORD=hunter2",
            "\"token\": \"abc\"",
            "[Interface]\nPrivateKey = abc=",
            "api_key: abc",
        ] {
            assert!(holds_a_secret(text), "{text}");
        }
        for text in [
            "PasswordAuthentication no\nPermitEmptyPasswords no",
            "passwd:    files systemd\nshadow: files",
            "passwordFile = /run/keys/x",
            "DB_PASSWORD=/run/keys/x\nDB_PASSWORD=\nTOKEN=$TOKEN",
            "auth required pam_unix.so",
        ] {
            assert_eq!(
                holds_a_secret(text),
                text.starts_with("passwd"),
                "what names no value is no secret, and nsswitch.conf is named only: {text}"
            );
        }
    }
}
