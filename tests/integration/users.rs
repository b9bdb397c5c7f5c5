//! Profiles of several users on one node, over sudo and over logins of their own.

use std::io::Write as _;
use std::sync::OnceLock;

use crate::scene::{Says, Scene, Seen, path_of, seen, seen_at};
use crate::testbed::{Bed, Flake, Host, HostSettings, Node, Profile};

/// One host where alice may become anybody, carol may with a password that she has not got, bob
/// may not, and each has another login shell. All may write into the store.
fn people() -> &'static Bed {
    static PEOPLE: OnceLock<Bed> = OnceLock::new();
    PEOPLE.get_or_init(|| {
        let users = ["alice", "bob", "carol", "dora", "fay", "gus"];
        let host = HostSettings::new("web1")
            .user("alice")
            .user("bob")
            .user("carol")
            .user("gus")
            .user_with_shell("dora", "/bin/dash")
            .user_with_shell("fay", "/usr/bin/fish")
            .sudo("alice ALL=(ALL) NOPASSWD: ALL")
            .sudo("carol ALL=(ALL) ALL");
        let host = users.into_iter().fold(host, HostSettings::trusted_user);
        Bed::builder().host(host).boot()
    })
}

fn host() -> &'static Host {
    people().host(0)
}

/// A fleet that is logged in to as this user.
fn as_user(ssh_user: &str, profiles: &[Profile]) -> Flake {
    let setting = format!("sshUser = \"{ssh_user}\";");
    let node = profiles
        .iter()
        .cloned()
        .fold(Node::at(host()), Node::profile);
    Flake::new().setting(&setting).node(node)
}

fn of(user: &str, profile: &str, version: &str) -> Profile {
    Profile::new(profile, version).setting(&format!("user = \"{user}\";"))
}

fn own_path(user: &str, profile: &str) -> String {
    format!("/home/{user}/.local/state/nix/profiles/{profile}")
}

fn old_path(user: &str, profile: &str) -> String {
    format!("/nix/var/nix/profiles/per-user/{user}/{profile}")
}

