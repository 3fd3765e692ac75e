//! The installed program `laps`, 0.8.x and later, as the keeper of the queue.
//!
//! What it can do is read from its version, never from an exit of 0: it ends like that for names it does not know.
//! Answers are asked for as JSON; text is read only from one that gives no JSON. What it cannot say is an error, and
//! never the end of the queue.

mod answers;
mod call;
mod files;
mod version;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;

use super::{Lap, NewLap, Offer, Place, QueueError, Standing};
use answers::Entry;
use call::{Answer, Bounds};
use version::Speaks;
pub use version::Version;

use crate::process::Brake;

/// How long a call may take: the operator's hooks run inside.
const PATIENCE: Duration = Duration::from_secs(120);

pub use files::claimed;

/// An installed `laps` and the workspace it is to work in.
#[derive(Debug, Clone)]
pub struct External {
    program: PathBuf,
    workspace: PathBuf,
    patience: Duration,
    brake: Brake,
    speaks: Arc<OnceLock<Speaks>>,
}

impl External {
    /// The program of this absolute path.
    pub fn new(program: PathBuf, workspace: &Path) -> External {
        let (workspace, brake) = (workspace.to_owned(), Brake::default());
        External { program, workspace, patience: PATIENCE, brake, speaks: Arc::default() }
    }

    /// The same, whose calls this brake can end.
    pub fn with_brake(&self, brake: &Brake) -> External {
        External { brake: brake.clone(), ..self.clone() }
    }

    /// Where it is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Claims the head.
    ///
    /// # Errors
    /// When the program fails, does not end, or hides what is left to do.
    pub fn claim(&self) -> Result<Offer, QueueError> {
        match self.ask_for("claim", &["claim"], true)? {
            Some(offer) => Ok(offer),
            // A lap came in between the two questions.
            None => self.ask_for("claim", &["claim"], true)?.ok_or_else(|| self.contradicts()),
        }
    }

    /// Claims this lap, which must wait.
    ///
    /// # Errors
    /// When it is done or gone, and as [`External::claim`].
    pub fn claim_again(&self, id: &str) -> Result<Offer, QueueError> {
        let (done, stint) = self.find(id)?.ok_or_else(|| {
            failed(format!("lap {id} is in no file of the queue any more: it cannot be claimed again"))
        })?;
        if done {
            return Err(failed(format!("lap {id} is done: it cannot be claimed again")));
        }
        let mut args = vec!["claim", id];
        match &stint {
            Some(name) => args.extend(["--stint", name]),
            None if self.speaks() == Speaks::Stints => args.push("--root"),
            None => {}
        }
        self.ask_for("claim", &args, false)?.ok_or_else(|| self.contradicts())
    }

    /// What a claim would give.
    ///
    /// # Errors
    /// As [`External::claim`].
    pub fn head(&self) -> Result<Offer, QueueError> {
        match self.ask_for("get", &["get", "head"], true)? {
            Some(offer) => Ok(offer),
            None => self.ask_for("get", &["get", "head"], true)?.ok_or_else(|| self.contradicts()),
        }
    }

    /// The laps that wait, in order, those of queued stints in their place.
    ///
    /// # Errors
    /// When the program fails or says nothing that can be read.
    pub fn waiting(&self) -> Result<Vec<Lap>, QueueError> {
        let mut laps = Vec::new();
        self.collect(None, &mut Vec::new(), &mut laps)?;
        Ok(laps)
    }

    /// How a lap stands: root file, stints, archive.
    ///
    /// # Errors
    /// When the program fails, or a file of a stint that may hold the lap cannot be read.
    pub fn standing(&self, id: &str) -> Result<Standing, QueueError> {
        Ok(match self.find(id)? {
            Some((true, _)) => Standing::Done,
            Some((false, _)) => Standing::Todo,
            None => Standing::Gone,
        })
    }

    /// Adds laps in one call, and says their ids in the same order.
    ///
    /// # Errors
    /// When the program fails, or does not say an id for every lap.
    pub fn add(&self, place: Place, laps: &[NewLap]) -> Result<Vec<String>, QueueError> {
        if laps.is_empty() {
            return Ok(Vec::new());
        }
        let items: Vec<Value> = laps.iter().map(answers::item).collect();
        let place = match place {
            Place::Head => "head",
            Place::Tail => "tail",
        };
        let args = ["add", place, "--json", "-", "--json-output"];
        let answer = self.call(&args, Some(Value::from(items).to_string().as_bytes()))?;
        if answer.code != Some(0) {
            return Err(self.refused("add", &answer));
        }
        let ids = answers::ids(&answer.stdout);
        if ids.len() != laps.len() {
            let (wanted, got) = (laps.len(), ids.len());
            return Err(failed(format!(
                "`laps add` was given {wanted} laps and named {got}: {}",
                self.look()
            )));
        }
        Ok(ids)
    }

    /// Gives the claim back, if it still names this lap.
    ///
    /// # Errors
    /// When the program fails.
    pub fn release(&self, id: &str) -> Result<bool, QueueError> {
        if files::claimed(&self.workspace).as_deref() != Some(id) {
            return Ok(false);
        }
        let answer = self.call(&["claim", "undo", "--json-output"], None)?;
        match answer.code {
            Some(0) => Ok(true),
            // Somebody was faster.
            Some(3) => Ok(false),
            _ => Err(self.refused("claim undo", &answer)),
        }
    }

    /// The version that a `laps` says, this one or another; `None` when it says none.
    pub fn version_of(&self, program: &Path) -> Option<Version> {
        version::of(program, &self.workspace)
    }

