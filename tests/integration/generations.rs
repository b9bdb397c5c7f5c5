//! The generation that a plan promises is the one that Nix makes, whatever was done by hand.

use crate::scene::{Says, Scene, one, path_of, seen};
use crate::testbed::{self, Host, Profile};

fn host() -> &'static Host {
    testbed::shared().host(1)
}

struct History {
    scene: Scene<'static>,
    name: String,
}

impl History {
    /// Deploys these versions, one after the other.
    fn of(name: &str, versions: &[&str]) -> Self {
        let scene = Scene::new(
            testbed::shared(),
            name,
            &one(host(), Profile::new(name, versions[0])),
        );
        let history = Self {
            scene,
            name: name.to_owned(),
        };
        for version in versions {
            history.turn_to(version);
            drop(history.scene.apply());
        }
        history
    }

    fn turn_to(&self, version: &str) {
        self.scene
            .folder
            .rewrite(&one(host(), Profile::new(&self.name, version)));
    }

    /// Runs `nix-env` on the host, as a person would.
    #[track_caller]
    fn by_hand(&self, words: &[&str]) {
        let path = path_of(&self.name);
        let argv = [&["nix-env", "-p", &path], words].concat();
        host().run(argv).success();
    }

    /// Plans a version, which must promise this, and applies it, which must keep the promise.
    #[track_caller]
    fn promises(&self, version: &str, promise: &str, current: u64, numbers: &[u64]) {
        self.turn_to(version);
        drop(self.scene.deploy(&["plan"]).success().says(&[promise]));
        drop(self.scene.apply());
        let after = seen(host(), &self.name);
        assert_eq!(after.link, Some(format!("{}-{current}-link", self.name)));
        assert_eq!(after.numbers(), numbers);
    }
}

#[test]
fn one_after_the_other() {
    let history = History::of("steady", &["1.0"]);
    history.promises("2.0", "update generation 1 -> 2", 2, &[1, 2]);
    history.promises("1.0", "update generation 2 -> 3", 3, &[1, 2, 3]);
}

#[test]
fn after_a_gap() {
    let history = History::of("gap", &["1.0", "2.0", "3.0", "4.0"]);
    history.by_hand(&["--delete-generations", "2", "3"]);
    history.promises("5.0", "update generation 4 -> 5", 5, &[1, 4, 5]);
}

#[test]
fn after_a_rollback_by_hand() {
    let history = History::of("went-back", &["1.0", "2.0", "3.0"]);
    history.by_hand(&["--switch-generation", "1"]);
    history.promises("4.0", "update generation 1 -> 4", 4, &[1, 2, 3, 4]);
}

#[test]
fn after_a_rollback_by_hand_to_what_is_newest_already() {
    let history = History::of("again", &["1.0", "2.0", "3.0"]);
    history.by_hand(&["--switch-generation", "1"]);
    history.promises("3.0", "update generation 1 -> 3", 3, &[1, 2, 3]);
    assert_eq!(
        seen(host(), "again").activations,
        ["1.0", "2.0", "3.0", "3.0"]
    );
}

#[test]
fn after_the_newest_was_deleted() {
    let history = History::of("reused", &["1.0", "2.0", "3.0"]);
    history.by_hand(&["--switch-generation", "1"]);
    history.by_hand(&["--delete-generations", "3"]);
    history.promises("4.0", "update generation 1 -> 3", 3, &[1, 2, 3]);
}

#[test]
fn after_the_link_was_removed_by_hand() {
    let history = History::of("unlinked", &["1.0", "2.0"]);
    host().run(["rm", &path_of("unlinked")]).success();
    history.promises("3.0", "create generation 3", 3, &[1, 2, 3]);
}

#[test]
fn a_link_that_is_no_generation() {
    let history = History::of("foreign", &["1.0"]);
    let path = path_of("foreign");
    host()
        .shell(&format!("ln -sfn \"$(readlink {path}-1-link)\" {path}"))
        .success();
    history.promises("2.0", "update no generation -> 2", 2, &[1, 2]);
}

#[test]
fn a_failing_activation_after_a_rollback_by_hand_goes_back_to_where_it_was() {
    let history = History::of("back-there", &["1.0", "2.0", "3.0"]);
    history.by_hand(&["--switch-generation", "1"]);
    let before = seen(host(), "back-there");
    let bad = Profile::new("back-there", "4.0").script("exit 1");
    history.scene.folder.rewrite(&one(host(), bad));
    drop(
        history
            .scene
            .deploy(&["apply", "--yes"])
            .code(3)
            .says(&["back at generation 1, as before"]),
    );
    let after = seen(host(), "back-there");
    assert_eq!(
        (after.link, after.generations),
        (before.link, before.generations)
    );
    assert_eq!(after.activations.last().map(String::as_str), Some("1.0"));
}
