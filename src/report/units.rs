//! What becomes of systemd's units, grouped by what happens to them.

use super::line::{Line, prose};
use super::style::Tone;
use crate::plan::{UnitChange, UnitChangeKind, UnitChanges, UnitEffect};

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
    let mut groups = fates(&changes.system, "", changes.active_known);
    groups.extend(fates(&changes.user, OF_USERS, changes.user_active_known));
    groups.extend(at_next_login(&changes.user));
    groups.push(UnitGroup {
        tone: Tone::Change,
        title: "units that could not be looked at".to_owned(),
        names: changes.unseen.iter().map(String::as_str).collect(),
    });
    groups.retain(|group| !group.names.is_empty());
    groups
}

/// What the titles of users' units begin with.
const OF_USERS: &str = "user units: ";

fn fates<'a>(units: &'a [UnitChange], whose: &str, active_known: bool) -> Vec<UnitGroup<'a>> {
    let condition = if active_known { "" } else { " if running" };
    // The targets of a system are always active, those of a user are who is logged in.
    let login = if active_known || whose.is_empty() {
        ""
    } else {
        " if logged in"
    };
    let group = |tone, title: &str, condition: &str, effects: &[UnitEffect]| {
        let units = units.iter();
        UnitGroup {
            tone,
            title: format!("{whose}{title}{condition}"),
            names: names(units.filter(|change| effects.contains(&change.effect))),
        }
    };
    let unread = "unknown, as its files cannot be read";
    let restart = [UnitEffect::Restart, UnitEffect::StopStart];
    let kept = "not restarted though changed";
    let nothing = "no effect on what runs";
    vec![
        group(Tone::Bad, unread, "", &[UnitEffect::Unknown]),
        group(Tone::Change, "stop", condition, &[UnitEffect::Stop]),
        group(Tone::Change, "restart", condition, &restart),
        group(Tone::Plain, "reload", condition, &[UnitEffect::Reload]),
        group(Tone::Plain, "start", login, &[UnitEffect::Start]),
        group(Tone::Plain, kept, "", &[UnitEffect::Kept]),
        group(Tone::Dim, nothing, "", &[UnitEffect::None]),
    ]
}

/// What nothing happens to is told by what its files have become.
fn at_next_login(units: &[UnitChange]) -> Vec<UnitGroup<'_>> {
    let group = |(kind, word)| {
        let waits =
            |change: &&UnitChange| change.effect == UnitEffect::NextLogin && change.change == kind;
        UnitGroup {
            tone: Tone::Dim,
            title: format!("{OF_USERS}{word} at the next login"),
            names: names(units.iter().filter(waits)),
        }
    };
    let kinds = [
        (UnitChangeKind::Removed, "gone"),
        (UnitChangeKind::Changed, "changed"),
        (UnitChangeKind::Added, "new"),
    ];
    kinds.map(group).into()
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
        no effect on what runs: stopped.service
        user units: changed at the next login: agent.service
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
        no effect on what runs: stopped.service
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
