//! How many evaluators a command may start on this machine.

use std::num::NonZeroUsize;

use super::memory::available_memory;
use crate::config::Evaluators;

/// What an evaluator needs before the first node, in MiB: Nixpkgs and its library.
const EVALUATOR: u64 = 1024;
/// What a node needs beyond that, in MiB: NixOS systems take 100 to 400.
const NODE: u64 = 256;
/// The fewest nodes for which one more evaluator is worth what it begins with.
const LEAST_NODES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// What evaluators share.
#[derive(Debug, Clone, Copy)]
struct Machine {
    cores: NonZeroUsize,
    /// In MiB; none where the system does not tell.
    memory: Option<u64>,
}

/// Returns how many evaluators there may be for each of so many fleets: `given`, or as many as fit
/// this machine.
pub(super) fn evaluators(given: Option<NonZeroUsize>, fleets: usize) -> Evaluators {
    let machine = Machine {
        cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        memory: available_memory(),
    };
    machine.evaluators(given, fleets)
}

impl Machine {
    fn evaluators(self, given: Option<NonZeroUsize>, fleets: usize) -> Evaluators {
        let (at_once, least_nodes) = match (given, self.memory) {
            (Some(NonZeroUsize::MIN), _) | (None, None) => return Evaluators::ONE,
            (Some(given), _) => (given.get(), NonZeroUsize::MIN),
            (None, Some(memory)) => {
                let fit = memory / (EVALUATOR + NODE * LEAST_NODES.get() as u64);
                (self.cores.get().min(whole(fit)), LEAST_NODES)
            }
        };
        // The budget is for all fleets of the call together.
        let at_once = at_least_one(at_once / fleets.max(1));
        let most_nodes = self.memory.map(|memory| {
            let each = memory / (at_once.get() * fleets.max(1)) as u64;
            at_least_one(whole(each.saturating_sub(EVALUATOR) / NODE)).max(LEAST_NODES)
        });
        Evaluators {
            at_once,
            least_nodes,
            most_nodes,
        }
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn at_least_one(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    /// Returns the most at the same time, the fewest nodes for one more, and the most nodes of one.
    fn evaluators(
        (cores, memory): (usize, Option<u64>),
        given: Option<usize>,
        fleets: usize,
    ) -> (usize, usize, Option<usize>) {
        let machine = Machine {
            cores: number(cores),
            memory,
        };
        let found = machine.evaluators(given.map(number), fleets);
        (
            found.at_once.get(),
            found.least_nodes.get(),
            found.most_nodes.map(NonZeroUsize::get),
        )
    }

    const ONE: (usize, usize, Option<usize>) = (1, 1, None);

    #[test]
    fn cores_and_memory_decide() {
        assert_eq!(evaluators((2, Some(24_000)), None, 1), (2, 8, Some(42)));
        assert_eq!(evaluators((16, Some(24_000)), None, 1), (7, 8, Some(9)));
        assert_eq!(evaluators((16, Some(2_000)), None, 1), (1, 8, Some(8)));
        assert_eq!(evaluators((16, None), None, 1), ONE);
    }

    #[test]
    fn what_was_given_counts() {
        assert_eq!(evaluators((2, Some(24_000)), Some(1), 1), ONE);
        assert_eq!(evaluators((2, Some(24_000)), Some(4), 1), (4, 1, Some(19)));
        assert_eq!(evaluators((2, None), Some(4), 1), (4, 1, None));
    }

    #[test]
    fn fleets_share_it() {
        assert_eq!(evaluators((8, Some(96_000)), None, 2), (4, 8, Some(42)));
        assert_eq!(evaluators((2, Some(24_000)), None, 5), (1, 8, Some(14)));
    }
}
