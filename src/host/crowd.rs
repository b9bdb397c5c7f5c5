//! Logging in to a host that turns logins away while it has too many at a time (`MaxStartups` of sshd), as one does through
//! which all nodes of a fleet are reached.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::sleep;

use crate::ssh::{SshError, SshErrorKind};

/// The first pause; each is twice as long as the one before, and has up to its half more.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The pauses: about 16 s in all.
const TRIES: u32 = 6;

/// Logs in, and again after longer and longer pauses while the host turns the login away.
pub(super) async fn through_the_crowd<T, F: Future<Output = Result<T, SshError>>>(
    login: impl Fn() -> F,
) -> Result<T, SshError> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..TRIES {
        match login().await {
            Err(error) if error.kind == SshErrorKind::TurnedAway => sleep(unlike(pause)).await,
            ended => return ended,
        }
        pause *= 2;
    }
    login().await
}

/// Those that were turned away together must not come again together.
fn unlike(pause: Duration) -> Duration {
    let any = u32::from(RandomState::new().hash_one(pause).to_be_bytes()[0]);
    pause + pause * any / 512
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn tries_of(messages: &str) -> (u32, Duration) {
        let (tries, begun) = (Cell::new(0), tokio::time::Instant::now());
        let login = || async {
            tries.set(tries.get() + 1);
            Err::<(), _>(SshError::from_messages(messages))
        };
        through_the_crowd(login).await.unwrap_err();
        (tries.get(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_is_turned_away_comes_again() {
        let (tries, took) =
            tries_of("kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22").await;
        assert_eq!(tries, TRIES + 1);
        let least = FIRST_PAUSE * (2_u32.pow(TRIES) - 1);
        assert!((least..least * 3 / 2).contains(&took), "{took:?}");
        for other in [
            "ssh: connect to host a port 22: Connection refused",
            "root@a: Permission denied (publickey).",
        ] {
            assert_eq!(tries_of(other).await.0, 1, "{other}");
        }
    }
}
