//! Addresses for hosts: loopback ones that no other test binary on this machine uses.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const LOOPBACK: u32 = 127 << 24;
const TRIES: u32 = 1000;

/// Returns an address where port 22 is free. Numbers start at a place that depends on the
/// process id and are not used twice, so that a host which is down keeps its own.
#[track_caller]
pub(crate) fn next() -> Ipv4Addr {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    for _ in 0..TRIES {
        let number = (process::id() << 8).wrapping_add(COUNTER.fetch_add(1, Ordering::Relaxed));
        let address = Ipv4Addr::from(LOOPBACK | (number & 0x00ff_ffff));
        if is_usable(address) && TcpListener::bind((address, 22)).is_ok() {
            return address;
        }
    }
    panic!(
        "no address has port 22 free; if an sshd has it on all of them, run this through tests/own-network"
    );
}

/// 127.0.x.y is where this machine's own services and other tools' tests are.
fn is_usable(address: Ipv4Addr) -> bool {
    let [_, second, _, last] = address.octets();
    second != 0 && last != 0 && last != 255
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn addresses_differ_and_are_loopback() {
        let (one, other) = (next(), next());
        assert_ne!(one, other);
        assert!(one.is_loopback() && other.is_loopback());
    }
}
