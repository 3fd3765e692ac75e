//! `rally routes`: looking at who works next.

mod check;
mod complaint;
mod doubts;
mod lanes;
mod preview;
mod programs;
mod queue;
mod report;
mod roles;
mod text;

/// What can be typed after `rally routes`.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  rally routes check
  rally routes check --preview 10")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check routes, mix, shared limits and preferences of roles; nothing is run or written
    Check(check::Args),
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    match args.action {
        Action::Check(args) => check::run(args),
    }
}
