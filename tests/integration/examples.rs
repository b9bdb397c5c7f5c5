//! The fleets in `examples/`, as users copy them: evaluated, and deployed where that can be done
//! here. Their inputs are replaced by the stand-ins in `nix/`, the names of their hosts by
//! addresses, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use crate::scene::agents;
use crate::testbed::{Bed, Host, HostSettings, Output, system};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// What the examples take from elsewhere, and where that lies on the operator's machine.
const INPUTS: [(&str, &str); 6] = [
    ("github:NixOS/nixpkgs/nixos-25.11", "path:/root/nixpkgs"),
    (
        "github:NixOS/nixpkgs/nixpkgs-25.11-darwin",
        "path:/root/nixpkgs",
    ),
    (
        "github:nix-community/home-manager/release-25.11",
        "path:/root/on-top",
    ),
    (
        "github:nix-darwin/nix-darwin/nix-darwin-25.11",
        "path:/root/on-top",
    ),
    ("github:<owner>/deploy", "path:/root/deploy"),
    (
        "fetchTarball \"https://github.com/<owner>/deploy/archive/main.tar.gz\"",
        "/root/deploy",
    ),
];

/// home-manager and nix-darwin.
const ON_TOP: &str = "{ inputs.nixpkgs.url = \"path:/root/nixpkgs\"; outputs = { self, nixpkgs }: { inherit (nixpkgs) lib; }; }";

/// A copy of an example on the operator's machine, committed to a Git repository.
struct Example {
    bed: Bed,
    folder: String,
}

impl Example {
    fn new(name: &str, hosts: Vec<HostSettings>) -> Self {
        let mut bed = Bed::builder();
        for host in hosts {
            bed = bed.host(host);
        }
        let example = Self {
            bed: bed.boot(),
            folder: format!("/root/{name}"),
        };
        example.write("examples", &[name], "/root");
        example.write("tests/integration", &["nix"], "/root");
        let own = ["flake.nix", "nix", "schema", "Cargo.toml"];
        example.write("", &own, "/root/deploy");
        let operator = example.bed.operator();
        operator.run(["mv", "/root/nix", "/root/nixpkgs"]).success();
        operator.write("/root/on-top/flake.nix", ON_TOP);
        example.commit();
        example
    }

    /// Writes these files and folders of a folder of the repository into one of the operator.
    fn write(&self, folder: &str, names: &[&str], to: &str) {
        let from = Path::new(REPOSITORY).join(folder);
        for file in names.iter().flat_map(|name| files(&from.join(name))) {
            let text = fs::read_to_string(&file).unwrap();
            let inside = file.strip_prefix(&from).unwrap().display();
            let path = format!("{to}/{inside}");
            self.bed.operator().write(&path, &self.replaced(&text));
        }
    }

    fn replaced(&self, text: &str) -> String {
        let inputs = INPUTS.map(|(from, to)| (from.to_owned(), to.to_owned()));
        let hosts = self.bed.hosts().iter().map(|host| {
            let name = format!("hostname = \"{}.example.org\"", host.name());
            (name, format!("hostname = \"{}\"", host.address()))
        });
        let here = (
            "system = \"x86_64-linux\"".to_owned(),
            format!("system = \"{}\"", system()),
        );
        let replacements = inputs.into_iter().chain(hosts).chain([here]);
        replacements.fold(text.to_owned(), |text, (from, to)| text.replace(&from, &to))
    }

    fn commit(&self) {
        let script = "git init -q; git add -A; git -c user.name=Bed -c user.email=bed@localhost commit -qm change";
        let command = self.bed.operator().command(["sh", "-ec", script]);
        command.directory(&self.folder).run().success();
    }

    fn deploy(&self, words: &[&str]) -> Output {
        let command = self.bed.operator().command(["deploy"]);
        let command = command.args(words.iter().copied());
        let command = command.env("DEPLOY_AGENTS", agents());
        let command = command.env("NIX_PATH", "nixpkgs=/root/nixpkgs");
        command.directory(&self.folder).run()
    }

    fn host(&self, name: &str) -> &Host {
        let mut hosts = self.bed.hosts().iter();
        hosts.find(|host| host.name() == name).unwrap()
    }
}

/// Returns all files in a folder, and in those below it.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| files(path)).collect()
}

/// What the systems and homes have logged on this host.
fn log(host: &Host) -> String {
    host.read("/var/lib/activations/examples")
}

