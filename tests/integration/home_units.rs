//! What a plan says of the units of a home, and what then becomes of them in its user's systemd.
//!
//! The homes of these tests are activated as home-manager does it, but what becomes of units is done by
//! a script. With `SD_SWITCH` naming the real program, that does it instead.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::scene::{Says, Scene};
use crate::testbed::{Bed, Flake, Host, HostSettings, Node, Profile};

const PROGRAM: &str = "SD_SWITCH";
const UNITS: &str = "home-files/.config/systemd/user";

/// A home of unit files.
#[derive(Clone)]
struct Home {
    build: String,
    switch: String,
    calls: &'static str,
}

impl Home {
    fn new() -> Self {
        Self {
            build: format!("mkdir -p $out/{UNITS}; cd $out/{UNITS}\n"),
            switch: ":".to_owned(),
            calls: "/nix/store/sd-switch/bin/sd-switch",
        }
    }

    fn file(mut self, place: &str, text: &str) -> Self {
        let text = text.replace('\n', "\\n");
        let line = format!("mkdir -p $(dirname '{place}'); printf '{text}' >'{place}'\n");
        self.build.push_str(&line);
        self
    }

    fn service(self, name: &str, version: u32, more: &str) -> Self {
        let text = format!(
            "[Unit]\nDescription=T\n{more}[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\nEnvironment=V={version}\n"
        );
        self.file(&format!("{name}.service"), &text)
    }

    fn wanted(mut self, name: &str) -> Self {
        let wants = "default.target.wants";
        let line = format!("mkdir -p {wants}; ln -s ../{name}.service {wants}/{name}.service\n");
        self.build.push_str(&line);
        self
    }

    /// Says what the script does in place of the real program.
    fn switch(mut self, words: &str) -> Self {
        words.clone_into(&mut self.switch);
        self
    }

    fn profile(&self, version: &str) -> Profile {
        let activate = format!(
            "#!/bin/sh\\n# {}\\nexport XDG_RUNTIME_DIR=/run/user/$(id -u)\\n\
             new=$(readlink -f \"$PROFILE\")/{UNITS}; old=$(readlink -e ~/.units)\\n\
             mkdir -p ~/.config/systemd; ln -sfn $new ~/.config/systemd/user; ln -sfn $new ~/.units\\n\
             if [ -x /srv/program ] && [ -n \"$old\" ]; then\\n\
               /srv/program --user --force-systemctl --old-units \"$old\" --new-units \"$new\"\\n\
             else\\n{}\\nfi\\n",
            self.calls, self.switch
        );
        let activate = activate.replace('\'', "'\\''");
        let build = format!(
            "{}printf '{activate}' >$out/activate; chmod +x $out/activate",
            self.build
        );
        Profile::new("home", version)
            .build(&build)
            .script("$PROFILE/activate")
    }
}

fn bed() -> Bed {
    let host = HostSettings::new("desk").systemd();
    let bed = Bed::builder()
        .host(host.user("alice").trusted_user("alice"))
        .boot();
    if let Some(program) = std::env::var_os(PROGRAM) {
        let folder = bed.host(0).folder().join("nix");
        fs::copy(program, folder.join("program")).unwrap();
        let place = "mkdir -p /srv; cp /nix/program /srv/program";
        bed.host(0).shell(place).success();
    }
    bed
}

fn fleet(host: &Host, home: &Home, version: &str) -> Flake {
    let node = Node::at(host).profile(home.profile(version));
    Flake::new()
        .setting("sshUser = \"alice\"; user = \"alice\";")
        .node(node)
}

