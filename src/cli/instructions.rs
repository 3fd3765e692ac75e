//! `rally instructions`: what every agent is told, whatever its task.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

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
        Action::Edit => edit(&file),
    }
}

fn show(file: &Path) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    match std::fs::read(file) {
        Ok(text) => out.write_all(&text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            writeln!(out, "(no project instructions set)")?;
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
    Ok(super::error::SUCCESS)
}

fn edit(file: &Path) -> anyhow::Result<u8> {
    create(file).with_context(|| format!("cannot create {}", file.display()))?;
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(std::env::var_os)
        // Only blanks would make the shell execute the file itself.
        .find(|editor| !editor.to_string_lossy().trim().is_empty())
        .unwrap_or_else(|| "vi".into());
    let shown = editor.to_string_lossy().into_owned();
    let editor = OsString::from(editor.to_string_lossy().trim());
    // As git does it: the shell splits what the user wrote, so that arguments and quotes work.
    let mut script = editor;
    script.push(" \"$@\"");
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg("sh")
        .arg(file)
        .status()
        .context("cannot run sh, which starts the editor")?;
    if !status.success() {
        anyhow::bail!("the editor \"{shown}\" failed ({status}); set VISUAL or EDITOR to another one");
    }
    Ok(super::error::SUCCESS)
}

/// Makes the file with its header unless it is there.
fn create(file: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(file.parent().map(PathBuf::from).unwrap_or_default())?;
    match OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(mut new) => new.write_all(HEADER.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
