//! The run that a relay left unfinished, as the journal and the records of its tries tell it.

use std::time::Duration;

use super::digest::Digest;
use super::records::{AgentStatusEvent, RelayRecord, TryRecord};
use super::tries::tries_of;
use super::{Store, StoreError, aside};
use crate::model::time::since;
use crate::model::{Category, Outcome, Spent, Timestamp};

/// A beat comes every second, and a guard needs two at most.
const AFTERMATH: Duration = Duration::from_secs(3);

/// A run that began and did not end.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// The relay.
    pub relay_id: u64,
    /// The run.
    pub run_id: u64,
    /// The mix entry it was given to, as typed.
    pub entry: String,
    /// What was dirty before it began first: opaque to the store.
    pub snapshot: serde_json::Value,
    /// The lap that was claimed for it.
    pub lap: Option<String>,
    /// The role that its newest try was given.
    pub role: Option<String>,
    /// When it began first.
    pub started_at: Timestamp,
    /// The session that its entry's newest try worked in.
    pub session_id: Option<String>,
    /// What that session had used up when last heard of.
    pub spent: Spent,
    /// Number of its newest attempt; 0 when none was allocated.
    pub last_attempt: u32,
    /// Attempts that count against the retry budget.
    pub attempts_used: u32,
    /// Active time of its tries; pauses between them are not known any more.
    pub time_used: Duration,
    /// Tries of its entry that failed for infrastructure.
    pub infra_failures: u32,
    /// Until when its provider asked to be left alone, and what for.
    pub rest: Option<(Timestamp, Category)>,
    /// Whether its time was used up, and its newest try was only to hand over.
    pub handing_over: bool,
    /// When its newest try had surely ended: what was changed later is the user's.
    pub idle_since: Option<Timestamp>,
    /// How it ended, if it did: then only its end is missing.
    pub over: Option<Over>,
}

/// The end of a run that a crash cut before everything had taken it in.
#[derive(Debug, Clone, PartialEq)]
pub struct Over {
    /// Its last try.
    pub record: TryRecord,
    /// Whether its runner's health has taken it in.
    pub told: bool,
}

impl Over {
    /// Compares it with what was told about everybody's health. One event of the try is enough: the first
    /// of a bench counts for everybody who draws from the quota. What was told about the runner later, by
    /// the operator, has the last word.
    pub fn new(record: TryRecord, events: &[AgentStatusEvent]) -> Over {
        let runner = (record.agent_type.clone(), record.model.clone());
        let is_newer = |event: &AgentStatusEvent| event.timestamp > record.ended_at && event.key() == runner;
        let told = events.iter().any(|event| event.try_id == Some(record.id) || is_newer(event));
        Over { record, told }
    }
}

impl OpenRun {
    /// The run as it goes on with an entry. Its snapshot stays, so that the work of cut tries is
    /// committed; a session and the failures of its infrastructure mean nothing to another entry.
    pub fn for_entry(mut self, entry: &str) -> OpenRun {
        if self.entry != entry {
            self.session_id = None;
            self.spent = Spent::default();
            self.infra_failures = 0;
            self.rest = None;
            self.handing_over = false;
            entry.clone_into(&mut self.entry);
        }
        self
    }
}

impl Store {
    /// The newest run of a relay that began and did not end.
    pub(super) fn open_run(
        &self,
        digest: &Digest,
        relay: &RelayRecord,
    ) -> Result<Option<OpenRun>, StoreError> {
        let Some((run_id, run)) = digest.open_run(relay.id) else { return Ok(None) };
        let (session_id, spent) = digest.session_of(run).unzip();
        let mut open = OpenRun {
            relay_id: relay.id,
            run_id,
            entry: run.entry.clone(),
            snapshot: aside::restore(&self.layout, &run.snapshot),
            lap: run.lap.clone(),
            role: None,
            started_at: run.at,
            session_id,
            spent: spent.unwrap_or_default(),
            last_attempt: 0,
            attempts_used: 0,
            time_used: Duration::ZERO,
            infra_failures: 0,
            rest: None,
            handing_over: false,
            idle_since: None,
            over: None,
        };
        let (mut newest, mut last) = (None, None);
        for record in tries_of(&self.layout, relay)? {
            let record = record?;
            if record.run_id != run_id {
                continue;
            }
            // The first that is read is the newest.
            if newest.is_none() {
                newest = Some(self.idle_since(&record));
                open.rest = rest(&record);
                open.role.clone_from(&record.lap.of.role);
                open.handing_over = record.handoff_only;
                open.time_used += self.silence_of(&record);
            }
            open.last_attempt = open.last_attempt.max(record.attempt_number);
            open.attempts_used += u32::from(record.costs_attempt());
            open.time_used += Duration::from_millis(record.runtime_ms);
            let of_entry = run.tries.contains(&record.id);
            open.infra_failures += u32::from(of_entry && record.is_infra_failure());
            if record.is_last() {
                last.get_or_insert(record);
            }
        }
        open.idle_since = newest.flatten();
        if let Some(record) = last {
            open.over = Some(Over::new(record, &self.status_events()?));
        }
        Ok(Some(open))
    }

    /// How long a try that was cut had been watched since its last output.
    fn silence_of(&self, record: &TryRecord) -> Duration {
        let cut = record.outcome == Some(Outcome::Interrupted);
        let watched = self.idle_since(record).and_then(|at| at.checked_sub(AFTERMATH).ok());
        watched.filter(|_| cut).map_or(Duration::ZERO, |at| since(record.ended_at, at))
    }

    /// When a try had surely ended. After a crash that is the last beat and what a guard may
    /// take to end its tree; `None` when there was no beat.
    fn idle_since(&self, record: &TryRecord) -> Option<Timestamp> {
        if record.outcome != Some(Outcome::Interrupted) {
            return Some(record.ended_at);
        }
        let beat = std::fs::metadata(self.layout.alive()).and_then(|file| file.modified()).ok()?;
        let beat = Timestamp::try_from(beat).ok().filter(|beat| *beat >= record.started_at)?;
        beat.checked_add(AFTERMATH).ok()
    }
}

/// Until when a provider asked to be left alone.
fn rest(record: &TryRecord) -> Option<(Timestamp, Category)> {
    let asked = record.evidence.as_ref()?.retry_after?;
    Some((record.ended_at.checked_add(asked).ok()?, record.category?))
}
