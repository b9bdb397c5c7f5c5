//! Keys with a passphrase: ssh asks on the terminal, once for the work and once per confirmation.

use crate::testbed::{Bed, Flake, Node, Profile};

const PASSPHRASE: &str = "correct horse";

fn protected(bed: &Bed) -> Flake {
    let key = "ssh-keygen -q -p -N 'correct horse' -f /root/.ssh/id_ed25519";
    bed.operator().shell(key).success();
    let profile = Profile::new("app", "1.0").setting("user = \"root\";");
    let node = Node::at(bed.host(0)).setting("sshUser = \"root\";");
    Flake::new().node(node.profile(profile))
}

#[test]
fn a_passphrase_is_asked_for_on_the_terminal() {
    let bed = Bed::new(1);
    let folder = bed.operator().flake("/root/fleet", &protected(&bed));
    let command = bed
        .operator()
        .command(["deploy", "apply", "--yes"])
        .directory(folder.path());
    let mut running = command.interactive().terminal().spawn();
    running.wait_for("passphrase");
    running.write(&format!("{PASSPHRASE}\n"));
    running.wait_for("asks you again");
    running.wait_until("the second question", |so_far| {
        so_far.stdout().matches("passphrase").count() > 1
    });
    running.write(&format!("{PASSPHRASE}\n"));
    let output = running.wait().success();
    assert!(output.stdout.contains("activated"), "{output}");
    assert_eq!(bed.host(0).activations("app"), ["1.0"]);
}

#[test]
fn without_a_terminal_nothing_waits_for_an_answer() {
    let bed = Bed::new(1);
    let folder = bed.operator().flake("/root/fleet", &protected(&bed));
    let output = bed
        .operator()
        .command(["deploy", "plan"])
        .directory(folder.path())
        .run()
        .code(1);
    assert!(output.stdout.contains("the login was refused"), "{output}");
}
