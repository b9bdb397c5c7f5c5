//! A terminal that knows how long it was not drawn on.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deploy::report::{Canvas, Live};
use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike};

const WIDTH: u16 = 100;
const RATE: u8 = 15;

#[derive(Debug, Clone)]
pub(crate) struct Screen {
    terminal: InMemoryTerm,
    drawn: Arc<Mutex<Drawn>>,
}

#[derive(Debug)]
struct Drawn {
    last: Instant,
    longest_pause: Duration,
}

impl Screen {
    /// Returns a live view, and the terminal that it draws on.
    pub(crate) fn with_view() -> (Self, Live) {
        let screen = Self {
            terminal: InMemoryTerm::new(40, WIDTH),
            drawn: Arc::new(Mutex::new(Drawn {
                last: Instant::now(),
                longest_pause: Duration::ZERO,
            })),
        };
        let begun = Instant::now();
        let live = Live::new(Canvas {
            target: ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), RATE),
            lines: Box::new(io::sink()),
            width: Box::new(|| usize::from(WIDTH)),
            clock: Box::new(move || begun.elapsed()),
            colour: true,
        });
        (screen, live)
    }

    /// Returns the longest time between two drawings.
    pub(crate) fn longest_pause(&self) -> Duration {
        self.drawn.lock().unwrap().longest_pause
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.terminal.width()
    }

    fn height(&self) -> u16 {
        self.terminal.height()
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.terminal.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.terminal.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.terminal.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.terminal.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.terminal.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap();
        drawn.longest_pause = drawn.longest_pause.max(drawn.last.elapsed());
        drawn.last = Instant::now();
        drop(drawn);
        self.terminal.flush()
    }
}
