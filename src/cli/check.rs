//! `deploy check`: is the fleet well formed, and is there something to go back to? Changes nothing.

use serde::Serialize;

use super::args::{CheckArgs, Format};
use super::context::Context;
use super::error::CliError;
use super::look::look;
use super::output::print_data;
use super::plan::{PlanSwitches, new_request};
use super::preparation::read_again;
use crate::config::{
    Finding, Origin, ParseContext, Paths, Selection, Severity, find_problems, parse_fleet,
    target_errors,
};
use crate::nix::{Evaluated, evaluate};
use crate::plan::{Mode, node_findings};
use crate::planner::{PlanRequest, PlannerContext};
use crate::report::findings_text;

const NOT_WELL_FORMED: u8 = 1;
const FORMAT_VERSION: u32 = 1;

/// What is printed for programs.
#[derive(Serialize)]
struct Report<'a> {
    format_version: u32,
    flakes: Vec<FlakeReport<'a>>,
}

#[derive(Serialize)]
struct FlakeReport<'a> {
    flake: &'a str,
    findings: &'a [Finding],
}

pub(super) async fn run(context: &Context, args: CheckArgs) -> Result<u8, CliError> {
    let switches = PlanSwitches {
        mode: Mode::Switch,
        build: false,
        compare_files: false,
        eval_jobs: args.evaluation.jobs,
        checks: false,
        force: false,
    };
    let settings = (&args.selection, &args.settings);
    let request = new_request(context, &args.targets, settings, switches)?;
    let work = async |planner: PlannerContext| {
        let mut checked = Vec::new();
        for selection in &request.selections {
            let findings = check(&planner, &request, selection, &args).await?;
            checked.push((&selection.origin, findings));
        }
        Ok(checked)
    };
    let checked = look(context, &args.display, work).await?;
    let text = match args.format {
        Format::Human => findings_text(&checked),
        Format::Json => render(&checked),
    };
    print_data(&text, "could not print the findings")?;
    let mut findings = checked.iter().flat_map(|(_, findings)| findings);
    let fails = |one: &Finding| args.strict || one.severity == Severity::Error;
    Ok(if findings.any(fails) {
        NOT_WELL_FORMED
    } else {
        0
    })
}

fn render(checked: &[(&Origin, Vec<Finding>)]) -> String {
    let flakes = checked.iter().map(|(origin, findings)| FlakeReport {
        flake: origin.reference(),
        findings,
    });
    let report = Report {
        format_version: FORMAT_VERSION,
        flakes: flakes.collect(),
    };
    // Its types have string keys only, so that this cannot fail.
    serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
}

async fn check(
    planner: &PlannerContext,
    request: &PlanRequest,
    selection: &Selection,
    args: &CheckArgs,
) -> Result<Vec<Finding>, CliError> {
    let paths = if args.paths {
        Paths::Wanted
    } else {
        Paths::Left
    };
    let Evaluated { evaluation, .. } = evaluate(&request.nix, selection, paths, |_| {}).await?;
    let parse = ParseContext {
        selection,
        flags: &request.flags,
        login: &planner.login,
    };
    let mut findings = find_problems(&evaluation.settings, &parse);
    findings.extend(target_errors(&evaluation, &selection.origin));
    // What a plan would refuse is among the findings already.
    if let (true, Ok(fleet)) = (args.nodes, parse_fleet(&evaluation.settings, &parse)) {
        let observations = read_again(planner, &fleet.nodes).await;
        findings.extend(node_findings(&fleet, &observations));
    }
    Ok(findings)
}
