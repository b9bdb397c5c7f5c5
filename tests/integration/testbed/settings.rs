//! What a machine of a bed is to be, and the files that boot.sh reads it from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

const FIRST_USER_ID: usize = 2001;

/// What a host of a bed is to be.
#[derive(Clone)]
#[must_use]
pub(crate) struct HostSettings {
    pub(super) name: String,
    users: Vec<(String, String)>,
    sudoers: Vec<String>,
    trusted_users: Vec<String>,
    nix_conf: String,
    pub(super) appended: Vec<(String, String)>,
    hides_nix: bool,
    store_size: Option<u32>,
    root: String,
    systemd: bool,
    files: Vec<(String, String)>,
}

impl HostSettings {
    /// Describes a host with Nix, where only root can log in.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            users: Vec::new(),
            sudoers: Vec::new(),
            trusted_users: Vec::new(),
            nix_conf: String::new(),
            appended: Vec::new(),
            hides_nix: false,
            store_size: None,
            root: String::new(),
            systemd: false,
            files: Vec::new(),
        }
    }

    /// Adds a user who can log in with the operator's key.
    pub(crate) fn user(self, name: &str) -> Self {
        self.user_with_shell(name, "/bin/bash")
    }

    /// Adds a user whose login shell is another one than bash.
    pub(crate) fn user_with_shell(mut self, name: &str, shell: &str) -> Self {
        self.users.push((name.to_owned(), shell.to_owned()));
        self
    }

    /// Adds a line for sudo, such as `alice ALL=(ALL) NOPASSWD: ALL`.
    pub(crate) fn sudo(mut self, line: &str) -> Self {
        self.sudoers.push(line.to_owned());
        self
    }

    /// Lets a user write unsigned paths into the store through the daemon.
    pub(crate) fn trusted_user(mut self, name: &str) -> Self {
        self.trusted_users.push(name.to_owned());
        self
    }

    /// Adds a line to nix.conf.
    pub(crate) fn nix_conf(mut self, line: &str) -> Self {
        self.nix_conf.push_str(line);
        self.nix_conf.push('\n');
        self
    }

    /// Adds text to the end of a file, such as a shell's start-up file (`/root/.bashrc`).
    pub(crate) fn append(mut self, path: &str, text: &str) -> Self {
        self.appended.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Makes it a machine without Nix.
    pub(crate) fn without_nix(mut self) -> Self {
        self.hides_nix = true;
        self
    }

    /// Puts /nix on a file system of its own with so many MiB. Only then can power be cut.
    pub(crate) fn store_size(mut self, mebibytes: u32) -> Self {
        self.store_size = Some(mebibytes);
        self
    }

    /// Boots from the folder that debootstrap made, for another version of Nix.
    pub(crate) fn root(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.root);
        self
    }

    /// Boots systemd, from the folder that tests/debian-root has made: sshd is `ssh.service`,
    /// and who logs in has a session.
    pub(crate) fn systemd(mut self) -> Self {
        self.systemd = true;
        let root = systemd_root();
        self.root(&root)
    }

    /// Lets logind end whatever is left of a session of anybody but root when it ends.
    pub(crate) fn kills_user_processes(self) -> Self {
        let text = "[Login]\nKillUserProcesses=yes\n";
        self.file("/etc/systemd/logind.conf.d/bed.conf", text)
    }

    /// Puts a file in its place before anything starts, at every boot.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    fn users(&self) -> String {
        let numbered = (FIRST_USER_ID..).zip(&self.users);
        let lines = numbered.flat_map(|(number, (name, shell))| {
            [name, " ", &number.to_string(), " ", shell, "\n"].map(str::to_owned)
        });
        lines.collect()
    }
}

/// What the operator of a bed is to be.
#[derive(Clone, Default)]
#[must_use]
pub(crate) struct OperatorSettings {
    nix_conf: String,
    root: String,
}

impl OperatorSettings {
    /// Adds a line to nix.conf.
    pub(crate) fn nix_conf(mut self, line: &str) -> Self {
        self.nix_conf.push_str(line);
        self.nix_conf.push('\n');
        self
    }

