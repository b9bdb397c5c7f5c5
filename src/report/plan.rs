//! A plan as text for people.
//!
//! The text depends on the plan alone, but for the differences of files, so that a saved one is shown again byte for byte.

use super::files::file_blocks;
use super::fleet::{FleetView, NodeGroup, ProfileGroup};
use super::format::{DisplayGenerations, DisplayGrowth, DisplaySize, Plural, short, width};
use super::line::{Line, prose, rendered};
use super::packages::{package_lines, shared_lines};
use super::sentence::{sentence, unlocked};
use super::style::{Tone, UNREACHABLE, UNREADABLE, action_mark};
use super::units::unit_lines;
use crate::model::ProfileState;
use crate::plan::{
    Action, ClosureChange, FileDifferences, Flake, Mode, Observed, Plan, PlannedNode,
    PlannedProfile, VerdictKind,
};

const WIDTH_MIN: usize = 80;
const WIDTH_MAX: usize = 120;

/// In a plan of no more profiles than this, unchanged ones are shown too.
const FEW_PROFILES: usize = 8;

/// How many lines of a node's error are shown.
const ERROR_LINES: usize = 4;

const NAME_WIDTH_MAX: usize = 28;
const INDENT: usize = 6;

/// Renders a plan.
pub struct PlanText<'a> {
    plan: &'a Plan,
    columns: usize,
    colour: bool,
    files: Option<&'a FileDifferences>,
}

impl<'a> PlanText<'a> {
    /// Returns the rendering of `plan` for a terminal of `width` columns (80 to 120 are used).
    pub fn new(plan: &'a Plan, width: usize, colour: bool) -> Self {
        Self {
            plan,
            columns: width.clamp(WIDTH_MIN, WIDTH_MAX),
            colour,
            files: None,
        }
    }

    /// Adds how files differ.
    #[must_use]
    pub fn with_files(self, files: Option<&'a FileDifferences>) -> Self {
        Self { files, ..self }
    }

    /// Returns the text, each line with its end.
    pub fn render(&self) -> String {
        let widths = self.widths();
        let view = FleetView::of(self.plan, |profile| self.is_shown(profile));
        let groups = view.groups.iter();
        let mut groups: Vec<Vec<Line>> = groups.map(|group| self.group(group, &widths)).collect();
        if !self.plan.has_changes() {
            groups = vec![groups.concat()];
        }
        let mut blocks = vec![self.header(), shared(&view)];
        blocks.append(&mut groups);
        blocks.push(unchanged_nodes(&view));
        let files = self.files.into_iter();
        blocks.extend(files.flat_map(|files| file_blocks(files, self.columns)));
        blocks.push(self.legend());
        blocks.push(self.warnings());
        blocks.push(self.sentence());
        blocks.retain(|block| !block.is_empty());
        let lines = blocks.join(&Line::default());
        rendered(&lines, self.columns, self.colour)
    }

    fn header(&self) -> Vec<Line> {
        let plan = self.plan;
        let id = Line::default()
            .put(Tone::Dim, format!("plan {}", short(&plan.id)))
            .next(Tone::Dim, &plan.created_at)
            .next(Tone::Dim, &plan.operator);
        let mode = match plan.mode {
            Mode::Switch => None,
            Mode::Boot => Some(
                "prepared for the next boot, not activated: it proves itself only there, and nobody confirms it",
            ),
            Mode::RollBack => Some("back to earlier generations"),
        };
        let mode = mode
            .into_iter()
            .flat_map(|words| prose(0, Tone::Change, words, self.columns));
        let basis = plan.basis.describe().into_iter();
        let basis = basis.flat_map(|words| prose(0, Tone::Change, &words, self.columns));
        let flakes = plan.flakes.iter().map(flake_line);
        std::iter::once(id)
            .chain(flakes)
            .chain(mode)
            .chain(basis)
            .collect()
    }

    fn group(&self, group: &NodeGroup<'_>, widths: &Widths) -> Vec<Line> {
        let mut lines = match group.nodes[..] {
            [node] => vec![node_line(node)],
            _ => self.nodes_lines(&group.nodes),
        };
        let node = group.nodes[0];
        if let Some(error) = &node.error {
            let error = error.lines().filter(|line| !line.trim().is_empty());
            let error = error.flat_map(|line| prose(4, Tone::Bad, line.trim(), self.columns));
            lines.extend(error.take(ERROR_LINES));
        }
        for profile in &group.profiles {
            lines.push(profile_line(profile, widths));
            lines.extend(self.verdicts(profile.example()));
            lines.extend(self.details(node, profile));
        }
        for note in &node.notes {
            let note = format!("note: {note}");
            lines.extend(prose(2, Tone::Change, &note, self.columns));
        }
        lines
    }

