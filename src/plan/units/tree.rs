//! A tree of unit files: the content of `etc/systemd/system` or `etc/systemd/user`.

use std::collections::BTreeMap;

use super::definition::{Definition, Malformed};
use super::name::UnitName;
use crate::plan::files::FileText;

/// The most bytes of one file that are looked at.
pub const TREE_FILE_MAX: u64 = 64 << 10;

/// What is at a place of the tree, after all links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitEntry {
    /// A file with this text.
    Text(String),
    /// A link to /dev/null.
    Masked,
    /// A link in a folder of those that a unit pulls in; only its name matters.
    Pulled,
    /// Something that could not be read.
    Unseen(String),
}

impl UnitEntry {
    /// Returns what a file with this text is.
    pub fn of(text: FileText) -> Self {
        text.map_or_else(Self::Unseen, Self::Text)
    }
}

/// Unit files by their place: `a.service`, `a.service.d/b.conf`, `c.target.wants/a.service`. A
/// place that is a link to nothing is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitTree(BTreeMap<String, UnitEntry>);

impl UnitTree {
    /// Returns what is at each place.
    pub fn entries(&self) -> &BTreeMap<String, UnitEntry> {
        &self.0
    }

    /// Returns the units that have a file of their own.
    pub(super) fn units(&self) -> impl Iterator<Item = UnitName> {
        self.0.keys().filter_map(|place| place.parse().ok())
    }

    pub(super) fn has(&self, unit: &UnitName) -> bool {
        self.0.contains_key(unit.as_str())
    }

    /// Returns whether a unit has a file that is no mask.
    pub(super) fn offers(&self, unit: &UnitName) -> bool {
        let entry = self.0.get(unit.as_str());
        entry.is_some_and(|entry| *entry != UnitEntry::Masked)
    }

    /// Returns everything that defines a unit: the file of `base`, and what overrides that and,
    /// for an instance, what overrides the instance.
    pub(super) fn parts(&self, unit: &UnitName, base: &UnitName) -> Vec<(&str, &UnitEntry)> {
        let own = (unit != base).then_some(unit);
        let folders = [Some(base), own].into_iter().flatten();
        let overrides = folders.flat_map(|unit| self.below(&format!("{unit}.d/")));
        let overrides = overrides.filter(|(place, _)| place.rsplit('.').next() == Some("conf"));
        let file = self.0.get_key_value(base.as_str());
        let file = file.map(|(place, entry)| (place.as_str(), entry));
        file.into_iter().chain(overrides).collect()
    }

    pub(super) fn definition(
        &self,
        unit: &UnitName,
        base: &UnitName,
    ) -> Result<Definition, Malformed> {
        let mut definition = Definition::default();
        for (_, entry) in self.parts(unit, base) {
            match entry {
                UnitEntry::Text(text) => definition.add(text)?,
                UnitEntry::Masked | UnitEntry::Pulled => {}
                UnitEntry::Unseen(_) => return Err(Malformed),
            }
        }
        Ok(definition)
    }

    /// Returns the units that are linked in a unit's folder of `kind`: `wants`, `requires`, ….
    pub(super) fn linked(&self, unit: &UnitName, kind: &str) -> impl Iterator<Item = UnitName> {
        let folder = format!("{unit}.{kind}/");
        let length = folder.len();
        self.below(&folder)
            .filter_map(move |(place, _)| place[length..].parse().ok())
    }

    fn below<'a>(
        &'a self,
        folder: &str,
    ) -> impl Iterator<Item = (&'a str, &'a UnitEntry)> + use<'a> {
        let folder = folder.to_owned();
        let from = self.0.range(folder.clone()..);
        from.take_while(move |(place, _)| place.starts_with(&folder))
            .map(|(place, entry)| (place.as_str(), entry))
    }
}

impl FromIterator<(String, UnitEntry)> for UnitTree {
    fn from_iter<Entries: IntoIterator<Item = (String, UnitEntry)>>(entries: Entries) -> Self {
        Self(entries.into_iter().collect())
    }
}