    fn speaks(&self) -> Speaks {
        *self.speaks.get_or_init(|| version::speaks(&self.program, &self.workspace))
    }

    /// Asks for a lap. `None`: it says that there is none although one waits.
    fn ask_for(&self, name: &str, args: &[&str], head: bool) -> Result<Option<Offer>, QueueError> {
        let answer = self.call(&[args, &["--json-output"]].concat(), None)?;
        match answer.code {
            Some(0) => self.lap(name, &answer).map(|lap| Some(Offer::Lap(lap))),
            Some(10) => Ok(Some(Offer::Held { scope: files::gate(&self.workspace).unwrap_or_default() })),
            Some(11) if head => self.if_over(Offer::Empty),
            Some(12) if head => self.if_over(Offer::Complete),
            Some(3) if head && self.speaks() == Speaks::Plain => {
                let entries = self.list(&["--all"])?;
                // It says the same for a queue that never had a lap.
                Ok(match entries.iter().any(|entry| !entry.done) {
                    true => None,
                    false if entries.is_empty() => Some(Offer::Empty),
                    false => Some(Offer::Complete),
                })
            }
            _ => Err(self.refused(name, &answer)),
        }
    }

    /// The end of the queue, unless the root file knows better.
    fn if_over(&self, offer: Offer) -> Result<Option<Offer>, QueueError> {
        let entries = self.list(if self.speaks() == Speaks::Stints { &["--root"] } else { &["--all"] })?;
        match entries.iter().find(|entry| !entry.done) {
            None => Ok(Some(offer)),
            Some(entry) => match &entry.stint {
                None => Ok(None),
                Some(name) => match files::gate(&self.workspace) {
                    Some(scope) => Ok(Some(Offer::Held { scope })),
                    None => Err(failed(format!(
                        "stint {name} at the head of the queue has nothing left to do, and hides what comes after \
                         it: finish it with `laps done {}`, or remove its entry with `laps delete {} --root`",
                        entry.lap.id, entry.lap.id
                    ))),
                },
            },
        }
    }

    fn lap(&self, name: &str, answer: &Answer) -> Result<Lap, QueueError> {
        if let Some(lap) = answers::handed_out(&answer.stdout) {
            return Ok(lap);
        }
        let unread = || failed(format!("`laps {name}` says nothing that can be read: {}", self.look()));
        let mut lap = answers::from_text(&answer.stdout).ok_or_else(unread)?;
        // The text names no id: the claim does, or the head of the list.
        lap.id = match name {
            "claim" => files::claimed(&self.workspace).ok_or_else(unread)?,
            _ => self
                .list(&[])?
                .into_iter()
                .find(|entry| !entry.done)
                .map(|entry| entry.lap.id)
                .ok_or_else(unread)?,
        };
        Ok(lap)
    }

    /// The entries of a `list` with these flags.
    fn list(&self, flags: &[&str]) -> Result<Vec<Entry>, QueueError> {
        let answer = self.call(&[&["list"], flags, &["--json-output"]].concat(), None)?;
        if answer.code != Some(0) {
            return Err(self.refused("list", &answer));
        }
        answers::entries(&answer.stdout)
            .or_else(|| answers::entries_of_text(&answer.stdout))
            .ok_or_else(|| failed(format!("`laps list` says nothing that can be read: {}", self.look())))
    }

    fn collect(
        &self,
        stint: Option<&str>,
        path: &mut Vec<String>,
        laps: &mut Vec<Lap>,
    ) -> Result<(), QueueError> {
        let entries = match stint {
            None if self.speaks() == Speaks::Stints => self.list(&["--root"])?,
            None => self.list(&[])?,
            Some(name) => self.list(&["--stint", name])?,
        };
        for entry in entries.into_iter().filter(|entry| !entry.done) {
            match entry.stint {
                None => laps.push(entry.lap),
                // A stint that holds itself is counted once.
                Some(name) if path.contains(&name) => {}
                Some(name) => {
                    path.push(name.clone());
                    self.collect(Some(&name), path, laps)?;
                    path.pop();
                }
            }
        }
        Ok(())
    }

    /// Whether a lap is done, and in which stint it is.
    fn find(&self, id: &str) -> Result<Option<(bool, Option<String>)>, QueueError> {
        let flags: &[&str] = if self.speaks() == Speaks::Stints { &["--root", "--all"] } else { &["--all"] };
        let root = self.list(flags)?.into_iter().find(|entry| entry.stint.is_none() && entry.lap.id == id);
        match root {
            Some(entry) => Ok(Some((entry.done, None))),
            None => files::in_stints(&self.workspace, id),
        }
    }

    fn call(&self, args: &[&str], input: Option<&[u8]>) -> Result<Answer, QueueError> {
        let bounds = Bounds { patience: self.patience, brake: &self.brake };
        call::call(&self.program, args, input, &self.workspace, &bounds)
    }

    fn refused(&self, name: &str, answer: &Answer) -> QueueError {
        let how = answer.code.map_or("ended by a signal".to_owned(), |code| format!("exit {code}"));
        let why = answers::complaint(&answer.stderr);
        let why = if why.is_empty() { self.look() } else { why };
        failed(format!("`laps {name}` failed ({how}): {why}"))
    }

    fn contradicts(&self) -> QueueError {
        failed(format!("laps hands out nothing, but lists laps that wait: {}", self.look()))
    }

    fn look(&self) -> String {
        format!("try {} in {}", self.program.display(), self.workspace.display())
    }
}

fn failed(words: String) -> QueueError {
    QueueError::Failed(words)
}
