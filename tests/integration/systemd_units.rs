//! What a plan says of systemd's units, and what then becomes of them on a real host.
//!
//! The systems of these tests are switched to by a script that restarts what each test says. With
//! `SWITCH_TO_CONFIGURATION` naming the real program, that does it instead.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::scene::{Says, Scene, fleet, one};
use crate::testbed::{Bed, Host, HostSettings, Node, Profile};

const PROGRAM: &str = "SWITCH_TO_CONFIGURATION";

/// A system of unit files, by their places below etc/systemd/system.
#[derive(Clone, Default)]
struct System {
    build: String,
    switch: String,
}

impl System {
    fn new() -> Self {
        let always = "mkdir -p $out/bin $out/sw $out/etc/systemd/system; cd $out/etc/systemd/system\n\
                      ln -s /usr/bin $out/sw/bin; echo 1 >$out/init-interface-version\n\
                      touch $out/bin/switch-to-configuration; chmod +x $out/bin/switch-to-configuration\n";
        let system = Self {
            build: always.to_owned(),
            switch: String::new(),
        };
        system
            .file(
                "multi-user.target",
                "[Unit]\nDescription=Multi\n[Install]\n",
            )
            .file("sysinit-reactivation.target", "[Unit]\nDescription=Again\n")
    }

    fn file(mut self, place: &str, text: &str) -> Self {
        let text = text.replace('\n', "\\n");
        let line = format!("mkdir -p $(dirname {place}); printf '{text}' >{place}\n");
        self.build.push_str(&line);
        self
    }

    fn service(self, name: &str, version: u32, more: &str) -> Self {
        let text = format!(
            "[Unit]\nDescription=T\n[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\nEnvironment=V={version}\n{more}\n"
        );
        self.file(&format!("{name}.service"), &text)
    }

    fn link(mut self, place: &str, target: &str) -> Self {
        let line = format!("mkdir -p $(dirname {place}); ln -s {target} {place}\n");
        self.build.push_str(&line);
        self
    }

    /// Says what the script does in place of the real program.
    fn switch(mut self, words: &str) -> Self {
        words.clone_into(&mut self.switch);
        self
    }

    fn profile(&self, version: &str) -> Profile {
        const ACTIVATE: &str = "system=$(readlink -f \"$PROFILE\"); units=$system/etc/systemd/system\n\
            [ -L /etc/systemd/system ] || mv /etc/systemd/system /etc/systemd/system.debian\n\
            activate() { ln -sfn $units /etc/systemd/system; ln -sfn $system /run/current-system; }\n";
        let switch = &self.switch;
        let script = format!(
            "{ACTIVATE}\
             if [ -x /srv/program ] && [ -n \"$(readlink /run/current-system)\" ]; then\n\
               mkdir -p /srv/out; printf '#!/bin/sh\\nln -sfn %s /etc/systemd/system; ln -sfn %s /run/current-system\\n' $units $system >/srv/out/activate; chmod +x /srv/out/activate\n\
               OUT=/srv/out TOPLEVEL=$system DISTRO_ID=debian INSTALL_BOOTLOADER=/bin/true PRE_SWITCH_CHECK=/bin/true \\\n\
               LOCALE_ARCHIVE= SYSTEMD=/usr NIXOS_NO_SYNC=1 /srv/program test\n\
             else\n\
               {switch}\n\
             fi"
        );
        Profile::new("system", version)
            .build(&self.build)
            .script(&script)
    }
}

fn bed() -> Bed {
    let bed = Bed::builder()
        .host(HostSettings::new("unit").systemd())
        .boot();
    if let Some(program) = std::env::var_os(PROGRAM) {
        let folder = bed.host(0).folder().join("nix");
        fs::copy(program, folder.join("program")).unwrap();
        let place = "touch /etc/NIXOS; mkdir -p /srv; cp /nix/program /srv/program";
        bed.host(0).shell(place).success();
    }
    bed
}

