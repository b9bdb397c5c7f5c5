//! In which order profiles and nodes are activated.

use crate::scene::{Says, Scene, Seen, fleet, seen};
use crate::testbed::{self, Bed, Flake, Node, Profile};

/// A profile that notes, in nanoseconds of the one clock of all hosts, from when to when it was activated.
fn timed(name: &str, script: &str) -> Profile {
    let file = format!("/var/lib/activations/{name}.times");
    let note = format!("date +%s%N >> {file}");
    Profile::new(name, "1.0").script(&format!("{note}; sleep 0.7; {note}; {script}"))
}

fn times(bed: &Bed, index: usize, name: &str) -> (u64, u64) {
    let text = bed
        .host(index)
        .read(&format!("/var/lib/activations/{name}.times"));
    let times: Vec<u64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    match times[..] {
        [begin, end] => (begin, end),
        _ => panic!("activated once: {text}"),
    }
}

#[test]
fn profiles_follow_their_order_then_their_names() {
    let bed = testbed::shared();
    let names = ["order-d", "order-b", "order-a", "order-c"];
    let mut node = Node::at(bed.host(0)).setting("profilesOrder = [ \"order-d\" \"order-b\" ];");
    for name in ["order-a", "order-b", "order-c", "order-d"] {
        node = node.profile(timed(name, ""));
    }
    let scene = Scene::new(bed, "ordered", &fleet().node(node));
    drop(scene.apply());
    let ran: Vec<_> = names.iter().map(|name| times(bed, 0, name)).collect();
    assert!(ran.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{ran:?}");
}

/// web3 before web1, and web2 on its own.
fn dependent(bed: &Bed, name: &str, first: &str) -> Flake {
    let node = |index: usize, script: &str| Node::at(bed.host(index)).profile(timed(name, script));
    fleet()
        .node(node(0, "").setting("dependsOn = [ \"web3\" ];"))
        .node(node(1, ""))
        .node(node(2, first))
}

#[test]
fn a_node_comes_after_those_it_depends_on() {
    let (bed, name) = (testbed::shared(), "dependent");
    let scene = Scene::new(bed, name, &dependent(bed, name, ""));
    drop(scene.deploy(&["plan"]).success().says(&["after web3"]));
    drop(scene.apply());
    let [web1, web2, web3] = [0, 1, 2].map(|index| times(bed, index, name));
    assert!(
        web3.1 <= web1.0,
        "web1 began at {web1:?}, web3 ran from {web3:?}"
    );
    assert!(web2.0 < web3.1, "web2 did not wait: {web2:?}, {web3:?}");
}

#[test]
fn a_node_is_skipped_where_one_that_it_depends_on_failed() {
    let (bed, name) = (testbed::shared(), "skipped");
    let scene = Scene::new(bed, name, &dependent(bed, name, "exit 1"));
    let output = scene.deploy(&["apply", "--yes"]).code(3);
    drop(output.says(&[
        "web1.skipped skipped: web3.skipped did not succeed",
        "1 profile activated, 1 rolled back, 1 skipped",
    ]));
    assert_eq!(seen(bed.host(0), name), Seen::nothing());
    assert_eq!(seen(bed.host(1), name).activations, ["1.0"]);
    assert_eq!(seen(bed.host(2), name).link, None);
}

#[test]
fn without_a_command_one_node_comes_after_the_other_by_name() {
    let (bed, name) = (testbed::shared(), "one-by-one");
    let nodes = bed.hosts().iter().rev();
    let nodes = nodes.map(|host| Node::at(host).profile(timed(name, "")));
    let scene = Scene::new(bed, name, &nodes.fold(fleet(), Flake::node));
    drop(scene.deploy(&["-s"]).success());
    let ran: Vec<_> = (0..3).map(|index| times(bed, index, name)).collect();
    assert!(ran.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{ran:?}");
    for host in bed.hosts() {
        host.shell(&format!("rm /var/lib/activations/{name}.times"))
            .success();
    }
    drop(scene.deploy(&["-s", "--max-activations", "3"]).success());
    let ran: Vec<_> = (0..3).map(|index| times(bed, index, name)).collect();
    assert!(ran[2].0 < ran[0].1, "{ran:?}");
}

#[test]
fn nodes_are_activated_at_the_same_time() {
    let (bed, name) = (testbed::shared(), "parallel");
    let node = |host| Node::at(host).profile(timed(name, "sleep 1"));
    let scene = Scene::new(
        bed,
        name,
        &bed.hosts().iter().map(node).fold(fleet(), Flake::node),
    );
    drop(scene.apply());
    let ran = [0, 1, 2].map(|index| times(bed, index, name));
    let last_begin = ran.iter().map(|(begin, _)| *begin).max();
    let first_end = ran.iter().map(|(_, end)| *end).min();
    assert!(last_begin < first_end, "{ran:?}");
}
