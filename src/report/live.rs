//! The view on a terminal: rows that are redrawn, and lines that stay above them.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::Reporter;
use super::line::Line;
use super::rows::Rows;
use super::style::Tone;
use super::words::{Said, lasting};
use crate::apply::{Event, TimedEvent};
use crate::plan::StepKind;
use crate::schedule::Outcome;

const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// What the live view needs of the world.
pub struct Canvas {
    /// Where to draw: `ProgressDrawTarget::stderr_with_hz(15)`.
    pub target: ProgressDrawTarget,
    /// Where lines that stay are written: the same terminal.
    pub lines: Box<dyn Write + Send>,
    /// The width of the terminal now, in columns.
    pub width: Box<dyn Fn() -> usize + Send + Sync>,
    /// The time since the command started: the clock of the events.
    pub clock: Box<dyn Fn() -> Duration + Send + Sync>,
    /// Whether to colour.
    pub colour: bool,
}

/// Shows what runs now. Only ever made for a terminal.
pub struct Live {
    // A single bar draws all rows: they come and go with the steps, and bars of their own would
    // each be redrawn at another time.
    bar: ProgressBar,
    lines: Box<dyn Write + Send>,
    screen: Arc<Screen>,
}

struct Screen {
    rows: Mutex<Rows>,
    width: Box<dyn Fn() -> usize + Send + Sync>,
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    colour: bool,
}

impl Screen {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        let lines = self.rows().lines((self.clock)());
        let lines: Vec<String> = lines.iter().map(|line| self.render(line)).collect();
        lines.join("\n")
    }

    fn render(&self, line: &Line) -> String {
        line.render((self.width)(), self.colour)
    }
}

impl Live {
    /// Starts the view.
    pub fn new(canvas: Canvas) -> Self {
        let live = Self::still(canvas);
        live.bar.enable_steady_tick(REDRAW_EVERY);
        live
    }

    /// Returns a view that is drawn only on demand.
    fn still(canvas: Canvas) -> Self {
        let screen = Arc::new(Screen {
            rows: Mutex::default(),
            width: canvas.width,
            clock: canvas.clock,
            colour: canvas.colour,
        });
        let drawn = Arc::clone(&screen);
        let style = ProgressStyle::with_template("{rows}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key(
                "rows",
                move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                    // The text goes into a buffer of indicatif, which takes everything.
                    let _ = out.write_str(&drawn.text());
                },
            );
        let bar = ProgressBar::with_draw_target(None, canvas.target)
            .with_style(style)
            .with_finish(ProgressFinish::AndClear);
        Self {
            bar,
            lines: canvas.lines,
            screen,
        }
    }

    /// Leaves the terminal to whoever asks the operator something.
    fn step_aside(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }

    fn come_back(&self) {
        self.bar.reset();
        self.bar.enable_steady_tick(REDRAW_EVERY);
    }

    /// Writes a line above the rows, with an end of its own: indicatif would fill it with spaces
    /// and let the terminal wrap, so that it could not be copied, and leave the cursor in it.
    fn keep(&mut self, said: &Said) {
        let line = self.screen.render(&first_line(said)) + "\n";
        let lines = &mut self.lines;
        let written = self.bar.suspend(|| {
            lines
                .write_all(line.as_bytes())
                .and_then(|()| lines.flush())
        });
        // A terminal that is gone takes the rows with it; the run's record has everything.
        drop(written);
    }
}

impl Reporter for Live {
    fn report(&mut self, event: &TimedEvent) {
        match event.event {
            Event::AskingStarted { .. } => self.step_aside(),
            Event::AskingFinished => self.come_back(),
            _ => {}
        }
        let said = {
            let mut rows = self.screen.rows();
            rows.note(event);
            lasting(&rows.steps, event).filter(|_| worth_keeping(&rows, event))
        };
        // Drawing takes the lock on the rows again, so it is free by now.
        if let Some(said) = said {
            self.keep(&said);
        }
    }

    fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Builds and copies that end well show in the total, and skipped steps in the summary.
fn worth_keeping(rows: &Rows, event: &TimedEvent) -> bool {
    let Event::StepFinished { step, outcome, .. } = &event.event else {
        return true;
    };
    match outcome {
        Outcome::Skipped { .. } => false,
        _ => !outcome.succeeded() || rows.steps.kind(step) == StepKind::Activate,
    }
}

/// The message's first line is enough here: the summary has all of it.
fn first_line(said: &Said) -> Line {
    Line::default()
        .put(said.tone, said.symbol)
        .put(Tone::Plain, " ")
        .put(Tone::Strong, &said.subject)
        .next(said.tone, said.text.lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU64, Ordering};

    use indicatif::{InMemoryTerm, TermLike as _};

    use super::*;
    use crate::report::fixtures;

    /// Writes onto a terminal in memory, which needs a carriage return at the end of a line.
    struct Screened(InMemoryTerm);

    impl Write for Screened {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = std::str::from_utf8(bytes).unwrap().replace('\n', "\r\n");
            self.0.write_str(&text)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the screen after the events up to and including `until`.
    fn screen(events: &[TimedEvent], until: u64, columns: u16) -> String {
        let (terminal, mut live) = shown(events, until, columns);
        let contents = terminal.contents();
        live.finish();
        contents
    }

    fn shown(events: &[TimedEvent], until: u64, columns: u16) -> (InMemoryTerm, Live) {
        let terminal = InMemoryTerm::new(40, columns);
        let now = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&now);
        let mut live = Live::still(Canvas {
            target: ProgressDrawTarget::term_like(Box::new(terminal.clone())),
            lines: Box::new(Screened(terminal.clone())),
            width: Box::new(move || usize::from(columns)),
            clock: Box::new(move || Duration::from_millis(clock.load(Ordering::Relaxed))),
            colour: false,
        });
        for event in events.iter().filter(|event| event.at <= until) {
            now.store(event.at, Ordering::Relaxed);
            live.report(event);
        }
        now.store(until, Ordering::Relaxed);
        live.bar.force_draw();
        (terminal, live)
    }

    #[test]
    fn while_a_plan_is_made() {
        let events = fixtures::planning();
        insta::assert_snapshot!(screen(&events, 1500, 80), @"1s    evaluating ., reading 2 of 3 nodes");
        insta::assert_snapshot!(screen(&events, 6000, 80), @r"
        ! db1  could not be read: ssh: connect to host db1 port 22: Connection timed out
        · deploy  warning: Git tree '/home/anna/fleet' is dirty
        6s    building 12 derivations
        ");
    }

    #[test]
    fn while_a_run_is_on() {
        let events = fixtures::run();
        insta::assert_snapshot!(screen(&events, 11_500, 80), @r"
        ✗ web3  copy failed (5.5 s): nix copy failed with exit status 1
        router  1s    activating system  restarting the following units: nginx.service
        web1    1s    activating system
        web2    1s    activating system
        6 of 10 steps ended  10s  1 failed
        ");
        insta::assert_snapshot!(screen(&events, 16_500, 80), @r"
        ✗ web3  copy failed (5.5 s): nix copy failed with exit status 1
        ✓ router.system  activated, generation 7 -> 8 (2.6 s)
        web1  6s    rolling back system  Job for nginx.service failed.
        web2  6s    waiting for confirmation of system, 18 s left
        7 of 10 steps ended  15s  1 failed
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_cut_rows() {
        insta::assert_snapshot!(screen(&fixtures::run(), 16_500, 40), @r"
        ✗ web3  copy failed (5.5 s): nix copy f…
        ✓ router.system  activated, generation…
        web1  6s    rolling back system  Job fo…
        web2  6s    waiting for confirmation of…
        7 of 10 steps ended  15s  1 failed
        ");
    }

    #[test]
    fn only_so_many_rows() {
        insta::assert_snapshot!(screen(&fixtures::wide_run(11), 5000, 80), @r"
        web1  4s    copying
        web2  4s    copying
        web3  4s    copying
        web4  4s    copying
        web5  4s    copying
        web6  4s    copying
        web7  4s    copying
        web8  4s    copying
        +3 more
        0 of 22 steps ended  5s
        ");
    }

    #[test]
    fn what_stays_when_it_ends() {
        let (terminal, mut live) = shown(&fixtures::run(), u64::MAX, 80);
        live.finish();
        insta::assert_snapshot!(terminal.contents(), @r"
        ✗ web3  copy failed (5.5 s): nix copy failed with exit status 1
        ✓ router.system  activated, generation 7 -> 8 (2.6 s)
        < web1.system  rolled back, generation 41 (8.0 s): the activation failed with e…
        ✗ web2.system  not rolled back, generation 17 -> ? (20.0 s): it was not confirm…
        ");
    }

    #[test]
    fn it_redraws_by_itself() {
        let terminal = InMemoryTerm::new(10, 80);
        let mut live = Live::new(Canvas {
            target: ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 15),
            lines: Box::new(Screened(terminal.clone())),
            width: Box::new(|| 80),
            clock: Box::new(|| Duration::from_secs(3)),
            colour: true,
        });
        for event in fixtures::planning().iter().take(1) {
            live.report(event);
        }
        let start = std::time::Instant::now();
        while !terminal.contents().contains("evaluating") {
            assert!(start.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(10));
        }
        live.finish();
        assert_eq!(terminal.contents(), "");
    }
}
