//! A plan as Markdown for pull requests: the table first, the details folded.
//!
//! It starts with a stable marker, by which a bot finds the comment that it has to replace. All
//! text of others is escaped character by character, so none of it is read as Markdown or HTML.

use std::fmt::Write as _;

use super::files_markdown::file_details;
use super::fleet::{FleetView, NodeGroup, ProfileGroup};
use super::format::{DisplayGenerations, DisplaySize, Plural, escape_control, short};
use super::sentence::{sentence, unlocked};
use super::style::action_mark;
use super::units::unit_groups;
use crate::plan::{
    Action, FileDifferences, Observed, PackageChange, PackageChangeKind, Plan, VerdictKind,
};

/// What the comment of a bot starts with.
pub const MARKDOWN_MARKER: &str = "<!-- deploy plan -->";
/// The most characters of a comment, a little below what the common forges take (65,536).
const LENGTH_MAX: usize = 60_000;
/// What is kept free for the end, which says what was cut.
const END_MAX: usize = 2_000;
/// How many packages of one profile are listed.
const PACKAGES_MAX: usize = 200;

/// Returns the plan as Markdown of at most 60,000 characters, and beside it how files differ.
pub fn markdown(plan: &Plan, files: Option<&FileDifferences>) -> String {
    let view = FleetView::of(plan, |profile| profile.action != Action::Unchanged);
    let mut page = Page::new(format!("{MARKDOWN_MARKER}\n"));
    page.always(&format!("### {}\n\n", escaped(&sentence(plan).1)));
    if let Some(basis) = plan.basis.describe() {
        page.always(&format!("{}\n\n", escaped(&limited(&basis, 400))));
    }
    page.whole(
        plan.warnings
            .iter()
            .map(|warning| format!("> **Warning:** {}\n>\n", escaped(warning))),
    );
    if !plan.warnings.is_empty() {
        page.always("\n");
    }
    if !view.groups.is_empty() {
        page.always("| node | profile | action | generation | packages | to copy |\n");
        page.always("|---|---|---|---|---|---|\n");
        page.whole(view.groups.iter().flat_map(rows));
        page.always("\n");
    }
    page.whole((!view.shared.is_empty()).then(|| shared(&view)));
    page.whole(view.groups.iter().filter_map(details));
    page.whole(files.into_iter().flat_map(file_details));
    page.finish(plan, view.unchanged_nodes)
}

/// Text with a limit, in blocks that are there whole or not at all.
struct Page {
    text: String,
    length: usize,
    cut: usize,
}

impl Page {
    fn new(text: String) -> Self {
        Self {
            length: text.chars().count(),
            text,
            cut: 0,
        }
    }

    fn always(&mut self, text: &str) {
        self.length += text.chars().count();
        self.text.push_str(text);
    }

    /// Adds the blocks that fit: one that does not leaves its room to smaller ones after it.
    fn whole(&mut self, blocks: impl IntoIterator<Item = String>) {
        for block in blocks {
            if self.length + block.chars().count() > LENGTH_MAX - END_MAX {
                self.cut += 1;
            } else {
                self.always(&block);
            }
        }
    }

    fn finish(mut self, plan: &Plan, unchanged_nodes: usize) -> String {
        if unchanged_nodes > 0 {
            let nodes = Plural(unchanged_nodes as u64, "node");
            self.always(&format!("{nodes} without changes.\n\n"));
        }
        if self.cut > 0 {
            self.always(&format!(
                "**{} did not fit into a comment;** `deploy show` has all of the plan.\n\n",
                Plural(self.cut as u64, "block")
            ));
        }
        let unlocked = plan.flakes.iter().find_map(unlocked);
        let unlocked = unlocked.map_or(String::new(), |words| format!(", {words}"));
        self.always(&format!(
            "<sub>plan {}, {} by {}{unlocked}; digest <code>{}</code></sub>\n",
            short(&plan.id),
            escaped(&limited(&plan.created_at, 100)),
            escaped(&limited(&plan.operator.to_string(), 100)),
            escaped(&limited(&plan.digest, 100)),
        ));
        self.text
    }
}

