//! Versioned JSON documents in files, which are untrusted input: strict, limited, of one version.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The largest document that is read, in bytes.
pub const DOCUMENT_SIZE_MAX: u64 = 256 << 20;

/// A file that is not the document it should be.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or cut short.
    #[error("it is not complete JSON")]
    NotJson {
        /// What the parser said.
        source: serde_json::Error,
    },
    /// JSON, but something else.
    #[error("it is not well formed at `{place}`")]
    Malformed {
        /// Where.
        place: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Of another format.
    #[error("it has format version {found}, but this deploy reads version {expected}")]
    Version {
        /// The version found.
        found: String,
        /// The version that is known.
        expected: u32,
    },
    /// Too large.
    #[error("it has {size} bytes, and none is larger than {DOCUMENT_SIZE_MAX}")]
    TooLarge {
        /// Its size.
        size: u64,
    },
}

#[derive(Deserialize)]
struct Probe {
    format_version: Option<serde_json::Value>,
}

/// Returns the document in a text whose `format_version` has to be `expected`.
pub(super) fn parse_document<T: DeserializeOwned>(
    text: &[u8],
    expected: u32,
) -> Result<T, DocumentError> {
    if text.len() as u64 > DOCUMENT_SIZE_MAX {
        return Err(DocumentError::TooLarge {
            size: text.len() as u64,
        });
    }
    // serde takes a list for a struct, by position.
    if text.trim_ascii_start().starts_with(b"[") {
        return Err(DocumentError::malformed(
            ".",
            "it has to be an object, not a list",
        ));
    }
    let not_json = |source: serde_json::Error| match source.classify() {
        serde_json::error::Category::Data => DocumentError::Malformed {
            place: ".".to_owned(),
            source,
        },
        _ => DocumentError::NotJson { source },
    };
    let probe: Probe = serde_json::from_slice(text).map_err(not_json)?;
    match probe.format_version {
        Some(version) if version == expected => {}
        found => {
            return Err(DocumentError::Version {
                found: found.map_or_else(|| "none".to_owned(), |version| version.to_string()),
                expected,
            });
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| DocumentError::Malformed {
        place: error.path().to_string(),
        source: error.into_inner(),
    })
}

impl DocumentError {
    /// Returns the error of a document that means nothing sensible at `place`.
    pub(super) fn malformed(place: &str, why: &str) -> Self {
        Self::Malformed {
            place: place.to_owned(),
            source: serde::de::Error::custom(why),
        }
    }
}
