//! `rally config edit`.

use std::path::Path;

use super::place::Place;
use super::print;
use crate::cli::{editor, error, init};

/// What can be typed after `rally config edit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Opens the file, broken or not, and makes it with examples when it is missing. Afterwards every mistake
is told with its file and line.

Examples:
  rally config edit --repo
  EDITOR=\"code --wait\" rally config edit

Exit codes: 0 without mistakes, 1 while mistakes remain or when the editor failed, 2 wrong command line")]
pub struct Args {
    /// This repository's file instead of your own
    #[arg(long)]
    repo: bool,
}

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let place = Place::here()?;
    let template = if args.repo { init::REPOSITORY_CONFIG } else { init::USER_CONFIG };
    editor::open(place.file(args.repo)?, template)?;
    let files: Vec<&Path> = place.files().collect();
    let (inspection, unreadable) = place.inspect(&files, None);
    let wrong = print::complaints(&inspection, &unreadable)?;
    Ok(if wrong { error::FAILURE } else { error::SUCCESS })
}
