//! The interactive form: questions about one file, answered line by line, saved in one step.
//!
//! [`layout`] has the questions, [`field`] turns answers into edits, [`content`] knows what a line
//! means, [`session`] asks. Only what was changed is edited, so everything else in the file stays.

mod check;
mod content;
mod field;
mod harness;
mod keyboard;
mod layout;
mod session;
#[cfg(test)]
mod tests;
pub mod words;

use std::io::{BufReader, Write};
use std::path::Path;

use anyhow::Context;

use super::place::Place;
use crate::cli::error;
use crate::config::edit::{Draft, EditError};
use crate::terminal::prompt::{LineReader, PromptError};
use crate::terminal::sanitize;
use crate::terminal::style::Palette;
use keyboard::Keyboard;
use layout::Form;
use session::{End, Session};

/// What to know about the user's file.
const OWN: &str = "This holds in all your repositories, unless theirs says otherwise.";
/// What to know about the repository's file.
const REPOSITORY: &str =
    "This holds in this repository. What is not set here comes from your own configuration.";

/// The exit code after Ctrl+C.
const INTERRUPTED: u8 = error::SIGNAL_BASE + 2;

/// Asks about the user's file, or about the repository's; the result is the exit code.
///
/// # Errors
///
/// When the file cannot be read, is no TOML or cannot be written; it is untouched then.
pub fn run(repo: bool) -> anyhow::Result<u8> {
    let place = Place::here()?;
    // Without a home there is the repository's only.
    let repo = repo || place.file(false).is_err();
    let file = place.file(repo)?;
    let draft = Draft::open(file).map_err(|error| explain(error, repo))?;
    let keyboard = Keyboard::listen().context("cannot listen for Ctrl+C")?;

    let stderr = std::io::stderr();
    let mut session = Session {
        draft: &draft,
        about: if repo { REPOSITORY } else { OWN },
        form: Form::load(&draft),
        lines: LineReader::new(BufReader::new(keyboard)),
        palette: Palette::of(&stderr),
        output: stderr.lock(),
        check: &|text: &str| check::notes(&place, file, draft.text(), text),
    };
    let end = session.run();
    conclude(end, &draft, &session.form)
}

/// Saves, or says what was not saved.
fn conclude(end: Result<End, PromptError>, draft: &Draft, form: &Form) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    let file = sanitize::line(&draft.file().display().to_string());
    match end {
        Ok(End::Save) => {
            if let Err(problem) = session::text(draft, form).and_then(|text| draft.save(&text)) {
                aborted(draft.file(), form)?;
                return Err(problem.into());
            }
            writeln!(out, "Saved {file}")?;
            Ok(error::SUCCESS)
        }
        Ok(End::Unchanged) => {
            writeln!(out, "Nothing to save; {file} is as it was")?;
            Ok(error::SUCCESS)
        }
        Ok(End::Discard) => {
            writeln!(out, "Discarded; {file} is as it was")?;
            Ok(error::SUCCESS)
        }
        Ok(End::NoInput) => {
            aborted(draft.file(), form)?;
            Ok(error::FAILURE)
        }
        Err(problem) if session::is_interrupt(&problem) => {
            // Behind what was being typed.
            writeln!(std::io::stderr())?;
            aborted(draft.file(), form)?;
            Ok(INTERRUPTED)
        }
        Err(problem) => {
            aborted(draft.file(), form)?;
            Err(problem.into())
        }
    }
}

/// Says what was answered, so that it can be said again.
fn aborted(file: &Path, form: &Form) -> anyhow::Result<()> {
    let mut err = std::io::stderr().lock();
    let file = sanitize::line(&file.display().to_string());
    let edits = form.edits();
    if edits.is_empty() {
        writeln!(err, "Aborted; {file} is as it was")?;
        return Ok(());
    }
    writeln!(err, "Aborted; {file} is as it was. Not saved:")?;
    for edit in &edits {
        writeln!(err, "  {}", session::summary(edit))?;
    }
    Ok(())
}

/// The way out of a file that no form can be filled from.
fn explain(error: EditError, repo: bool) -> anyhow::Error {
    match error {
        EditError::Invalid { .. } => {
            let flag = if repo { " --repo" } else { "" };
            anyhow::anyhow!("{error}, with rally config edit{flag}")
        }
        other => other.into(),
    }
}
