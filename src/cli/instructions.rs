//! `rally instructions`: what every agent is told, whatever its task.

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;

/// What a new file begins with.
const HEADER: &str = "# Project instructions\n\n\
    <!-- Write below what every agent should know about this project. -->\n\
    <!-- rally adds this file to the prompt of every session. -->\n";

/// What can be typed after `rally instructions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rally instructions show
  EDITOR=\"code --wait\" rally instructions edit")]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print the instructions
    Show,
    /// Open the instructions in $VISUAL, $EDITOR or vi
    Edit,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let file = super::workspace::root()?.join(".rally").join("instructions.md");
    match args.action {
        Action::Show => show(&file),
        Action::Edit => {
            super::editor::open(&file, HEADER)?;
            Ok(super::error::SUCCESS)
        }
    }
}

fn show(file: &Path) -> anyhow::Result<u8> {
    match std::fs::read(file) {
        Ok(text) => super::output::document(&text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            writeln!(std::io::stdout(), "(no project instructions set)")?;
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
    Ok(super::error::SUCCESS)
}