/// Returns what a plan says of the units of the profile's user.
fn effects(plan: &Value) -> BTreeMap<String, String> {
    let units = plan["profiles"][0]["units"]["user"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let effects = units
        .iter()
        .map(|unit| (text(&unit["unit"]), text(&unit["effect"])));
    effects.collect()
}

/// Returns the invocation of each service of alice that runs.
fn invocations(bed: &Bed, names: &[&str]) -> BTreeMap<String, String> {
    let invocation = |name: &&str| {
        let script = format!(
            "systemctl --user is-active --quiet {name} && systemctl --user show --property=InvocationID --value {name}"
        );
        let output = bed.operator().ssh("alice", bed.host(0)).arg(&script).run();
        (output.exit == 0).then(|| ((*name).to_owned(), output.text().to_owned()))
    };
    names.iter().filter_map(invocation).collect()
}

fn homes() -> (Home, Home) {
    let before = Home::new()
        .service("changed", 1, "")
        .service("gone", 1, "")
        .service("kept", 1, "X-SwitchMethod=keep-old\n")
        .service("quick", 1, "X-SwitchMethod=restart\n")
        .service("reread", 1, "X-SwitchMethod=reload\n")
        .service("same", 1, "")
        .service("stopped", 1, "")
        .switch("systemctl --user daemon-reload; systemctl --user start changed gone kept quick reread same");
    let after = Home::new()
        .service("changed", 2, "")
        .service("kept", 2, "X-SwitchMethod=keep-old\n")
        .service("new", 1, "")
        .wanted("new")
        .service("quick", 2, "X-SwitchMethod=restart\n")
        .service("reread", 2, "X-SwitchMethod=reload\n")
        .service("same", 1, "")
        .service("stopped", 2, "")
        .switch("systemctl --user stop changed gone; systemctl --user daemon-reload; systemctl --user reload reread; systemctl --user restart quick; systemctl --user start changed new");
    (before, after)
}

#[test]
fn what_a_plan_says_of_a_homes_units_is_what_happens_to_them() {
    let bed = bed();
    let host = bed.host(0);
    // What runs must outlive the logins of this test.
    let login = bed.operator().ssh("root", host);
    drop(login.arg("loginctl enable-linger alice").run().success());
    let (before, after) = homes();
    let scene = Scene::new(&bed, "fleet", &fleet(host, &before, "1.0"));
    let words = ["user units: no effect on what runs: changed.service, gone.service"];
    drop(scene.deploy(&["plan"]).success().says(&words));
    drop(scene.apply());
    drop(scene.deploy(&["status", "--out", "nodes.json"]).success());
    scene.folder.rewrite(&fleet(host, &after, "2.0"));
    let plan = scene.plan_json();
    assert_eq!(plan["profiles"][0]["units"]["user_active_known"], true);
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
    assert_eq!(effects(&plan), expected.into());
    let words = [
        "user units: stop: gone.service",
        "user units: restart: changed.service, quick.service",
        "user units: reload: reread.service",
        "user units: start: new.service",
        "user units: not restarted though changed: kept.service",
    ];
    drop(scene.deploy(&["plan"]).success().says(&words));
    let observed = scene
        .deploy(&["plan", "--observed", "nodes.json"])
        .success();
    drop(observed.says(&words));
    // Another login cannot ask alice's systemd.
    let by_root = ["plan", "--ssh-user", "root", "--deny", "restart:quick*"];
    let by_root = scene.deploy(&by_root).code(6);
    drop(by_root.says(&[
        "user units: stop if running: gone.service",
        "user unit quick.service is restarted on desk.home, if it runs",
    ]));
    let names = [
        "changed", "gone", "kept", "new", "quick", "reread", "same", "stopped",
    ];
    let (first, _) = (invocations(&bed, &names), scene.apply());
    let second = invocations(&bed, &names);
    let disturbed = names
        .into_iter()
        .filter(|name| first.get(*name) != second.get(*name));
    let disturbed: Vec<&str> = disturbed.collect();
    assert_eq!(disturbed, ["changed", "gone", "new", "quick"]);
    assert!(second.contains_key("changed") && !second.contains_key("gone"));
}

/// Of a home that leaves units alone, and of files that are no units.
#[test]
fn units_of_a_home_that_wait_and_that_cannot_be_read_are_told() {
    let bed = bed();
    let host = bed.host(0);
    let mut before = Home::new().service("old", 1, "").service("same", 1, "");
    before.calls = "systemd-activate.sh";
    let odd = "printf 'a\\0b' >binary.service; ln -s circle.service circle.service; mkdir x.service.d; \
               touch 'a b.service'; head -c 100000 /dev/zero | tr '\\0' a >large.service\n";
    let mut after = Home::new().service("same", 1, "").service("new", 1, "");
    before.build.push_str(odd);
    after.calls = before.calls;
    let scene = Scene::new(&bed, "fleet", &fleet(host, &before, "1.0"));
    drop(scene.apply());
    scene.folder.rewrite(&fleet(host, &after, "2.0"));
    let plan = scene.deploy(&["plan"]).success();
    drop(plan.says(&[
        "user units: gone at the next login: binary.service, large.service, old.service",
        "user units: new at the next login: new.service",
        "binary.service: it is no text",
        "circle.service: it is a link to nothing",
        "large.service: it is larger than 64 KiB",
    ]));
    let denied = scene.deploy(&["plan", "--deny", "stop"]).code(6);
    drop(denied.says(&["not all units of desk.home could be read"]));
}