    /// A first deployment is told by its action already, and a downgrade by its package.
    fn verdicts(&self, profile: &PlannedProfile) -> Vec<Line> {
        let shown = profile.verdicts.iter().filter(|verdict| {
            !matches!(
                verdict.kind,
                VerdictKind::FirstDeployment | VerdictKind::Downgrade
            )
        });
        let lines = shown.flat_map(|verdict| {
            let text = format!("! {}", verdict.message);
            prose(INDENT - 2, Tone::Change, &text, self.columns)
        });
        lines.collect()
    }

    fn nodes_lines(&self, nodes: &[&PlannedNode]) -> Vec<Line> {
        let count = Plural(nodes.len() as u64, "node");
        let title = Line::default().put(Tone::Strong, format!("{count} alike"));
        let names: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
        let names = prose(2, Tone::Plain, &names.join(", "), self.columns);
        std::iter::once(title).chain(names).collect()
    }

    fn is_shown(&self, profile: &PlannedProfile) -> bool {
        profile.action != Action::Unchanged
            || self.plan.profiles.len() <= FEW_PROFILES
            || !self.plan.has_changes()
    }

    fn details(&self, node: &PlannedNode, group: &ProfileGroup<'_>) -> Vec<Line> {
        let profile = group.example();
        match (profile.action, &profile.closure) {
            (Action::Unknown, _) => match &profile.current {
                // Of a node that could not be read at all, the reason is said once.
                ProfileState::Unknown { reason } if node.observed == Observed::Ok => {
                    let reason = format!("its state is unknown: {reason}");
                    prose(INDENT, Tone::Plain, &reason, self.columns)
                }
                _ => Vec::new(),
            },
            (Action::Unchanged | Action::Reactivate, _) => Vec::new(),
            (_, Some(_)) => {
                let mut lines = package_lines(&group.own(), INDENT);
                if group.shared > 0 {
                    let text = format!("and {} of the changes above", group.shared);
                    lines.push(Line::indented(INDENT).put(Tone::Dim, text));
                }
                if let Some(units) = &profile.units {
                    lines.extend(unit_lines(units, INDENT, self.columns));
                }
                lines.push(closures_line(group));
                lines
            }
            (action, None) => vec![self.unknown_closure_line(action)],
        }
    }

    /// What a profile goes back to is on its node already.
    fn unknown_closure_line(&self, action: Action) -> Line {
        let text = match (action, self.plan.built) {
            (Action::RollBack, _) => "changed packages are unknown",
            (_, false) => "not built: changed packages and copy size are unknown",
            (_, true) => "not compared: changed packages and copy size are unknown",
        };
        Line::indented(INDENT).put(Tone::Dim, text)
    }

    /// Says what the mark of a package means, where one has it.
    fn legend(&self) -> Vec<Line> {
        let shown = self
            .plan
            .profiles
            .iter()
            .filter(|profile| self.is_shown(profile));
        let closures = shown.filter_map(|profile| profile.closure.as_ref());
        let mut packages = closures.flat_map(|closure| &closure.packages);
        let text = "* installed directly, not only because others need it";
        let line = || Line::default().put(Tone::Dim, text);
        packages
            .any(|package| package.direct)
            .then(line)
            .into_iter()
            .collect()
    }

    fn warnings(&self) -> Vec<Line> {
        let warnings = self.plan.warnings.iter();
        warnings
            .flat_map(|warning| {
                let warning = format!("warning: {warning}");
                prose(0, Tone::Change, &warning, self.columns)
            })
            .collect()
    }

    /// One line where it fits, else broken between its clauses.
    fn sentence(&self) -> Vec<Line> {
        let (tone, sentence) = sentence(self.plan);
        let mut chunks: Vec<String> = Vec::new();
        for clause in sentence.split_inclusive("; ") {
            match chunks.last_mut() {
                Some(chunk) if width(chunk) + width(clause) < self.columns => {
                    chunk.push_str(clause);
                }
                _ => chunks.push(clause.to_owned()),
            }
        }
        let indents = std::iter::once(0).chain(std::iter::repeat(2));
        chunks
            .iter()
            .zip(indents)
            .flat_map(|(chunk, indent)| prose(indent, tone, chunk, self.columns))
            .collect()
    }

