//! `rally config`: change the configuration, question by question.

mod form;

use std::io::IsTerminal;

/// What can be typed after `rally config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Change the configuration of this repository instead of your own
    #[arg(long)]
    repo: bool,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    if !std::io::stdin().is_terminal() {
        anyhow::bail!(
            "rally config asks questions and needs a terminal for that; \
             use rally config get, set, unset, list or edit"
        );
    }
    form::run(args.repo)
}
