//! Building on the operator's machine, told as it goes.

use std::collections::BTreeMap;

use super::PlannerContext;
use crate::apply::Event;
use crate::model::StorePath;
use crate::nix::{self, BuildFailure, Nix, NixError};

/// Builds these targets by their derivations, or fetches those without one, all in one call.
/// Returns what could not be had.
pub(super) async fn build_targets(
    context: &PlannerContext,
    nix: &Nix,
    targets: &BTreeMap<StorePath, Option<StorePath>>,
) -> Result<BTreeMap<StorePath, BuildFailure>, NixError> {
    context.sink.send(Event::BuildStarted {
        derivations: targets.len() as u64,
    });
    let nix = Nix {
        jobs: context.builds,
        ..nix.clone()
    };
    let failures = nix::build(&nix, targets, |line| {
        context.sink.send(Event::Noted {
            node: None,
            message: line.to_owned(),
        });
    })
    .await?;
    context.sink.send(Event::BuildFinished {
        failed: failures.len() as u64,
    });
    Ok(failures)
}
