//! What one executor still has to tidy up beside the settings, because nobody was to wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Place;
use super::journal::{Holder, Journal};
use super::lock::Lock;
use crate::model::ProcessIdentity;

/// How long a release waits for the lock. The event loop may stand still meanwhile.
const PATIENCE: Duration = Duration::from_millis(300);

/// Shared by the holds of one executor, and done with when the last of them is gone.
#[derive(Debug, Clone)]
pub(in super::super) struct LooseEnds(Arc<Mutex<Ends>>);

#[derive(Debug)]
struct Ends {
    patience: Duration,
    /// It asked, and was told to ask again.
    waiting: Option<(Place, ProcessIdentity)>,
    /// Holds that could not be released.
    unreleased: Vec<(Place, Holder)>,
}

impl Default for LooseEnds {
    fn default() -> LooseEnds {
        LooseEnds::patient(PATIENCE)
    }
}

impl LooseEnds {
    pub(super) fn patient(patience: Duration) -> LooseEnds {
        LooseEnds(Arc::new(Mutex::new(Ends { patience, waiting: None, unreleased: Vec::new() })))
    }

    pub(super) fn patience(&self) -> Duration {
        self.ends().patience
    }

    pub(super) fn waits(&self, waiting: Option<(Place, ProcessIdentity)>) {
        self.ends().waiting = waiting;
    }

    pub(super) fn is_unreleased(&self, place: Place, holder: Holder) {
        self.ends().unreleased.push((place, holder));
    }

    /// Takes the holds that could not be released out of the journal.
    pub(super) fn strike(&self, journal: &mut Journal) {
        for (_, holder) in self.ends().unreleased.drain(..) {
            journal.strike(&holder);
        }
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ends {
    /// What fails here, the next repair does.
    fn drop(&mut self) {
        for (place, holder) in self.unreleased.drain(..) {
            let _ = place.leave(&holder, Duration::ZERO);
        }
        if let Some((place, me)) = self.waiting.take()
            && let Ok(Some(_lock)) = Lock::take(&place.lock, Duration::ZERO)
            && !place.turn.is_of_another(&me)
        {
            place.turn.over();
        }
    }
}
