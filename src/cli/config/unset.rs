//! `rally config unset`.

use super::judge::judge;
use super::place::Place;
use super::print;
use crate::cli::error::{self, CliError};
use crate::config::edit::{Draft, Edit, EditError};
use crate::config::schema::keys::{self, Found};
use crate::config::{change, edit};

/// What can be typed after `rally config unset`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes out a key, or a table with all its keys, under exactly this name; a key that stands under an old
name is found. What would leave a new mistake behind is refused. Comments above a key stay; a table that is
named as a whole takes those between its header and its last key with it.

Examples:
  rally config unset defaults.mix
  rally config unset --repo routes.SENIOR
  rally config unset 'harness.\"my agent\"'

Exit codes: 0 taken out, 1 nothing was there or refused, 2 wrong command line")]
pub struct Args {
    /// The key or table, like reliability.retry_budget or harness.work
    #[arg(value_name = "KEY")]
    key: String,
    /// Change this repository's file instead of your own
    #[arg(long)]
    repo: bool,
}

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let path = edit::path(&args.key).map_err(|error| CliError::Usage(error.to_string()))?;
    super::again_when_changed(|| unset(args, &path))
}

fn unset(args: &Args, path: &[String]) -> anyhow::Result<Option<u8>> {
    let place = Place::here()?;
    let file = place.file(args.repo)?;
    let hopeless = |problem| super::hopeless(&problem, args.repo);
    let draft = Draft::open(file).map_err(hopeless)?;
    // A key in what is no table says so itself, before it is missed.
    draft.with(&[Edit::Unset(path.to_vec())]).map_err(hopeless)?;
    let edits = change::unset(draft.text(), path);
    if edits.is_empty() {
        return Err(missing(&place, args.repo, draft.text(), path));
    }
    let after = draft.with(&edits).map_err(hopeless)?;
    let judgement = judge(&place, file, draft.text(), &after);
    if !judgement.new.is_empty() {
        let whole = match path {
            [_, _, ..] => format!(" (or take out {})", edit::dotted(&path[..path.len() - 1])),
            _ => String::new(),
        };
        anyhow::bail!(
            "{} is left as it is, for without {} there would be a mistake: {}{whole}",
            file.display(),
            edit::dotted(path),
            judgement.reasons(file)
        );
    }
    match draft.save(&after) {
        Err(EditError::Changed { .. }) => return Ok(None),
        saved => saved.map_err(hopeless)?,
    };
    print::out(&format!("Took {} out of {}\n", edit::dotted(path), file.display()))?;
    judgement.tell()?;
    Ok(Some(error::SUCCESS))
}

/// Nothing is there: perhaps in another spelling, or in the other file.
fn missing(place: &Place, repo: bool, text: &str, path: &[String]) -> anyhow::Error {
    let key = edit::dotted(path);
    let elsewhere = place
        .file(!repo)
        .ok()
        .filter(|other| edit::read(other).is_ok_and(|text| change::stands(&text, path)));
    let hint = match (change::other_spelling(text, path), elsewhere, keys::find(path)) {
        (Some(spelled), _, _) => format!("; it has {}", edit::dotted(&spelled)),
        (None, Some(other), _) if repo => format!("; {} has it: leave --repo out", other.display()),
        (None, Some(other), _) => format!("; {} has it: add --repo", other.display()),
        (None, None, Found::Unknown(hint)) => hint,
        (None, None, _) => String::new(),
    };
    match place.file(repo) {
        Ok(file) => anyhow::anyhow!("{key} is not set in {}{hint}", file.display()),
        Err(error) => error,
    }
}
