//! A bed for one cell of the table: hosts, a fleet on them, and runs that stop in a stage.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::registry::Fault;
use crate::scene::Scene;
use crate::state::{PROFILE, State, VERSIONS};
use crate::table::Stage;
use crate::testbed::{Bed, Flake, Host, HostSettings, Node, Operator, Output, Profile, Running};

/// Every login reads what the test wants it to do.
const START_UP: &str = "! [ -e /run/fault/env ] || . /run/fault/env\n";
/// Says that it is there, once, and waits to be let go on.
const HOLD: &str = "rm -f /run/fault/env; echo $$ > /run/fault/held; \
                    while [ -e /run/fault/held ]; do sleep 0.02; done";
const HELD: &str = "/run/fault/held";
const POLL: Duration = Duration::from_millis(20);
/// How long anything may take that is not what is measured.
const PATIENCE: Duration = Duration::from_secs(45);

/// What became of a run.
pub(crate) struct Answer {
    pub(crate) exit: i32,
    /// When the fault began.
    pub(crate) since: Instant,
    /// How long the operator waited for the answer; none where the fault has ended the operator.
    pub(crate) waited: Option<Duration>,
    pub(crate) transcript: String,
}

impl Answer {
    pub(crate) fn of(output: &Output, since: Instant) -> Self {
        Self {
            exit: output.exit,
            since,
            waited: Some(since.elapsed()),
            transcript: output.to_string(),
        }
    }
}

/// A bed for one cell.
pub(crate) struct Lab {
    bed: Bed,
    pub(crate) stage: Stage,
    /// The point of the agent that stands for the stage.
    pub(crate) point: &'static str,
    fault: &'static Fault,
}

impl Lab {
    pub(crate) fn boot(fault: &'static Fault, stage: Stage, point: &'static str) -> Self {
        let host = |number: usize| {
            let settings = HostSettings::new(&format!("web{number}"));
            (fault.host)(settings).append(&home_file(fault.login), START_UP)
        };
        let hosts = (1..=fault.hosts).map(host);
        let bed = hosts.fold(Bed::builder(), crate::testbed::BedBuilder::host);
        let lab = Self {
            bed: bed.boot(),
            stage,
            point,
            fault,
        };
        lab.make_room();
        lab
    }

    /// Makes the folder that the test and the node talk through; it is gone after a crash.
    pub(crate) fn make_room(&self) {
        for host in self.bed.hosts() {
            host.shell("mkdir -p -m 777 /run/fault").success();
        }
    }

    pub(crate) fn host(&self) -> &Host {
        self.bed.host(0)
    }

    pub(crate) fn hosts(&self) -> &[Host] {
        self.bed.hosts()
    }

    pub(crate) fn operator(&self) -> &Operator {
        self.bed.operator()
    }

    pub(crate) fn state(&self) -> State {
        State::of(self.host(), PROFILE)
    }

    /// Returns the profile in this version, which does what the cell needs.
    pub(crate) fn profile(&self, version: &str) -> Profile {
        let profile = Profile::new(PROFILE, version);
        if version == VERSIONS[0] {
            return profile.script(self.fault.old_script);
        }
        if version != VERSIONS[1] {
            return profile;
        }
        let profile = match self.stage {
            Stage::Activation => profile.script(&format!(
                "! [ -e /run/fault/hold ] || {{ rm /run/fault/hold; {HOLD}; }}"
            )),
            _ => profile,
        };
        let profile = profile.script(self.fault.new_script);
        match self.stage {
            Stage::Rollback => profile.script("exit 1"),
            _ => profile,
        }
    }

    /// Returns a fleet with these profiles on the first host.
    pub(crate) fn flake(&self, profiles: &[Profile]) -> Flake {
        let node = profiles
            .iter()
            .cloned()
            .fold(Node::at(self.host()), Node::profile);
        self.settings().node(node)
    }

    pub(crate) fn settings(&self) -> Flake {
        let times = format!(
            "confirmTimeout = {}; activationTimeout = 5;",
            self.fault.confirm_timeout
        );
        let users = format!("sshUser = \"{}\"; user = \"root\";", self.fault.login);
        Flake::new().setting(&users).setting(&times)
    }