#[test]
fn a_user_s_own_profile_and_one_of_root_through_sudo() {
    let flake = |version| {
        as_user(
            "alice",
            &[
                of("alice", "own", version),
                of("root", "through-sudo", version),
            ],
        )
    };
    let scene = Scene::new(people(), "two-users", &flake("1.0"));
    drop(scene.apply().says(&["2 profiles activated"]));
    let planned = scene.plan_json();
    let own = planned["profiles"][0]["profile_path"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(planned["summary"]["unchanged"], 2, "{planned}");
    scene.folder.rewrite(&flake("2.0"));
    drop(scene.apply().says(&["generation 1 -> 2"]));
    let root = seen(host(), "through-sudo");
    assert_eq!(
        (root.numbers(), root.activations),
        (vec![1, 2], vec!["1.0".into(), "2.0".into()])
    );
    let alice = seen_at(host(), &own, "own");
    assert_eq!(
        (alice.numbers(), alice.link.as_deref()),
        (vec![1, 2], Some("own-2-link"))
    );
    let owner = host().run(["stat", "--format=%U", &own, &format!("{own}-2-link")]);
    assert_eq!(owner.success().text(), "alice\nalice");
}

/// Nix's daemon makes the old folder for gus as soon as he copies something.
#[test]
fn a_user_s_profile_stays_where_it_was_first_deployed() {
    let flake = |version| as_user("gus", &[of("gus", "stays", version)]);
    let scene = Scene::new(people(), "stays", &flake("1.0"));
    drop(scene.save("plan.json"));
    let planned = scene
        .deploy(&["show", "--format", "json", "plan.json"])
        .success()
        .json();
    assert_eq!(
        planned["profiles"][0]["profile_path"],
        own_path("gus", "stays")
    );
    drop(scene.deploy(&["apply", "plan.json"]).success());
    assert!(host().exists("/nix/var/nix/profiles/per-user/gus"));
    drop(
        scene
            .deploy(&["plan", "--detailed-exitcode"])
            .code(0)
            .says(&["No changes"]),
    );
    scene.folder.rewrite(&flake("2.0"));
    drop(scene.apply().says(&["generation 1 -> 2"]));
    assert_eq!(
        seen_at(host(), &own_path("gus", "stays"), "stays").numbers(),
        [1, 2]
    );
}

#[test]
fn a_user_s_profile_in_the_old_folder() {
    let folder = "/nix/var/nix/profiles/per-user/bob";
    host().run(["install", "-d", "-o", "bob", folder]).success();
    let scene = Scene::new(
        people(),
        "old-folder",
        &as_user("bob", &[of("bob", "old", "1.0")]),
    );
    drop(scene.apply());
    let bob = seen_at(host(), &old_path("bob", "old"), "old");
    assert_eq!(
        (bob.numbers(), bob.activations),
        (vec![1], vec!["1.0".to_owned()])
    );
    assert!(!host().exists(&own_path("bob", "old")));
}

/// As if the last run had died before its confirmation, with nothing left to be taken back but
/// what it has made.
fn left_by_a_run_that_died(host: &Host, profile: &str) {
    let (folder, name) = profile.rsplit_once('/').unwrap();
    let journal = format!("{folder}/.deploy/{name}/journal.json");
    let phase = host.read(&journal).replace("\"confirmed\"", "\"prepared\"");
    host.write(&journal, &phase);
}

#[test]
fn a_profile_in_a_private_home_is_read_under_the_lock() {
    let settings = HostSettings::new("web1")
        .user("alice")
        .user("eve")
        .trusted_user("alice");
    let bed = Bed::builder()
        .host(settings.sudo("alice ALL=(ALL) NOPASSWD: ALL"))
        .boot();
    let host = bed.host(0);
    let flake = |version| {
        let node = Node::at(host).profile(of("eve", "private", version));
        Flake::new().setting("sshUser = \"alice\";").node(node)
    };
    let scene = Scene::new(&bed, "private-home", &flake("1.0"));
    let words = [
        "private unknown",
        "its state is unknown: no permission to read /home/eve",
        "1 unknown",
    ];
    drop(
        scene
            .deploy(&["plan", "--out", "plan.json"])
            .code(0)
            .says(&words),
    );
    drop(scene.deploy(&["apply", "plan.json"]).success());
    let path = own_path("eve", "private");
    assert_eq!(seen_at(host, &path, "private").activations, ["1.0"]);
    // The agent is there now, so that sudo can be asked to read, wherever the profile lies.
    drop(
        scene
            .deploy(&["plan", "--detailed-exitcode"])
            .code(0)
            .says(&["private unchanged generation 1"]),
    );
    scene.folder.rewrite(&flake("2.0"));
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["private update generation 1 -> 2"]),
    );
    drop(scene.apply());
    assert_eq!(seen_at(host, &path, "private").numbers(), [1, 2]);
    let status = scene.deploy(&["status"]).success();
    drop(status.says(&["private generation 2 private-2.0", "deployed"]));
    let list = scene.deploy(&["rollback", ".#web1", "--list"]).success();
    drop(list.says(&["private-1.0", "private-2.0"]));
    left_by_a_run_that_died(host, &path);
    drop(
        scene
            .deploy(&["status"])
            .success()
            .says(&["was interrupted"]),
    );
    let back = scene.deploy(&["rollback", ".#web1", "--yes"]).success();
    drop(back.says(&["recovered: an unfinished run of", "generation 2 -> 1"]));
    let after = seen_at(host, &path, "private");
    assert_eq!(after.link.as_deref(), Some("private-1-link"));
    // Nor does it move when the agent is not there.
    host.run(["sh", "-c", "chmod -x /nix/store/*-activate"])
        .success();
    let plan = scene.plan_json();
    assert_eq!(plan["profiles"][0]["profile_path"], path, "{plan}");
    assert_eq!(plan["profiles"][0]["action"], "unknown", "{plan}");
}

#[test]
fn a_folder_that_the_user_may_not_write() {
    let path = "/nix/var/nix/profiles/forbidden";
    let profile = of("bob", "forbidden", "1.0").setting(&format!("profilePath = \"{path}\";"));
    let scene = Scene::new(people(), "forbidden", &as_user("bob", &[profile]));
    drop(
        scene
            .deploy(&["plan"])
            .code(0)
            .says(&["+ forbidden create generation 1 as bob"]),
    );
    let output = scene.deploy(&["apply", "--yes"]).code(1);
    drop(output.says(&[
        "/nix/var/nix/profiles",
        "ermission denied",
        "nothing was changed",
    ]));
    assert_eq!(seen_at(host(), path, "forbidden"), Seen::nothing());
    assert!(!host().exists("/nix/var/nix/profiles/.deploy"));
}

/// Applies a profile of root that this user may not become root for.
fn sudo_refuses(user: &str, words: &[&str]) {
    let name = format!("no-sudo-{user}");
    let flake = as_user(user, &[of(user, "before", "1.0"), of("root", &name, "1.0")]);
    let scene = Scene::new(people(), &name, &flake);
    drop(scene.deploy(&["plan"]).code(0));
    let before = host().activations("before");
    drop(scene.deploy(&["apply", "--yes"]).code(1).says(words));
    assert_eq!(seen(host(), &name), Seen::nothing());
    assert_eq!(
        host().activations("before"),
        before,
        "nothing before it was changed either"
    );
}

#[test]
fn sudo_that_needs_a_password() {
    sudo_refuses(
        "carol",
        &[
            "a password is required",
            "Let sudo run the agent without a password",
            "nothing was changed",
        ],
    );
}

