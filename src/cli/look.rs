//! What commands that change nothing have in common: they look at nodes, and show their progress.

use std::sync::{Arc, Mutex};

use super::args::DisplayArgs;
use super::context::Context;
use super::error::CliError;
use super::output::Reporting;
use super::signals::{interruptible, interrupts};
use crate::plan::Status;
use crate::planner::PlannerContext;
use crate::report::{Requested, RunSummary};

const NOTHING_READ: u8 = 1;

/// Does something that changes nothing, with connections of its own that are closed at its end.
pub(super) async fn look<T>(
    context: &Context,
    display: &DisplayArgs,
    work: impl AsyncFnOnce(PlannerContext) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let (result, _) = look_and_sum_up(context, display, work).await?;
    Ok(result)
}

/// Like [`look`], with the summary of what was run for it.
pub(super) async fn look_and_sum_up<T>(
    context: &Context,
    display: &DisplayArgs,
    work: impl AsyncFnOnce(PlannerContext) -> Result<T, CliError>,
) -> Result<(T, Arc<Mutex<RunSummary>>), CliError> {
    // JSON on standard output leaves standard error for progress.
    let reporting = Reporting::start(context, Requested::Auto, display, None)?;
    let planner = context.planner(reporting.sink())?;
    let pool = Arc::clone(&planner.pool);
    let result = interruptible(&mut interrupts(), work(planner)).await;
    pool.close().await;
    let summary = reporting.finish().await;
    result.map(|result| (result, summary))
}

/// Returns the exit code of having looked: some nodes that cannot be read are no failure.
pub(super) fn exit_code(status: &Status) -> u8 {
    if status.has_any() { 0 } else { NOTHING_READ }
}
