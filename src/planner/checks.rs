//! The checks beside the fleets, run beside the work that they must not hold up.

use super::{PlanRequest, PlannerContext, PlannerError};
use crate::apply::Event;
use crate::config::Origin;
use crate::nix::check;

/// Does some work, and runs the checks beside each fleet at the same time where they are wanted. The
/// first failure ends both.
///
/// # Errors
/// Where the work or a check fails.
pub async fn with_checks<T>(
    context: &PlannerContext,
    request: &PlanRequest,
    work: impl Future<Output = Result<T, PlannerError>>,
) -> Result<T, PlannerError> {
    if !request.checks {
        return work.await;
    }
    let origins = request.selections.iter().map(|one| &one.origin);
    let checks = origins.map(|origin| check_one(context, request, origin));
    let checks = futures_util::future::try_join_all(checks);
    let (done, _) = tokio::try_join!(work, checks)?;
    Ok(done)
}

async fn check_one(
    context: &PlannerContext,
    request: &PlanRequest,
    origin: &Origin,
) -> Result<(), PlannerError> {
    let name = || origin.reference().to_owned();
    context.sink.send(Event::CheckStarted { flake: name() });
    check(&request.nix, origin, |line| {
        context.sink.send(Event::Noted {
            node: None,
            message: line.to_owned(),
        });
    })
    .await?;
    context.sink.send(Event::CheckFinished { flake: name() });
    Ok(())
}
