//! rally's own queue, as the relay asks it.

use super::file::{At, Entry};
use super::folder::{Folder, Handed, LapsError, Scope};
use super::{Lap, NewLap, Offer, Place, QueueError, Standing};
use crate::model::time;

impl From<LapsError> for QueueError {
    fn from(error: LapsError) -> QueueError {
        QueueError::Failed(format!("the queue: {error}"))
    }
}

type Result<T> = std::result::Result<T, QueueError>;

/// Claims the head.
pub(super) fn claim(folder: &Folder) -> Result<Offer> {
    Ok(offer(folder.claim(&Scope::Active, time::now())?))
}

/// Claims this lap.
pub(super) fn claim_again(folder: &Folder, id: &str) -> Result<Offer> {
    Ok(offer(folder.claim_anywhere(id, time::now())?))
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
