//! Flakes that cannot be deployed: each is refused with what is wrong, and nothing is changed.

use crate::scene::{Says, Scene, fleet, one, path_of, refuses, seen};
use crate::testbed::{self, Flake, Host, Node, Profile};

fn web1() -> &'static Host {
    testbed::shared().host(0)
}

fn good(name: &str) -> Node {
    Node::at(web1()).profile(Profile::new(name, "1.0"))
}

/// A fleet of one good profile; this is added to its node.
fn with_node(name: &str, setting: &str) -> Flake {
    fleet().node(good(name).setting(setting))
}

/// A fleet of one profile, to which this is added.
fn with_profile(name: &str, setting: &str) -> Flake {
    one(web1(), Profile::new(name, "1.0").setting(setting))
}

fn with_path(name: &str, path: &str) -> Flake {
    one(web1(), Profile::new(name, "1.0").path(path))
}

#[test]
fn no_deploy_attribute() {
    let flake = Flake::raw("{ outputs = { self }: { packages = { }; }; }");
    refuses(
        "no-attribute",
        &flake,
        &[],
        1,
        &["flake . has no `deploy` attribute", "deploy.nodes.<node>"],
    );
}

#[test]
fn no_flake_at_all() {
    refuses(
        "no-flake",
        &fleet(),
        &["/root/nowhere"],
        1,
        &["/root/nowhere"],
    );
}

#[test]
fn a_deploy_attribute_that_is_no_set() {
    let flake = Flake::raw("{ outputs = { self }: { deploy = [ ]; }; }");
    refuses(
        "no-set",
        &flake,
        &[],
        1,
        &[
            "`deploy` of flake . is of type list",
            "must be an attribute set",
        ],
    );
    let flake = Flake::raw("{ outputs = { self }: { deploy.nodes = \"web1\"; }; }");
    refuses(
        "no-set",
        &flake,
        &[],
        1,
        &["`deploy.nodes` of flake . is of type string"],
    );
    let flake = Flake::raw("{ outputs = { self }: { deploy.nodes.web1 = 5; }; }");
    refuses(
        "no-set",
        &flake,
        &[],
        1,
        &["`deploy.nodes.web1` of flake . is of type int"],
    );
}

#[test]
fn an_evaluation_error_is_shown_whole() {
    let lines: Vec<_> = (1..60)
        .map(|line| format!("reason {line} of many"))
        .collect();
    let path = format!("throw ''\n{}\n''", lines.join("\n"));
    let mut words = vec!["flake . does not evaluate", "error: reason 1 of many"];
    words.extend(lines.iter().map(String::as_str));
    refuses("throws", &with_path("throws", &path), &[], 1, &words);
}

#[test]
fn an_error_of_nix_says_where_it_is() {
    let flake = with_path("undefined", "nosuchvariable");
    refuses(
        "undefined",
        &flake,
        &[],
        1,
        &["undefined variable 'nosuchvariable'", "flake.nix:"],
    );
    let syntax = Flake::raw("{ outputs = { self }: { deploy = ; }; }");
    refuses(
        "undefined",
        &syntax,
        &[],
        1,
        &["syntax error, unexpected ';'", "flake.nix:1:"],
    );
}

#[test]
fn a_throw_in_an_unselected_node_does_not_matter() {
    let bad = Node::new("bad", "nowhere").setting("sshOpts = throw \"options\";");
    let bad = bad.profile(Profile::new("bad", "1").path("throw \"path\""));
    let sibling = Profile::new("sibling", "1").path("throw \"sibling\"");
    let flake = fleet().node(good("unthrown").profile(sibling)).node(bad);
    let scene = Scene::new(testbed::shared(), "unthrown", &flake);
    drop(
        scene
            .deploy(&["apply", "--yes", ".#web1.unthrown"])
            .success(),
    );
    assert_eq!(seen(web1(), "unthrown").activations, ["1.0"]);
    drop(
        scene
            .deploy(&["plan", ".#bad"])
            .code(1)
            .says(&["error: options"]),
    );
    drop(
        scene
            .deploy(&["plan", ".#web1"])
            .code(1)
            .says(&["error: sibling"]),
    );
    drop(
        scene
            .deploy(&["plan", "--exclude", ".#bad", "--exclude", ".#web1.sibling"])
            .success(),
    );
}

