//! A command between its hooks. Nothing is locked while hooks run.

use std::cell::RefCell;

use super::desk::{Desk, Said, print};
use super::stop::{self, Stop};
use super::words::{Words, suggestion};
use super::{native, show};
use crate::laps::file::Entry;
use crate::laps::folder::{Folder, Spot};
use crate::laps::hooks::{self, Stage, Vars};
use crate::model::text;

/// What hooks are told of a command.
#[derive(Debug)]
pub struct Call<'a> {
    /// Name of the event, such as `done-undo`.
    pub event: &'a str,
    /// What was typed behind it.
    pub args: &'a [String],
    /// The lap concerned, as it was before.
    pub lap: Option<&'a Entry>,
    /// The queue that it is in.
    pub spot: Option<&'a Spot>,
}

impl<'a> Call<'a> {
    /// A command without a lap.
    pub fn new(event: &'a str, args: &'a [String]) -> Call<'a> {
        Call { event, args, lap: None, spot: None }
    }

    /// The same, about this lap.
    pub fn of(self, lap: Option<&'a Entry>, spot: Option<&'a Spot>) -> Call<'a> {
        Call { lap, spot, ..self }
    }

    /// Whether it only looks, and goes on where hooks cannot be read.
    fn is_reading(&self) -> bool {
        matches!(self.event, "get" | "list" | "count" | "status" | "log")
    }

    fn vars(&self, folder: &Folder) -> Vars {
        let mut vars = Vars {
            file: folder.path(self.spot.map_or("laps.json", |spot| &spot.file)).display().to_string(),
            scope: self.spot.map_or("root", |spot| &spot.scope).to_owned(),
            args: self.args.to_vec(),
            ..Vars::default()
        };
        describe(&mut vars, self.lap);
        vars
    }
}

fn describe(vars: &mut Vars, lap: Option<&Entry>) {
    let text = |of: fn(&Entry) -> &String| Some(lap.map_or(String::new(), |lap| of(lap).clone()));
    vars.id = text(|lap| &lap.id);
    vars.title = text(|lap| &lap.title);
    vars.description = text(|lap| &lap.description);
    vars.assignee = text(|lap| &lap.assignee);
}

/// Runs a command: its before-hooks, itself, its after-hooks. A before-hook that fails stops it.
pub fn around(desk: &Desk, call: Call<'_>, body: impl FnOnce() -> Result<Said, Stop>) -> Result<(), Stop> {
    let folder = &desk.folder;
    let entries = match hooks::read(folder.root()) {
        Ok(entries) => entries,
        Err(error) if call.is_reading() => {
            stop::note(&format!("{}; no hook was run", text::chain(&error)));
            Vec::new()
        }
        Err(error) => return Err(Stop::store(text::chain(&error))),
    };
    let mut vars = call.vars(&desk.folder);
    let ended = stage(folder, &entries, (Stage::Before, call.event), &vars, desk.json).and_then(|()| {
        let said = body()?;
        desk.answer(&said)?;
        if call.event == "done" {
            native::done(folder.root(), &said.output, desk.json);
        }
        Ok(said)
    });
    desk.warn();
    if let Ok(said) = &ended {
        vars.output = said.output.clone();
        if said.lap.is_some() {
            describe(&mut vars, said.lap.as_ref());
        }
    }
    vars.exit_code = ended.as_ref().map_or_else(Stop::code, |_| 0).to_string();
    after(folder, &entries, call.event, &vars, desk.json);
    ended.map(drop)
}

fn stage(
    folder: &Folder,
    entries: &[hooks::Entry],
    due: (Stage, &str),
    vars: &Vars,
    json: bool,
) -> Result<(), Stop> {
    let shown = RefCell::new(Vec::new());
    let show = |bytes: &[u8]| shown.borrow_mut().extend_from_slice(bytes);
    let ran = hooks::run(folder, entries, due, vars, show, stop::note);
    if !json {
        print(&String::from_utf8_lossy(&shown.borrow()))?;
    }
    ran.map_err(|failed| Stop::Error(stop::HOOK, failed.to_string()))
}

fn after(folder: &Folder, entries: &[hooks::Entry], event: &str, vars: &Vars, json: bool) {
    match stage(folder, entries, (Stage::After, event), vars, json) {
        Err(Stop::Error(_, why)) => stop::note(&format!("after {event}: {why}")),
        Ok(()) | Err(Stop::Nothing(_)) => {}
    }
}

/// Runs `handoff`, `wrapup`, or a name that exists only as hooks. Such a name must be declared: a slip is never taken
/// for success.
pub fn declared(name: &str, words: &Words) -> Result<(), Stop> {
    if let Some(help) = native::help(name, &words.after) {
        return print(&help);
    }
    let own = native::Word::of(name, &words.after)?;
    let here =
        std::env::current_dir().map_err(|e| Stop::store(format!("the current folder is gone: {e}")))?;
    let folder = Folder::discover(&here)?;
    let entries = hooks::read(folder.root()).map_err(|error| Stop::store(text::chain(&error)))?;
    if own.is_none() && !entries.iter().any(|entry| entry.command == name) {
        let names: Vec<String> = entries.into_iter().map(|entry| entry.command).collect();
        let hint = match suggestion(name, &names) {
            Some(meant) => format!("; did you mean {}?", show::one_line(&meant)),
            None => "; see `rally laps help`".to_owned(),
        };
        return Err(Stop::usage(format!("unknown command {name:?}{hint}")));
    }
    if own.is_some() {
        native::Word::check(folder.root())?;
    }
    let json = words.json();
    let mut vars = Call::new(name, &words.after).vars(&folder);
    (vars.id, vars.title, vars.description, vars.assignee) = (None, None, None, None);
    stage(&folder, &entries, (Stage::Before, name), &vars, json)?;
    if let Some(own) = own {
        own.run(folder.root(), json)?;
    }
    vars.exit_code = "0".to_owned();
    after(&folder, &entries, name, &vars, json);
    Ok(())
}
