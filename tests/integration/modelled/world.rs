//! What there is of a node: what a power cut may take, and what lasts.

use std::collections::BTreeMap;

use deploy::agent::rules::{Policy, Snapshot};
use deploy::model::{AbsolutePath, Generation, RunId, StorePath};
use deploy::protocol::{Journal, Order};

/// A closure, and whether it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closure {
    One,
    Two,
    Three,
    /// Its activation fails.
    Bad,
    /// A system whose boot entry cannot be written.
    Unbootable,
}

/// What is asked of a closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Switch,
    Test,
    Boot,
}

/// What lasts only once it was synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) link: Option<String>,
    pub(super) generations: BTreeMap<Generation, String>,
    /// What was activated last.
    pub(super) active: Option<Closure>,
}

/// Everything as it was when the last run began, and what that run was to do.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) files: Files,
    pub(super) boots: Option<Closure>,
    pub(super) policy: Option<Policy>,
    /// Whether the node was reset since.
    pub(super) was_reset: bool,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) order: Order,
    pub(super) files: Files,
    /// What the files were before each change since the last sync.
    unsynced: Vec<Files>,
    /// What a system boots; written durably by the boot loader's own program.
    pub(super) boots: Option<Closure>,
    pub(super) journal: Option<Journal>,
    pub(super) before: Before,
    /// The run that was started last.
    pub(super) last_run: Option<RunId>,
    /// Whether somebody has begun to take it back, which is begun once.
    pub(super) revoked: bool,
}

impl Closure {
    pub(super) const ALL: [Self; 5] = [
        Self::One,
        Self::Two,
        Self::Three,
        Self::Bad,
        Self::Unbootable,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
            Self::Three => "three",
            Self::Bad => "bad",
            Self::Unbootable => "unbootable",
        }
    }

    pub(super) fn path(self) -> StorePath {
        let text = format!(
            "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-{}",
            self.name()
        );
        text.parse().unwrap()
    }

    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|closure| closure.path().as_str() == path)
    }

    fn can(self, action: Action) -> bool {
        match action {
            Action::Switch | Action::Test => self != Self::Bad,
            Action::Boot => self != Self::Unbootable,
        }
    }
}

pub(super) fn profile_path() -> AbsolutePath {
    "/profiles/app".parse().unwrap()
}

impl World {
    /// A node with this link and nothing else.
    pub(super) fn new(order: Order, direct: Option<Closure>) -> Self {
        let files = Files {
            link: direct.map(|closure| closure.path().to_string()),
            generations: BTreeMap::new(),
            active: direct,
        };
        Self {
            order,
            before: Before {
                files: files.clone(),
                boots: None,
                policy: None,
                was_reset: false,
            },
            files,
            unsynced: Vec::new(),
            boots: None,
            journal: None,
            last_run: None,
            revoked: false,
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let files = self.files.clone();
        Snapshot::new(&profile_path(), files.link, files.generations)
    }

    /// The closure that the profile leads to.
    pub(super) fn current(&self) -> Option<Closure> {
        Closure::at(self.snapshot().state.path()?.as_str())
    }

    fn change(&mut self, change: impl FnOnce(&mut Files)) {
        self.unsynced.push(self.files.clone());
        change(&mut self.files);
        self.check_always();
    }

    /// Holds at any moment: the link leads somewhere, and every generation is still there.
    fn check_always(&self) {
        let now = self.snapshot();
        assert!(
            now.link.is_none() || now.state.path().is_some(),
            "a dangling link: {self:#?}"
        );
        for (number, path) in &self.before.files.generations {
            assert_eq!(now.generations.get(number), Some(path), "gone: {self:#?}");
        }
    }

    pub(super) fn sync(&mut self) {
        self.unsynced.clear();
    }

    /// How many changes a power cut may take.
    pub(super) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    /// The power goes, and only so many of the changes that were not synced have arrived.
    pub(super) fn lose_power(&mut self, arrived: usize) {
        if let Some(files) = self.unsynced.get(arrived) {
            self.files = files.clone();
        }
        self.unsynced.clear();
        if self.order != Order::SetFirst {
            self.files.active = self.boots;
        }
        self.before.was_reset = true;
    }

    pub(super) fn write_link(&mut self, text: Option<String>) {
        self.change(|files| files.link = text);
    }

    pub(super) fn switch_generation(&mut self, number: Generation) {
        if self.files.generations.contains_key(&number) {
            self.write_link(Some(number.link_name("app")));
        }
    }

    pub(super) fn set(&mut self, target: &StorePath) {
        let number = self.snapshot().generation_for(target);
        self.change(|files| {
            files.generations.insert(number, target.to_string());
        });
        self.switch_generation(number);
    }

    pub(super) fn delete(&mut self, number: Generation) {
        self.change(|files| {
            files.generations.remove(&number);
        });
    }

    /// Runs a closure's program; returns whether it succeeded.
    pub(super) fn activate(&mut self, closure: Closure, action: Action) -> bool {
        let works = closure.can(action);
        match action {
            // One that fails has got half way.
            Action::Switch => self.change(|files| files.active = Some(closure)),
            Action::Test if works => self.change(|files| files.active = Some(closure)),
            Action::Boot if works => self.boots = Some(closure),
            Action::Test | Action::Boot => {}
        }
        works
    }
}
