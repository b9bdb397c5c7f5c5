//! Copies that were cut short go on with what is missing: what has arrived is not sent again.

use crate::scene::{Says, Scene, fleet, one};
use crate::testbed::{Bed, Host, Node, Profile};

const PARTS: usize = 40;
/// Of each part, which does not compress.
const PART_BYTES: u64 = 256 << 10;
/// After which the first connection passes nothing more on: about half of the parts.
const CUT_AFTER: u64 = 5 << 20;
/// What else travels: logins, questions and their answers, the profile itself.
const OTHER_BYTES: u64 = 300 << 10;
/// Stands between ssh and a node. `$3` is what the first connection does when it has passed on so
/// many bytes, after which it is closed; each leaves what it has passed on as a file.
const PROXY: &str = r#"#!/bin/sh
sent=/root/sent/$(ls /root/sent | wc -l)
if [ "$sent" = /root/sent/0 ]; then stdbuf -o0 head -c "$4"; eval "$3"; else cat; fi | tee "$sent" | nc -N "$1" "$2"
"#;

fn parted(version: &str) -> Profile {
    let part = format!(
        "number: fixture.shell \"part${{toString number}}-{version}\" {{ }} \"head -c {PART_BYTES} /dev/urandom >$out\""
    );
    let activation = format!("echo {version} >>/var/lib/activations/app");
    let build = format!(
        "mkdir $out; echo $parts >$out/parts; \
         printf '%s\\n' '#!/bin/sh' '{activation}' >$out/deploy-rs-activate; chmod +x $out/deploy-rs-activate"
    );
    let parts = format!("builtins.genList ({part}) {PARTS}");
    let path = format!("fixture.shell \"app-{version}\" {{ parts = {parts}; }} ''{build}''");
    Profile::new("app", version).path(&path)
}

/// A host that has the agent already, and a fleet that reaches it through the proxy.
fn scene<'bed>(bed: &'bed Bed, when_cut: &str) -> Scene<'bed> {
    let (host, operator) = (bed.host(0), bed.operator());
    let scene = Scene::new(bed, "fleet", &one(host, Profile::new("app", "1.0")));
    drop(scene.apply());
    operator.write("/root/proxy", PROXY);
    operator
        .shell("chmod +x proxy; mkdir sent; touch held")
        .success();
    let proxy = format!("ProxyCommand=/root/proxy %h %p '{when_cut}' {CUT_AFTER}");
    let node = Node::at(host).setting(&format!("sshOpts = [ \"-o\" \"{proxy}\" ];"));
    let flake = fleet().node(node.profile(parted("2.0")));
    scene.folder.rewrite(&flake);
    scene
}

/// Returns how many parts are valid on the host.
#[track_caller]
fn arrived(host: &Host) -> usize {
    let script = "for path in /nix/store/*-part*-2.0; do \
                  if nix-store --check-validity \"$path\" 2>/dev/null; then echo \"$path\"; fi; done";
    host.shell(script).success().stdout.lines().count()
}

/// Returns how many bytes these connections have passed on to the node.
#[track_caller]
fn sent(bed: &Bed, connections: &str) -> u64 {
    let script = format!("cat {connections} | wc -c");
    let output = bed.operator().shell(&script).success();
    output.text().parse().unwrap()
}

fn bytes_of(parts: usize) -> u64 {
    u64::try_from(parts).unwrap() * PART_BYTES
}

#[test]
fn a_run_that_loses_its_connection_sends_the_rest() {
    let bed = Bed::new(1);
    let scene = scene(&bed, "true");
    let words = [
        "copying the rest over a new connection",
        "1 profile activated",
    ];
    drop(scene.apply().says(&words));
    assert_eq!(arrived(bed.host(0)), PARTS);
    let first = sent(&bed, "sent/0");
    assert_eq!(first, CUT_AFTER);
    // The part that was on its way begins anew.
    let all = sent(&bed, "sent/*");
    let most = bytes_of(PARTS + 1) + OTHER_BYTES;
    assert!((bytes_of(PARTS)..most).contains(&all), "{all} bytes");
}

#[test]
fn what_follows_a_run_that_was_killed_sends_the_rest() {
    let bed = Bed::new(1);
    let (host, operator) = (bed.host(0), bed.operator());
    let scene = scene(&bed, "while [ -e /root/held ]; do sleep 0.05; done");
    let running = scene.command(&["apply", "--yes"]).spawn();
    let half = format!("[ \"$(stat -c %s sent/0)\" = {CUT_AFTER} ]");
    operator.comes_to("half of the copy", &half);
    drop(running.kill().code(137));
    operator.shell("rm held").success();
    host.comes_to(
        "the end of the connection",
        "! pgrep -f '[n]ix-store --serve|[n]ix-daemon --stdio'",
    );
    let before = arrived(host);
    assert!((1..PARTS).contains(&before), "{before} parts");
    drop(scene.apply());
    assert_eq!(arrived(host), PARTS);
    let rest = sent(&bed, "sent/[1-9]*");
    let least = bytes_of(PARTS - before);
    assert!((least..least + OTHER_BYTES).contains(&rest), "{rest} bytes");
}
