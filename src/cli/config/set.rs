//! `rally config set`.

use std::path::Path;

use anyhow::Context;
use toml_edit::Value;

use super::judge::judge;
use super::place::Place;
use super::print;
use crate::cli::error::{self, CliError};
use crate::config::{change, edit, inspect};
use crate::routing::Entry;

/// What can be typed after `rally config set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The key decides what its value is. For a list, several VALUEs are its items, and one that reads as a
TOML list is that list. What would be a mistake is refused, and nothing is written then; mistakes that
stand elsewhere hold nothing up. Comments and everything else in the file stay as they are.

Examples:
  rally config set defaults.mix \"cc:2 cx\"
  rally config set reliability.require_changes false
  rally config set routes.senior cc:opus cx:2
  rally config set --repo routes.senior '[\"cc:opus\", \"cx:2\"]'
  rally config set harness.mine.command -- mine --print '$PROMPT'

Exit codes: 0 set, 1 refused, 2 wrong command line")]
pub struct Args {
    /// The key, like reliability.retry_budget or 'harness.\"my-agent\".command'
    #[arg(value_name = "KEY")]
    key: String,
    /// The value; behind -- it may begin with a dash
    #[arg(value_name = "VALUE", required = true, allow_negative_numbers = true)]
    values: Vec<String>,
    /// Change this repository's file instead of your own
    #[arg(long)]
    repo: bool,
}

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let path = edit::path(&args.key).map_err(|error| CliError::Usage(error.to_string()))?;
    let value = change::value(&path, &args.values)?;
    entries(&path, &value)?;
    let place = Place::here()?;
    let file = place.file(args.repo)?;
    let before = edit::read(file).map_err(|problem| super::hopeless(&problem, args.repo))?;
    let after = edit::edited(file, &before, &change::set(&before, &path, value.clone()))
        .map_err(|problem| super::hopeless(&problem, args.repo))?;
    let judgement = judge(&place, file, &before, &after);
    if !judgement.new.is_empty() {
        anyhow::bail!("{} is left as it is: {}", file.display(), judgement.reasons(file));
    }
    let key = edit::dotted(&path);
    if after == before {
        print::out(&format!("{} has it already: {key} = {}\n", file.display(), edit::literal(&value)))?;
    } else {
        edit::write(file, &after)?;
        print::out(&format!("Set {key} = {} in {}\n", edit::literal(&value), file.display()))?;
    }
    judgement.tell()?;
    let wanted = inspect::canonical(&path);
    let after = judgement.after.iter().flat_map(|after| &after.entries);
    overridden(file, after.into_iter().find(|entry| entry.canonical == wanted))?;
    Ok(error::SUCCESS)
}

/// The user's file may say what it likes: this repository's wins.
fn overridden(file: &Path, counts: Option<&inspect::Entry>) -> std::io::Result<()> {
    match counts {
        Some(entry) if entry.origin.file != file => {
            let value = print::literal(&entry.value);
            print::say("notice", format!("here {} wins, which says {value}", entry.origin))
        }
        _ => Ok(()),
    }
}

/// Entries of routes must parse; whom they name is asked later, with the whole configuration.
fn entries(path: &[String], value: &Value) -> anyhow::Result<()> {
    let ([table, _], Value::Array(items)) = (path, value) else { return Ok(()) };
    if table == "routes" {
        for item in items.iter().filter_map(Value::as_str) {
            Entry::parse(item).with_context(|| edit::dotted(path))?;
        }
    }
    Ok(())
}