/// Returns what a plan says of the units of the node's system.
fn effects(plan: &Value) -> BTreeMap<String, String> {
    let units = plan["profiles"][0]["units"]["system"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let effects = units
        .iter()
        .map(|unit| (text(&unit["unit"]), text(&unit["effect"])));
    effects.collect()
}

/// Returns the invocation of each service that runs.
fn invocations(host: &Host, names: &[&str]) -> BTreeMap<String, String> {
    let invocation = |name: &&str| {
        let show = "systemctl is-active --quiet \"$0\" && systemctl show --property=InvocationID --value \"$0\"";
        let output = host.run(["sh", "-c", show, name]);
        (output.exit == 0).then(|| ((*name).to_owned(), output.text().to_owned()))
    };
    names.iter().filter_map(invocation).collect()
}

/// Returns two systems with a service for each fate.
fn systems() -> (System, System) {
    let before = System::new()
        .service("changed", 1, "")
        .service("gone", 1, "")
        .service("kept", 1, "X-RestartIfChanged=false")
        .service("quick", 1, "X-StopIfChanged=false")
        .service("reread", 1, "X-ReloadIfChanged=true")
        .service("same", 1, "")
        .service("stopped", 1, "")
        .switch("activate; systemctl daemon-reload; systemctl start multi-user.target changed gone kept quick reread same");
    let after = System::new()
        .service("changed", 2, "")
        .service("kept", 2, "X-RestartIfChanged=false")
        .service("new", 1, "")
        .link("multi-user.target.wants/new.service", "../new.service")
        .service("quick", 2, "X-StopIfChanged=false")
        .service("reread", 2, "X-ReloadIfChanged=true")
        .service("same", 1, "")
        .service("stopped", 2, "")
        .switch("systemctl stop changed gone; activate; systemctl daemon-reload; systemctl reload reread; systemctl restart quick; systemctl start changed new");
    (before, after)
}

#[test]
fn what_a_plan_says_of_units_is_what_happens_to_them() {
    let bed = bed();
    let host = bed.host(0);
    let (before, after) = systems();
    let scene = Scene::new(&bed, "fleet", &one(host, before.profile("1.0")));
    drop(scene.apply());
    scene.folder.rewrite(&one(host, after.profile("2.0")));
    let said = effects(&scene.plan_json());
    let expected = [
        ("changed.service", "stop_start"),
        ("gone.service", "stop"),
        ("kept.service", "kept"),
        ("new.service", "start"),
        ("quick.service", "restart"),
        ("reread.service", "reload"),
        ("stopped.service", "none"),
    ];
    let expected = expected.map(|(unit, effect)| (unit.to_owned(), effect.to_owned()));
    assert_eq!(said, expected.into());
    drop(scene.deploy(&["plan"]).success().says(&[
        "stop: gone.service",
        "restart: changed.service, quick.service",
        "reload: reread.service",
        "start: new.service",
        "not restarted though changed: kept.service",
    ]));
    let gate = ["plan", "--deny", "restart:quick.service@unit"];
    let denied = scene.deploy(&gate).code(6);
    drop(denied.says(&["quick.service is restarted on unit.system"]));
    let names = [
        "changed", "gone", "kept", "new", "quick", "reread", "same", "stopped",
    ];
    let (first, _) = (invocations(host, &names), scene.apply());
    let second = invocations(host, &names);
    let disturbed = names
        .into_iter()
        .filter(|name| first.get(*name) != second.get(*name));
    let disturbed: Vec<&str> = disturbed.collect();
    assert_eq!(disturbed, ["changed", "gone", "new", "quick"]);
    assert!(second.contains_key("changed") && !second.contains_key("gone"));
    let was_asked = std::env::var_os(PROGRAM).is_some();
    assert_eq!(
        was_asked,
        host.exists("/run/nixos/switch-to-configuration.lock")
    );
}

/// Going back is compared too, as what it goes back to is here.
#[test]
fn going_back_says_what_happens_to_units() {
    let bed = bed();
    let host = bed.host(0);
    let system = |version| {
        System::new()
            .service("a", version, "")
            .switch("activate; systemctl daemon-reload; systemctl restart a")
    };
    let scene = Scene::new(&bed, "fleet", &one(host, system(1).profile("1.0")));
    drop(scene.apply());
    scene.folder.rewrite(&one(host, system(2).profile("2.0")));
    drop(scene.apply());
    let words = ["rollback", "--yes", ".#unit.system"];
    drop(scene.deploy(&words).success().says(&["restart: a.service"]));
}

/// Without a login nobody knows what runs, unless it was read earlier.
#[test]
fn units_are_compared_without_a_login() {
    let bed = bed();
    let host = bed.host(0);
    let system = |version| {
        let system = System::new()
            .service("a", version, "")
            .service("b", version, "");
        system.switch("activate; systemctl daemon-reload; systemctl restart a")
    };
    drop(Scene::new(
        &bed,
        "base",
        &one(host, system(1).profile("1.0")),
    ));
    let scene = Scene::new(&bed, "fleet", &one(host, system(1).profile("1.0")));
    drop(scene.apply());
    drop(scene.deploy(&["status", "--out", "nodes.json"]).success());
    scene.folder.rewrite(&one(host, system(2).profile("2.0")));
    let base = ["plan", "--base", "path:/root/base"];
    let words = ["restart if running: a.service, b.service"];
    drop(scene.deploy(&base).success().says(&words));
    let observed = ["plan", "--observed", "nodes.json"];
    let words = ["restart: a.service", "no effect on what runs: b.service"];
    drop(scene.deploy(&observed).success().says(&words));
    let gate = [
        "plan",
        "--observed",
        "nodes.json",
        "--deny",
        "restart:b.service",
    ];
    drop(scene.deploy(&gate).success());
    drop(scene.apply());
    drop(
        scene
            .deploy(&["rollback", "--out", "back.json", ".#unit"])
            .success(),
    );
    let plan = scene
        .deploy(&["show", "back.json", "--format", "json"])
        .json();
    let said = effects(&plan);
    let expected = [("a.service", "stop_start"), ("b.service", "none")];
    assert_eq!(
        said,
        expected
            .map(|(unit, effect)| (unit.to_owned(), effect.to_owned()))
            .into()
    );
}

#[test]
fn what_cannot_be_read_is_told_and_spoils_no_other_node() {
    let bed = Bed::builder()
        .host(
            HostSettings::new("odd")
                .systemd()
                .user("alice")
                .trusted_user("alice")
                .sudo("alice ALL=(ALL) NOPASSWD: ALL"),
        )
        .host(HostSettings::new("plain"))
        .boot();
    let system = System::new()
        .service("a", 1, "")
        .service("secret", 1, "")
        .service("binary", 1, "");
    let node = |host: &Host, user: &str| {
        Node::at(host)
            .setting(&format!("sshUser = \"{user}\";"))
            .profile(system.profile("1.0"))
    };
    let flake = fleet()
        .node(node(bed.host(0), "alice"))
        .node(node(bed.host(1), "root"));
    let odd = "cd /etc/systemd/system; ln -s circle.service circle.service\n\
               printf '[Unit]\\nA=\\377\\000\\n' >binary.service; echo >secret.service; chmod 600 secret.service\n\
               mkdir locked.service.d; chmod 700 locked.service.d\n\
               echo >'a b.service'; echo >\"$(printf 'new\\nline.service')\"; head -c 100000 /dev/zero | tr '\\0' a >large.service";
    bed.host(0).shell(odd).success();
    let scene = Scene::new(&bed, "fleet", &flake);
    let plan = scene.plan_json();
    let profile = |node: &str| {
        let profiles = plan["profiles"].as_array().unwrap();
        profiles.iter().find(|it| it["node"] == node).unwrap()
    };
    let unseen = profile("odd")["units"]["unseen"].to_string();
    for words in [
        "binary.service: it is no text",
        "circle.service: it is a link to nothing",
        "large.service: it is larger than 64 KiB",
        "locked.service.d",
        "secret.service: it must not be read",
    ] {
        assert!(unseen.contains(words), "{words}: {unseen}");
    }
    assert_eq!(profile("plain")["action"], "create");
    assert!(!profile("plain")["closure"].is_null());
    let denied = scene.deploy(&["plan", "--deny", "restart@odd"]).code(6);
    drop(denied.says(&["not all units of odd.system could be read"]));
}
