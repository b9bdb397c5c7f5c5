//! A bed: one operator and some hosts, made together and gone together.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::thread;

use super::address;
use super::host::Host;
use super::keeper::Keeper;
use super::machine::Machine;
use super::operator::Operator;
use super::settings::{self, HostSettings, OperatorSettings};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// An operator and hosts. Dropping it ends them all and leaves nothing.
pub(crate) struct Bed {
    operator: Operator,
    hosts: Vec<Host>,
    keeper: Arc<Keeper>,
}

impl Bed {
    /// Boots an operator and so many hosts named `web1`, `web2`, …, where root can log in.
    pub(crate) fn new(hosts: usize) -> Self {
        let named = |number| HostSettings::new(&format!("web{number}"));
        (1..=hosts)
            .fold(Self::builder(), |bed, number| bed.host(named(number)))
            .boot()
    }

    pub(crate) fn builder() -> BedBuilder {
        BedBuilder::default()
    }

    pub(crate) fn operator(&self) -> &Operator {
        &self.operator
    }

    /// Returns the host at this place, counted from 0.
    #[track_caller]
    pub(crate) fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    pub(crate) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Returns the folder, outside of all machines, that holds the whole bed.
    pub(crate) fn folder(&self) -> &Path {
        self.keeper.bed()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.keeper.close();
    }
}

/// What a bed is to be made of.
#[derive(Default)]
#[must_use]
pub(crate) struct BedBuilder {
    operator: OperatorSettings,
    hosts: Vec<HostSettings>,
}

impl BedBuilder {
    pub(crate) fn host(mut self, settings: HostSettings) -> Self {
        self.hosts.push(settings);
        self
    }

    pub(crate) fn operator(mut self, settings: OperatorSettings) -> Self {
        self.operator = settings;
        self
    }

    /// Boots all machines of the bed at the same time.
    pub(crate) fn boot(self) -> Bed {
        let keeper = Arc::new(Keeper::start());
        let bed = Bed {
            operator: Operator::new(Machine::new(&keeper, "operator", &operator_path())),
            hosts: self
                .hosts
                .iter()
                .map(|host| prepare(&keeper, host))
                .collect(),
            keeper,
        };
        settings::write_operator(bed.operator.folder(), &self.operator);
        give_keys(&bed);
        boot_all(&bed);
        for (host, settings) in bed.hosts.iter().zip(&self.hosts) {
            for (path, text) in &settings.appended {
                host.append(path, text);
            }
        }
        bed
    }
}

fn prepare(keeper: &Arc<Keeper>, host: &HostSettings) -> Host {
    let address: Ipv4Addr = address::next();
    settings::write_host(&keeper.bed().join(&host.name), host, &address.to_string());
    Host::new(Machine::new(keeper, &host.name, PATH), address)
}

fn operator_path() -> String {
    format!("{}:{PATH}", settings::target_folder().display())
}

fn boot_all(bed: &Bed) {
    bed.operator.boot();
    // A boot has only so much time, and hundreds at once would take each other's.
    for hosts in bed.hosts.chunks(16) {
        thread::scope(|scope| {
            for host in hosts {
                scope.spawn(|| host.boot());
            }
        });
    }
}

/// Gives the operator a key that all hosts accept, and the hosts' keys and names.
fn give_keys(bed: &Bed) {
    let home = bed.operator.folder().join("superuser/.ssh");
    fs::create_dir_all(&home).expect("creating the operator's .ssh");
    let public = make_key(&home.join("id_ed25519"));
    let mut known = String::new();
    let mut names = String::from("127.0.0.1 localhost\n127.0.1.1 operator\n");
    for host in &bed.hosts {
        write(&host.folder().join("authorized_keys"), &public);
        let key = make_key(&host.folder().join("host_key"));
        let (name, address) = (host.name(), host.address());
        known.extend([name, ",", &address, " ", &key]);
        names.extend([&address, " ", name, "\n"]);
    }
    write(&home.join("known_hosts"), &known);
    write(&bed.operator.folder().join("hosts"), &names);
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("writing a file of the bed");
}

/// Makes a key pair and returns the public half, as a line.
fn make_key(path: &Path) -> String {
    drop(fs::remove_file(path));
    let status = process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "bed", "-f"])
        .arg(path)
        .status()
        .expect("running ssh-keygen");
    assert!(status.success(), "making an ssh key");
    fs::read_to_string(path.with_extension("pub")).expect("reading the public key")
}
