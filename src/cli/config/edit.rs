//! `rally config edit`.

use std::path::Path;

use super::place::Place;
use super::print;
use crate::cli::{editor, error, init};

/// What can be typed after `rally config edit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Opens the file, broken or not. A missing one begins with examples, and stays missing when they are left
as they are. Afterwards every mistake is told with its file and line.

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
    let file = place.file(args.repo)?;
    let was_there = file.symlink_metadata().is_ok();
    let opened = editor::open(file, template);
    // Examples that nobody saved must not begin to count.
    if !was_there && std::fs::read_to_string(file).is_ok_and(|text| text == template) {
        std::fs::remove_file(file)?;
    }
    opened?;
    let files: Vec<&Path> = place.files().collect();
    let (inspection, unreadable) = place.inspect(&files, None);
    let wrong = print::complaints(&inspection, &unreadable)?;
    Ok(if wrong { error::FAILURE } else { error::SUCCESS })
}
