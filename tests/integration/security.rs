//! What docs/security.md promises and no other test shows: on a real host, as others see it.

use crate::scene::{Says, Scene, folder_of, one, path_of, seen};
use crate::testbed::{self, Bed, HostSettings, Profile};

#[test]
fn another_user_cannot_confirm() {
    let host = HostSettings::new("web1").user("bob");
    let bed = Bed::builder().host(host).boot();
    let host = bed.host(0);
    let flake = one(host, Profile::new("app", "1.0")).setting("confirmTimeout = 5;");
    let scene = Scene::new(&bed, "fleet", &flake);
    let mut running = scene.apply_unconfirmed();
    let journal = format!("{}/journal.json", folder_of("app"));
    running.wait_until("it waits", |_| {
        host.exists(&journal) && host.read(&journal).contains("\"waiting\"")
    });
    let journal: serde_json::Value = serde_json::from_str(&host.read(&journal)).unwrap();
    let run = journal["run"].as_str().unwrap();
    let agent = host.shell("ls -d /nix/store/*-activate").success();
    let confirm = [agent.text(), "confirm", run, &path_of("app")];
    let stranger = bed.operator().ssh("bob", host).args(confirm).run();
    assert!(!stranger.stdout.contains("\"confirmed\""), "{stranger}");
    // His rights do not reach the folder either.
    let folder = journal["confirm_folder"].as_str().unwrap();
    let forced = bed
        .operator()
        .ssh("bob", host)
        .args(["rm", "-rf", folder])
        .run();
    assert_ne!(forced.exit, 0, "{forced}");
    drop(running.wait().code(3).says(&["rolled back"]));
    assert_eq!(seen(host, "app").link, None);
}

#[test]
fn what_a_node_prints_reaches_no_terminal() {
    let (bed, name) = (testbed::shared(), "escapes");
    // Clear the screen, write to the clipboard, set the title, overwrite the line.
    let script = r"printf '\033[2J\033]52;c;aGk=\007\033]0;title\007evil\rgood\n' >&2; exit 1";
    let flake = one(bed.host(0), Profile::new(name, "1.0").script(script));
    let scene = Scene::new(bed, name, &flake);
    let output = scene.deploy(&["apply", "--yes"]).code(3);
    for text in [&output.stdout, &output.stderr] {
        let raw = text
            .chars()
            .find(|letter| letter.is_control() && *letter != '\n');
        assert_eq!(raw, None, "{output}");
    }
    drop(output.says(&["\\x1b[2J", "\\x07evil\\rgood"]));
    let terminal = scene.command(&["apply", "--yes"]).terminal().run();
    for sequence in ["\u{1b}[2J", "\u{1b}]52", "\u{1b}]0;title"] {
        assert!(!terminal.stdout.contains(sequence), "{terminal}");
    }
}

#[test]
fn files_have_the_modes_that_are_promised() {
    let (bed, name) = (testbed::shared(), "modes");
    let scene = Scene::new(bed, name, &one(bed.host(0), Profile::new(name, "1.0")));
    drop(scene.apply());
    let modes = |machine: &testbed::Machine, paths: &str| {
        let output = machine.shell(&format!("stat -c %a {paths} | sort -u | paste -sd ' '"));
        output.success().text().to_owned()
    };
    let (host, folder) = (bed.host(0), folder_of(name));
    for (paths, expected) in [
        ("", "755"),
        ("/journal.json", "644"),
        ("/*.log", "644"),
        ("/*.events", "600"),
        ("/lock", "600"),
    ] {
        assert_eq!(
            modes(host, &format!("{folder}{paths}")),
            expected,
            "{paths}"
        );
    }
    let runs = "/root/.local/state/deploy/runs";
    assert_eq!(modes(bed.operator(), &format!("{runs}/*")), "700");
}
