//! Where a rotation stands, and how that is stored: with every run of a relay, so it has to be short.
//! What stands as in the beginning is left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::lane::Slot;

/// Where a rotation stands. A new process that restores it goes on as the old one would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "Stored")]
pub struct Position {
    /// Stands for the slots as typed: the position of another lane means nothing.
    roster: String,
    /// Which slot has the turn. It may lend it, and keeps it all the same.
    pub(super) current: Option<usize>,
    /// Times that the rotation began anew.
    pub(super) cycle: u64,
    /// One for each slot.
    pub(super) slots: Vec<SlotStanding>,
}

/// Where a slot stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SlotStanding {
    /// Passed runs in a row.
    pub(super) runs: u32,
    /// The member who is next; survives cycles, so that a walk goes on where it stood.
    pub(super) cursor: usize,
    /// Whether nobody in it could run when last asked.
    pub(super) idle: bool,
    /// One for each member: by model, without those about whom there is nothing to say; no model is the empty text.
    pub(super) members: Vec<Standings>,
}

/// By model.
type Standings = BTreeMap<String, Standing>;

/// How a member stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// Why the member is left out of this cycle or of this pass.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) out: Option<Out>,
    /// Whether it was unavailable when last asked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) benched: bool,
    /// Whether it failed since its slot had the turn, or a back-off was over: until then it borrows no turn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) barred: bool,
}

/// How long a member is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Out {
    /// Until the next cycle.
    Failed,
    /// Until the next pass.
    Terminal,
}

impl Standing {
    pub(super) fn is_selectable(self) -> bool {
        self.out.is_none() && !self.benched
    }
}

impl Position {
    /// In front of the first slot.
    pub(super) fn new(slots: &[Slot]) -> Position {
        let standing = |slot: &Slot| SlotStanding {
            members: vec![Standings::new(); slot.members.len()],
            ..SlotStanding::default()
        };
        Position {
            roster: digest(slots),
            current: None,
            cycle: 0,
            slots: slots.iter().map(standing).collect(),
        }
    }

    /// Whether nothing has moved yet. Then there is nothing to store.
    pub fn is_new(&self) -> bool {
        self.current.is_none() && self.cycle == 0 && self.slots.iter().all(SlotStanding::is_new)
    }

    /// A stored position of the same slots as this one's.
    pub(super) fn read(&self, stored: &Value) -> Option<Position> {
        let stored = Stored::deserialize(stored).ok()?;
        let fits = stored.roster == self.roster && stored.current.is_none_or(|at| at < self.slots.len());
        let new = |standing: &SlotStanding| SlotStanding {
            members: vec![Standings::new(); standing.members.len()],
            ..SlotStanding::default()
        };
        let mut slots: Vec<SlotStanding> = self.slots.iter().map(new).collect();
        for (index, stored) in stored.slots {
            let slot = slots.get_mut(index)?;
            if stored.cursor >= slot.members.len().max(1) {
                return None;
            }
            (slot.runs, slot.cursor, slot.idle) = (stored.runs, stored.cursor, stored.idle);
            for (member, standings) in stored.members {
                *slot.members.get_mut(member)? = standings;
            }
        }
        let Stored { roster, current, cycle, .. } = stored;
        fits.then_some(Position { roster, current, cycle, slots })
    }
}

impl SlotStanding {
    fn is_new(&self) -> bool {
        let SlotStanding { runs, cursor, idle, members } = self;
        *runs == 0 && *cursor == 0 && !idle && members.iter().all(Standings::is_empty)
    }
}

/// As stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    roster: String,
    #[serde(default, skip_serializing_if = "is_default")]
    current: Option<usize>,
    #[serde(default, skip_serializing_if = "is_default")]
    cycle: u64,
    /// By index.
    #[serde(default, skip_serializing_if = "is_default")]
    slots: BTreeMap<usize, StoredSlot>,
}

#[derive(PartialEq, Default, Serialize, Deserialize)]
struct StoredSlot {
    #[serde(default, skip_serializing_if = "is_default")]
    runs: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    cursor: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    idle: bool,
    /// By index.
    #[serde(default, skip_serializing_if = "is_default")]
    members: BTreeMap<usize, Standings>,
}

impl From<Position> for Stored {
    fn from(Position { roster, current, cycle, slots }: Position) -> Stored {
        let slot = |SlotStanding { runs, cursor, idle, members }: SlotStanding| {
            let members = members.into_iter().enumerate().filter(|(_, standings)| !standings.is_empty());
            StoredSlot { runs, cursor, idle, members: members.collect() }
        };
        let slots = slots.into_iter().enumerate().filter(|(_, standing)| !standing.is_new());
        let slots = slots.map(|(index, standing)| (index, slot(standing))).collect();
        Stored { roster, current, cycle, slots }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What makes slots the same after a restart: what was typed, and who stands in a route. Long enough
/// that no two lanes of one name are taken for each other by chance.
fn digest(slots: &[Slot]) -> String {
    const DIGITS: usize = 16;
    let mut hash = Sha256::new();
    for slot in slots {
        hash.update(&slot.text);
        for member in &slot.members {
            hash.update("\0");
            hash.update(&member.text);
        }
        hash.update("\n");
    }
    format!("{:x}", hash.finalize()).chars().take(DIGITS).collect()
}
