//! The main job, from a flake to three hosts that run what it says.

use crate::testbed::{Bed, Flake, FlakeFolder, Node, Profile};

fn fleet(bed: &Bed, versions: [&str; 3]) -> Flake {
    let mut flake = Flake::new();
    for (index, version) in versions.iter().enumerate() {
        let profile = Profile::new("app", version)
            .package("hello", version)
            .setting("user = \"root\";");
        flake = flake.node(
            Node::at(bed.host(index))
                .setting("sshUser = \"root\";")
                .profile(profile),
        );
    }
    flake
}

#[test]
fn three_hosts_come_to_run_what_the_flake_says() {
    let bed = Bed::new(3);
    let operator = bed.operator();
    let folder: FlakeFolder<'_> =
        operator.flake("/root/fleet", &fleet(&bed, ["1.0", "1.0", "1.0"]));
    let deploy = |words: &[&str]| {
        operator
            .command(["deploy"])
            .args(words.iter().copied())
            .directory(folder.path())
            .run()
    };
    println!("{}", deploy(&["plan", "--detailed-exitcode"]).code(2));
    println!("{}", deploy(&["apply", "--yes"]).success());
    println!("{}", deploy(&["plan", "--detailed-exitcode"]).code(0));
    folder.rewrite(&fleet(&bed, ["1.0", "1.1", "1.0"]));
    println!(
        "{}",
        deploy(&["plan", "--detailed-exitcode", "--out", "/root/plan.json"]).code(2)
    );
    println!("{}", deploy(&["apply", "/root/plan.json"]).success());
}