#[test]
fn a_node_that_does_not_exist() {
    let flake = with_node("no-node", "");
    refuses(
        "no-node",
        &flake,
        &[".#wbe1"],
        1,
        &["has no node `wbe1`", "did you mean `web1`?"],
    );
    refuses(
        "no-node",
        &flake,
        &["--exclude", ".#wbe1"],
        1,
        &["has no node `wbe1`", "did you mean `web1`?"],
    );
}

#[test]
fn a_profile_that_does_not_exist() {
    let flake = with_node("no-profile", "");
    let words = [
        "has no profile `web1.no-profil`",
        "did you mean `no-profile`?",
    ];
    refuses("no-profile", &flake, &[".#web1.no-profil"], 1, &words);
    refuses(
        "no-profile",
        &flake,
        &["--exclude", ".#web1.no-profil"],
        1,
        &words,
    );
}

#[test]
fn a_missing_hostname() {
    let bare = Node::bare("bare").profile(Profile::new("no-hostname", "1.0"));
    let flake = fleet().node(good("no-hostname")).node(bare);
    refuses(
        "no-hostname",
        &flake,
        &[],
        1,
        &[
            "`deploy.nodes.bare` of flake . has no `hostname`",
            "--hostname",
        ],
    );
}

#[test]
fn a_hostname_that_ssh_would_take_for_an_option() {
    let option = "-oProxyCommand=touch /root/pwned";
    let bad = Node::new("bad", option).profile(Profile::new("option", "1.0"));
    let flake = fleet().node(good("option")).node(bad);
    refuses(
        "option",
        &flake,
        &[],
        1,
        &[
            "`deploy.nodes.bad.hostname`",
            "-oProxyCommand",
            "starts with",
        ],
    );
    refuses(
        "option",
        &with_node("option", ""),
        &["--hostname=-oProxyCommand=x"],
        64,
        &["--hostname", "starts with"],
    );
    assert!(!testbed::shared().operator().exists("/root/pwned"));
}

#[test]
fn a_path_that_is_no_store_path() {
    for (path, words) in [
        (
            "\"/etc/passwd\"",
            [
                "`deploy.nodes.web1.profiles.no-path.path`",
                "\"/etc/passwd\"",
            ],
        ),
        (
            "\"/nix/store/short-name\"",
            ["`deploy.nodes.web1.profiles.no-path.path`", "short-name"],
        ),
        (
            "\"\"",
            [
                "`deploy.nodes.web1.profiles.no-path.path`",
                "cannot be used",
            ],
        ),
        (
            "5",
            [
                "`deploy.nodes.web1.profiles.no-path.path`",
                "must be a derivation or a store path",
            ],
        ),
        (
            "{ }",
            [
                "`deploy.nodes.web1.profiles.no-path.path`",
                "must be a derivation or a store path",
            ],
        ),
    ] {
        refuses("no-path", &with_path("no-path", path), &[], 1, &words);
    }
}

#[test]
fn no_path_at_all() {
    let profiles = "no-path-at-all = { };";
    let bare = Node::new("other", "nowhere").setting(&format!("profiles = {{ {profiles} }};"));
    let text = fleet().node(bare).text().replace("profiles = {\n};\n", "");
    refuses(
        "no-path-at-all",
        &Flake::raw(&text),
        &[],
        1,
        &["`deploy.nodes.other.profiles.no-path-at-all` of flake . has no `path`"],
    );
}

#[test]
fn an_unknown_option_is_a_warning() {
    let flake = with_profile("warned", "magicRollbak = false;").setting("sshUsr = \"x\";");
    let scene = Scene::new(testbed::shared(), "warned", &flake);
    let words = [
        "unknown option `magicRollbak`",
        "did you mean `magicRollback`?",
        "unknown option `sshUsr`",
        "did you mean `sshUser`?",
    ];
    drop(scene.deploy(&["plan"]).success().says(&words));
    drop(scene.apply().says(&words));
    assert_eq!(seen(web1(), "warned").activations, ["1.0"]);
}

