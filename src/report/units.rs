//! What becomes of systemd's units, grouped by what happens to them.

use super::line::{Line, prose};
use super::style::Tone;
use crate::plan::{UnitChange, UnitChanges, UnitEffect};

/// How many units of a group are named.
const NAMES_MAX: usize = 40;

/// Units to which the same happens.
pub(super) struct UnitGroup<'a> {
    tone: Tone,
    title: String,
    names: Vec<&'a str>,
}

/// Returns the groups that have units, those first that disturb most.
pub(super) fn unit_groups(changes: &UnitChanges) -> Vec<UnitGroup<'_>> {
    let condition = if changes.active_known {
        ""
    } else {
        " if running"
    };
    let group = |tone, title: &str, condition: &str, effects: &[UnitEffect]| {
        let units = changes.system.iter();
        let units = units.filter(|change| effects.contains(&change.effect));
        UnitGroup {
            tone,
            title: format!("{title}{condition}"),
            names: names(units),
        }
    };
    let restart = [UnitEffect::Restart, UnitEffect::StopStart];
    let mut groups = vec![
        group(
            Tone::Bad,
            "unknown, as its files cannot be read",
            "",
            &[UnitEffect::Unknown],
        ),
        group(Tone::Change, "stop", condition, &[UnitEffect::Stop]),
        group(Tone::Change, "restart", condition, &restart),
        group(Tone::Plain, "reload", condition, &[UnitEffect::Reload]),
        group(Tone::Plain, "start", "", &[UnitEffect::Start]),
        group(
            Tone::Plain,
            "not restarted though changed",
            "",
            &[UnitEffect::Kept],
        ),
        group(
            Tone::Dim,
            "changed, with no effect on what runs",
            "",
            &[UnitEffect::None],
        ),
        UnitGroup {
            tone: Tone::Dim,
            title: "changed units of users".to_owned(),
            names: names(changes.user.iter()),
        },
        UnitGroup {
            tone: Tone::Change,
            title: "units that could not be looked at".to_owned(),
            names: changes.unseen.iter().map(String::as_str).collect(),
        },
    ];
    groups.retain(|group| !group.names.is_empty());
    groups
}

fn names<'a>(changes: impl Iterator<Item = &'a UnitChange>) -> Vec<&'a str> {
    changes.map(|change| change.unit.as_str()).collect()
}

impl UnitGroup<'_> {
    /// Returns the group in words.
    pub(super) fn text(&self) -> String {
        let shown = &self.names[..self.names.len().min(NAMES_MAX)];
        let more = match self.names.len() - shown.len() {
            0 => String::new(),
            more => format!(", … and {more} more"),
        };
        format!("{}: {}{more}", self.title, shown.join(", "))
    }
}

/// Returns a paragraph for each group.
pub(super) fn unit_lines(changes: &UnitChanges, indent: usize, columns: usize) -> Vec<Line> {
    let groups = unit_groups(changes);
    let lines = groups
        .iter()
        .flat_map(|group| prose(indent, group.tone, &group.text(), columns));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::super::line::rendered;
    use super::*;
    use crate::report::fixtures::unit_changes;

    #[test]
    fn every_group() {
        let mut changes = unit_changes();
        let text = |changes: &UnitChanges| rendered(&unit_lines(changes, 6, 80), 80, false);
        insta::assert_snapshot!(text(&changes), @r"
        unknown, as its files cannot be read: odd.service
        stop: old.timer
        restart: nginx.service, postgresql.service
        reload: sshd.service
        start: queue.service
        not restarted though changed: dbus.service
        changed, with no effect on what runs: stopped.service
        changed units of users: agent.service
        units that could not be looked at: odd.service: it is no text
        ");
        changes.active_known = false;
        changes
            .system
            .retain(|change| change.effect != UnitEffect::Start);
        changes.user.clear();
        insta::assert_snapshot!(text(&changes), @r"
        unknown, as its files cannot be read: odd.service
        stop if running: old.timer
        restart if running: nginx.service, postgresql.service
        reload if running: sshd.service
        not restarted though changed: dbus.service
        changed, with no effect on what runs: stopped.service
        units that could not be looked at: odd.service: it is no text
        ");
    }

    #[test]
    fn a_long_group_is_cut() {
        let mut changes = unit_changes();
        changes.system = (0..60)
            .map(|number| UnitChange {
                unit: format!("u{number}.service").parse().unwrap(),
                ..changes.system[0].clone()
            })
            .collect();
        assert!(
            unit_groups(&changes)[0]
                .text()
                .ends_with("u39.service, … and 20 more")
        );
    }
}
