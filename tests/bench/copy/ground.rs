//! Where copying is measured: an operator, nodes, a cache, and what each case needs of them.

use std::collections::BTreeMap;
use std::env;
use std::thread;
use std::time::Duration;

use super::case::Case;
use super::relay;
use super::testbed::{
    Bed, BedBuilder, BinaryCache, CacheServer, Command, Flake, FlakeFolder, Host, HostSettings,
    Node, Output, Profile,
};
use super::trace::Span;

const LIMIT: Duration = Duration::from_secs(3600);
/// Keeps the agent where all else goes, as after a first deployment.
const KEEP_AGENT: &str =
    "ln -sf /nix/store/*-activate /nix/var/nix/gcroots/; rm -rf /var/lib/activations/app";
const CLEAR: &str = "rm -rf /nix/var/nix/profiles/per-user/root/app* \
                     /nix/var/nix/profiles/per-user/root/.deploy; nix-store --gc --quiet";
/// Where connections with latency note their turns.
const TURNS: &str = "/root/turns";

pub(crate) struct Ground {
    bed: Bed,
    cache: BinaryCache,
    _server: CacheServer,
}

impl Ground {
    pub(crate) fn boot(nodes: usize) -> Self {
        let cache = BinaryCache::new();
        let named = |number| HostSettings::new(&format!("web{number}"));
        let hosts = (1..=nodes).map(|number| named(number).nix_conf(&cache.nix_conf()));
        let bed = hosts.fold(Bed::builder(), BedBuilder::host).boot();
        let ground = Self {
            _server: cache.serve(bed.operator()),
            bed,
            cache,
        };
        drop(ground.flake("[ ]"));
        drop(ground.deploy(&[]));
        ground.on_all(KEEP_AGENT);
        ground.clear();
        ground
    }

    /// Builds what the case copies, puts it into the cache, and gives the line its latency. Returns
    /// the path of it all.
    pub(crate) fn prepare(&self, case: &Case) -> String {
        let folder = self.flake(&case.load.paths());
        self.delay(case.delay);
        let operator = self.bed.operator();
        let build = ["nix", "--extra-experimental-features", "nix-command flakes"];
        let build = operator
            .command(build)
            .args(["build", "--no-link", "--json"]);
        let build = build.arg(format!("{}#app", folder.path())).limit(LIMIT);
        let built = build.run().success().json();
        let path = built[0]["outputs"]["out"].as_str().expect("a store path");
        self.cache.publish(operator, &[path]);
        path.to_owned()
    }

    /// A line on which a round trip takes so many milliseconds.
    pub(crate) fn delay(&self, milliseconds: u64) {
        let relay = env::current_exe().expect("the path of this program");
        let relay = format!("{} {} {milliseconds} {TURNS}", relay.display(), relay::MODE);
        let line = match milliseconds {
            0 => String::new(),
            _ => format!("Host *\n  ProxyCommand {relay} %h %p\n"),
        };
        self.bed.operator().write("/root/.ssh/config", &line);
        let empty = format!("rm -rf {TURNS}; mkdir {TURNS}");
        self.bed.operator().shell(&empty).success();
    }

    /// A fleet of one closure, which refers to these paths (Nix text) and activates nothing.
    fn flake(&self, paths: &str) -> FlakeFolder<'_> {
        let app = format!(
            "app = fixture.shell \"app\" {{ paths = {paths}; passAsFile = [ \"paths\" ]; }} \
             ''mkdir $out; cp $pathsPath $out/paths; \
             echo '#!/bin/sh' >$out/deploy-rs-activate; chmod +x $out/deploy-rs-activate'';"
        );
        let flake = Flake::new()
            .setting("sshUser = \"root\"; user = \"root\"; confirmTimeout = 120;")
            .output(&app);
        let profile = Profile::new("app", "").path("self.app");
        let hosts = self.bed.hosts().iter();
        let flake = hosts.fold(flake, |flake, host| {
            flake.node(Node::at(host).profile(profile.clone()))
        });
        self.bed.operator().flake("/root/fleet", &flake)
    }

    /// Runs a script of bash with these words, and the addresses of all nodes after them.
    pub(crate) fn script(&self, script: &str, words: &[&str]) -> Command {
        let addresses = self.bed.hosts().iter().map(Host::address);
        let command = self.bed.operator().command(["bash", "-c", script, "bash"]);
        command.args(words).args(addresses).limit(LIMIT)
    }

    /// Applies the fleet; returns what was started for it, too.
    pub(crate) fn deploy(&self, flags: &[&str]) -> (Output, Vec<Span>) {
        let operator = self.bed.operator();
        let command = operator.command(["deploy", "apply", "--yes", "--trace", "/root/trace"]);
        let command = command.args(flags).directory("/root/fleet").limit(LIMIT);
        let output = command.run().success();
        let spans = Span::all(&operator.read("/root/trace"));
        (output, spans)
    }

    pub(crate) fn nodes(&self) -> usize {
        self.bed.hosts().len()
    }

    /// Returns for each connection over a line with latency when the operator spoke after the node
    /// did; the first one first.
    pub(crate) fn turns(&self) -> Vec<Vec<Duration>> {
        let list = format!("grep -H . {TURNS}/*");
        let output = self.bed.operator().shell(&list).success();
        let mut connections = BTreeMap::<&str, Vec<Duration>>::new();
        for line in output.stdout.lines() {
            let (connection, time) = line.split_once(':').expect("a file and a time");
            let time = Duration::from_micros(time.parse().expect("microseconds"));
            connections.entry(connection).or_default().push(time);
        }
        let mut connections: Vec<_> = connections.into_values().collect();
        connections.sort_unstable();
        connections
    }

    /// What was not copied must not count as fast.
    pub(crate) fn assert_all_have(&self, path: &str) {
        self.on_all(&format!(
            "nix-store --check-validity $(nix-store -qR {path})"
        ));
    }

    /// Takes from the nodes what they got.
    pub(crate) fn clear(&self) {
        self.on_all(CLEAR);
    }

    fn on_all(&self, script: &str) {
        thread::scope(|scope| {
            for host in self.bed.hosts() {
                let command = host.command(["sh", "-ec", script]).limit(LIMIT);
                scope.spawn(|| command.run().success());
            }
        });
    }
}
