//! The last line of a summary: how many, and in what time.

use std::time::Duration;

use super::format::{DisplayElapsed, Plural};
use super::line::Line;
use super::style::Tone;
use super::summary::Row;

/// Returns what came of all profiles and nodes, as a sentence.
pub(super) fn closing(rows: &[Row<'_>], builds_failed: usize, took: Duration) -> Line {
    let profiles = counted(rows.iter().filter(|row| row.fact.is_some()));
    let nodes = counted(rows.iter().filter(|row| row.fact.is_none()));
    let mut parts = Vec::new();
    for (position, (word, count)) in profiles.into_iter().enumerate() {
        parts.push(if position == 0 {
            format!("{} {word}", Plural(count, "profile"))
        } else {
            format!("{count} {word}")
        });
    }
    let of_nodes = nodes.into_iter().map(|(word, count)| match word {
        "copy failed" => format!("copying to {} failed", Plural(count, "node")),
        word => format!("{} {word}", Plural(count, "node")),
    });
    parts.extend(of_nodes);
    if builds_failed > 0 {
        let count = u64::try_from(builds_failed).unwrap_or(u64::MAX);
        parts.push(format!("{} failed", Plural(count, "build")));
    }
    if parts.is_empty() {
        parts.push("nothing to activate".to_owned());
    }
    let worst = rows.iter().map(|row| row.mark.tone);
    let tone = worst.fold(Tone::Good, |worst, tone| match (worst, tone) {
        (Tone::Bad, _) | (_, Tone::Bad) => Tone::Bad,
        (Tone::Change, _) | (_, Tone::Change) => Tone::Change,
        _ => Tone::Good,
    });
    let text = format!("{} in {}", parts.join(", "), DisplayElapsed(took));
    Line::default().put(tone, text).whole()
}

/// Returns how often each result's word occurs, what went well first.
fn counted<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> Vec<(&'static str, u64)> {
    let mut counts: Vec<(u8, &'static str, u64)> = Vec::new();
    for row in rows {
        let (rank, word) = (rank(row.mark.tone), row.mark.word);
        match counts.iter_mut().find(|(_, known, _)| *known == word) {
            Some((_, _, count)) => *count += 1,
            None => counts.push((rank, word, 1)),
        }
    }
    counts.sort_unstable();
    counts
        .into_iter()
        .map(|(_, word, count)| (word, count))
        .collect()
}

const fn rank(tone: Tone) -> u8 {
    match tone {
        Tone::Good => 0,
        Tone::Bad => 1,
        Tone::Change => 2,
        Tone::Dim | Tone::Plain | Tone::Strong => 3,
    }
}
