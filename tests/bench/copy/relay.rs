//! A line with latency: what a `ProxyCommand` of ssh runs. It notes when the talk turns.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The first word of its command line, which goes on with the delay of a round trip in
/// milliseconds, a folder, a host and a port.
pub(crate) const MODE: &str = "relay";
const CHUNK: usize = 64 << 10;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToNode,
    FromNode,
}

/// The times at which the operator spoke after the node did, in microseconds, one a line.
struct Turns {
    file: File,
    last: Option<Direction>,
}

pub(crate) fn run(delay: &str, folder: &str, (host, port): (&str, &str)) {
    let delay: u64 = delay.parse().expect("milliseconds");
    let delay = Duration::from_millis(delay) / 2;
    let file = File::create(format!("{folder}/{}", process::id())).expect("a file for the turns");
    let turns = Arc::new(Mutex::new(Turns { file, last: None }));
    let port: u16 = port.parse().expect("a port");
    let node = TcpStream::connect((host, port)).expect("connecting");
    node.set_nodelay(true).expect("sending at once");
    let (to_node, noted) = (node.try_clone().expect("the other half"), turns.clone());
    // Nobody waits for it: ssh may keep its end open for ever.
    thread::spawn(move || {
        let other_half = to_node.try_clone().expect("the other half");
        pump(io::stdin(), other_half, delay, || {
            note(&noted, Direction::ToNode);
        });
        to_node.shutdown(Shutdown::Write).ok();
    });
    pump(node, io::stdout(), delay, || {
        note(&turns, Direction::FromNode);
    });
}

fn note(turns: &Mutex<Turns>, direction: Direction) {
    let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
    if turns.last.replace(direction) != Some(direction) && direction == Direction::ToNode {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("a time after 1970").as_micros();
        writeln!(turns.file, "{now}").expect("noting a turn");
    }
}

/// Passes on what it reads, each piece when it has been under way for `delay`, until either side ends.
fn pump(mut from: impl Read, mut to: impl Write + Send, delay: Duration, noted: impl Fn()) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::scope(|scope| {
        scope.spawn(move || {
            for (due, piece) in receiver {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if to.write_all(&piece).and_then(|()| to.flush()).is_err() {
                    return;
                }
            }
        });
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut chunk) {
            noted();
            let piece = (Instant::now() + delay, chunk[..length].to_vec());
            if sender.send(piece).is_err() {
                return;
            }
        }
        drop(sender);
    });
}
