//! `deploy status`: what nodes are now. Changes nothing.

use std::collections::BTreeMap;

use super::args::{Format, StatusArgs};
use super::context::Context;
use super::error::CliError;
use super::look::{exit_code, look};
use super::output::{print_data, stdout_colour};
use super::plan::{PlanSwitches, new_request, write_whole};
use crate::config::Paths;
use crate::plan::{Mode, OBSERVATIONS_VERSION, SavedObservations, Status};
use crate::planner::{PlannerContext, current_closures, read_fleets};
use crate::report::StatusText;

const DRIFT: u8 = 2;

pub(super) async fn run(context: &Context, args: StatusArgs) -> Result<u8, CliError> {
    let switches = PlanSwitches {
        mode: Mode::Switch,
        build: false,
        checks: false,
        compare_files: false,
        eval_jobs: None,
        force: false,
    };
    let settings = (&args.selection, &args.settings);
    let request = new_request(context, &args.targets, settings, switches)?;
    let work = async |planner: PlannerContext| {
        let read = read_fleets(&planner, &request, Paths::Left).await?;
        let closures = match args.out {
            Some(_) => current_closures(&planner, &read).await,
            None => BTreeMap::new(),
        };
        Ok((read, closures))
    };
    let (read, closures) = look(context, &args.display, work).await?;
    let status = Status::new(&read.fleets, &read.observations);
    if let Some(file) = &args.out {
        let saved = SavedObservations {
            format_version: OBSERVATIONS_VERSION,
            deploy_version: env!("CARGO_PKG_VERSION").to_owned(),
            read_at: request.head.created_at,
            operator: request.head.operator,
            nodes: read.observations,
            closures,
        };
        write_whole(&saved.render(), file, "could not save the observations")?;
    }
    let text = match args.format {
        Format::Human => StatusText::new(&status, context.width(), stdout_colour(context)).render(),
        // The types of a status have string keys only, so that this cannot fail.
        Format::Json => serde_json::to_string_pretty(&status).unwrap_or_default() + "\n",
    };
    print_data(&text, "could not print the status")?;
    Ok(match exit_code(&status) {
        0 if args.detailed_exitcode && status.has_drifted() => DRIFT,
        code => code,
    })
}