/// Nothing at the end of the page may be as long as somebody else likes.
fn limited(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

fn title(group: &NodeGroup<'_>) -> String {
    match group.nodes[..] {
        [node] => code(node.node.as_str()),
        _ => format!(
            "{} alike: {}, …",
            Plural(group.nodes.len() as u64, "node"),
            code(group.nodes[0].node.as_str())
        ),
    }
}

fn rows(group: &NodeGroup<'_>) -> Vec<String> {
    let node = group.nodes[0];
    let title = title(group);
    let state = match node.observed {
        Observed::Ok => None,
        Observed::Unreachable => Some("**unreachable**"),
        Observed::Failed => Some("**could not be read**"),
    };
    if let Some(state) = state {
        return vec![format!("| {title} | | {state} | | | |\n")];
    }
    let row = |profile: &ProfileGroup<'_>| {
        let action = action_mark(profile.example().action).word;
        format!(
            "| {title} | {} | {action} | {} | {} | {} |\n",
            code(profile.example().profile.as_str()),
            generations(profile),
            packages_in_words(profile),
            copied(profile),
        )
    };
    group.profiles.iter().map(row).collect()
}

fn generations(group: &ProfileGroup<'_>) -> String {
    let numbers = |profile: &crate::plan::PlannedProfile| {
        (profile.current.generation(), profile.target.generation)
    };
    if !group.agree(numbers) {
        return "differ".to_owned();
    }
    let (before, after) = numbers(group.example());
    let text = DisplayGenerations { before, after }.to_string();
    escaped(text.trim_start_matches("generation "))
}

fn packages_in_words(group: &ProfileGroup<'_>) -> String {
    let Some(closure) = &group.example().closure else {
        return "not known".to_owned();
    };
    let count = |wanted: &[PackageChangeKind]| {
        let packages = closure.packages.iter();
        packages
            .filter(|change| wanted.contains(&change.kind))
            .count()
    };
    let counts = [
        (count(&[PackageChangeKind::Downgraded]), "**downgraded**"),
        (count(&[PackageChangeKind::Removed]), "removed"),
        (
            count(&[PackageChangeKind::Upgraded, PackageChangeKind::Changed]),
            "changed",
        ),
        (count(&[PackageChangeKind::Added]), "added"),
        (count(&[PackageChangeKind::Rebuilt]), "rebuilt"),
    ];
    let verdicts = group.example().verdicts.iter();
    let reboots = verdicts.filter(|verdict| verdict.kind == VerdictKind::RebootNeeded);
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = reboots
        .map(|_| "**reboot**".to_owned())
        .chain(counts.map(|(count, word)| format!("{count} {word}")))
        .collect();
    words.join(", ")
}

fn copied(group: &ProfileGroup<'_>) -> String {
    let closures = group
        .profiles
        .iter()
        .filter_map(|profile| profile.closure.as_ref());
    let sizes = closures.map(|closure| closure.bytes_to_copy);
    match sizes.reduce(u64::saturating_add) {
        Some(size) => DisplaySize(size).to_string(),
        None => String::new(),
    }
}

fn shared(view: &FleetView<'_>) -> String {
    let mut text = "<details open><summary>On many nodes</summary>\n\n".to_owned();
    text.push_str("| package | before | after | |\n|---|---|---|---|\n");
    for shared in view.shared.iter().take(PACKAGES_MAX) {
        let nodes = format!("on {} nodes", shared.nodes.len());
        text.push_str(&package_row(shared.change, &nodes));
    }
    text.push_str(&more(view.shared.len()));
    text.push_str("\n</details>\n\n");
    text
}

/// Returns what is folded below the table; none where there is nothing to be said.
fn details(group: &NodeGroup<'_>) -> Option<String> {
    let node = group.nodes[0];
    let mut text = String::new();
    if group.nodes.len() > 1 {
        let names: Vec<String> = group
            .nodes
            .iter()
            .map(|node| code(node.node.as_str()))
            .collect();
        let _ = writeln!(text, "{}", names.join(", "));
    }
    for line in node.error.iter().flat_map(|error| error.lines()) {
        let _ = writeln!(text, "- {}", escaped(line));
    }
    for note in &node.notes {
        let _ = writeln!(text, "- **note:** {}", escaped(note));
    }
    let verdicts = group
        .profiles
        .iter()
        .flat_map(|profile| &profile.example().verdicts);
    for verdict in verdicts.filter(|verdict| verdict.kind != VerdictKind::Downgrade) {
        let _ = writeln!(text, "- {}", escaped(&verdict.message));
    }
    let units = group.profiles.iter();
    let units = units.filter_map(|profile| profile.example().units.as_ref());
    for group in units.flat_map(unit_groups) {
        let _ = writeln!(text, "- {}", escaped(&group.text()));
    }
    for table in group.profiles.iter().filter_map(packages) {
        let blank = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{blank}{table}");
    }
    (!text.is_empty()).then(|| {
        let title = title(group);
        format!("<details><summary>{title}</summary>\n\n{text}\n</details>\n\n")
    })
}

