//! Laps that waited and are in the queue no more, though nobody has done them: an agent with full permissions can
//! delete its tasks, or the file that they are in.

use std::collections::{BTreeMap, BTreeSet};

use crate::laps::{Lap, Queue, QueueError, Standing};

/// The laps that waited when the queue was last looked at: titles by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting(BTreeMap<String, String>);

impl Waiting {
    /// These wait now.
    pub fn set(&mut self, laps: &[Lap]) {
        self.0 = laps.iter().map(|lap| (lap.id.clone(), lap.title.clone())).collect();
    }

    /// Those that are gone, each as `id (title)`.
    pub fn lost(&self, queue: &Queue, now: &[Lap]) -> Result<Vec<String>, QueueError> {
        let now: BTreeSet<&str> = now.iter().map(|lap| lap.id.as_str()).collect();
        let mut lost = Vec::new();
        for (id, title) in self.0.iter().filter(|(id, _)| !now.contains(id.as_str())) {
            if queue.standing(id)? == Standing::Gone {
                lost.push(format!("{id} ({title})"));
            }
        }
        Ok(lost)
    }
}
