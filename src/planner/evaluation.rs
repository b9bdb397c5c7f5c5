//! Evaluating one fleet, and handing over its nodes as soon as their settings are known.

use tokio::sync::mpsc::UnboundedSender;

use super::{PlannerContext, PlannerError};
use crate::apply::Event;
use crate::config::{
    Evaluation, Fleet, FleetNode, ParseContext, Paths, Selection, Targets, parse_fleet,
    parse_targets,
};
use crate::model::FlagSettings;
use crate::nix::{Nix, NixError, evaluate, read_metadata};
use crate::plan::{Flake, PlannedFleet};

/// Evaluates a selection. Sends its nodes to `nodes`, before the paths are known if possible.
/// Where paths are not wanted there are no targets.
pub(super) async fn evaluate_fleet(
    context: &PlannerContext,
    nix: &Nix,
    (selection, paths): (&Selection, Paths),
    flags: &FlagSettings,
    nodes: UnboundedSender<FleetNode>,
) -> Result<PlannedFleet, PlannerError> {
    let origin = &selection.origin;
    let url = origin.reference().to_owned();
    context
        .sink
        .send(Event::EvaluationStarted { flake: url.clone() });
    let parse = ParseContext {
        selection,
        flags,
        login: &context.login,
    };
    let send = |fleet: &Fleet| {
        fleet
            .nodes
            .iter()
            .for_each(|node| drop(nodes.send(node.clone())));
    };
    let evaluating = evaluate(
        nix,
        selection,
        paths,
        // What is wrong with the settings is said when the evaluation has ended.
        |settings| parse_fleet(&settings, &parse).iter().for_each(send),
    );
    let (evaluated, flake) = tokio::try_join!(evaluating, read_metadata(nix, origin))?;
    // What an evaluation that fails said is in its error.
    for message in evaluated.said {
        context.sink.send(Event::Noted {
            node: None,
            message,
        });
    }
    let (fleet, targets) = parsed(&evaluated.evaluation, &parse)?;
    // Those that were sent already are not read twice.
    send(&fleet);
    drop(nodes);
    check_unchanged(nix, &flake).await?;
    context.sink.send(Event::EvaluationFinished { flake: url });
    Ok(PlannedFleet {
        flake,
        fleet,
        targets,
    })
}

/// Evaluates what the profiles of a selection shall be, whatever else its flake says.
pub(super) async fn evaluate_targets(
    context: &PlannerContext,
    nix: &Nix,
    selection: &Selection,
) -> Result<Targets, PlannerError> {
    let flake = selection.origin.reference();
    context.sink.send(Event::EvaluationStarted {
        flake: flake.to_owned(),
    });
    let evaluated = evaluate(nix, selection, Paths::Wanted, |_| {}).await?;
    context.sink.send(Event::EvaluationFinished {
        flake: flake.to_owned(),
    });
    Ok(parse_targets(&evaluated.evaluation, &selection.origin)?)
}

fn parsed(
    evaluation: &Evaluation,
    parse: &ParseContext<'_>,
) -> Result<(Fleet, Targets), PlannerError> {
    let fleet = parse_fleet(&evaluation.settings, parse)?;
    let targets = parse_targets(evaluation, &parse.selection.origin)?;
    Ok((fleet, targets))
}

/// A tree that was edited between its lock and its evaluation would be named wrongly in the plan.
async fn check_unchanged(nix: &Nix, before: &Flake) -> Result<(), PlannerError> {
    let is_fixed = before.nar_hash.is_none() || before.locked.contains("rev=");
    if !is_fixed && read_metadata(nix, &before.origin()).await?.nar_hash != before.nar_hash {
        return Err(NixError::Changed {
            origin: before.origin(),
        }
        .into());
    }
    Ok(())
}
