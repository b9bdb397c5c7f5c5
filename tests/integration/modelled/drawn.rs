//! What docs/rollback.md says of the phases is what the executable does.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use deploy::agent::rules::{Fact, Policy, next};
use deploy::protocol::{Order, Phase};

const PHASES: [Phase; 10] = [
    Phase::Prepared,
    Phase::Setting,
    Phase::Activating,
    Phase::Waiting,
    Phase::Committing,
    Phase::Confirmed,
    Phase::RollingBack,
    Phase::RolledBack,
    Phase::LeftFailed,
    Phase::RollbackFailed,
];
const FACTS: [Fact; 7] = [
    Fact::Succeeded,
    Fact::Degraded,
    Fact::NeedsReboot,
    Fact::Failed,
    Fact::Unconfirmed,
    Fact::Interrupted,
    Fact::Revoked,
];

fn name_of(phase: Phase) -> String {
    format!(
        "`{}`",
        serde_json::to_value(phase).unwrap().as_str().unwrap()
    )
}

/// The phases that may follow, whatever the settings are.
fn followers(phase: Phase, fact: Fact, order: Order) -> BTreeSet<Phase> {
    let policy = |bits: u8| Policy {
        sets_profile: bits & 1 > 0,
        order,
        auto_rollback: bits & 2 > 0,
        magic_rollback: bits & 4 > 0,
        keeps_degraded: bits & 8 > 0,
    };
    (0..16)
        .filter_map(|bits| next(phase, fact, policy(bits)))
        .collect()
}

fn table(order: Order) -> String {
    let mut table = String::from("| phase | what happens | next phase |\n|---|---|---|\n");
    for phase in PHASES {
        for fact in FACTS {
            let names: Vec<_> = followers(phase, fact, order)
                .into_iter()
                .map(name_of)
                .collect();
            if !names.is_empty() {
                let (phase, names) = (name_of(phase), names.join(" or "));
                writeln!(table, "| {phase} | {fact:?} | {names} |").unwrap();
            }
        }
    }
    table
}

#[test]
fn the_tables_of_the_page_are_what_the_agent_does() {
    let page = include_str!("../../../docs/rollback.md");
    for order in [Order::SetFirst, Order::ConfirmFirst] {
        let table = table(order);
        assert!(page.contains(&table), "docs/rollback.md lacks\n{table}");
    }
    assert_eq!(table(Order::NextBoot), table(Order::SetFirst));
}
