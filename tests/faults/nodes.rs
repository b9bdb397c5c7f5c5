//! A node that fails beside one that does not, and one that is not concerned.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{Activation, Confirm, EVERY, Fault, Journal, Lock, Set, Wait};
use crate::state::{PROFILE, State, VERSIONS};
use crate::table::Stage;
use crate::testbed::{Flake, Node, Profile};

const BESIDE: Fault = Fault {
    hosts: 3,
    confirm_timeout: 20,
    before: |lab| drop(lab.scene(&fleet(lab, [VERSIONS[0]; 3])).apply()),
    after: |lab| {
        if !lab.hosts()[1].is_up() {
            lab.hosts()[1].boot();
        }
    },
    ..Fault::new("one-node-fails", EVERY, |lab| {
        beside(lab, &["apply", "--yes"])
    })
};

pub(crate) const FAULTS: &[Fault] = &[
    BESIDE,
    Fault {
        name: "one-node-fails-and-all-go-back",
        stages: &[Lock, Journal, Set, Activation, Wait, Confirm],
        run: |lab| beside(lab, &["apply", "--yes", "--rollback-succeeded"]),
        ..BESIDE
    },
];

fn fleet(lab: &Lab, versions: [&str; 3]) -> Flake {
    let nodes = lab.hosts().iter().zip(versions).enumerate();
    let node = |(index, (host, version))| {
        let profile = match index {
            0 => lab.profile(version),
            _ if version == VERSIONS[1] => Profile::new(PROFILE, version).script("exit 1"),
            _ => Profile::new(PROFILE, version),
        };
        Node::at(host).profile(profile)
    };
    nodes.map(node).fold(lab.settings(), Flake::node)
}

/// Before the barrier no node is activated, so there the other one fails by being gone.
fn beside(lab: &Lab, apply: &[&str]) -> Answer {
    let [_, other, unchanged] = lab.hosts() else {
        panic!("three hosts")
    };
    let states = || [other, unchanged].map(|host| State::of(host, PROFILE));
    let before = states();
    lab.arm();
    let scene = lab.scene(&fleet(lab, [VERSIONS[1], VERSIONS[1], VERSIONS[0]]));
    let mut run = scene.command(apply).spawn();
    lab.wait_held(&mut run);
    let since = Instant::now();
    let is_before_the_barrier = matches!(lab.stage, Stage::Observe | Stage::Copy);
    if is_before_the_barrier {
        other.crash();
    } else {
        let went_back = || other.activations(PROFILE) == ["1.0", "2.0", "1.0"];
        lab.wait_until("the other node has gone back", || {
            went_back() && states() == before
        });
    }
    lab.release();
    let answer = Answer::of(&run.wait(), since);
    assert_eq!(unchanged.activations(PROFILE), ["1.0"]);
    if is_before_the_barrier {
        other.boot();
    }
    assert_eq!(states(), before);
    answer
}