#[test]
fn a_system_comes_after_the_one_that_it_depends_on() {
    let hosts = ["db", "web"].map(HostSettings::new);
    let example = Example::new("system", hosts.into());
    example.deploy(&["check", "--paths", "--strict"]).success();
    example.deploy(&["apply", "--yes", "--checks"]).success();
    for name in ["db", "web"] {
        assert_eq!(
            log(example.host(name)),
            format!("{name} test\n{name} boot\n")
        );
    }
    example.deploy(&["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn users_have_their_own_profiles_and_one_of_them_is_deployed_alone() {
    let host = HostSettings::new("web")
        .user("deployer")
        .user("shop")
        .trusted_user("deployer")
        .sudo("deployer ALL=(root,shop) NOPASSWD: ALL");
    let example = Example::new("multi-user", vec![host]);
    let web = example.host("web");
    example.deploy(&["check", "--paths", "--strict"]).success();
    example.deploy(&["apply", "--yes", "--checks"]).success();
    assert_eq!(log(web), "web test\nweb boot\n");
    let page = |words: &str| {
        let page = web.read("/home/shop/www/index.html");
        assert!(page.contains(words), "{page}");
    };
    page("Open from Monday");
    let operator = example.bed.operator();
    operator.write("/root/multi-user/site/index.html", "Closed.\n");
    example.commit();
    example.deploy(&["apply", "--yes", ".#web.site"]).success();
    page("Closed.");
    assert_eq!(log(web), "web test\nweb boot\n");
}

#[test]
fn a_home_needs_no_root() {
    let host = HostSettings::new("workstation");
    let host = host.user("alice").trusted_user("alice");
    let example = Example::new("home-manager", vec![host]);
    example.deploy(&["check", "--paths", "--strict"]).success();
    example.deploy(&["apply", "--yes", "--checks"]).success();
    let workstation = example.host("workstation");
    assert_eq!(log(workstation), "home of alice\n");
    let link = "/home/alice/.local/state/nix/profiles/home";
    assert!(workstation.link(link).is_some());
}

/// There is no Mac here: all but its builds is tried.
#[test]
fn a_mac_is_evaluated() {
    let example = Example::new("darwin", Vec::new());
    example.deploy(&["check", "--paths", "--strict"]).success();
    let name = "deploy.nodes.mini.profiles.system.path.drvPath";
    let words = ["eval", "--raw", &format!(".#{name}")];
    let nix = ["nix", "--extra-experimental-features", "nix-command flakes"];
    let command = example.bed.operator().command(nix).args(words);
    let derivation = command.directory(&example.folder).run().success().stdout;
    let show = example.bed.operator().run(["cat", derivation.trim()]);
    assert!(show.success().stdout.contains("aarch64-darwin"));
}

#[test]
fn no_flake_is_needed() {
    let example = Example::new("non-flake", vec![HostSettings::new("web")]);
    let web = example.host("web");
    example.deploy(&["check", "--paths", "--strict"]).success();
    example.deploy(&[]).success();
    assert_eq!(log(web), "web test\nweb boot\n");
    assert!(web.read("/etc/motd").contains("looked after by deploy"));
    example.deploy(&["plan", "--detailed-exitcode"]).code(0);
}

#[test]
fn the_flakes_of_a_monorepo_are_deployed_together_and_alone() {
    let hosts = ["web", "mail"].map(HostSettings::new);
    let example = Example::new("monorepo", hosts.into());
    example
        .deploy(&["check", "--paths", "--strict", "./web", "./mail"])
        .success();
    example
        .deploy(&["apply", "--yes", "--checks", "./web", "./mail"])
        .success();
    for name in ["web", "mail"] {
        assert_eq!(
            log(example.host(name)),
            format!("{name} test\n{name} boot\n")
        );
    }
    example
        .deploy(&["apply", "--yes", "--force", "./mail"])
        .success();
    assert_eq!(log(example.host("web")), "web test\nweb boot\n");
    assert_eq!(log(example.host("mail")).lines().count(), 4);
}

/// An example that no test copies would rot.
#[test]
fn every_example_is_tried() {
    let tried = [
        "darwin",
        "home-manager",
        "monorepo",
        "multi-user",
        "non-flake",
        "system",
    ];
    let without_test_here = ["ci", "demo", "systemd"];
    let folders = fs::read_dir(Path::new(REPOSITORY).join("examples")).unwrap();
    let mut names: Vec<String> = folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .filter(|name| !without_test_here.contains(&name.as_str()))
        .collect();
    names.sort();
    assert_eq!(names, tried);
}
