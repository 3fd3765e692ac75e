//! `rally config get`.

use std::path::Path;

use super::place::Place;
use super::print;
use crate::cli::error::{self, CliError};
use crate::config::inspect::{self, Entry, Inspection, Setting};
use crate::config::schema::keys::{self, Found, Key, Kind};
use crate::config::{ConfigError, edit};

/// What can be typed after `rally config get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints the value that counts: the repository's, else yours, else the default. A string is printed
without quotes, a list with an item a line, a table as `rally config list` prints it.

Examples:
  rally config get reliability.retry_budget
  rally config get --origin routes.senior
  rally config get harness.work

Exit codes: 0 printed, 1 nothing is set and there is no default, or the configuration has mistakes\n(told on standard error), 2 unknown key")]
pub struct Args {
    /// The key, like reliability.retry_budget; a table like harness.work prints its keys
    #[arg(value_name = "KEY")]
    key: String,
    /// Print `key = value` with the file and line behind it
    #[arg(long)]
    origin: bool,
}

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let path = edit::path(&args.key).map_err(|error| CliError::Usage(error.to_string()))?;
    let row = match keys::find(&path) {
        Found::Key(row) if row.kind == Kind::Anything => {
            anyhow::bail!("{} is of earlier versions and without effect", edit::dotted(&path));
        }
        Found::Key(row) => Some(row),
        Found::Table => None,
        Found::Unknown(hint) => {
            let key = edit::dotted(&path);
            return Err(CliError::Usage(format!("unknown key {key}{hint}")).into());
        }
    };
    let place = Place::here()?;
    let files: Vec<&Path> = place.files().collect();
    let (inspection, unreadable) = place.inspect(&files, None);
    let wanted = inspect::canonical(&path);
    let text = match (inspection.entries.iter().find(|entry| entry.canonical == wanted), row) {
        (Some(entry), Some(row)) => value(entry, row, args.origin),
        _ => match (
            table(&inspection, &wanted, args.origin),
            row.and_then(|row| default(&path, row, &inspection)),
        ) {
            (text, _) if !text.is_empty() => text,
            (_, Some(default)) if args.origin => {
                format!("{} = {}  # default\n", edit::dotted(&wanted), print::literal(&default))
            }
            (_, Some(default)) => print::bare(&default),
            (_, None) => return Err(missing(&path, &inspection, &unreadable)),
        },
    };
    print::out(&text)?;
    // A relay refuses such a configuration, so no value of it counts yet.
    let wrong = print::complaints(&inspection, &unreadable)?;
    Ok(if wrong { error::FAILURE } else { error::SUCCESS })
}

/// A zero that means the default is shown as the default: that is what counts.
fn value(entry: &Entry, row: &Key, origin: bool) -> String {
    let value = match entry.value {
        Setting::Number(0) if row.zero_is_default => parse(row).unwrap_or(Setting::Number(0)),
        _ => entry.value.clone(),
    };
    if origin { print::line(&Entry { value, ..entry.clone() }, true) } else { print::bare(&value) }
}

fn table(inspection: &Inspection, wanted: &[String], origin: bool) -> String {
    let inside = inspection.entries.iter().filter(|entry| entry.canonical.starts_with(wanted));
    inside.map(|entry| print::line(entry, origin)).collect()
}

/// The default of a key; that of a harness or provider only where there is one of its name.
fn default(path: &[String], row: &Key, inspection: &Inspection) -> Option<Setting> {
    let named = row.path.split('.').nth(1) == Some("*");
    let there = |entry: &Entry| entry.canonical.starts_with(&inspect::canonical(&path[..2]));
    if named && !inspection.entries.iter().any(there) {
        return None;
    }
    // An old name has the default of the current one.
    let row = match row.current {
        Some(current) => keys::KEYS.iter().find(|row| row.path == current)?,
        None => row,
    };
    parse(row)
}

fn parse(row: &Key) -> Option<Setting> {
    let value: toml_edit::Value = row.default?.parse().ok()?;
    match value {
        toml_edit::Value::String(text) => Some(Setting::Text(text.into_value())),
        toml_edit::Value::Boolean(flag) => Some(Setting::Flag(flag.into_value())),
        toml_edit::Value::Integer(number) => Some(Setting::Number(number.into_value())),
        _ => None,
    }
}

fn missing(path: &[String], inspection: &Inspection, unreadable: &[ConfigError]) -> anyhow::Error {
    let key = edit::dotted(path);
    let wrong = unreadable.len() + inspection.errors.len();
    if wrong > 0 {
        anyhow::anyhow!("{key} cannot be read or is not set; rally config list tells what is wrong")
    } else {
        anyhow::anyhow!("{key} is not set and has no default; rally config set {key} sets it")
    }
}
