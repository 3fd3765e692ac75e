//! What agents report through the queue: a lap done, a handoff, the end of their work. rally's own queue says it
//! itself; a program `laps` calls `rally progress` from hooks.

use std::path::Path;

use clap::{CommandFactory, FromArgMatches};

use super::desk::print;
use super::grammar::{Line, Wrapup as Wrapped};
use super::stop::{self, Stop};
use crate::cli::workspace;
use crate::laps::Queue;
use crate::laps::report::{self, Ctx, Ending, Wrapup, guidance};
use crate::model::{text, time};
use crate::process::TAG;
use crate::store::{Layout, StoreError};

/// A command of this queue that is one only because rally reports.
#[derive(Debug)]
pub enum Word {
    /// The lap is about to be handed over.
    Handoff,
    /// The work is at its end.
    Wrapup(Wrapup),
}

impl Word {
    /// Reads `handoff` and `wrapup`; any other name is none.
    pub fn of(name: &str, words: &[String]) -> Result<Option<Word>, Stop> {
        match name {
            "handoff" => Ok(Some(Word::Handoff)),
            "wrapup" => {
                let line = parsed(name, words).map_err(|error| {
                    let text = error.render().to_string();
                    Stop::usage(text.strip_prefix("error: ").unwrap_or(&text).trim_end())
                })?;
                let summary = line.summary.trim().to_owned();
                if summary.is_empty() {
                    return Err(Stop::usage("wrapup: --summary must not be blank"));
                }
                let classification = line.classification.map(|word| word.trim().to_owned());
                let classification = classification.filter(|word| !word.is_empty());
                Ok(Some(Word::Wrapup(Wrapup { summary, followups: line.followup, classification })))
            }
            _ => Ok(None),
        }
    }

    /// Whether it can be reported: known before the hooks of the operator run.
    pub fn check(root: &Path) -> Result<(), Stop> {
        layout(root).map(drop)
    }

    /// Reports it.
    pub fn run(&self, root: &Path, json: bool) -> Result<(), Stop> {
        let said = with_ctx(root, |ctx| match self {
            Word::Handoff => Ok(match report::claims_another(ctx)? {
                Some(why) => Err(Stop::usage(why)),
                None => report::handoff_begun(ctx).map(|()| Ok(guidance::HANDOFF))?,
            }),
            Word::Wrapup(wrapup) => report::wrapup(ctx, wrapup, Ending::AsReported).map(|report| {
                report.warnings.iter().for_each(|warning| stop::note(warning));
                Ok(guidance::RECORDED)
            }),
        })??;
        if json { Ok(()) } else { print(said) }
    }
}

fn command(name: &str) -> clap::Command {
    let grammar = Line::command();
    grammar.find_subcommand(name).cloned().unwrap_or(grammar).bin_name(format!("laps {name}"))
}

fn parsed(name: &str, words: &[String]) -> Result<Wrapped, clap::Error> {
    let line = [name.to_owned()].into_iter().chain(words.iter().cloned());
    command(name).try_get_matches_from(line).and_then(|found| Wrapped::from_arg_matches(&found))
}

/// The help, if that is what is asked for. Then nothing else happens.
pub fn help(name: &str, words: &[String]) -> Option<String> {
    match name {
        "handoff" if words.iter().any(|word| word == "-h" || word == "--help") => {
            Some(command(name).render_help().to_string())
        }
        "wrapup" => parsed(name, words).err().filter(|e| !e.use_stderr()).map(|e| e.render().to_string()),
        _ => None,
    }
}

/// After a lap was completed: inside a try it is reported. The lap is done whatever comes of that.
pub fn done(root: &Path, lap: &str, json: bool) {
    if std::env::var_os(TAG).is_none() {
        return;
    }
    let laps = [lap.to_owned()];
    let told = with_ctx(root, |ctx| report::laps_done(ctx, &laps));
    match told.and_then(|()| if json { Ok(()) } else { print(guidance::DONE) }) {
        Err(Stop::Error(_, why)) => stop::note(&format!("the lap is done, but that was not reported: {why}")),
        Ok(()) | Err(Stop::Nothing(_)) => {}
    }
}

/// Where it is reported.
fn layout(root: &Path) -> Result<Layout, Stop> {
    let layout = workspace::state_layout(root).map_err(|error| Stop::store(format!("{error:#}")))?;
    match layout.rally_dir().is_dir() {
        true => Ok(layout),
        false => {
            Err(Stop::store(format!("there is no .rally in {}: run `rally init` first", root.display())))
        }
    }
}

fn with_ctx<T>(root: &Path, tell: impl FnOnce(&Ctx) -> Result<T, StoreError>) -> Result<T, Stop> {
    let layout = layout(root)?;
    let state = layout.state_dir();
    layout
        .make_state_dir()
        .map_err(|error| Stop::store(format!("cannot create the folder {}: {error}", state.display())))?;
    let search = std::env::var_os("PATH");
    let queue = Queue::detect(root, search.as_deref());
    let tag = std::env::var(TAG).ok();
    let ctx = Ctx { layout: &layout, queue: queue.as_ref(), tag: tag.as_deref(), now: time::now() };
    tell(&ctx).map_err(|error| Stop::store(text::chain(&error)))
}
