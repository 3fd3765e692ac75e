//! `rally config path`.

use super::place::Place;
use crate::cli::error;

/// What can be typed after `rally config path`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file need not be there.

Examples:
  rally config path
  git add \"$(rally config path --repo)\"")]
pub struct Args {
    /// This repository's file instead of your own
    #[arg(long)]
    repo: bool,
}

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let place = Place::here()?;
    super::print::out(&format!("{}\n", place.file(args.repo)?.display()))?;
    Ok(error::SUCCESS)
}
