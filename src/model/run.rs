//! Identity of a run and of the person who started it.

use serde::{Deserialize, Serialize};

use super::text_newtype;

text_newtype!(
    /// The random id of one apply, or of one plan: lower-case hexadecimal digits.
    RunId,
    "run id",
    check
);

fn check(text: &str) -> Result<(), &'static str> {
    if text.len() < 8 || text.len() > 64 {
        return Err("is not 8 to 64 characters long");
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return Err("is not lower-case hexadecimal");
    }
    Ok(())
}

impl RunId {
    /// Returns the id that stands for these random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let digits = |text: String, byte: &u8| text + &format!("{byte:02x}");
        Self(bytes.iter().fold(String::new(), digits))
    }
}

/// Who runs `deploy`, for plans, locks and messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Login name on the operator's machine.
    pub user: String,
    /// Name of the operator's machine.
    pub host: String,
}

impl std::fmt::Display for Operator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}@{}", self.user, self.host)
    }
}
