//! `deploy show`: a saved plan, printed again.

use super::args::ShowArgs;
use super::context::Context;
use super::error::CliError;
use super::output::{print_data, print_plan};
use super::plan_source::read_plan;

pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<u8, CliError> {
    let plan = read_plan(&args.file)?;
    if args.digest {
        print_data(&format!("{}\n", plan.digest), "could not print the digest")?;
    } else {
        print_plan(context, (&plan, None), args.format)?;
    }
    Ok(0)
}