#[test]
fn an_option_of_the_wrong_type() {
    for (setting, words) in [
        (
            "autoRollback = \"yes\";",
            ["autoRollback", "the text \"yes\"", "must be true or false"],
        ),
        (
            "confirmTimeout = \"30\";",
            [
                "confirmTimeout",
                "the text \"30\"",
                "must be a number of seconds",
            ],
        ),
        (
            "confirmTimeout = -1;",
            [
                "confirmTimeout",
                "the number -1",
                "must be a number of seconds",
            ],
        ),
        (
            "sshOpts = \"-p 22\";",
            ["sshOpts", "the text \"-p 22\"", "must be a list of texts"],
        ),
        (
            "user = [ \"root\" ];",
            ["user", "the list [\"root\"]", "must be a text"],
        ),
        ("sudo = x: x;", ["sudo", "a function", "must be a text"]),
        (
            "tempPath = \"tmp\";",
            ["tempPath", "\"tmp\"", "cannot be used"],
        ),
        (
            "profilePath = \"relative\";",
            ["profilePath", "\"relative\"", "cannot be used"],
        ),
    ] {
        refuses(
            "wrong-type",
            &with_profile("wrong-type", setting),
            &[],
            1,
            &words,
        );
    }
}

#[test]
fn a_user_that_no_system_has() {
    let flake = with_profile("bad-user", "sshUser = \"-oProxyCommand=x\";");
    refuses(
        "bad-user",
        &flake,
        &[],
        1,
        &["sshUser", "-oProxyCommand", "cannot be used"],
    );
    let flake = with_profile("bad-user", "user = \"a b\";");
    refuses(
        "bad-user",
        &flake,
        &[],
        1,
        &["profiles.bad-user.user", "\"a b\""],
    );
}

#[test]
fn a_profile_without_any_user() {
    let node = Node::at(web1()).profile(Profile::new("nobody", "1.0"));
    refuses(
        "nobody",
        &Flake::new().node(node),
        &[],
        1,
        &["neither `user` nor `sshUser`"],
    );
}

#[test]
fn an_order_of_profiles_that_names_none() {
    let flake = with_node("misordered", "profilesOrder = [ \"misordred\" ];");
    let words = [
        "`deploy.nodes.web1.profilesOrder`",
        "`misordred`, which does not exist",
        "did you mean `misordered`?",
    ];
    refuses("misordered", &flake, &[], 1, &words);
}

#[test]
fn a_dependency_on_a_node_that_does_not_exist() {
    let flake = with_node("alone", "dependsOn = [ \"wbe1\" ];");
    let words = [
        "`deploy.nodes.web1.dependsOn`",
        "`wbe1`, which does not exist",
        "did you mean `web1`?",
    ];
    refuses("alone", &flake, &[], 1, &words);
}

#[test]
fn nodes_that_depend_on_each_other_in_a_circle() {
    let bed = testbed::shared();
    let node = |index: usize, on: &str| {
        let node = Node::at(bed.host(index)).profile(Profile::new("circle", "1.0"));
        node.setting(&format!("dependsOn = [ \"{on}\" ];"))
    };
    let flake = fleet()
        .node(node(0, "web2"))
        .node(node(1, "web3"))
        .node(node(2, "web1"));
    refuses(
        "circle",
        &flake,
        &[],
        1,
        &["in a circle", "web1, web2, web3"],
    );
    let itself = with_node("circle", "dependsOn = [ \"web1\" ];");
    refuses("circle", &itself, &[], 1, &["in a circle", "web1"]);
}

#[test]
fn a_profile_name_that_is_no_file_name() {
    let flake = fleet().node(
        Node::at(web1()).profile(
            Profile::new("../../escape", "1.0")
                .path("fixture.package { name = \"x\"; version = \"1\"; }"),
        ),
    );
    refuses("escape", &flake, &[], 1, &["../../escape", "has a slash"]);
    assert!(!web1().exists(&path_of("../../escape")));
}

#[test]
fn a_fleet_of_nothing() {
    refuses(
        "nothing",
        &fleet(),
        &[],
        1,
        &["nothing is selected from flake .", "its nodes are: none"],
    );
    let flake = with_node("nothing", "");
    refuses(
        "nothing",
        &flake,
        &["--exclude", ".#web1"],
        1,
        &["nothing is selected", "web1"],
    );
}
