//! A command between its hooks.

use super::desk::{Desk, Said};
use super::stop::Stop;
use crate::laps::file::Entry;
use crate::laps::folder::Spot;

/// What hooks are told of a command.
#[derive(Debug)]
pub struct Call<'a> {
    /// Name of the event, such as `done-undo`.
    pub event: &'static str,
    /// What was typed behind it.
    pub args: &'a [String],
    /// The lap concerned, as it was before.
    pub lap: Option<&'a Entry>,
    /// The queue that it is in.
    pub spot: Option<&'a Spot>,
}

impl<'a> Call<'a> {
    /// A command without a lap.
    pub fn new(event: &'static str, args: &'a [String]) -> Call<'a> {
        Call { event, args, lap: None, spot: None }
    }

    /// The same, about this lap.
    pub fn of(self, lap: Option<&'a Entry>, spot: Option<&'a Spot>) -> Call<'a> {
        Call { lap, spot, ..self }
    }
}

/// Runs a command. Nothing is locked while hooks run.
pub fn around(desk: &Desk, _call: Call<'_>, body: impl FnOnce() -> Result<Said, Stop>) -> Result<(), Stop> {
    let said = body();
    if let Ok(said) = &said {
        desk.answer(said)?;
    }
    desk.warn();
    said.map(drop)
}

/// Runs the hooks of a name that is no command. It must be declared: a slip is never taken for success.
pub fn declared(name: &str, _words: &super::words::Words) -> Result<(), Stop> {
    let hint = match super::words::suggestion(name, &[]) {
        Some(meant) => format!("; did you mean {meant}?"),
        None => "; see `rally laps help`".to_owned(),
    };
    Err(Stop::usage(format!("unknown command {name:?}{hint}")))
}