fn packages(group: &ProfileGroup<'_>) -> Option<String> {
    let own = group.own();
    if own.is_empty() {
        return None;
    }
    let profile = code(group.example().profile.as_str());
    let mut text = format!("| {profile} | before | after | |\n|---|---|---|---|\n");
    for change in own.iter().take(PACKAGES_MAX) {
        text.push_str(&package_row(change, ""));
    }
    text.push_str(&more(own.len()));
    if group.shared > 0 {
        let _ = writeln!(text, "\nand {} of the changes on many nodes", group.shared);
    }
    Some(text)
}

fn more(packages: usize) -> String {
    match packages.saturating_sub(PACKAGES_MAX) {
        0 => String::new(),
        more => format!("| … and {more} more | | | |\n"),
    }
}

fn package_row(change: &PackageChange, rest: &str) -> String {
    let versions = |versions: &[String]| {
        let versions: Vec<String> = versions
            .iter()
            .take(8)
            .map(|version| escaped(version))
            .collect();
        versions.join(", ")
    };
    let kind = match change.kind {
        PackageChangeKind::Added => "added",
        PackageChangeKind::Removed => "removed",
        PackageChangeKind::Upgraded => "upgrade",
        PackageChangeKind::Downgraded => "**downgrade**",
        PackageChangeKind::Rebuilt => "rebuilt",
        PackageChangeKind::Changed => "changed",
    };
    let direct = if change.direct {
        "installed directly"
    } else {
        ""
    };
    let words: Vec<&str> = [kind, direct, rest]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    format!(
        "| {} | {} | {} | {} |\n",
        code(&change.name),
        versions(&change.before),
        versions(&change.after),
        words.join(", ")
    )
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

/// Returns text that Markdown and HTML show as it is: everything but plain letters becomes a
/// character reference, which neither takes for its own ("Entity and numeric character references" in the
/// specification of `CommonMark`). That ends names of people, links and tags as well.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in escape_control(text).chars() {
        match character {
            ' ' | '-' | '.' | ',' | ';' | '+' => safe.push(character),
            other if other.is_alphanumeric() => safe.push(other),
            other => {
                let _ = write!(safe, "&#{};", u32::from(other));
            }
        }
    }
    // Without this the forges make a link of it.
    safe.replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;
    use proptest::prelude::*;

    #[test]
    fn a_fleet() {
        insta::assert_snapshot!(markdown(&fixtures::fleet_plan(), None), @r#"
        <!-- deploy plan -->
        ### Plan&#58; 14 to update, 31 unchanged, 1 unknown; 1 node unreachable; 84 paths, 140.0 MiB to copy.

        | node | profile | action | generation | packages | to copy |
        |---|---|---|---|---|---|
        | <code>db1</code> | | **unreachable** | | | |
        | <code>mail</code> | <code>system</code> | update | 9 -&#62; 10 | 1 **downgraded**, 2 changed | 10.0 MiB |
        | 12 nodes alike: <code>web01</code>, … | <code>system</code> | update | differ | 1 **downgraded**, 1 changed, 1 rebuilt | 120.0 MiB |
        | <code>router</code> | <code>system</code> | update | 5 -&#62; 6 | 1 changed | 10.0 MiB |

        <details open><summary>On many nodes</summary>

        | package | before | after | |
        |---|---|---|---|
        | <code>linux</code> | 6.6.31 | 6.6.30 | **downgrade**, on 13 nodes |
        | <code>openssl</code> | 3.0.13 | 3.0.14 | upgrade, on 14 nodes |

        </details>

        <details><summary><code>db1</code></summary>

        - connection timed out

        </details>

        <details><summary><code>mail</code></summary>

        | <code>system</code> | before | after | |
        |---|---|---|---|
        | <code>exim</code> | 4.97 | 4.98 | upgrade |

        and 2 of the changes on many nodes

        </details>

        <details><summary>12 nodes alike: <code>web01</code>, …</summary>

        <code>web01</code>, <code>web02</code>, <code>web03</code>, <code>web04</code>, <code>web05</code>, <code>web06</code>, <code>web07</code>, <code>web08</code>, <code>web09</code>, <code>web10</code>, <code>web11</code>, <code>web12</code>

        | <code>system</code> | before | after | |
        |---|---|---|---|
        | <code>nixos-system-&#60;node&#62;</code> | 24.05 | 24.05 | rebuilt |

        and 2 of the changes on many nodes

        </details>

        31 nodes without changes.

        <sub>plan bbbbbbbb, 2026-08-01T10&#58;12&#58;13Z by anna&#64;laptop; digest <code></code></sub>
        "#);
    }

    #[test]
    fn no_changes() {
        let text = markdown(&fixtures::unchanged_plan(), None);
        assert!(text.starts_with(MARKDOWN_MARKER));
        assert!(text.contains("### No changes."));
        assert!(!text.contains('|'), "{text}");
    }

    #[test]
    fn what_happens_to_units() {
        let text = markdown(&fixtures::unit_plan(), None);
        assert!(
            text.contains("\n- restart&#58; nginx.service, postgresql.service\n"),
            "{text}"
        );
        assert!(
            text.contains("\n- not restarted though changed&#58; dbus.service\n"),
            "{text}"
        );
    }

    #[test]
    fn a_huge_plan_is_cut_and_says_so() {
        let mut plan = fixtures::fleet_plan();
        let example = plan.profiles[1].clone();
        for number in 0..400 {
            let mut profile = example.clone();
            let closure = profile.closure.as_mut().unwrap();
            closure.packages.iter_mut().for_each(|change| {
                change.name = format!("{}-{number}", change.name);
            });
            profile.node = format!("node{number}").parse().unwrap();
            let mut node = plan.nodes[1].clone();
            node.node = profile.node.clone();
            plan.nodes.push(node);
            plan.profiles.push(profile);
        }
        let text = markdown(&plan, None);
        assert!(
            text.chars().count() <= LENGTH_MAX,
            "{}",
            text.chars().count()
        );
        assert!(text.contains("blocks did not fit into a comment"));
        assert!(text.contains("digest"), "the end is there");
        assert_eq!(
            text.matches("<details").count(),
            text.matches("</details>").count()
        );
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "</code>|<script>@everyone #1 [x](http://e) `a` *b* _c_ www.e.com\n# x";
        let safe = escaped(hostile);
        assert!(
            !safe.contains(['<', '>', '|', '@', '[', '`', '*', '_', '\n', ':']),
            "{safe}"
        );
        assert!(!safe.contains("www."), "{safe}");
    }

    proptest! {
        #[test]
        fn what_fits_is_there_in_its_order_and_the_rest_is_counted(lengths in proptest::collection::vec(1_usize..30_000, 0..12)) {
            let blocks = lengths.iter().zip('a'..).map(|(length, letter)| {
                format!("[{}]", letter.to_string().repeat(*length))
            });
            let blocks: Vec<String> = blocks.collect();
            let mut page = Page::new(String::new());
            page.whole(blocks.clone());
            let (text, cut) = (page.text.clone(), page.cut);
            let room = LENGTH_MAX - END_MAX;
            let shown: Vec<&String> = blocks.iter().filter(|block| text.contains(*block)).collect();
            prop_assert_eq!(&shown.iter().map(|block| block.as_str()).collect::<String>(), &text);
            prop_assert_eq!(shown.len() + cut, blocks.len());
            let mut before = 0;
            for block in &blocks {
                let fits = before + block.len() <= room;
                prop_assert_eq!(shown.contains(&block), fits);
                before += if fits { block.len() } else { 0 };
            }
            let end = page.finish(&fixtures::unchanged_plan(), 0);
            prop_assert!(end.chars().count() <= LENGTH_MAX);
            let words = format!("**{} did not fit into a comment;**", Plural(cut as u64, "block"));
            prop_assert_eq!(end.contains(&words), cut > 0);
        }

        #[test]
        fn any_plan_is_short_and_safe(plan in fixtures::any_plan()) {
            let text = markdown(&plan, None);
            prop_assert!(text.chars().count() <= LENGTH_MAX);
            prop_assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'));
            for line in text.lines().filter(|line| line.starts_with('|')) {
                let cells = line.matches('|').count();
                prop_assert!(cells == 5 || cells == 7, "{}", line);
            }
            let known = ["<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>",
                "<details open>", "<sub>", "</sub>", MARKDOWN_MARKER];
            let rest = known.iter().fold(text.clone(), |text, tag| text.replace(tag, ""));
            prop_assert!(!rest.contains('<'), "{}", rest);
        }
    }
}
