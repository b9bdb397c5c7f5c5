//! Activations that take the connection away: where the node can be reached in the end, the end is
//! the new state, and where it cannot the operator is told soon (demand B2, B12).

use std::time::Duration;

use crate::scene::{Says, Scene, one, seen};
use crate::testbed::{Bed, Host, Profile};

const LISTEN: &str = "setsid -f /usr/sbin/sshd -D -e -f /run/sshd_config >/dev/null 2>&1 </dev/null; \
    until [ -s /run/sshd.pid ]; do sleep 0.01; done";
const END_LISTENER: &str =
    "kill \"$(cat /run/sshd.pid)\"; while [ -e /run/sshd.pid ]; do sleep 0.01; done";
/// The connections that stand end, too.
const END_ALL: &str = "pkill -KILL '^sshd'; rm -f /run/sshd.pid";

/// A host at 1.0, whose activation lets sshd listen on port 22 of its own address.
struct Moving {
    bed: Bed,
}

impl Moving {
    fn new() -> Self {
        let moving = Self { bed: Bed::new(1) };
        drop(moving.scene("1.0", "", "").apply());
        moving
    }

    fn host(&self) -> &Host {
        self.bed.host(0)
    }

    fn scene(&self, version: &str, script: &str, settings: &str) -> Scene<'_> {
        let home = format!(
            "grep -q '^Port 22$' /run/sshd_config && exit 0; {}; {END_LISTENER}; {LISTEN}",
            listens_on(&self.host().address(), 22)
        );
        let script = if version == "1.0" { &home } else { script };
        let flake = one(self.host(), Profile::new("app", version).script(script));
        Scene::new(&self.bed, "fleet", &flake.setting(settings))
    }

    /// Moves sshd to another port.
    fn moves(&self, ends: &str) -> String {
        let port = listens_on(&self.host().address(), 2222);
        format!("{port}; {ends}; {LISTEN}")
    }

    #[track_caller]
    fn is_at_2(&self) {
        let after = seen(self.host(), "app");
        assert_eq!(after.link.as_deref(), Some("app-2-link"));
        assert_eq!(after.activations, ["1.0", "2.0"]);
    }
}

fn listens_on(address: &str, port: u16) -> String {
    format!(
        "sed -i 's/^Port .*/Port {port}/; s/^ListenAddress .*/ListenAddress {address}/' /run/sshd_config"
    )
}

const PORT: &str = "confirmSshOpts = [ \"-p\" \"2222\" ]; confirmTimeout = 20;";

#[test]
fn a_port_that_was_announced_confirms() {
    let moving = Moving::new();
    let scene = moving.scene("2.0", &moving.moves(END_LISTENER), PORT);
    drop(scene.apply());
    moving.is_at_2();
}

#[test]
fn a_port_that_was_announced_is_where_the_lost_activation_is_found_again() {
    let moving = Moving::new();
    let scene = moving.scene("2.0", &moving.moves(END_ALL), PORT);
    drop(scene.apply());
    moving.is_at_2();
}

#[test]
fn a_port_that_was_not_announced_goes_back() {
    let moving = Moving::new();
    let scene = moving.scene("2.0", &moving.moves(END_LISTENER), "confirmTimeout = 3;");
    drop(
        scene
            .deploy(&["apply", "--yes"])
            .code(3)
            .says(&["rolled back", "Connection refused"]),
    );
    let after = seen(moving.host(), "app");
    assert_eq!(after.link.as_deref(), Some("app-1-link"));
    assert_eq!(after.activations, ["1.0", "2.0", "1.0"]);
}

#[test]
fn an_address_that_was_announced_confirms() {
    let moving = Moving::new();
    let old = moving.host().address();
    let mut parts: Vec<u8> = old.split('.').map(|part| part.parse().unwrap()).collect();
    parts[1] ^= 0x80;
    let new = parts
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(".");
    let script = format!("{}; {END_ALL}; {LISTEN}", listens_on(&new, 22));
    let settings = format!(
        "confirmHostname = \"{new}\"; confirmSshOpts = [ \"-o\" \"HostKeyAlias={old}\" ]; confirmTimeout = 20;"
    );
    drop(moving.scene("2.0", &script, &settings).apply());
    moving.is_at_2();
}

#[test]
fn an_sshd_that_is_restarted_with_all_its_connections_is_found_again() {
    let moving = Moving::new();
    let script = format!("{END_ALL}; sleep 1; {LISTEN}");
    drop(moving.scene("2.0", &script, "").apply());
    moving.is_at_2();
}

#[test]
fn twenty_seconds_without_an_answer_are_no_reason_to_go_back() {
    let moving = Moving::new();
    let script = "(sleep 20; pkill -CONT '^sshd') >/dev/null 2>&1 & pkill -STOP '^sshd'";
    drop(moving.scene("2.0", script, "").apply());
    moving.is_at_2();
}

#[test]
fn an_activation_that_is_not_heard_of_any_more_is_given_up_soon() {
    let moving = Moving::new();
    let script = "pkill -STOP '^sshd'; sleep 600";
    let scene = moving.scene("2.0", script, "confirmTimeout = 3;");
    let output = scene.deploy(&["apply", "--yes"]).code(3);
    assert!(output.elapsed < Duration::from_secs(60), "{output}");
    drop(output.says(&[
        "web1.app unreachable",
        "it goes back by itself 3 s after its activation",
        "activationTimeout is not set",
    ]));
}