    fn widths(&self) -> Widths {
        let profiles = self.plan.profiles.iter();
        let shown = profiles.filter(|profile| self.is_shown(profile));
        shown.fold(Widths::default(), |widths, profile| Widths {
            name: widths
                .name
                .max(width(profile.profile.as_str()).min(NAME_WIDTH_MAX)),
            action: widths.action.max(width(action_mark(profile.action).word)),
            generations: widths.generations.max(width(&generations(profile))),
        })
    }
}

/// The widths of the columns of profile lines, the same for all nodes.
#[derive(Default)]
struct Widths {
    name: usize,
    action: usize,
    generations: usize,
}

fn flake_line(flake: &Flake) -> Line {
    let mut line = Line::default().put(Tone::Dim, flake.origin());
    if let Some(words) = unlocked(flake) {
        line = line.next(Tone::Change, words);
    }
    if flake.locked != flake.url {
        line = line.next(Tone::Dim, &flake.locked);
    }
    line
}

fn node_line(node: &PlannedNode) -> Line {
    let mut line = Line::default().put(Tone::Strong, &node.node);
    if node.hostname.as_str() != node.node.as_str() {
        line = line.next(Tone::Dim, &node.hostname);
    }
    let mark = match node.observed {
        Observed::Ok => None,
        Observed::Unreachable => Some(UNREACHABLE),
        Observed::Failed => Some(UNREADABLE),
    };
    if let Some(mark) = mark {
        line = line.next(mark.tone, mark.word);
    }
    if node.depends_on.is_empty() {
        return line;
    }
    let names: Vec<&str> = node.depends_on.iter().map(AsRef::as_ref).collect();
    line.next(Tone::Dim, format!("after {}", names.join(", ")))
}

/// Says once what changes on many nodes.
fn shared(view: &FleetView<'_>) -> Vec<Line> {
    if view.shared.is_empty() {
        return Vec::new();
    }
    let title = Line::default().put(Tone::Strong, "On many nodes");
    std::iter::once(title)
        .chain(shared_lines(&view.shared, 4))
        .collect()
}

fn unchanged_nodes(view: &FleetView<'_>) -> Vec<Line> {
    let nodes = Plural(view.unchanged_nodes as u64, "node");
    match view.unchanged_nodes {
        0 => Vec::new(),
        _ => vec![Line::default().put(Tone::Dim, format!("{nodes} without changes"))],
    }
}

fn profile_line(group: &ProfileGroup<'_>, widths: &Widths) -> Line {
    let profile = group.example();
    let mark = action_mark(profile.action);
    let generations = if group.agree(generations) {
        generations(profile)
    } else {
        "generations differ".to_owned()
    };
    let line = Line::indented(2)
        .symbol(mark)
        .column(Tone::Plain, &profile.profile, widths.name)
        .put(Tone::Plain, "  ")
        .column(mark.tone, mark.word, widths.action)
        .put(Tone::Plain, "  ")
        .column(Tone::Plain, generations, widths.generations);
    if profile.user.as_str() == "root" {
        line
    } else {
        line.next(Tone::Dim, format!("as {}", profile.user))
    }
}

fn generations(profile: &PlannedProfile) -> String {
    let before = profile.current.generation();
    let after = profile.target.generation;
    match (&profile.current, after) {
        (
            ProfileState::Present {
                generation: None, ..
            },
            Some(after),
        ) => format!("no generation -> {after}"),
        _ => DisplayGenerations { before, after }.to_string(),
    }
}