    pub(crate) fn scene(&self, flake: &Flake) -> Scene<'_> {
        self.scene_in("fleet", flake)
    }

    pub(crate) fn scene_in(&self, folder: &str, flake: &Flake) -> Scene<'_> {
        Scene::new(&self.bed, folder, flake)
    }

    /// Deploys a version and is done; it must succeed.
    #[track_caller]
    pub(crate) fn deploy(&self, version: &str) -> Output {
        self.scene(&self.flake(&[self.profile(version)])).apply()
    }

    /// Starts to deploy the second version.
    pub(crate) fn start(&self) -> Running {
        let scene = self.scene(&self.flake(&[self.profile(VERSIONS[1])]));
        scene.command(&["apply", "--yes"]).spawn()
    }

    /// Starts to deploy the second version and waits until it is in the stage, where it stays.
    #[track_caller]
    pub(crate) fn start_held(&self) -> Running {
        self.arm();
        let mut run = self.start();
        self.wait_held(&mut run);
        run
    }

    /// Lets whatever comes to the stage next stay there.
    pub(crate) fn arm(&self) {
        let when = |pattern: &str| {
            format!("case \"$BASH_EXECUTION_STRING\" in {pattern}) {HOLD};; esac\n")
        };
        let text = match self.stage {
            Stage::Observe => when("*'field() {'*"),
            Stage::Copy => when("*--serve*"),
            Stage::Wait if self.point.is_empty() => when("*' confirm '*"),
            Stage::Activation if self.point.is_empty() => {
                self.host().write("/run/fault/hold", "");
                return;
            }
            _ => format!(
                "export DEPLOY_AGENT_FAULT={}=hold:{HELD}\n",
                self.point_or_default()
            ),
        };
        self.host().write("/run/fault/env", &text);
    }

    fn point_or_default(&self) -> &'static str {
        match self.stage {
            _ if !self.point.is_empty() => self.point,
            Stage::Lock => "locked",
            Stage::Journal => "prepared",
            Stage::Set => "setting",
            Stage::Confirm => "confirmation-seen",
            Stage::Rollback => "restored",
            stage => panic!("{stage} has no point"),
        }
    }

    #[track_caller]
    pub(crate) fn wait_held(&self, run: &mut Running) {
        let stage = self.stage;
        run.wait_until(&format!("it is in the stage {stage}"), |_| self.is_held());
        drop(self.host().run(["rm", "-f", "/run/fault/env"]));
    }

    /// Looks from outside, which costs nothing and which a frozen host answers too.
    pub(crate) fn is_held(&self) -> bool {
        self.inside(HELD).exists()
    }

    /// Returns whether no agent is at work on the host any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        let agents = self.host().run(["pgrep", "-f", " supervise [{]"]);
        agents.exit == 1
    }

    /// Lets go on what is held, and everything after it. A confirmation that was held is lost: one
    /// that has come so far would be given whatever became of its connection.
    pub(crate) fn release(&self) {
        if self.stage == Stage::Wait && self.point.is_empty() {
            let login = fs::read_to_string(self.inside(HELD)).unwrap_or_default();
            drop(self.host().run(["kill", "-KILL", login.trim()]));
        }
        for name in ["env", "hold", "held"] {
            fs::remove_file(self.inside(&format!("/run/fault/{name}"))).ok();
        }
    }

    /// Returns where a file of the host is for this process.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        let number = fs::read_to_string(self.host().folder().join("pid")).unwrap_or_default();
        PathBuf::from(format!("/proc/{}/root{path}", number.trim()))
    }

    /// Runs the fault on a run that is held in the stage, lets it go on, and waits for its end.
    #[track_caller]
    pub(crate) fn meets(&self, fault: impl FnOnce(&mut Running)) -> Answer {
        let mut run = self.start_held();
        let since = Instant::now();
        fault(&mut run);
        self.release();
        Answer::of(&run.wait(), since)
    }

    /// Waits until something holds, and fails with what it is after a long time.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(
                started.elapsed() < PATIENCE,
                "it never came that {what}: {:?}",
                self.state()
            );
            thread::sleep(POLL);
        }
    }

    /// Proves that nobody can log in.
    #[track_caller]
    pub(crate) fn is_unreachable(&self, why: &str) {
        let login = self
            .operator()
            .ssh("root", self.host())
            .arg("true")
            .run()
            .code(255);
        assert!(login.stderr.contains(why), "{login}");
    }
}

fn home_file(user: &str) -> String {
    match user {
        "root" => "/root/.bashrc".to_owned(),
        user => format!("/home/{user}/.bashrc"),
    }
}
