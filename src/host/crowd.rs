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

/// Logs in, and again after longer and longer pauses while the host turns the login away. Where nothing says why it
/// ended, `explain` is asked once: what will not pass is not waited for.
pub(super) async fn through_the_crowd<T, F, E>(
    login: impl Fn() -> F,
    explain: impl FnOnce() -> E,
) -> Result<T, SshError>
where
    F: Future<Output = Result<T, SshError>>,
    E: Future<Output = Option<SshError>>,
{
    let (mut pause, mut explain) = (FIRST_PAUSE, Some(explain));
    for _ in 0..TRIES {
        let error = match login().await {
            Err(error) if error.kind.may_pass() => error,
            ended => return ended,
        };
        if error.kind == SshErrorKind::CutShort
            && let Some(explain) = explain.take()
            && let Some(reason) = explain().await
            && !reason.kind.may_pass()
        {
            return Err(reason);
        }
        sleep(unlike(pause)).await;
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

    const CUT: &str = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535";

    async fn tries_of(messages: &str, explained: &str) -> (u32, Duration) {
        let (tries, begun) = (Cell::new(0), tokio::time::Instant::now());
        let login = || async {
            tries.set(tries.get() + 1);
            Err::<(), _>(SshError::from_messages(messages))
        };
        let explain = async || Some(SshError::from_messages(explained));
        through_the_crowd(login, explain).await.unwrap_err();
        (tries.get(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_is_turned_away_comes_again() {
        let (tries, took) =
            tries_of("kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22", "").await;
        assert_eq!(tries, TRIES + 1);
        let least = FIRST_PAUSE * (2_u32.pow(TRIES) - 1);
        assert!((least..least * 3 / 2).contains(&took), "{took:?}");
        for other in [
            "ssh: connect to host a port 22: Connection refused",
            "root@a: Permission denied (publickey).",
        ] {
            assert_eq!(tries_of(other, "").await.0, 1, "{other}");
            assert_eq!(tries_of(CUT, other).await.0, 1, "{other}");
        }
        let crowd_on_the_way = format!("{CUT}\nConnection reset by 10.0.0.1 port 22");
        for explained in [&crowd_on_the_way, CUT] {
            assert_eq!(tries_of(CUT, explained).await.0, TRIES + 1, "{explained}");
        }
    }
}
