//! `rally laps`, which is also the program `laps` where a link of that name points to rally: the queue for people and
//! agents. Its exit codes are those of `laps` and not rally's.

mod changing;
mod desk;
mod grammar;
mod hooked;
mod import;
mod input;
mod native;
mod reading;
mod setting;
mod show;
mod stints;
mod stop;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use desk::Desk;
use grammar::{Command, Global, Scope};
use stop::Stop;

pub use grammar::Line;

use crate::laps::file::json::Node;
use crate::model::mask;

/// Runs a command line. `called` is how it begins, for help: `laps` or `rally laps`.
pub fn main(called: &'static str, words: impl Iterator<Item = OsString>) -> ExitCode {
    let words = words::split(words.map(|word| mask::text(&word.to_string_lossy())).collect());
    let json = words.json();
    match parse(called, &words).and_then(|line| line.map_or(Ok(()), |line| run(line, json))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            stop.tell(json);
            ExitCode::from(stop.code())
        }
    }
}

/// What was typed; `None` when it is answered already, as help is.
fn parse(called: &'static str, words: &words::Words) -> Result<Option<Line>, Stop> {
    if let Some(name) = words.name.as_deref().filter(|name| !words::is_parsed(name)) {
        return hooked::declared(name, words).map(|()| None);
    }
    let command = Line::command().bin_name(called).disable_version_flag(true);
    let line = [called.to_owned()].into_iter().chain(words.in_order().cloned());
    let parsed = command.try_get_matches_from(line).and_then(|found| Line::from_arg_matches(&found));
    match parsed {
        Ok(line) => Ok(Some(line)),
        // Help is also the answer to a command that is only half a name.
        Err(error)
            if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
        {
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            let message = if words.json() { text.lines().next().unwrap_or_default() } else { text };
            Err(Stop::usage(message))
        }
        Err(help) => {
            desk::print(&help.render().to_string())?;
            Ok(None)
        }
    }
}

/// Runs what was typed after `rally laps`.
pub fn run(line: Line, json: bool) -> Result<(), Stop> {
    let Line { global, command } = line;
    let json = json || global.json_output == Some(true);
    if global.version {
        return version(json);
    }
    let Some(command) = command else {
        return desk::print(&Line::command().bin_name("rally laps").render_help().to_string());
    };
    let open = |scope: &Scope| Desk::open(json, &global, scope);
    let whole = || Desk::open(json, &Global::default(), &Scope { root: true, ..Scope::default() });
    match command {
        Command::Add(add) => changing::add(&open(&add.scope)?, &add),
        Command::Get(get) => reading::get(&open(&get.scope)?, &get),
        Command::Claim(claim) => changing::claim(&open(&claim.scope)?, &claim),
        Command::Done(done) => changing::done(&open(&done.scope)?, &done),
        Command::List(list) => reading::list(&open(&list.scope)?, &list),
        Command::Count(count) => reading::count(&open(&count.scope)?),
        Command::Delete(delete) => changing::delete(&open(&delete.scope)?, &delete),
        Command::Prune(prune) => changing::prune(&open(&prune.scope)?, &prune),
        Command::Move(words) => changing::move_lap(&open(&words.scope)?, &words),
        Command::Edit(words) => changing::edit(&open(&words.scope)?, &words),
        Command::Assign(words) => changing::assign(&open(&words.scope)?, &words),
        Command::Import(import) => changing::import(&open(&import.scope)?, &import),
        Command::Status(status) => reading::status(&open(&status.scope)?),
        Command::Log(log) => reading::log(&open(&log.scope)?, &log),
        Command::Stints(words) => stints::run(&whole()?, &words.command),
        Command::Init(_) => setting::init(&whole()?),
        Command::On(_) => setting::guide(&whole()?, true),
        Command::Off(_) => setting::guide(&whole()?, false),
        Command::Version(_) => version(json),
        // Their words are their own: they are taken before the grammar is asked.
        Command::Handoff(_) | Command::Wrapup(_) => Err(Stop::usage("write the name in front of its words")),
    }
}

/// The version of `laps` that this behaves as, with rally's own behind it.
fn version(json: bool) -> Result<(), Stop> {
    let number = format!("0.9.0+rally.{}", super::version::number().trim_start_matches('v'));
    let said = Node::object([("version", number.as_str().into())]);
    desk::print(&if json { said.compact() + "\n" } else { number + "\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds() {
        Line::command().debug_assert();
    }
}
