//! `deploy show`: a saved plan, printed again.

use super::args::ShowArgs;
use super::context::Context;
use super::error::CliError;
use super::output::print_plan;
use super::plan_source::read_plan;

pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<u8, CliError> {
    let plan = read_plan(&args.file)?;
    print_plan(context, &plan, args.format)?;
    Ok(0)
}
