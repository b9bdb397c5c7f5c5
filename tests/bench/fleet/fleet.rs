//! The fleet of a case, and how it changes from turn to turn.

use std::path::Path;
use std::time::Duration;

use super::case::{CHANGED_PACKAGES, Case};
use super::testbed::{Bed, Flake, FlakeFolder, Node, Profile};

pub(crate) struct Fleet<'bed> {
    pub(crate) folder: FlakeFolder<'bed>,
    bed: &'bed Bed,
    /// What runs on each node, where the last turn has brought it there.
    versions: Vec<usize>,
    nodes: usize,
    activation: u64,
    paths: usize,
    peer: Option<String>,
    turn: usize,
}

impl<'bed> Fleet<'bed> {
    pub(crate) fn new(bed: &'bed Bed, case: &Case, peer: Option<&str>) -> Self {
        let mut fleet = Self {
            folder: bed.operator().flake("/root/fleet", &Flake::new()),
            bed,
            versions: vec![0; case.nodes],
            nodes: case.nodes,
            activation: case.activation,
            paths: case.paths,
            peer: peer.map(ToOwned::to_owned),
            turn: 0,
        };
        fleet.write();
        fleet
    }

    /// Brings all nodes to where the measuring begins.
    pub(crate) fn settle(&self, bed: &Bed) {
        let command = bed.operator().command(["deploy", "apply", "--yes"]);
        let command = command.limit(Duration::from_secs(1800));
        drop(command.directory(self.folder.path()).run().success());
    }

    /// Gives the nodes of the case that change something that none of them has had.
    pub(crate) fn change(&mut self, case: &Case) {
        self.turn += 1;
        for version in &mut self.versions[..case.changed] {
            *version = self.turn;
        }
        self.write();
    }

    /// What was not deployed must not count as fast.
    pub(crate) fn assert_as_expected(&self, bed: &Bed, case: &Case) {
        let hosts = bed.hosts().iter().zip(&self.versions).enumerate();
        for (index, (host, version)) in hosts {
            let planned_only = !case.goal.changes_nodes() && index < case.changed;
            let expected = self.version(index, if planned_only { 0 } else { *version });
            assert_eq!(host.activations("app").last(), Some(&expected));
        }
    }

    fn write(&mut self) {
        let flake = Flake::new().setting("sshUser = \"root\"; user = \"root\";");
        // Made once for all nodes, as what Nixpkgs has is evaluated once for all systems.
        let flake = flake.output(&format!(
            "kept = builtins.genList (number: fixture.package {{ \
             name = \"kept${{toString number}}\"; version = \"1\"; }}) {};",
            self.paths - 1 - CHANGED_PACKAGES
        ));
        let hosts = self.bed.hosts().iter().zip(&self.versions).enumerate();
        let flake = hosts.fold(flake, |flake, (index, (host, version))| {
            flake.node(Node::at(host).profile(self.profile(index, *version)))
        });
        self.folder.rewrite(&flake);
    }

    fn version(&self, index: usize, version: usize) -> String {
        format!("{version}.{index}.{}.{}", self.nodes, self.activation)
    }

    fn profile(&self, index: usize, version: usize) -> Profile {
        let mut app = Profile::new("app", &self.version(index, version));
        if self.activation > 0 {
            app = app.script(&format!("sleep {}", self.activation));
        }
        if let Some(folder) = self
            .peer
            .as_deref()
            .and_then(|peer| Path::new(peer).parent())
        {
            // Every host of the bed sees the files of this machine.
            app = app.build(&format!(
                "ln -s {}/activate $out/activate-rs",
                folder.display()
            ));
        }
        let package = |profile: Profile, number: usize| {
            profile.package(&format!("package{number}"), &format!("1.{version}"))
        };
        (0..CHANGED_PACKAGES).fold(app.packages("self.kept"), package)
    }
}
