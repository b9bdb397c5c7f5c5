//! `deploy status`: what nodes are now. Changes nothing.

use super::args::{Format, StatusArgs};
use super::context::Context;
use super::error::CliError;
use super::output::{Reporting, print_data, stdout_colour};
use super::plan::{PlanSwitches, new_request};
use super::signals::{interruptible, interrupts};
use crate::config::Paths;
use crate::plan::{Mode, Status};
use crate::planner::read_fleets;
use crate::report::{Requested, StatusText};

const NOTHING_READ: u8 = 1;

pub(super) async fn run(context: &Context, args: StatusArgs) -> Result<u8, CliError> {
    let reporting = Reporting::start(context, Requested::Auto, &args.display, None)?;
    let planner = context.planner(reporting.sink())?;
    let request = new_request(
        context,
        &args.targets,
        &args.selection.exclude,
        args.settings.overrides()?,
        &args.selection.nix_arguments,
        PlanSwitches {
            mode: Mode::Switch,
            build: false,
            force: false,
        },
    )?;
    let reading = read_fleets(&planner, &request, Paths::Left);
    let read = interruptible(&mut interrupts(), reading).await;
    planner.pool.close().await;
    drop(planner);
    reporting.finish().await;
    let read = read?;
    let status = Status::new(&read.fleets, &read.observations);
    let text = match args.format {
        Format::Human => StatusText::new(&status, context.width(), stdout_colour(context)).render(),
        // The types of a status have string keys only, so that this cannot fail.
        Format::Json => serde_json::to_string_pretty(&status).unwrap_or_default() + "\n",
    };
    print_data(&text, "could not print the status")?;
    Ok(if status.has_any() { 0 } else { NOTHING_READ })
}
