//! The ways to a node that `sshOpts`, `ssh_config` and addresses name: each reaches logins and
//! copies (demand 37, 40, B21).

use std::time::Duration;

use crate::scene::{Says, Scene, seen};
use crate::testbed::{Bed, Flake, Host, Node, Profile};

fn flake(hostname: &str, setting: &str, version: &str) -> Flake {
    let node = Node::new("web1", hostname).setting(setting);
    let node = node.profile(Profile::new("app", version).padding(1));
    Flake::new()
        .setting("sshUser = \"root\"; user = \"root\"; confirmTimeout = 20;")
        .node(node)
}

fn list(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("sshOpts = [ {} ];", words.join(" "))
}

fn listens_on(host: &Host, lines: &str) {
    host.append("/run/sshd_config", lines);
    host.stop_sshd();
    host.start_sshd();
}

fn takes_two_logins_at_a_time(host: &Host) {
    let few = "s/^MaxStartups .*/MaxStartups 2/";
    drop(host.run(["sed", "-i", few, "/run/sshd_config"]).success());
    host.stop_sshd();
    host.start_sshd();
}

/// Applies it, and checks that the node was reached through the other host, if there is one.
#[track_caller]
fn arrives(bed: &Bed, flake: &Flake, flags: &[&str], through: Option<&Host>, version: &str) {
    let before = through.map(Host::logins);
    let scene = Scene::new(bed, "fleet", flake);
    let words = [&["apply", "--yes"], flags].concat();
    drop(
        scene
            .deploy(&words)
            .success()
            .says(&["1 profile activated"]),
    );
    let activations = seen(bed.host(0), "app").activations;
    assert_eq!(activations.last().map(String::as_str), Some(version));
    let after = through.map(Host::logins);
    assert!(
        after.is_none() || after > before,
        "nobody came through the other host"
    );
}

#[test]
fn a_host_that_turns_logins_away_is_asked_again() {
    const NODES: usize = 16;
    let bed = Bed::new(1);
    let host = bed.host(0);
    takes_two_logins_at_a_time(host);
    let mut flake =
        Flake::new().setting("sshUser = \"root\"; user = \"root\"; confirmTimeout = 60;");
    for number in 0..NODES {
        let node = Node::new(&format!("web{number}"), &host.address());
        // Options of its own make it a connection of its own.
        let node = node.setting(&list(&["-o", &format!("SetEnv=NODE={number}")]));
        flake = flake.node(node.profile(Profile::new(&format!("app{number}"), "1.0")));
    }
    let scene = Scene::new(&bed, "fleet", &flake);
    let output = scene.deploy(&["apply", "--yes"]).success();
    drop(output.says(&["16 profiles activated"]));
    let log = host.ssh_log();
    assert!(log.contains("MaxStartups"), "nobody was turned away: {log}");
}

#[test]
fn a_crowd_at_the_host_that_leads_to_the_nodes_is_waited_for() {
    const NODES: usize = 8;
    let bed = Bed::new(2);
    let (inner, jump) = (bed.host(0), bed.host(1));
    takes_two_logins_at_a_time(jump);
    let outer = format!("root@{}", jump.address());
    let mut flake = Flake::new().setting("sshUser = \"root\";");
    for number in 0..NODES {
        let node = Node::new(&format!("web{number}"), &inner.address());
        let own = format!("SetEnv=NODE={number}");
        let node = node.setting(&list(&["-J", &outer, "-o", &own]));
        flake = flake.node(node.profile(Profile::new(&format!("app{number}"), "1.0")));
    }
    let scene = Scene::new(&bed, "fleet", &flake);
    drop(scene.deploy(&["plan"]).success().says(&["8 to create"]));
    let log = jump.ssh_log();
    assert!(log.contains("MaxStartups"), "nobody was turned away: {log}");
}

#[test]
fn through_another_host() {
    let bed = Bed::new(2);
    let (inner, jump) = (bed.host(0).address(), bed.host(1));
    let outer = format!("root@{}", jump.address());
    let option = list(&["-J", &outer]);
    arrives(&bed, &flake(&inner, &option, "1.0"), &[], Some(jump), "1.0");
    // With blanks, which older versions of Nix cannot be told.
    let proxy = format!("ProxyCommand=sh -c 'exec ssh -W \"$1\" \"$2\"' sh %h:%p {outer}");
    let option = list(&["-o", &proxy]);
    arrives(&bed, &flake(&inner, &option, "2.0"), &[], Some(jump), "2.0");
    let config = format!("\nHost inner\n  HostName {inner}\n  ProxyJump {outer}\n");
    bed.operator().append("/root/.ssh/config", &config);
    arrives(&bed, &flake("inner", "", "3.0"), &[], Some(jump), "3.0");
}

