//! What `switch-to-configuration` decides for the units that run.

use std::collections::{BTreeMap, BTreeSet};

use super::change::UnitChangeKind;
use super::compare::{Comparison, compare};
use super::definition::{Definition, Malformed};
use super::fstab::{MountChange, compare_fstab};
use super::name::UnitName;
use super::pair::UnitsPair;

/// Targets that stay active for a while after what they stand for.
const SLEEP_TARGETS: [&str; 3] = ["suspend.target", "hibernate.target", "hybrid-sleep.target"];
/// The lists that it works through, in the order of its work: stop, reload, restart, start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decisions {
    pub(super) stop: BTreeSet<UnitName>,
    pub(super) reload: BTreeSet<UnitName>,
    pub(super) restart: BTreeSet<UnitName>,
    pub(super) start: BTreeSet<UnitName>,
    /// Changed, and left alone because the unit says so.
    pub(super) keep: BTreeSet<UnitName>,
    /// Active targets, which are started so that what is new in them starts.
    pub(super) targets: BTreeSet<UnitName>,
    /// Mounts whose lines in fstab differ.
    pub(super) mounts: BTreeMap<UnitName, UnitChangeKind>,
    /// Units whose files could not be read, here or by it.
    pub(super) unknown: BTreeSet<UnitName>,
}

pub(super) fn decide(pair: &UnitsPair) -> Decisions {
    let mut decisions = Decisions::default();
    for unit in pair.running() {
        let base = pair.base(&unit);
        if pair.before.has(&base) && decisions.decide(pair, &unit, &base).is_err() {
            decisions.unknown.insert(unit);
        }
    }
    decisions
}

impl Decisions {
    /// Adds the mounts whose lines in fstab differ.
    pub(super) fn compare_mounts(&mut self, before: &str, after: &str) {
        for (unit, change) in compare_fstab(before, after) {
            self.mount(unit, change);
        }
    }

    fn decide(
        &mut self,
        pair: &UnitsPair,
        unit: &UnitName,
        base: &UnitName,
    ) -> Result<(), Malformed> {
        if !pair.after.offers(base) {
            let before = pair.before.definition(unit, base)?;
            if before.flag("Unit", "X-StopOnRemoval", true) {
                self.stop.insert(unit.clone());
            }
            return Ok(());
        }
        // Most files are the same, and need not be understood.
        if unit.kind() != "target" && pair.is_same(unit, base) {
            return Ok(());
        }
        let after = pair.after.definition(unit, base)?;
        if unit.kind() == "target" {
            self.target(unit, &after);
            return Ok(());
        }
        match compare(&pair.before.definition(unit, base)?, &after) {
            Comparison::Equal => {}
            Comparison::Reload => {
                self.reload.insert(unit.clone());
            }
            Comparison::Restart => self.changed(pair, unit, base, &after),
        }
        Ok(())
    }

    fn mount(&mut self, unit: UnitName, change: MountChange) {
        let (list, kind) = match change {
            // `local-fs.target` mounts it.
            MountChange::New => (None, UnitChangeKind::Added),
            MountChange::Gone => (Some(&mut self.stop), UnitChangeKind::Removed),
            MountChange::Stuck => (Some(&mut self.keep), UnitChangeKind::Changed),
            MountChange::Differs(Comparison::Restart) => {
                (Some(&mut self.restart), UnitChangeKind::Changed)
            }
            MountChange::Differs(_) => (Some(&mut self.reload), UnitChangeKind::Changed),
        };
        if let Some(list) = list {
            list.insert(unit.clone());
        }
        self.mounts.insert(unit, kind);
    }

    fn target(&mut self, unit: &UnitName, after: &Definition) {
        let is_left = SLEEP_TARGETS.contains(&unit.as_str())
            || after.flag("Unit", "RefuseManualStart", false)
            || after.flag("Unit", "X-OnlyManualStart", false);
        if !is_left {
            self.targets.insert(unit.clone());
        }
        if after.flag("Unit", "X-StopOnReconfiguration", false) {
            self.stop.insert(unit.clone());
        }
    }

    fn changed(&mut self, pair: &UnitsPair, unit: &UnitName, base: &UnitName, after: &Definition) {
        let list = match unit.kind() {
            // New properties of a slice come with the reload of systemd; a socket is only ever
            // restarted together with its service.
            "slice" | "socket" => return,
            "mount" if matches!(unit.as_str(), "-.mount" | "nix.mount") => &mut self.reload,
            "mount" => &mut self.restart,
            _ if after.flag("Service", "X-ReloadIfChanged", false) => &mut self.reload,
            _ if !after.flag("Service", "X-RestartIfChanged", true)
                || after.flag("Unit", "RefuseManualStop", false)
                || after.flag("Unit", "X-OnlyManualStart", false) =>
            {
                &mut self.keep
            }
            "service" if after.flag("Service", "X-StopIfChanged", true) => {
                self.stop_and_start(pair, unit, base, after);
                return;
            }
            _ => &mut self.restart,
        };
        list.insert(unit.clone());
    }

    /// A service that a socket starts is only stopped: its socket is started again, and starts it
    /// when somebody comes.
    fn stop_and_start(
        &mut self,
        pair: &UnitsPair,
        unit: &UnitName,
        base: &UnitName,
        after: &Definition,
    ) {
        let mut sockets = after
            .words("Service", "Sockets")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        if sockets.is_empty() {
            sockets.push(format!("{}.socket", base.stem()));
        }
        let mut comes_back_by_socket = false;
        let sockets = sockets.iter().filter_map(|socket| socket.parse().ok());
        for socket in sockets.filter(|socket| pair.lists(socket)) {
            if pair.after.has(&socket) {
                self.start.insert(socket.clone());
                comes_back_by_socket = true;
            }
            self.stop.insert(socket);
        }
        if !comes_back_by_socket || after.flag("Service", "X-NotSocketActivated", false) {
            self.start.insert(unit.clone());
        }
        self.stop.insert(unit.clone());
    }
}