#[test]
fn sudo_that_is_not_allowed() {
    sudo_refuses(
        "bob",
        &[
            "sudo",
            "Let sudo run the agent without a password",
            "nothing was changed",
        ],
    );
}

#[test]
fn a_sudo_of_the_flake_s_own() {
    let scene = Scene::new(
        people(),
        "own-sudo",
        &as_user(
            "alice",
            &[of("root", "own-sudo", "1.0").setting("sudo = \"sudo -n -H -u\";")],
        ),
    );
    drop(scene.apply());
    assert_eq!(
        host().link(&path_of("own-sudo")).as_deref(),
        Some("own-sudo-1-link")
    );
    scene.folder.rewrite(&as_user(
        "alice",
        &[of("root", "own-sudo", "2.0").setting("sudo = \"no-such-sudo -u\";")],
    ));
    drop(scene.deploy(&["apply", "--yes"]).code(1).says(&[
        "no-such-sudo",
        "not found",
        "nothing was changed",
    ]));
    assert_eq!(host().activations("own-sudo"), ["1.0"]);
}

/// Deploys, confirms and goes back as a user whose login shell is another one.
fn deploys_over_shell(user: &str) {
    let name = format!("it's $(of) {user}");
    let path = format!(
        "fixture.profile {{ name = \"shell-{user}\"; packages = [ ]; build = \"\"; padding = 0; "
    );
    let version = |version: &str, script: &str| {
        let path = format!("{path} version = \"{version}\"; script = \"{script}\"; }}");
        as_user(
            user,
            &[Profile::new(&name, version)
                .path(&path)
                .setting(&format!("user = \"{user}\";"))],
        )
    };
    let scene = Scene::new(people(), &format!("shell-{user}"), &version("1.0", ""));
    drop(scene.apply().says(&["1 profile activated"]));
    scene.folder.rewrite(&version("2.0", "exit 1"));
    drop(
        scene
            .deploy(&["apply", "--yes"])
            .code(3)
            .says(&["rolled back"]),
    );
    assert_eq!(
        host().activations(&format!("shell-{user}")),
        ["1.0", "2.0", "1.0"]
    );
}

#[test]
fn a_login_shell_that_is_bash() {
    deploys_over_shell("bob");
}

#[test]
fn a_login_shell_that_is_dash() {
    deploys_over_shell("dora");
}

#[test]
fn a_login_shell_that_is_fish() {
    if host().exists("/usr/bin/fish") {
        deploys_over_shell("fay");
    } else {
        // Not by a macro of println's kind: those are kept from sight when a test passes.
        let told = writeln!(std::io::stderr(), "SKIPPED: fish is not installed");
        told.unwrap();
    }
}

#[test]
fn going_back_through_sudo_and_what_of_others_cannot_be_seen() {
    let dora_s = |version| {
        let path = "profilePath = \"/home/dora/profiles/back-of-dora\";";
        of("dora", "back-of-dora", version).setting(path)
    };
    let flake = |version| {
        let profiles = ["root", "alice"].map(|user| of(user, &format!("back-of-{user}"), version));
        let [root, alice] = profiles;
        as_user("alice", &[root, alice, dora_s(version)])
    };
    let scene = Scene::new(people(), "going-back", &flake("1.0"));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0"));
    drop(scene.apply());
    let seen_ones = [".#web1.back-of-root", ".#web1.back-of-alice"];
    let argv = [&["rollback", "--yes"][..], &seen_ones].concat();
    drop(
        scene
            .deploy(&argv)
            .success()
            .says(&["2 profiles activated"]),
    );
    assert_eq!(
        seen(host(), "back-of-root").link.as_deref(),
        Some("back-of-root-1-link")
    );
    assert_eq!(host().activations("back-of-alice"), ["1.0", "2.0", "1.0"]);
    // Her home is her own, but alice may look as her.
    let hers = ["rollback", "--yes", ".#web1.back-of-dora"];
    drop(scene.deploy(&hers).success().says(&["generation 2 -> 1"]));
    assert_eq!(host().activations("back-of-dora"), ["1.0", "2.0", "1.0"]);
    let status = scene.deploy(&["status"]).success();
    drop(status.says(&[
        "back-of-root generation 1",
        "back-of-dora generation 1",
        "deployed",
    ]));
    // Carol may not.
    let flake = as_user("carol", &[dora_s("1.0")]);
    let others = Scene::new(people(), "going-back-as-carol", &flake);
    let refused = others.deploy(&["rollback", "--yes", ".#web1"]).code(1);
    drop(refused.says(&[
        "its generations cannot be read",
        "no permission to read /home/dora",
    ]));
    assert_eq!(host().activations("back-of-dora"), ["1.0", "2.0", "1.0"]);
}
