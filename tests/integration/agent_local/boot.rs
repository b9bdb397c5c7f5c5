//! `activate recover` without a run: what the units at boot call.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use deploy::model::StorePath;
use deploy::protocol::{ActivationRequest, Phase};

use super::bed::{Bed, present};

const NOBODY: u32 = 65534;

/// A node: all places where profiles may lie are those of the bed, and `systemctl` writes down
/// what it was told.
fn node() -> Bed {
    let mut bed = Bed::of_systems();
    for folder in ["profiles/per-user", "auto", "tools"] {
        fs::create_dir_all(bed.path(folder)).unwrap();
    }
    fs::create_dir_all("/nix/var/nix/gcroots/auto").unwrap();
    bed.places.push(("profiles", "/nix/var/nix/profiles"));
    bed.places.push(("auto", "/nix/var/nix/gcroots/auto"));
    bed.profile = "/nix/var/nix/profiles/app".parse().unwrap();
    let systemctl = bed.path("tools/systemctl");
    let log = bed.path("reboots");
    fs::write(
        &systemctl,
        format!("#!/bin/sh\necho \"$@\" >> {}\n", log.display()),
    )
    .unwrap();
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    bed
}

fn recover(bed: &Bed, arguments: &[&str]) -> String {
    let mut words = vec!["recover".to_owned()];
    words.extend(arguments.iter().map(ToString::to_string));
    let path = std::env::var("PATH").unwrap();
    let output = bed
        .agent_with(&words)
        .env("PATH", format!("{}:{path}", bed.path("tools").display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn reboots(bed: &Bed) -> usize {
    let text = fs::read_to_string(bed.path("reboots")).unwrap_or_default();
    text.lines().count()
}

/// A bare system, which deploy-rs's order sets and boots before anybody confirms it.
fn bare(bed: &Bed, name: &str) -> StorePath {
    let script = bed.switch_to_configuration(name, "");
    bed.derivation("bin/switch-to-configuration", name, &script)
}

fn interrupt(bed: &Bed, request: &ActivationRequest, point: &str) {
    bed.start_with_faults(request, &format!("{point}=kill"))
        .result();
}

/// What the boot of an unconfirmed system leaves.
fn booted(bed: &Bed) {
    bed.boot();
    let run = bed.path("run");
    fs::remove_file(run.join("booted-system")).ok();
    let system = run.join("current-system").read_link().unwrap();
    symlink(system, run.join("booted-system")).unwrap();
    bed.calls();
}

#[test]
fn nothing_pending_nothing_done() {
    let bed = node();
    assert_eq!(recover(&bed, &[]), "");
    bed.deploy(&bed.request(&bed.closure("one", "")));
    let before = bed.world();
    assert_eq!(recover(&bed, &["--early"]) + &recover(&bed, &[]), "");
    assert_eq!(bed.world(), before);
}

#[test]
fn early_restores_without_starting_anything_and_reboots_once() {
    let bed = node();
    let (one, two) = (bare(&bed, "one"), bare(&bed, "two"));
    bed.deploy(&bed.request(&one));
    let before = bed.node();
    interrupt(&bed, &bed.magic(&two, 30), "waiting");
    assert_eq!(bed.node().boots.as_deref(), Some("two"));
    booted(&bed);
    let told = recover(&bed, &["--early"]);
    assert!(told.contains("rebooting once"), "{told}");
    assert_eq!(bed.calls(), ["one boot app-1-link"]);
    assert_eq!(reboots(&bed), 1);
    let early = bed.node();
    assert_eq!(early.world.link, before.world.link);
    assert_eq!(early.world.generations, before.world.generations);
    assert_eq!(early.boots, before.boots);
    assert_eq!(bed.journal().phase, Phase::RollingBack);
    // A machine that boots the same system all the same must not go on doing so.
    let again = recover(&bed, &["--early"]);
    assert!(!again.contains("rebooting"), "{again}");
    assert_eq!(reboots(&bed), 1);
    booted(&bed);
    assert_eq!(bed.node(), before);
    let told = recover(&bed, &[]);
    assert!(told.contains(": recovered"), "{told}");
    assert_eq!(bed.node(), before);
    assert_eq!(bed.journal().phase, Phase::RolledBack);
    assert_eq!(recover(&bed, &[]), "");
}

#[test]
fn a_system_that_was_only_tried_needs_no_reboot() {
    let bed = node();
    let (one, two) = (bed.system("one", ""), bed.system("two", ""));
    bed.deploy(&bed.request(&one));
    let before = bed.node();
    interrupt(&bed, &bed.magic(&two, 30), "waiting");
    booted(&bed);
    recover(&bed, &["--early"]);
    assert_eq!((bed.calls(), reboots(&bed)), (vec![], 0));
    recover(&bed, &[]);
    assert_eq!(bed.node(), before);
    assert_eq!(bed.calls(), ["one test app-1-link"]);
}

#[test]
fn what_was_confirmed_is_made_permanent_early_and_activated_late() {
    let bed = node();
    let (one, two) = (bed.system("one", ""), bed.system("two", ""));
    bed.deploy(&bed.request(&one));
    interrupt(&bed, &bed.request(&two), "committing");
    booted(&bed);
    recover(&bed, &["--early"]);
    assert_eq!(bed.calls(), ["two boot app-2-link"]);
    assert_eq!(bed.journal().phase, Phase::Committing);
    recover(&bed, &[]);
    assert_eq!(bed.journal().phase, Phase::Confirmed);
    assert_eq!(bed.active().as_deref(), Some("two"));
    assert_eq!(bed.read(), present(2, &two, 2));
    assert_eq!(reboots(&bed), 0);
}

#[test]
fn a_live_run_is_left_alone() {
    let bed = node();
    let request = bed.magic(&bed.closure("one", ""), 30);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    let during = bed.world();
    for arguments in [&["--early"][..], &[]] {
        let told = recover(&bed, arguments);
        assert!(told.contains("at work and left alone"), "{told}");
    }
    assert_eq!(bed.world(), during);
    bed.confirm(&request.run);
    call.result();
}

/// A profile in a home folder, which only Nix's own list of roots tells of.
fn in_a_home(bed: &mut Bed) -> String {
    fs::set_permissions(bed.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir_all(bed.path("home")).unwrap();
    let profile = bed.path("home/app");
    bed.profile = profile.to_str().unwrap().parse().unwrap();
    let one = bed.closure("one", "id -u >> who");
    bed.deploy(&bed.request(&one));
    let links = |bed: &Bed| {
        bed.path("home/app")
            .read_link()
            .unwrap()
            .display()
            .to_string()
    };
    let before = links(bed);
    let two = bed.closure("two", "");
    interrupt(bed, &bed.magic(&two, 30), "waiting");
    assert_ne!(links(bed), before);
    symlink(bed.path("home/app-2-link"), bed.path("auto/0000")).ok();
    fs::remove_file(bed.path("who")).ok();
    before
}

fn give_away(folder: &Path) {
    let entries = fs::read_dir(folder).unwrap();
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.symlink_metadata().unwrap().is_dir() {
            give_away(&entry);
        } else {
            let status = Command::new("chown")
                .args(["--no-dereference", &NOBODY.to_string()])
                .arg(&entry)
                .status();
            assert!(status.unwrap().success());
        }
    }
    chown(folder, Some(NOBODY), None).unwrap();
}

#[test]
fn a_users_profile_is_recovered_by_its_user() {
    let mut bed = node();
    let before = in_a_home(&mut bed);
    give_away(&bed.path("home"));
    for name in ["history", "active"] {
        fs::set_permissions(bed.path(name), fs::Permissions::from_mode(0o666)).unwrap();
    }
    let told = recover(&bed, &[]);
    assert!(told.contains("home/app: run"), "{told}");
    let link = bed.path("home/app").read_link().unwrap();
    assert_eq!(link.display().to_string(), before, "{told}");
    let who = fs::read_to_string(bed.path("who")).unwrap();
    assert_eq!(who.trim(), NOBODY.to_string(), "{told}");
    assert_eq!(bed.active().as_deref(), Some("one"));
}

/// Anybody can register a root, so that root must not follow it through a user's folder.
#[test]
fn root_follows_no_way_that_a_user_could_change() {
    let mut bed = node();
    in_a_home(&mut bed);
    let during = bed.path("home/app").read_link().unwrap();
    fs::create_dir(bed.path("mallory")).unwrap();
    fs::rename(bed.path("home"), bed.path("mallory/home")).unwrap();
    chown(bed.path("mallory"), Some(NOBODY), None).unwrap();
    symlink(bed.path("mallory/home"), bed.path("home")).unwrap();
    fs::remove_dir_all(bed.path("auto")).unwrap();
    fs::create_dir(bed.path("auto")).unwrap();
    for (number, way) in ["home/app-2-link", "mallory/home/app-2-link"]
        .iter()
        .enumerate()
    {
        symlink(bed.path(way), bed.path(&format!("auto/{number}"))).unwrap();
    }
    assert_eq!(recover(&bed, &[]), "");
    assert_eq!(bed.path("home/app").read_link().unwrap(), during);
    assert!(!bed.path("who").exists());
}

#[test]
fn several_profiles_do_not_hold_each_other_up() {
    let bed = node();
    let one = bed.closure("one", "");
    bed.deploy(&bed.request(&one));
    let before = bed.node();
    interrupt(&bed, &bed.magic(&bed.closure("two", ""), 30), "waiting");
    // One whose journal is broken comes first by its name.
    fs::create_dir(bed.path("profiles/.deploy/aaa")).unwrap();
    fs::write(bed.path("profiles/.deploy/aaa/journal.json"), "{").unwrap();
    let told = recover(&bed, &[]);
    assert!(
        told.contains("is damaged") && told.contains("recovered"),
        "{told}"
    );
    assert_eq!(bed.node(), before);
}
