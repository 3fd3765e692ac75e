//! `rally config set`.

use std::path::Path;

use anyhow::Context;
use toml_edit::Value;

use super::form::words::join;
use super::judge::{Judgement, judge};
use super::place::Place;
use super::print;
use crate::cli::error::{self, CliError};
use crate::config::edit::{Draft, EditError};
use crate::config::{change, edit, inspect};
use crate::routing::{Catalog, Entry, routes};

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
    super::again_when_changed(|| set(args, &path, &value))
}

fn set(args: &Args, path: &[String], value: &Value) -> anyhow::Result<Option<u8>> {
    let place = Place::here()?;
    let file = place.file(args.repo)?;
    let hopeless = |problem| super::hopeless(&problem, args.repo);
    let draft = Draft::open(file).map_err(hopeless)?;
    let after = draft.with(&change::set(draft.text(), path, value.clone())).map_err(hopeless)?;
    let judgement = judge(&place, file, draft.text(), &after);
    if !judgement.new.is_empty() {
        let (reasons, way_out) = (judgement.reasons(file), separately(args, path, value, &judgement));
        anyhow::bail!("{} is left as it is: {reasons}{way_out}", file.display());
    }
    let key = edit::dotted(path);
    let saved = match draft.save(&after) {
        Err(EditError::Changed { .. }) => return Ok(None),
        saved => saved.map_err(hopeless)?,
    };
    if saved {
        print::out(&format!("Set {key} = {} in {}\n", edit::literal(value), file.display()))?;
    } else {
        print::out(&format!("{} has it already: {key} = {}\n", file.display(), edit::literal(value)))?;
    }
    judgement.tell()?;
    let wanted = inspect::canonical(path);
    let after = judgement.after.iter().flat_map(|after| &after.entries);
    overridden(file, after.into_iter().find(|entry| entry.canonical == wanted))?;
    Ok(Some(error::SUCCESS))
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

/// How to type several entries of a route that came as one, or nothing.
fn separately(args: &Args, path: &[String], value: &Value, judgement: &Judgement) -> String {
    let (Value::Array(items), ["routes", _]) =
        (value, &path.iter().map(String::as_str).collect::<Vec<_>>()[..])
    else {
        return String::new();
    };
    let Some(after) = &judgement.after else { return String::new() };
    let catalog = Catalog::new(&after.config);
    let several = |item: &str| routes::several(&catalog, item);
    let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    if !items.iter().any(|item| several(item).is_some()) {
        return String::new();
    }
    let words: Vec<String> =
        items.into_iter().flat_map(|item| several(item).unwrap_or_else(|| vec![item.to_owned()])).collect();
    let repo = if args.repo { "--repo " } else { "" };
    let words = [vec![edit::dotted(path)], words].concat();
    format!(" (rally config set {repo}{})", join(&words))
}

/// Entries of routes must parse; whom they name is asked later, with the whole configuration, and what
/// reads as a list in one item as well.
fn entries(path: &[String], value: &Value) -> anyhow::Result<()> {
    let ([table, _], Value::Array(items)) = (path, value) else { return Ok(()) };
    if table == "routes" {
        let is_one = |item: &&str| !item.contains(|c: char| c == ',' || c.is_whitespace());
        for item in items.iter().filter_map(Value::as_str).filter(is_one) {
            Entry::parse(item).with_context(|| edit::dotted(path))?;
        }
    }
    Ok(())
}