fn closures_line(group: &ProfileGroup<'_>) -> Line {
    let closures = || {
        group
            .profiles
            .iter()
            .filter_map(|profile| profile.closure.as_ref())
    };
    let sum = |value: fn(&ClosureChange) -> u64| closures().map(value).fold(0, u64::saturating_add);
    let paths = sum(|closure| closure.paths_to_copy);
    let copy = if paths == 0 {
        "copy: nothing".to_owned()
    } else {
        let size = DisplaySize(sum(|closure| closure.bytes_to_copy));
        format!("copy: {}, {size}", Plural(paths, "path"))
    };
    if group.profiles.len() > 1 {
        return Line::indented(INDENT).put(Tone::Dim, format!("{copy} in all"));
    }
    let closure = closures().next();
    let size = closure.map_or_else(String::new, |closure| {
        let after = DisplaySize(closure.size_after);
        match closure.size_before {
            None => format!("; closure {after}"),
            Some(before) => {
                let growth = DisplayGrowth {
                    before,
                    after: closure.size_after,
                };
                format!("; closure {} -> {after} ({growth})", DisplaySize(before))
            }
        }
    });
    Line::indented(INDENT).put(Tone::Dim, format!("{copy}{size}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn text(plan: &Plan, columns: usize) -> String {
        PlanText::new(plan, columns, false).render()
    }

    #[test]
    fn a_change_at_80_columns() {
        insta::assert_snapshot!(text(&fixtures::plan(), 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  with uncommitted changes  git+file:///home/anna/fleet?rev=8d0f2a9c31c5…

        db1  db1.example.org  unreachable
            ssh: connect to host db1.example.org port 22: Connection timed out
          ! system     unknown

        router
          = system     unchanged  generation 7
          ! home       unknown                         as eve
              its state is unknown: /home/eve is private (0700)
          note: it has 212.0 MiB of free space in /nix/store, and copying needs more

        web1  10.0.0.11  after router
          ~ system     update     generation 41 -> 42
            + curl                8.7.1
              etc                 (rebuilt, 1 path)
              linux               6.6.30         -> 6.6.31
              nginx               1.26.0 (rebuilt, 3 paths)
              openssl             1.1.1w, 3.0.13 -> 3.0.14
              unit-nginx.service  (rebuilt, 1 path)
            - wget                1.24.5
              copy: 12 paths, 10.0 MiB; closure 1.2 GiB -> 1.2 GiB (+10.0 MiB)
          + übersicht  create     generation 1         as deploy
              412 packages, all new
              copy: 418 paths, 1.2 GiB; closure 1.2 GiB

        warning: deploy.nodes.web1: unknown option 'magicRollbak'; did you mean
          'magicRollback'?

        Plan: 1 to create, 1 to update, 1 unchanged, 2 unknown; 1 node unreachable;
          430 paths, 1.2 GiB to copy.
        ");
    }

    #[test]
    fn a_change_at_120_columns() {
        insta::assert_snapshot!(text(&fixtures::plan(), 120), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  with uncommitted changes  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f

        db1  db1.example.org  unreachable
            ssh: connect to host db1.example.org port 22: Connection timed out
          ! system     unknown

        router
          = system     unchanged  generation 7
          ! home       unknown                         as eve
              its state is unknown: /home/eve is private (0700)
          note: it has 212.0 MiB of free space in /nix/store, and copying needs more

        web1  10.0.0.11  after router
          ~ system     update     generation 41 -> 42
            + curl                8.7.1
              etc                 (rebuilt, 1 path)
              linux               6.6.30         -> 6.6.31
              nginx               1.26.0 (rebuilt, 3 paths)
              openssl             1.1.1w, 3.0.13 -> 3.0.14
              unit-nginx.service  (rebuilt, 1 path)
            - wget                1.24.5
              copy: 12 paths, 10.0 MiB; closure 1.2 GiB -> 1.2 GiB (+10.0 MiB)
          + übersicht  create     generation 1         as deploy
              412 packages, all new
              copy: 418 paths, 1.2 GiB; closure 1.2 GiB

        warning: deploy.nodes.web1: unknown option 'magicRollbak'; did you mean 'magicRollback'?

        Plan: 1 to create, 1 to update, 1 unchanged, 2 unknown; 1 node unreachable; 430 paths, 1.2 GiB to copy.
        ");
    }

    #[test]
    fn a_fleet_is_said_once() {
        insta::assert_snapshot!(text(&fixtures::fleet_plan(), 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f

        On many nodes
          ! linux    6.6.31 -> 6.6.30 (downgrade)  on 13 nodes
            openssl  3.0.13 -> 3.0.14  on 14 nodes

        db1  db1.example.org  unreachable
            connection timed out
          ! system  unknown

        mail
          ~ system  update   generation 9 -> 10
              exim  4.97 -> 4.98
              and 2 of the changes above
              copy: 6 paths, 10.0 MiB; closure 900.0 MiB -> 910.0 MiB (+10.0 MiB)

        12 nodes alike
          web01, web02, web03, web04, web05, web06, web07, web08, web09, web10, web11,
            web12
          ~ system  update   generations differ
              nixos-system-<node>  24.05 (rebuilt, 1 path)
              and 2 of the changes above
              copy: 72 paths, 120.0 MiB in all

        router
          ~ system  update   generation 5 -> 6
              and 1 of the changes above
              copy: 6 paths, 10.0 MiB; closure 900.0 MiB -> 910.0 MiB (+10.0 MiB)

        31 nodes without changes

        Plan: 14 to update, 31 unchanged, 1 unknown; 1 node unreachable;
          84 paths, 140.0 MiB to copy.
        ");
    }

    #[test]
    fn units_of_fifty_nodes_are_said_once() {
        let plan = fixtures::unit_fleet_plan();
        assert_eq!(plan.nodes.len(), 50);
        insta::assert_snapshot!(text(&plan, 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f

        On many nodes
          ! linux    6.6.31 -> 6.6.30 (downgrade)  on 17 nodes
            exim     4.97   -> 4.98  on 5 nodes
            openssl  3.0.13 -> 3.0.14  on 18 nodes

        db1  db1.example.org  unreachable
            connection timed out
          ! system  unknown

        4 nodes alike
          db2, db3, db4, db5
          ~ system  update   generation 9 -> 10
              and 3 of the changes above
              unknown, as its files cannot be read: odd.service
              stop: old.timer
              restart: nginx.service, postgresql.service
              reload: sshd.service
              start: queue.service
              not restarted though changed: dbus.service
              no effect on what runs: stopped.service
              user units: changed at the next login: agent.service
              units that could not be looked at: odd.service: it is no text
              copy: 24 paths, 40.0 MiB in all

        mail
          ~ system  update   generation 9 -> 10
              and 3 of the changes above
              copy: 6 paths, 10.0 MiB; closure 900.0 MiB -> 910.0 MiB (+10.0 MiB)

        12 nodes alike
          web01, web02, web03, web04, web05, web06, web07, web08, web09, web10, web11,
            web12
          ~ system  update   generations differ
              nixos-system-<node>  24.05 (rebuilt, 1 path)
              and 2 of the changes above
              stop: old.timer
              restart: nginx.service, postgresql.service
              reload: sshd.service
              start: queue.service
              not restarted though changed: dbus.service
              no effect on what runs: stopped.service
              user units: changed at the next login: agent.service
              copy: 72 paths, 120.0 MiB in all

        router
          ~ system  update   generation 5 -> 6
              and 1 of the changes above
              copy: 6 paths, 10.0 MiB; closure 900.0 MiB -> 910.0 MiB (+10.0 MiB)

        31 nodes without changes

        Plan: 18 to update, 31 unchanged, 1 unknown; 1 node unreachable;
          108 paths, 180.0 MiB to copy.
        ");
    }

    #[test]
    fn no_changes() {
        insta::assert_snapshot!(text(&fixtures::unchanged_plan(), 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f

        web1
          = system  unchanged  generation 41
          = app     unchanged  generation 3
        web2  10.0.0.12
          = system  unchanged  generation 107

        No changes. 3 profiles are at their targets.
        ");
    }

    #[test]
    fn not_built() {
        insta::assert_snapshot!(text(&fixtures::unbuilt_plan(), 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f

        web1
          ~ system  update  generation 41 -> 44
              not built: changed packages and copy size are unknown
          ~ app     update  no generation -> 1
              not built: changed packages and copy size are unknown

        Plan: 2 to update; copy size unknown.
        ");
    }

    #[test]
    fn what_happens_to_units() {
        let text = text(&fixtures::unit_plan(), 80);
        let lines: Vec<&str> = text.lines().skip(5).take(3).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        nginx  1.28.0 -> 1.28.1
        unknown, as its files cannot be read: odd.service
        stop: old.timer
        ");
    }

    #[test]
    fn what_happens_to_the_units_of_homes() {
        let text = text(&fixtures::home_plan(), 80);
        let lines: Vec<&str> = text.lines().skip(3).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        web1
          ~ home   update  generation 41 -> 44
              nginx  1.28.0 -> 1.28.1
              user units: unknown, as its files cannot be read: odd.service
              user units: stop: old.timer
              user units: restart: nginx.service, postgresql.service
              user units: reload: sshd.service
              user units: start: queue.service
              user units: not restarted though changed: dbus.service
              user units: no effect on what runs: stopped.service
              units that could not be looked at: odd.service: it is no text
              copy: nothing; closure 900.0 MiB -> 900.0 MiB (same size)
          ~ other  update  generation 41 -> 44
              nginx  1.28.0 -> 1.28.1
              user units: unknown, as its files cannot be read: odd.service
              user units: stop if running: old.timer
              user units: restart if running: nginx.service, postgresql.service
              user units: start if logged in: queue.service
              user units: not restarted though changed: dbus.service
              copy: nothing; closure 900.0 MiB -> 900.0 MiB (same size)

        Plan: 2 to update; nothing to copy.
        ");
    }

    #[test]
    fn many_packages_at_both_widths() {
        insta::assert_snapshot!(text(&fixtures::many_packages_plan(), 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f

        web1
          ~ system  update  generation 41 -> 42
              haskell-package-with-a-name-that-is…  0.1.0.0.20240101, 0.1.0.0.20240201,…
              package-00                            1.0              -> 1.1
              package-01                            1.1              -> 1.2
              package-02                            1.2              -> 1.3
              package-03                            1.3              -> 1.4
              package-04                            1.4              -> 1.5
              package-05                            1.5              -> 1.6
              package-06                            1.6              -> 1.7
              package-07                            1.7              -> 1.8
              package-08                            1.8              -> 1.9
              package-09                            1.9              -> 1.10
              package-10                            1.10             -> 1.11
              package-11                            1.11             -> 1.12
              package-12                            1.12             -> 1.13
              package-13                            1.13             -> 1.14
              package-14                            1.14             -> 1.15
              package-15                            1.15             -> 1.16
              package-16                            1.16             -> 1.17
              package-17                            1.17             -> 1.18
              package-18                            1.18             -> 1.19
              package-19                            1.19             -> 1.20
              package-20                            1.20             -> 1.21
              package-21                            1.21             -> 1.22
              package-22                            1.22             -> 1.23
              package-23                            1.23             -> 1.24
              package-24                            1.24             -> 1.25
              package-25                            1.25             -> 1.26
              package-26                            1.26             -> 1.27
              package-27                            1.27             -> 1.28
              package-28                            1.28             -> 1.29
              … and 12 more, 8 of them rebuilt (deploy show --format json has all)
              copy: nothing; closure 900.0 MiB -> 890.0 MiB (-10.0 MiB)

        Plan: 1 to update; nothing to copy.
        ");
        let wide = text(&fixtures::many_packages_plan(), 120);
        insta::assert_snapshot!(wide.lines().nth(5).unwrap(), @"      haskell-package-with-a-name-that-is…  0.1.0.0.20240101, 0.1.0.0.20240201, 0.2 -> 0.1.0.0.20250101, 0.1.0.0.202502…");
    }

    #[test]
    fn a_large_fleet_shows_what_changes_only() {
        insta::assert_snapshot!(text(&fixtures::large_plan(), 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f

        web07
          ~ system  update  generation 4 -> 5
              hello  2.12 -> 2.12.1
              copy: 1 path, 0 B; closure 40.0 MiB -> 40.0 MiB (same size)

        19 nodes without changes

        Plan: 1 to update, 19 unchanged; 1 path, 0 B to copy.
        ");
    }

    #[test]
    fn going_back() {
        insta::assert_snapshot!(text(&fixtures::rollback_plan(), 80), @r"
        plan bbbbbbbb  2026-08-01T10:12:13Z  anna@laptop
        flake .  git+file:///home/anna/fleet?rev=8d0f2a9c31c5e0a7b64f
        back to earlier generations

        web1
          < system  roll back   generation 42 -> 41
              changed packages are unknown
          ↻ app     reactivate  generation 3

        Plan: 1 to roll back, 1 to reactivate.
        ");
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(128))]

        #[test]
        fn lines_fit_are_safe_and_colours_add_nothing_else(
            plan in fixtures::any_plan(),
            columns in 0_usize..200,
        ) {
            let plain = text(&plan, columns);
            for line in plain.lines() {
                proptest::prop_assert!(width(line) <= columns.clamp(80, 120), "{line:?}");
                proptest::prop_assert_eq!(line, line.trim_end());
            }
            proptest::prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\n'));
            let coloured = PlanText::new(&plan, columns, true).render();
            proptest::prop_assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
        }
    }
}
