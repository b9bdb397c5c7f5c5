//! What nodes are now, as text for people.

use super::line::{Line, message_lines, prose, rendered};
use super::style::{Tone, UNREACHABLE, UNREADABLE};
use crate::model::{GenerationContent, ProfileState};
use crate::plan::{GenerationStatus, LastRun, NodeStatus, Observed, ProfileStatus, Status};

const INDENT: usize = 4;
const NAME_WIDTH_MAX: usize = 28;

/// Renders what nodes are now.
pub struct StatusText<'a> {
    status: &'a Status,
    columns: usize,
    colour: bool,
}

impl<'a> StatusText<'a> {
    /// Returns the rendering for a terminal of `width` columns (80 to 120 are used).
    pub fn new(status: &'a Status, width: usize, colour: bool) -> Self {
        Self {
            status,
            columns: width.clamp(80, 120),
            colour,
        }
    }

    /// Returns what each profile is, each line with its end.
    pub fn render(&self) -> String {
        self.nodes(|node, profile| self.profile(node, profile))
    }

    /// Returns the generations of each profile, newest last.
    pub fn render_generations(&self) -> String {
        self.nodes(|_, profile| self.generations(profile))
    }

    fn nodes(&self, lines_of: impl Fn(&NodeStatus, &ProfileStatus) -> Vec<Line>) -> String {
        let node = |node: &NodeStatus| {
            let mut lines = vec![node_line(node)];
            if let Some(error) = &node.error {
                lines.extend(message_lines(INDENT, Tone::Bad, error, self.columns));
            }
            let profiles = node.profiles.iter();
            lines.extend(profiles.flat_map(|profile| lines_of(node, profile)));
            lines
        };
        let blocks: Vec<Vec<Line>> = self.status.nodes.iter().map(node).collect();
        rendered(&blocks.join(&Line::default()), self.columns, self.colour)
    }

    fn profile(&self, node: &NodeStatus, profile: &ProfileStatus) -> Vec<Line> {
        let mut lines = vec![self.profile_line(profile)];
        if let ProfileState::Unknown { reason } = &profile.current {
            lines.extend(prose(INDENT, Tone::Change, reason, self.columns));
        }
        if let Some(runs) = &profile.runs {
            let drift = format!("{} runs instead: something else activated it", runs.name());
            lines.extend(prose(INDENT, Tone::Change, &drift, self.columns));
        }
        if let Some(deployed) = &profile.deployed {
            let drift = format!("changed since {} was deployed", deployed.name());
            lines.extend(prose(INDENT, Tone::Change, &drift, self.columns));
        }
        let sentence = profile.last_run.sentence(node.now);
        if !sentence.is_empty() {
            let tone = run_tone(&profile.last_run);
            lines.extend(message_lines(INDENT, tone, &sentence, self.columns));
        }
        lines
    }

    fn profile_line(&self, profile: &ProfileStatus) -> Line {
        let names = self.status.nodes.iter().flat_map(|node| &node.profiles);
        let widest = names.map(|profile| profile.profile.as_str().chars().count());
        let columns = widest.max().unwrap_or_default().min(NAME_WIDTH_MAX);
        let line = Line::indented(2).column(Tone::Strong, &profile.profile, columns);
        let line = match &profile.current {
            ProfileState::Absent { .. } => line.next(Tone::Change, "no profile yet"),
            ProfileState::Unknown { .. } => line.next(Tone::Change, "unknown"),
            ProfileState::Present {
                generation, path, ..
            } => {
                let generation = generation.map_or_else(
                    || "no generation".to_owned(),
                    |number| format!("generation {number}"),
                );
                let path = path.as_ref().map_or("not a store path", |path| path.name());
                line.next(Tone::Plain, generation).next(Tone::Plain, path)
            }
        };
        let made = profile.current_generation();
        let made = made.and_then(|generation| generation.made.as_deref());
        let line = line.next(Tone::Dim, made.unwrap_or_default());
        if profile.user.as_str() == "root" {
            line
        } else {
            line.next(Tone::Dim, format!("as {}", profile.user))
        }
    }

    fn generations(&self, profile: &ProfileStatus) -> Vec<Line> {
        let mut lines = vec![Line::indented(2).put(Tone::Strong, &profile.profile)];
        lines.extend(profile.generations.iter().map(generation_line));
        let why_none = match &profile.current {
            _ if !profile.generations.is_empty() => return lines,
            ProfileState::Unknown { reason } => reason.as_str(),
            _ => "there is no generation",
        };
        lines.extend(prose(INDENT, Tone::Change, why_none, self.columns));
        lines
    }
}

fn generation_line(generation: &GenerationStatus) -> Line {
    let mark = if generation.is_current { "* " } else { "  " };
    let path = generation.path.as_ref();
    let number = generation.generation.to_string();
    let what = match generation.content {
        GenerationContent::Activatable => "",
        GenerationContent::WithoutProgram => "cannot be activated",
        GenerationContent::Gone => "its store path is gone",
    };
    let made_by = generation.made_by.as_ref();
    Line::indented(2)
        .put(Tone::Good, mark)
        .column(Tone::Strong, number, 4)
        .next(Tone::Dim, generation.made.as_deref().unwrap_or("no date"))
        .next(
            Tone::Plain,
            path.map_or("not a store path", |path| path.as_str()),
        )
        .next(Tone::Bad, what)
        .next(
            Tone::Dim,
            made_by.map_or_else(String::new, |operator| format!("by {operator}")),
        )
        .whole()
}

fn node_line(node: &NodeStatus) -> Line {
    let mut line = Line::default().put(Tone::Strong, &node.node);
    if node.hostname.as_str() != node.node.as_str() {
        line = line.next(Tone::Dim, &node.hostname);
    }
    match node.observed {
        Observed::Ok => line,
        Observed::Unreachable => line.next(UNREACHABLE.tone, UNREACHABLE.word),
        Observed::Failed => line.next(UNREADABLE.tone, UNREADABLE.word),
    }
}

fn run_tone(run: &LastRun) -> Tone {
    match run {
        LastRun::RollbackFailed(_) => Tone::Bad,
        LastRun::Confirmed(_) | LastRun::None => Tone::Dim,
        _ => Tone::Change,
    }
}
