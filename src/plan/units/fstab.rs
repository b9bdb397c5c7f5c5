//! Mounts that are lines of `etc/fstab`.

use std::collections::BTreeMap;

use super::compare::Comparison;
use super::name::UnitName;

/// What becomes of the mount of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MountChange {
    /// The line is new: `local-fs.target` mounts it.
    New,
    /// The line is gone.
    Gone,
    /// The line differs.
    Differs(Comparison),
    /// What cannot be unmounted shall be something else.
    Stuck,
}

/// Returns the mounts whose lines differ, are gone, or are new.
pub(super) fn compare_fstab(before: &str, after: &str) -> BTreeMap<UnitName, MountChange> {
    let (before, after) = (mounts(before), mounts(after));
    let changed = before.iter().filter_map(|(point, old)| {
        let change = match after.get(point) {
            None => MountChange::Gone,
            Some(new) => old.compare(new, point)?,
        };
        Some((UnitName::of_mount(point)?, change))
    });
    let new = after.iter().filter_map(|(point, mount)| {
        let is_new = !before.contains_key(point) && !mount.waits();
        let unit = UnitName::of_mount(point).filter(|_| is_new)?;
        Some((unit, MountChange::New))
    });
    changed.chain(new).collect()
}

struct Mount<'a> {
    device: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl Mount<'_> {
    /// Returns whether it is mounted only when somebody wants it.
    fn waits(&self) -> bool {
        let mut options = self.options.split(',');
        options.any(|option| matches!(option, "noauto" | "x-systemd.automount"))
    }

    fn compare(&self, other: &Self, point: &str) -> Option<MountChange> {
        let is_other = self.device != other.device || self.kind != other.kind;
        let other_options = self.options != other.options;
        let cannot_go = matches!(point, "/" | "/nix");
        match (is_other, other_options) {
            (false, false) => None,
            (true, false) if cannot_go => Some(MountChange::Stuck),
            (true, _) if !cannot_go => Some(MountChange::Differs(Comparison::Restart)),
            _ => Some(MountChange::Differs(Comparison::Reload)),
        }
    }
}

/// A line with `#` anywhere is a comment to `switch-to-configuration`.
fn mounts(fstab: &str) -> BTreeMap<&str, Mount<'_>> {
    let lines = fstab.lines().filter(|line| !line.contains('#'));
    let mounts = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let (device, point, kind) = (words.next()?, words.next()?, words.next()?);
        let options = words.next().unwrap_or_default();
        (kind != "swap").then_some((
            point,
            Mount {
                device,
                kind,
                options,
            },
        ))
    });
    mounts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ() {
        let before = "a / ext4 x\na /nix ext4 x\na /d ext4 x\na /k ext4 x\na /o ext4 x\na /g ext4 x\nb none swap x\n# a /c ext4 x\n";
        let after = "b / ext4 x\nb /nix ext4 y\nb /d ext4 x\na /k xfs y\na /o ext4 y\na /new ext4 x\na /later ext4 noauto,x\n";
        let changes = compare_fstab(before, after);
        let changes: Vec<_> = changes
            .iter()
            .map(|(unit, change)| (unit.as_str(), *change))
            .collect();
        let (reload, restart) = (Comparison::Reload, Comparison::Restart);
        assert_eq!(
            changes,
            [
                ("-.mount", MountChange::Stuck),
                ("d.mount", MountChange::Differs(restart)),
                ("g.mount", MountChange::Gone),
                ("k.mount", MountChange::Differs(restart)),
                ("new.mount", MountChange::New),
                ("nix.mount", MountChange::Differs(reload)),
                ("o.mount", MountChange::Differs(reload)),
            ]
        );
        assert!(compare_fstab(before, before).is_empty());
    }
}
