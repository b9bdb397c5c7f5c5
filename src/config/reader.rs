//! Reading the options of one level: fleet, node or profile.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::check::suggestion;
use super::error::ConfigError;
use super::origin::Origin;
use super::raw::Described;
use crate::model::Settings;

/// One level's options, and where they stand, for messages.
pub(super) struct Reader<'a> {
    pub(super) origin: &'a Origin,
    pub(super) place: String,
    pub(super) options: &'a BTreeMap<String, Described>,
}

impl Reader<'_> {
    pub(super) fn place(&self, option: &str) -> String {
        format!("{}.{option}", self.place)
    }

    /// Returns the option's value, none where it is not given or null.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        option: &str,
        expected: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(described) = self
            .options
            .get(option)
            .filter(|described| described.r#type != "null")
        else {
            return Ok(None);
        };
        serde_json::from_value(described.value.clone())
            .map(Some)
            .map_err(|_| ConfigError::WrongType {
                origin: self.origin.clone(),
                place: self.place(option),
                expected,
                found: described.found(),
            })
    }

    /// Like [`Self::get`], for text that must pass the check of its type.
    pub(super) fn checked<T>(&self, option: &str) -> Result<Option<T>, ConfigError>
    where
        T: TryFrom<String, Error = crate::model::InvalidText>,
    {
        self.get::<String>(option, "a text")?
            .map(T::try_from)
            .transpose()
            .map_err(|source| ConfigError::BadValue {
                origin: self.origin.clone(),
                place: self.place(option),
                source,
            })
    }

    pub(super) fn settings(&self) -> Result<Settings, ConfigError> {
        const SECONDS: &str = "a number of seconds";
        const TRUTH: &str = "true or false";
        Ok(Settings {
            ssh_user: self.checked("sshUser")?,
            user: self.checked("user")?,
            ssh_opts: self.get("sshOpts", "a list of texts")?.unwrap_or_default(),
            fast_connection: self.get("fastConnection", TRUTH)?,
            auto_rollback: self.get("autoRollback", TRUTH)?,
            magic_rollback: self.get("magicRollback", TRUTH)?,
            temp_path: self.checked("tempPath")?,
            sudo: self.get("sudo", "a text")?,
            interactive_sudo: self.get("interactiveSudo", TRUTH)?,
            remote_build: self.get("remoteBuild", TRUTH)?,
            activation_timeout: self.get("activationTimeout", SECONDS)?,
            confirm_timeout: self.get("confirmTimeout", SECONDS)?,
            on_degraded: self.get("onDegraded", "\"rollback\" or \"keep\"")?,
            confirm_hostname: self.checked("confirmHostname")?,
            confirm_ssh_opts: self
                .get("confirmSshOpts", "a list of texts")?
                .unwrap_or_default(),
        })
    }

    /// Returns a list of names, all of which are `known`.
    pub(super) fn references(
        &self,
        option: &str,
        known: &[String],
        expected: &'static str,
    ) -> Result<Vec<String>, ConfigError> {
        let listed: Vec<String> = self.get(option, expected)?.unwrap_or_default();
        match listed.iter().find(|name| !known.contains(name)) {
            None => Ok(listed),
            Some(name) => Err(ConfigError::UnknownReference {
                origin: self.origin.clone(),
                place: self.place(option),
                name: name.clone(),
                help: suggestion(name, known),
            }),
        }
    }
}
