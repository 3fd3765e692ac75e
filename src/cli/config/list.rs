//! `rally config list`.

use std::path::Path;

use super::place::Place;
use super::print;
use crate::cli::error;

/// What can be typed after `rally config list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints `key = value` as TOML, sorted by key: what counts when the repository's file is laid over
yours, or one file alone. Mistakes are told on standard error, and what can be read is listed.

Examples:
  rally config list --origin
  rally config list --repo

Exit codes: 0 without mistakes, 1 with mistakes, 2 wrong command line")]
pub struct Args {
    /// Add the file and line of each key
    #[arg(long)]
    origin: bool,
    /// Only what this repository's file sets
    #[arg(long)]
    repo: bool,
    /// Only what your own file sets
    #[arg(long, conflicts_with = "repo")]
    user: bool,
}

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let place = Place::here()?;
    let all: Vec<&Path> = place.files().collect();
    // A file may rest on the other one, so both are judged whichever is listed.
    let (inspection, unreadable) = place.inspect(&all, None);
    let entries = if args.repo || args.user {
        place.inspect(&[place.file(args.repo)?], None).0.entries
    } else {
        inspection.entries.clone()
    };
    print::out(&entries.iter().map(|entry| print::line(entry, args.origin)).collect::<String>())?;
    let wrong = print::complaints(&inspection, &unreadable)?;
    Ok(if wrong { error::FAILURE } else { error::SUCCESS })
}