/// ssh says of a master's login only that "the remote host" ended the connection: a second login tells the reason.
#[test]
fn what_is_down_behind_another_host_or_a_command_is_not_waited_for() {
    let bed = Bed::new(2);
    let (inner, jump) = (bed.host(0), bed.host(1));
    inner.stop_sshd();
    let refused = "open failed: connect failed: Connection refused";
    let option = list(&["-J", &format!("root@{}", jump.address())]);
    let before = jump.logins();
    is_unreachable(&bed, &option, refused);
    assert_eq!(jump.logins() - before, 2, "{}", jump.ssh_log());
    for (command, reason) in [
        ("nosuch", "nosuch: not found"),
        (
            "ssh -p 1 -W %h:%p root@127.0.0.1",
            "connect to host 127.0.0.1 port 1: Connection refused",
        ),
    ] {
        let asked = format!("/tmp/asked-{}", command.len());
        let proxy = format!("ProxyCommand=sh -c 'echo asked >>{asked}; {command}'");
        is_unreachable(&bed, &list(&["-o", &proxy]), reason);
        assert_eq!(
            bed.operator().read(&asked),
            "asked\n".repeat(2),
            "{command}"
        );
    }
}

#[track_caller]
fn is_unreachable(bed: &Bed, option: &str, reason: &str) {
    let flake = flake(&bed.host(0).address(), option, "1.0");
    let scene = Scene::new(bed, "fleet", &flake);
    drop(
        scene
            .deploy(&["plan"])
            .says(&["1 node unreachable", reason]),
    );
}

#[test]
fn a_port_and_a_key_with_a_blank_in_its_name() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    listens_on(host, "\nPort 2222\n");
    let address = host.address();
    arrives(
        &bed,
        &flake(&address, &list(&["-p", "2222"]), "1.0"),
        &[],
        None,
        "1.0",
    );
    // The flag replaces what the flake says, and is split as a shell would.
    let move_key = "mkdir '/root/my keys' && mv /root/.ssh/id_ed25519 '/root/my keys/id'";
    bed.operator().shell(move_key).success();
    let flags = ["--ssh-opts", "-p 2222 -i '/root/my keys/id'"];
    arrives(
        &bed,
        &flake(&address, &list(&["-p", "1"]), "2.0"),
        &flags,
        None,
        "2.0",
    );
}

#[test]
fn addresses_of_ipv6() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let port = 2000 + std::process::id() % 40000;
    listens_on(host, &format!("\nListenAddress [::1]:{port}\n"));
    let (port, key) = (port.to_string(), format!("HostKeyAlias={}", host.address()));
    let option = list(&["-p", &port, "-o", &key]);
    for (hostname, version) in [("::1", "1.0"), ("0:0:0:0:0:0:0:1", "2.0")] {
        arrives(&bed, &flake(hostname, &option, version), &[], None, version);
    }
}

/// As docs/scale.md has it: nothing is faster than its limit, whatever the machine does meanwhile.
#[test]
fn through_a_proxy_that_limits_the_rate() {
    const SECONDS: u64 = 4;
    let bed = Bed::new(1);
    let option = list(&["-o", "ProxyCommand=pv -qL 1m | nc %h %p"]);
    let profile = |version, padding| Profile::new("app", version).padding(padding);
    let node = |profile| Node::at(bed.host(0)).setting(&option).profile(profile);
    let flake = |profile| {
        Flake::new()
            .setting("sshUser = \"root\";")
            .node(node(profile))
    };
    let scene = Scene::new(&bed, "fleet", &flake(profile("1.0", 0)));
    drop(scene.apply());
    let padding = u32::try_from(SECONDS).unwrap();
    scene.folder.rewrite(&flake(profile("2.0", padding)));
    let took = scene.apply().elapsed;
    // A little may have gathered before the first byte.
    let least = Duration::from_secs(SECONDS).saturating_sub(Duration::from_millis(200));
    assert!(took >= least, "{took:?}");
}
