//! `--boot`: the profile is set and prepared for the next boot, and nothing is activated.

use crate::scene::{Says, Scene, Seen, one, seen};
use crate::testbed::{self, Profile};

#[test]
fn nothing_is_activated_and_nobody_confirms() {
    let (bed, name) = (testbed::shared(), "next-boot");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, Profile::new(name, "1.0")));
    drop(scene.apply());
    scene.folder.rewrite(&one(host, Profile::new(name, "2.0")));
    let planned = scene.deploy(&["plan", "--boot", "--out", "plan.json"]);
    drop(planned.success().says(&[
        "prepared for the next boot, not activated",
        "nobody confirms it",
    ]));
    let refused = scene.deploy(&["apply", "--boot", "plan.json"]).code(64);
    drop(refused.says(&["--boot cannot be given with a saved plan"]));
    let applied = scene.deploy(&["apply", "plan.json"]).success();
    drop(applied.says(&["✓ prepared for the next boot generation 1 -> 2"]));
    let after = seen(host, name);
    assert_eq!(after.activations, ["1.0", "boot 2.0"]);
    assert_eq!(after.link.as_deref(), Some("next-boot-2-link"));
    // At its target already: there is nothing left to prepare.
    drop(scene.deploy(&["apply", "--yes", "--boot"]).success());
    assert_eq!(seen(host, name), after);
    // deploy-rs prepares it all the same.
    drop(scene.deploy(&["--skip-checks", "--boot"]).success());
    let again = seen(host, name);
    assert_eq!(again.activations, ["1.0", "boot 2.0", "boot 2.0"]);
    assert_eq!(again.numbers(), [1, 2]);
}

#[test]
fn failing_to_prepare_goes_back_exactly() {
    let (bed, name) = (testbed::shared(), "next-boot-fails");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, Profile::new(name, "1.0")));
    drop(scene.apply());
    let before = seen(host, name);
    let full = Profile::new(name, "2.0").script("echo the boot partition is full >&2; exit 1");
    scene.folder.rewrite(&one(host, full));
    let failed = scene.deploy(&["apply", "--yes", "--boot"]).code(3);
    drop(failed.says(&["rolled back", "the boot partition is full"]));
    let after = seen(host, name);
    let activations = ["1.0", "boot 2.0", "boot 1.0"].map(str::to_owned).into();
    assert_eq!(
        after,
        Seen {
            activations,
            ..before
        }
    );
}

#[test]
fn a_system_that_needs_a_reboot_is_prepared_as_the_message_says() {
    let (bed, name) = (testbed::shared(), "next-boot-needed");
    let host = bed.host(0);
    let profile = Profile::new(name, "1.0")
        .build("mkdir $out/bin; install -m 555 /bin/true $out/bin/switch-to-configuration")
        .script("[ \"$BOOT\" = 1 ] || exit 100");
    let scene = Scene::new(bed, name, &one(host, profile));
    let refused = scene.deploy(&["apply", "--yes"]).code(3);
    drop(refused.says(&["without a reboot; `deploy apply --boot` prepares one"]));
    assert_eq!(seen(host, name).link, None);
    drop(scene.deploy(&["apply", "--yes", "--boot"]).success());
    assert_eq!(seen(host, name).numbers(), [1]);
}
