//! `deploy show`: a saved plan, printed again.

use super::args::ShowArgs;
use super::context::Context;
use super::error::CliError;
use super::output::{print_plan, print_whole};
use super::plan_source::read_plan;

pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<u8, CliError> {
    let plan = read_plan(&args.file)?;
    if args.digest {
        print_whole(&format!("{}\n", plan.digest))?;
    } else {
        print_plan(context, &plan, args.format)?;
    }
    Ok(0)
}