    /// Runs in the folder that debootstrap made, for another version of Nix.
    pub(crate) fn root(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.root);
        self
    }
}

/// Writes a host's settings into its folder.
pub(crate) fn write_host(folder: &Path, settings: &HostSettings, address: &str) {
    let trusted = settings.trusted_users.join(" ");
    let nix_conf = format!("trusted-users = root {trusted}\n{}", settings.nix_conf);
    write_machine(folder, &settings.name, &settings.root, &nix_conf);
    let write = |name: &str, text: &str| write(folder, name, text);
    write("address", address);
    write("users", &settings.users());
    write("sudoers", &(settings.sudoers.join("\n") + "\n"));
    write("sshd_config", include_str!("sshd_config"));
    if settings.hides_nix {
        write("hide_nix", "");
    }
    if let Some(size) = settings.store_size {
        write("store_size", &size.to_string());
    }
    if settings.systemd {
        write("systemd", "");
        write("control_group", &control_group(folder));
    }
    for (path, text) in &settings.files {
        let path = folder.join(format!("files{path}"));
        let parent = path.parent().expect("a file's folder");
        fs::create_dir_all(parent).expect("creating the folder of a file");
        fs::write(path, text).expect("writing a file of the machine");
    }
}

/// The bed and the machine.
fn control_group(folder: &Path) -> String {
    let names = folder.components().rev().take(2);
    let names: Vec<_> = names
        .map(|name| name.as_os_str().to_string_lossy())
        .collect();
    format!("{}/{}", names[1], names[0])
}

fn systemd_root() -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/debian-root");
    let output = process::Command::new(script)
        .args(["trixie", "path"])
        .output();
    let output = output.expect("running tests/debian-root");
    let root = String::from_utf8(output.stdout).expect("the path of a root");
    let root = root.trim_end();
    assert!(
        Path::new(root).is_dir(),
        "there is no {root}: tests/install makes it"
    );
    root.to_owned()
}

/// Writes the operator's settings into its folder.
pub(crate) fn write_operator(folder: &Path, settings: &OperatorSettings) {
    write_machine(folder, "operator", &settings.root, &settings.nix_conf);
}

fn write_machine(folder: &Path, name: &str, root: &str, nix_conf: &str) {
    let matrix = root_of_matrix(name);
    let root = if root.is_empty() { &matrix } else { root };
    fs::create_dir_all(folder).expect("creating the machine's folder");
    // No group of build users: a plain debootstrap root has none.
    let common = "substituters =\nsandbox = false\nbuild-users-group =\n";
    let hosts = format!("127.0.0.1 localhost\n127.0.1.1 {name}\n");
    for (file, text) in [
        ("name", name),
        ("root", root),
        ("nix.conf", &format!("{common}{nix_conf}")),
        ("hosts", &hosts),
        ("exposed", &exposed()),
        ("address", ""),
        ("users", ""),
        ("sudoers", ""),
        ("authorized_keys", ""),
        ("host_key", ""),
        ("sshd_config", ""),
    ] {
        write(folder, file, text);
    }
}

/// Returns the root that tests/matrix wants for machines that name none: that of this machine
/// where it is empty.
fn root_of_matrix(machine: &str) -> String {
    let variable = if machine == "operator" {
        "DEPLOY_TEST_OPERATOR_ROOT"
    } else {
        "DEPLOY_TEST_HOST_ROOT"
    };
    std::env::var(variable).unwrap_or_default()
}

/// Returns the folders of this machine that every other one sees too.
fn exposed() -> String {
    let executables = target_folder();
    format!(
        "{}\n{}\n",
        env!("CARGO_MANIFEST_DIR"),
        executables.display()
    )
}

/// Returns the folder with the executables under test, above the one with the tests' own.
pub(crate) fn target_folder() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of the running tests");
    let folder = executable
        .ancestors()
        .nth(2)
        .expect("cargo's target folder");
    folder.to_owned()
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("writing a machine's settings");
}
