//! `deploy status`: what nodes are now. Changes nothing.

use super::args::{Format, StatusArgs};
use super::context::Context;
use super::error::CliError;
use super::look::{exit_code, look};
use super::output::{print_data, stdout_colour};
use super::plan::{PlanSwitches, new_request};
use crate::config::Paths;
use crate::plan::{Mode, Status};
use crate::planner::read_fleets;
use crate::report::StatusText;

pub(super) async fn run(context: &Context, args: StatusArgs) -> Result<u8, CliError> {
    let switches = PlanSwitches {
        mode: Mode::Switch,
        build: false,
        force: false,
    };
    let settings = (&args.selection, &args.settings);
    let request = new_request(context, &args.targets, settings, switches)?;
    let work = async |planner| Ok(read_fleets(&planner, &request, Paths::Left).await?);
    let read = look(context, &args.display, work).await?;
    let status = Status::new(&read.fleets, &read.observations);
    let text = match args.format {
        Format::Human => StatusText::new(&status, context.width(), stdout_colour(context)).render(),
        // The types of a status have string keys only, so that this cannot fail.
        Format::Json => serde_json::to_string_pretty(&status).unwrap_or_default() + "\n",
    };
    print_data(&text, "could not print the status")?;
    Ok(exit_code(&status))
}
