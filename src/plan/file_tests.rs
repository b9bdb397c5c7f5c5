//! Plan files with something wrong in them.

use proptest::prelude::*;

use super::{Plan, PlanFileError, digest, parse_plan, render_plan, test_plan};
use crate::model::mutated::{mutated, saved_cases};

const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/plan-file.txt");

/// What is read is all that there was; what is refused is said.
fn is_read_or_refused(text: &str) -> Result<(), TestCaseError> {
    match parse_plan(text.as_bytes()) {
        Ok(plan) => {
            let again = parse_plan(render_plan(&plan).as_bytes());
            prop_assert_eq!(again.unwrap(), plan);
        }
        Err(PlanFileError::Malformed { place, source }) => {
            prop_assert!(!place.is_empty() && !source.to_string().is_empty());
        }
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

#[test]
fn nodes_stand_in_the_order_of_their_names_and_once() {
    let (mut swapped, mut twice, mut profiles) = (test_plan(), test_plan(), test_plan());
    swapped.nodes.swap(0, 1);
    twice.nodes.push(twice.nodes[1].clone());
    profiles.profiles.reverse();
    for plan in [swapped, twice, profiles] {
        let digest = digest(&plan);
        let read = parse_plan(render_plan(&Plan { digest, ..plan }).as_bytes());
        assert!(
            matches!(&read, Err(PlanFileError::Malformed { place, .. }) if place == "nodes"),
            "{read:?}"
        );
    }
}

proptest! {
    #![proptest_config(saved_cases(SAVED))]

    #[test]
    fn a_plan_is_read_whole_or_refused(text in mutated(&render_plan(&test_plan()))) {
        is_read_or_refused(&text)?;
    }

    /// Whoever can write a plan can make its digest, too.
    #[test]
    fn so_is_one_whose_digest_fits(text in mutated(&render_plan(&test_plan()))) {
        if let Ok(plan) = serde_json::from_str::<Plan>(&text) {
            let digest = digest(&plan);
            is_read_or_refused(&render_plan(&Plan { digest, ..plan }))?;
        }
    }
}
