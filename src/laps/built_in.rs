//! rally's own queue, as the relay asks it.

use super::file::{At, Entry};
use super::folder::{Folder, Handed, LapsError, ROOT_FILE, Scope, Spot};
use super::hooks::{self, Stage, Vars};
use super::{Lap, NewLap, Offer, Place, QueueError, Standing};
use crate::model::text::chain;
use crate::model::time;

impl From<LapsError> for QueueError {
    fn from(error: LapsError) -> QueueError {
        QueueError::Failed(format!("the queue: {error}"))
    }
}

type Result<T> = std::result::Result<T, QueueError>;

/// Claims the head, between the user's hooks.
pub(super) fn claim(folder: &Folder) -> Result<Offer> {
    let next = match folder.head(&Scope::Active)? {
        Handed::Lap { entry, spot } => Some((*entry, *spot)),
        Handed::Held { .. } | Handed::Empty | Handed::Complete => None,
    };
    hooked(folder, "head", next.as_ref(), || folder.claim(&Scope::Active, time::now()))
}

/// Claims this lap, between the user's hooks.
pub(super) fn claim_again(folder: &Folder, id: &str) -> Result<Offer> {
    let lap = folder.find_anywhere(id)?;
    hooked(folder, id, lap.as_ref(), || folder.claim_anywhere(id, time::now()))
}

/// What the command `claim` does around its work: a hook before it can refuse, one behind it only hears.
fn hooked(
    folder: &Folder,
    asked: &str,
    lap: Option<&(Entry, Spot)>,
    claim: impl FnOnce() -> std::result::Result<Handed, LapsError>,
) -> Result<Offer> {
    const COMMAND: &str = "claim";
    let root = folder.root();
    let entries = hooks::read(root).map_err(|error| QueueError::Failed(chain(&error)))?;
    let about = |of: fn(&Entry) -> &String| Some(lap.map_or(String::new(), |(lap, _)| of(lap).clone()));
    let mut vars = Vars {
        id: about(|lap| &lap.id),
        title: about(|lap| &lap.title),
        description: about(|lap| &lap.description),
        assignee: about(|lap| &lap.assignee),
        file: folder.path(lap.map_or(ROOT_FILE, |(_, spot)| &spot.file)).display().to_string(),
        scope: lap.map_or("root", |(_, spot)| &spot.scope).to_owned(),
        args: vec![asked.to_owned()],
        ..Vars::default()
    };
    let run = |stage, vars: &Vars| hooks::run(folder, &entries, (stage, COMMAND), vars, |_| {}, |_| {});
    run(Stage::Before, &vars)
        .map_err(|failed| QueueError::Failed(format!("the queue: no lap was claimed: {failed}")))?;
    let claimed = claim();
    vars.exit_code = claimed.as_ref().map_or_else(LapsError::exit_code, |_| 0).to_string();
    if let Ok(Handed::Lap { entry, .. }) = &claimed {
        vars.output.clone_from(&entry.id);
    }
    // It cannot undo what is done: its own words went to standard error.
    let _ = run(Stage::After, &vars);
    Ok(offer(claimed?))
}

/// What a claim would give.
pub(super) fn head(folder: &Folder) -> Result<Offer> {
    Ok(offer(folder.head(&Scope::Active)?))
}

/// The laps that wait.
pub(super) fn waiting(folder: &Folder) -> Result<Vec<Lap>> {
    Ok(folder.waiting()?.into_iter().map(lap).collect())
}

/// How a lap stands.
pub(super) fn standing(folder: &Folder, id: &str) -> Result<Standing> {
    Ok(folder.standing(id)?)
}

/// Adds laps beside the claimed one, or to the active queue.
pub(super) fn add(folder: &Folder, place: Place, laps: &[NewLap]) -> Result<Vec<String>> {
    let at = match place {
        Place::Head => At::Head,
        Place::Tail => At::Tail,
    };
    let claimed = folder.claimed()?.map(|claim| claim.lap);
    let (added, _) = folder.add_beside(claimed.as_deref(), &at, laps, time::now())?;
    Ok(added.entries.into_iter().map(|entry| entry.id).collect())
}

/// Gives the claim back.
pub(super) fn release(folder: &Folder, id: &str) -> Result<bool> {
    Ok(folder.release(id, time::now())?)
}

fn offer(handed: Handed) -> Offer {
    match handed {
        Handed::Lap { entry, .. } => Offer::Lap(lap(*entry)),
        Handed::Held { scope, .. } => Offer::Held { scope },
        Handed::Empty => Offer::Empty,
        Handed::Complete => Offer::Complete,
    }
}

fn lap(entry: Entry) -> Lap {
    let Entry { id, title, description, assignee, .. } = entry;
    Lap { id, title, description, assignee: Some(assignee).filter(|role| !role.is_empty()) }
}
