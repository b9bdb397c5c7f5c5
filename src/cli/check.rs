//! `deploy check`: is the fleet well formed? Changes nothing, and asks no node.

use serde::Serialize;

use super::args::{CheckArgs, Format};
use super::context::Context;
use super::error::CliError;
use super::origin::located;
use super::output::print_data;
use super::signals::{interruptible, interrupts};
use crate::config::{
    Finding, ParseContext, Paths, Selection, Severity, find_problems, select, target_errors,
};
use crate::model::FlagSettings;
use crate::nix::{Nix, evaluate};
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
    let selections = select(&located(&args.targets, args.file.name())?, &[]);
    let nix = Nix {
        arguments: args.nix_arguments,
        jobs: None,
    };
    let paths = if args.paths {
        Paths::Wanted
    } else {
        Paths::Left
    };
    let work = async {
        let mut checked = Vec::new();
        for selection in &selections {
            let findings = check(context, &nix, selection, paths).await?;
            checked.push((&selection.origin, findings));
        }
        Ok::<_, CliError>(checked)
    };
    let checked = interruptible(&mut interrupts(), work).await?;
    let text = match args.format {
        Format::Human => findings_text(&checked),
        Format::Json => {
            let flakes = checked.iter();
            let flakes = flakes.map(|(origin, findings)| FlakeReport {
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

async fn check(
    context: &Context,
    nix: &Nix,
    selection: &Selection,
    paths: Paths,
) -> Result<Vec<Finding>, CliError> {
    let evaluation = evaluate(nix, selection, paths, |_| {}, |_| {}).await?;
    let parse = ParseContext {
        selection,
        flags: &FlagSettings::default(),
        login: &context.login,
    };
    let mut findings = find_problems(&evaluation.settings, &parse);
    findings.extend(target_errors(&evaluation, &selection.origin));
    Ok(findings)
}
