//! What comes before a plan is applied: reading, taking back what runs that died have left, and
//! planning, with its progress shown and its connections kept for what follows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;

use super::args::{DisplayArgs, RunArgs};
use super::context::Context;
use super::error::CliError;
use super::output::Reporting;
use super::prompt::ask;
use super::signals::interruptible;
use super::unlock::unlock;
use crate::apply::{
    EventSink, Exit, Interrupts, RecoveryContext, Unfinished, Unlocking, find_unfinished, recover,
};
use crate::config::FleetNode;
use crate::host::RemoteHost;
use crate::model::{NodeName, RunId};
use crate::plan::NodeObservation;
use crate::planner::{PlannerContext, observe_nodes};
use crate::report::escape_control;

/// Work before the walk.
pub(super) struct Preparation<'a> {
    pub(super) context: &'a Context,
    pub(super) planner: PlannerContext,
    pub(super) interrupts: Interrupts,
    /// The run that comes of it.
    pub(super) run: RunId,
    /// Where events and logs of the run are kept.
    pub(super) folder: PathBuf,
    args: &'a RunArgs,
    display: &'a DisplayArgs,
    reporting: Option<Reporting>,
}

impl<'a> Preparation<'a> {
    /// Begins, with connections of its own.
    pub(super) fn start(
        context: &'a Context,
        (args, display): (&'a RunArgs, &'a DisplayArgs),
        (run, folder): (RunId, PathBuf),
        interrupts: Interrupts,
    ) -> Result<Self, CliError> {
        let reporting = Reporting::start(context, args.requested(), display, Some(&folder))?;
        let planner = PlannerContext {
            builds: args.limits.builds,
            ..context.planner(reporting.sink())?
        };
        Ok(Self {
            context,
            planner,
            interrupts,
            run,
            folder,
            args,
            display,
            reporting: Some(reporting),
        })
    }

    /// Ends what is drawn, so that something else can be said on the terminal.
    pub(super) async fn pause(&mut self) {
        let (silent, _) = unbounded_channel();
        self.planner.sink = EventSink::new(self.context.start, silent);
        if let Some(reporting) = self.reporting.take() {
            reporting.finish().await;
        }
    }

    fn resume(&mut self) -> Result<(), CliError> {
        let (requested, folder) = (self.args.requested(), Some(self.folder.as_path()));
        let reporting = Reporting::start(self.context, requested, self.display, folder)?;
        self.planner.sink = reporting.sink();
        self.reporting = Some(reporting);
        Ok(())
    }

    /// Takes back what runs that died have left on these nodes, and reads those nodes again.
    /// Where somebody is there to answer and `asks`, not without having asked.
    pub(super) async fn recover_first(
        &mut self,
        nodes: &[FleetNode],
        observations: &mut BTreeMap<NodeName, NodeObservation>,
        asks: bool,
    ) -> Result<(), CliError> {
        if self.args.all_or_nothing {
            check_all_read(observations)?;
        }
        let unfinished = find_unfinished(nodes, observations);
        if unfinished.is_empty() {
            return Ok(());
        }
        if asks && !self.args.yes {
            self.pause().await;
            let question = question(&unfinished);
            ask(&mut self.interrupts, &question).await?;
            self.resume()?;
        }
        let concerned: Vec<FleetNode> = nodes
            .iter()
            .filter(|node| unfinished.iter().any(|one| one.node == node.name))
            .cloned()
            .collect();
        let recovery = RecoveryContext {
            run: self.run.clone(),
            host: RemoteHost::new(Arc::clone(&self.planner.pool)),
            agents: Arc::clone(&self.planner.agents),
            sink: self.planner.sink.clone(),
        };
        let locked = unfinished.iter().filter_map(Unfinished::locked_sudo);
        let unlocking = Unlocking {
            host: &recovery.host,
            agents: &recovery.agents,
            run: &recovery.run,
        };
        let unlocking = unlock(self.context, unlocking, locked.collect());
        interruptible(&mut self.interrupts, unlocking).await?;
        let recovering = async {
            let broken = recover(Arc::new(recovery), unfinished).await;
            (broken, read_again(&self.planner, &concerned).await)
        };
        let (broken, again) = tokio::select! {
            ended = recovering => ended,
            Some(()) = self.interrupts.recv() => return Err(interrupted()),
        };
        if !broken.is_empty() {
            return Err(CliError::refused(
                Exit::Partial,
                format!(
                    "a person is needed before anything else\n{}",
                    broken.join("\n")
                ),
                "look at the node and at `deploy status`; the next `deploy apply` goes on from what is there then",
            ));
        }
        observations.extend(again);
        Ok(())
    }
}

/// Refuses to begin where some nodes would be left out.
fn check_all_read(observations: &BTreeMap<NodeName, NodeObservation>) -> Result<(), CliError> {
    let unread = observations.iter().filter_map(|(node, observation)| {
        let (NodeObservation::Unreachable { reason } | NodeObservation::Failed { reason }) =
            observation
        else {
            return None;
        };
        Some(format!("{node}: {}", escape_control(reason)))
    });
    let unread: Vec<String> = unread.collect();
    if unread.is_empty() {
        return Ok(());
    }
    Err(CliError::refused(
        Exit::Failed,
        format!(
            "not all nodes can be read, so nothing was changed on any node\n{}",
            unread.join("\n")
        ),
        "mend the connection, leave them out with --exclude, or go on without them with `deploy apply`",
    ))
}

/// Reads these nodes, whatever was read of them before.
pub(super) async fn read_again(
    planner: &PlannerContext,
    nodes: &[FleetNode],
) -> BTreeMap<NodeName, NodeObservation> {
    let (sender, receiver) = unbounded_channel();
    for node in nodes {
        // The receiver lives until all have been read.
        sender.send(node.clone()).ok();
    }
    drop(sender);
    observe_nodes(planner, receiver).await
}

fn question(unfinished: &[Unfinished]) -> String {
    let lines: Vec<String> = unfinished
        .iter()
        .map(|one| {
            let Unfinished {
                node,
                profile,
                operator,
                phase,
                ..
            } = one;
            let line =
                format!("{node}.{profile}: a run of {operator} was interrupted in phase '{phase}'");
            escape_control(&line).into_owned()
        })
        .collect();
    format!(
        "{}\nThis is taken back, or finished if it was confirmed, before anything is planned. Go on?",
        lines.join("\n")
    )
}

fn interrupted() -> CliError {
    CliError::refused(
        Exit::Interrupted,
        "interrupted while runs that had died were taken back; on its node each of them goes on by itself",
        "`deploy status` says what came of them",
    )
}
