//! Looking without touching: no lock, no repair, no migration. Costs depend on what is
//! asked for, not on how long the history is.

use super::active::{self, ActiveTry};
use super::jsonl::forward::for_each_line;
use super::jsonl::{RecordsBack, find_by_id, read_all};
use super::records::{AgentStatusEvent, RelayRecord, TryRecord};
use super::tries::{TriesOf, tries_between};
use super::{Holder, Layout, StoreError, Survey, lock, relays};

/// How many of the newest tries are searched for a completed one.
const COMPLETED_WINDOW: usize = 1000;

/// Reads a workspace's state.
#[derive(Debug, Clone)]
pub struct Reader {
    layout: Layout,
}

impl Reader {
    /// A reader of this workspace; nothing is opened yet.
    pub fn new(layout: Layout) -> Reader {
        Reader { layout }
    }

    /// Where things are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Who holds the workspace now.
    pub fn holder(&self) -> Option<Holder> {
        lock::holder(&self.layout)
    }

    /// The try in flight: allocated, without a record.
    pub fn active(&self) -> Result<Option<ActiveTry>, StoreError> {
        active::find(&self.layout)
    }

    /// The newest finished try.
    pub fn last_try(&self) -> Result<Option<TryRecord>, StoreError> {
        RecordsBack::open(&self.layout.tries())?.next().transpose()
    }

    /// The newest finished try that completed, among the last thousand.
    pub fn last_completed_try(&self) -> Result<Option<TryRecord>, StoreError> {
        for record in RecordsBack::<TryRecord>::open(&self.layout.tries())?.take(COMPLETED_WINDOW) {
            let record = record?;
            if record.completed {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The finished try with this id.
    pub fn try_by_id(&self, id: u64) -> Result<Option<TryRecord>, StoreError> {
        find_by_id(&self.layout.tries(), id)
    }

    /// The finished try on this line of the history, from 1. Reads the whole history.
    pub fn try_by_position(&self, position: u64) -> Result<Option<TryRecord>, StoreError> {
        let (records, _) = read_all::<TryRecord>(&self.layout.tries())?;
        let index = usize::try_from(position).ok().and_then(|p| p.checked_sub(1));
        Ok(index.and_then(|index| records.into_iter().nth(index)))
    }

    /// Number of finished tries. Reads the whole history.
    pub fn count_tries(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        for_each_line(&self.layout.tries(), |_, _| count += 1)?;
        Ok(count)
    }

    /// The newest `n` tries, oldest first; of one relay only, if named.
    pub fn recent_tries(&self, n: usize, relay: Option<u64>) -> Result<Vec<TryRecord>, StoreError> {
        let mut tries: Vec<TryRecord> = match relay {
            Some(relay) => self.tries_of_relay(relay)?.take(n).collect::<Result<_, _>>()?,
            None => RecordsBack::open(&self.layout.tries())?.take(n).collect::<Result<_, _>>()?,
        };
        tries.reverse();
        Ok(tries)
    }

    /// The tries of a relay, newest first; reads back only as far as they reach.
    pub fn tries_of_relay(&self, relay: u64) -> Result<TriesOf, StoreError> {
        let first = self.relay(relay)?.and_then(|r| r.first_try_id);
        tries_between(&self.layout, relay, first)
    }

    /// The newest relay.
    pub fn last_relay(&self) -> Result<Option<RelayRecord>, StoreError> {
        RecordsBack::open(&self.layout.relays())?.next().transpose()
    }

    /// The health events of all runners, oldest first.
    pub fn status_events(&self) -> Result<Vec<AgentStatusEvent>, StoreError> {
        Ok(read_all(&self.layout.agent_status())?.0)
    }

    /// The newest `n` relays, oldest first, as far as they are remembered at hand.
    pub fn recent_relays(&self, n: usize) -> Result<Vec<RelayRecord>, StoreError> {
        let relays = relays::recent(&self.layout)?.relays;
        let from = relays.len().saturating_sub(n);
        Ok(relays.into_values().skip(from).collect())
    }

    /// A relay, unless it is ancient history.
    pub fn relay(&self, id: u64) -> Result<Option<RelayRecord>, StoreError> {
        Ok(relays::recent(&self.layout)?.relays.remove(&id))
    }

    /// What can be resumed, its open run left out. The store may find more when it is opened: what
    /// lies in files of the earlier program, and the run of a try that was cut after its verdict.
    pub fn survey(&self) -> Result<Survey, StoreError> {
        let mut survey = Survey::default();
        let recent = relays::recent(&self.layout)?.relays;
        for stored in recent.into_values().rev().filter(|relay| relay.ended_at.is_none()) {
            let completed_iterations = relays::passed_runs(&self.layout, &stored)?;
            let relay = RelayRecord { completed_iterations, ..stored };
            let place = if relay.is_open() { &mut survey.resumable } else { &mut survey.completed };
            place.get_or_insert(relay);
        }
        Ok(survey)
    }
}
