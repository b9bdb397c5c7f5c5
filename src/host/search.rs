//! Whether a node that does not answer any more is worth another try, and until when.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::ssh::SshErrorKind;

/// How long after a loss a try may begin: longer than a restart of sshd or of the network takes.
const LIMIT: Duration = Duration::from_secs(25);
/// A node that answers and is lost again and again is given up at some time, too.
const LOSSES_MAX: u32 = 5;
/// The pause before a try.
const PAUSE: Duration = Duration::from_millis(500);

/// The search for a node over new connections. Only for work that does no harm when it is done
/// again.
#[derive(Debug)]
pub struct Search {
    was_there: bool,
    lost_at: Option<Instant>,
    losses: u32,
}

impl Search {
    /// Returns the search for a node that was heard of before; any other one is looked for only
    /// once it has answered.
    pub fn new(was_there: bool) -> Self {
        Self {
            was_there,
            lost_at: None,
            losses: 0,
        }
    }

    /// Takes in that a try has failed. Returns whether another one is worth it, after a pause.
    pub async fn goes_on(&mut self, failure: Option<SshErrorKind>) -> bool {
        let now = Instant::now();
        let until = match failure {
            Some(SshErrorKind::Lost) => {
                self.losses += 1;
                self.lost_at = (self.losses < LOSSES_MAX).then_some(now);
                self.lost_at
            }
            Some(kind) if kind.is_unreachable() && self.was_there => {
                Some(*self.lost_at.get_or_insert(now))
            }
            Some(kind) if kind.is_unreachable() => self.lost_at,
            _ => None,
        };
        if until.is_none_or(|lost_at| now + PAUSE >= lost_at + LIMIT) {
            return false;
        }
        sleep(PAUSE).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: Option<SshErrorKind> = Some(SshErrorKind::Lost);
    const UNREACHABLE: Option<SshErrorKind> = Some(SshErrorKind::Unreachable);

    #[tokio::test(start_paused = true)]
    async fn only_a_node_that_was_there_is_looked_for() {
        assert!(!Search::new(false).goes_on(UNREACHABLE).await);
        assert!(Search::new(true).goes_on(UNREACHABLE).await);
        for other in [None, Some(SshErrorKind::LoginRefused)] {
            assert!(!Search::new(true).goes_on(other).await, "{other:?}");
        }
        let mut search = Search::new(false);
        assert!(search.goes_on(LOST).await);
        assert!(search.goes_on(UNREACHABLE).await);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_from_the_last_loss() {
        let mut search = Search::new(false);
        assert!(search.goes_on(LOST).await);
        sleep(LIMIT / 2).await;
        assert!(search.goes_on(UNREACHABLE).await);
        assert!(search.goes_on(LOST).await, "it was there again");
        sleep(LIMIT / 2).await;
        assert!(search.goes_on(UNREACHABLE).await);
        sleep(LIMIT / 2).await;
        assert!(!search.goes_on(UNREACHABLE).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_goes_whenever_it_comes_is_given_up() {
        let mut search = Search::new(true);
        for _ in 1..LOSSES_MAX {
            assert!(search.goes_on(LOST).await);
        }
        assert!(!search.goes_on(LOST).await);
    }
}
