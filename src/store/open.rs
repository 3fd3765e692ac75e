//! Opening a workspace's state for a relay: everything is brought in order first, so
//! that whoever goes on finds no half-written line, no try without an end and no counter
//! that disagrees with the records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::digest::{Digest, Needed};
use super::jsonl::{RecordsBack, Repair, repair_tail};
use super::reconcile::{self, HalfDone, Reap};
use super::records::{Fact, RECORD_VERSION, RelayRecord, TryRecord};
use super::{Layout, OpenRun, Reader, RunState, Shared, StoreError, WorkspaceLock};
use super::{aside, files, journal, migrate, private, progress, relays, run_state};
use crate::model::Timestamp;
use crate::store::jsonl::Durability;
use crate::store::records::SummaryEntry;

/// How far back a run's line in `summary.jsonl` is looked for: lines of others may come between.
const RECENT_SUMMARIES: usize = 100;

/// The one writer of a workspace's state.
#[derive(Debug)]
pub struct Store {
    pub(super) layout: Layout,
    pub(super) next_try: u64,
    pub(super) next_relay: u64,
    /// Relays that can be resumed.
    pub(super) open_relays: BTreeMap<u64, RelayRecord>,
    /// The newest relay.
    pub(super) last_relay: Option<RelayRecord>,
    /// Highest run number, by relay.
    pub(super) last_runs: BTreeMap<u64, u64>,
    /// First and last try, by relay.
    pub(super) spans: BTreeMap<u64, (u64, u64)>,
    /// Allocated tries without a record.
    pub(super) unfinished: BTreeSet<u64>,
    _lock: WorkspaceLock,
}

/// What was found when a store was opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// For the operator.
    pub warnings: Vec<String>,
    /// Tries that were cut, as recorded just now.
    pub interrupted: Vec<TryRecord>,
    /// Tries whose verdict was made, but not recorded: finish them, then [`Store::survey`] again.
    pub half_done: Vec<HalfDone>,
    /// What can be resumed.
    pub survey: Survey,
}

/// What can be resumed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// The newest relay that can be.
    pub resumable: Option<RelayRecord>,
    /// Its run that began and did not end.
    pub open_run: Option<OpenRun>,
    /// The newest relay that turned out to be complete, its end missing until now.
    pub completed: Option<RelayRecord>,
}

impl Store {
    /// Opens the state of a workspace whose lock is held. Tries that were cut are handed
    /// to `reap` first and then recorded as interrupted.
    pub fn open(
        layout: Layout,
        lock: WorkspaceLock,
        now: Timestamp,
        reap: &mut Reap<'_>,
    ) -> Result<(Store, Opened), StoreError> {
        let mut opened = Opened { warnings: migrate::prepare(&layout)?, ..Opened::default() };
        repair_all(&layout, &mut opened.warnings)?;
        let (digest, skipped) = journal::load(&layout)?;
        warn_skipped(&mut opened.warnings, &layout.journal(), skipped);
        let tail = reconcile::read_tail(&layout, &digest)?;
        warn_skipped(&mut opened.warnings, &layout.tries(), tail.skipped);
        let recent = relays::recent(&layout)?;
        warn_skipped(&mut opened.warnings, &layout.relays(), recent.skipped);
        refuse_newer(&layout, &digest, &tail, &recent)?;

        opened.half_done = reconcile::half_done(&layout, &digest, &tail);
        opened.interrupted = reconcile::close_cut_tries(&layout, &digest, &tail, now, reap)?;
        let view = Shared::lock(&layout)?.run_state()?;
        let cut = reconcile::close_try_of_run_state(&layout, &view, &digest, tail.last.as_ref(), now)?;
        opened.interrupted.extend(cut);

        let newest_try = opened.interrupted.iter().chain(&tail.last).map(|t| t.id.saturating_add(1)).max();
        let newest_relay = recent.relays.keys().next_back().map(|id| id.saturating_add(1));
        let mut store = Store {
            next_try: digest.next_try.max(newest_try.unwrap_or(1)).max(1),
            next_relay: digest.next_relay.max(newest_relay.unwrap_or(1)).max(1),
            open_relays: BTreeMap::new(),
            last_relay: recent.relays.values().next_back().cloned(),
            last_runs: digest.last_runs.clone(),
            spans: BTreeMap::new(),
            unfinished: opened.half_done.iter().map(|half| half.record.id).collect(),
            layout,
            _lock: lock,
        };
        if view.has_active() {
            store.clear_active()?;
        }
        opened.survey = store.survey_of(recent.relays, &digest, now)?;
        if let Err(error) = store.compact_journal(now) {
            opened.warnings.push(format!("the journal could not be made shorter: {error}"));
        }
        Ok((store, opened))
    }

    /// Looks again at what can be resumed, after half-done tries have been finished.
    pub fn survey(&mut self, now: Timestamp) -> Result<Survey, StoreError> {
        let (digest, _) = journal::load(&self.layout)?;
        self.survey_of(relays::recent(&self.layout)?.relays, &digest, now)
    }

    fn survey_of(
        &mut self,
        recent: BTreeMap<u64, RelayRecord>,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Survey, StoreError> {
        let completed = self.settle_relays(recent, now)?;
        let resumable = self.open_relay();
        let open_run = match &resumable {
            Some(relay) => self.open_run(digest, relay)?,
            None => None,
        };
        Ok(Survey { resumable, open_run, completed })
    }

    /// Where things are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A reader of the same workspace.
    pub fn reader(&self) -> Reader {
        Reader::new(self.layout.clone())
    }

    /// Counts anew what relays without an end have done, and ends those that are finished.
    fn settle_relays(
        &mut self,
        recent: BTreeMap<u64, RelayRecord>,
        now: Timestamp,
    ) -> Result<Option<RelayRecord>, StoreError> {
        let mut completed = None;
        let unended: Vec<RelayRecord> = recent.into_values().filter(|r| r.ended_at.is_none()).collect();
        for stored in unended {
            let mut relay = stored.clone();
            self.recount(&mut relay)?;
            if !relay.is_open() {
                relay.ended_at = Some(now);
                relay.consumed_message_ids = self.messages_of_complete(&relay, now)?;
                completed = Some(relay.clone());
            }
            if relay == stored {
                self.open_relays.insert(relay.id, relay);
            } else {
                self.save_relay(&relay)?;
            }
        }
        Ok(completed)
    }

    /// Tells that an agent is being watched right now. Trouble only makes a later crash harder to mend.
    pub fn beat(&self) {
        let file = private::open(std::fs::File::options().create(true).append(true), &self.layout.alive());
        let _ = file.and_then(|file| file.set_modified(std::time::SystemTime::now()));
    }

    /// Writes a fact to the journal. What a power cut leaves nothing of (processes)
    /// need not survive one; everything else does.
    pub fn note(&mut self, fact: Fact, now: Timestamp) -> Result<(), StoreError> {
        let durability = match &fact {
            Fact::TrySpawned { .. } => Durability::Cached,
            _ => Durability::Synced,
        };
        match &fact {
            Fact::RunStarted { relay_id, run_id, .. } | Fact::RunEnded { relay_id, run_id } => {
                self.saw_run(*relay_id, *run_id);
            }
            _ => {}
        }
        let fact = aside::shrink(&self.layout, fact)?;
        let ended = match &fact {
            Fact::RunEnded { relay_id, run_id } => Some((*relay_id, *run_id)),
            _ => None,
        };
        Shared::lock(&self.layout)?.append_fact(fact, now, durability)?;
        if let Some((relay, run)) = ended {
            aside::forget(&self.layout, relay, run);
            // Only a saving: the next open or run end tries again.
            let _ = self.compact_journal(now);
        }
        Ok(())
    }

    fn compact_journal(&self, now: Timestamp) -> Result<(), StoreError> {
        if !journal::is_large(&self.layout) {
            return Ok(());
        }
        let relays = self.open_relays.keys().copied().collect();
        let needed = Needed { relays, tries: self.unfinished.clone() };
        journal::compact(&self.layout, &needed, self.next_try, self.next_relay, now)
    }

    pub(super) fn saw_run(&mut self, relay: u64, run: u64) {
        let last = self.last_runs.entry(relay).or_default();
        *last = run.max(*last);
    }

    /// Writes the whole view of the current run, as at the start of a run.
    pub fn write_run_state(&self, state: &RunState) -> Result<(), StoreError> {
        self.update_run_state(|view| *view = state.clone()).map(|_| ())
    }

    /// Changes the view of the current run and keeps what hooks have reported meanwhile.
    pub fn update_run_state(&self, change: impl FnOnce(&mut RunState)) -> Result<RunState, StoreError> {
        Shared::lock(&self.layout)?.update_run_state(change)
    }

    /// Forgets the try in flight in the view; nothing else, and nothing without a view.
    pub fn clear_active(&self) -> Result<(), StoreError> {
        let shared = Shared::lock(&self.layout)?;
        if shared.run_state()?.has_active() {
            shared.update_run_state(RunState::clear_active)?;
        }
        Ok(())
    }

    /// Deletes the view of the current run.
    pub fn remove_run_state(&self) -> Result<(), StoreError> {
        Shared::lock(&self.layout)?.remove_run_state()
    }

    /// The view of the current run, if there is one.
    pub fn read_run_state(&self) -> Result<Option<RunState>, StoreError> {
        run_state::read(&self.layout)
    }

    /// Keeps the prompt of the current try for whoever wants to read it.
    pub fn write_current_task(&self, prompt: &str) -> Result<(), StoreError> {
        files::replace(&self.layout.current_task(), prompt.as_bytes())
    }

    /// Appends an entry to `summary.jsonl`, its texts bounded.
    pub fn append_summary(&self, entry: &SummaryEntry) -> Result<(), StoreError> {
        Shared::lock(&self.layout)?.append_summary(entry)
    }

    /// Appends an entry unless its run has one already, from the agent or from an attempt that was cut.
    pub fn append_summary_once(&self, entry: &SummaryEntry) -> Result<(), StoreError> {
        let mut back = RecordsBack::<SummaryEntry>::open(&self.layout.summary())?;
        for _ in 0..RECENT_SUMMARIES {
            match back.next().transpose()? {
                Some(known) if known.run_id == entry.run_id => return Ok(()),
                Some(_) => {}
                None => break,
            }
        }
        self.append_summary(entry)
    }

    /// Everything that was reported for a run: entries, laps done and handed over, laps created.
    pub fn reported(&self, run: &str) -> Result<progress::Reported, StoreError> {
        progress::reported(&self.layout, run)
    }

    /// The summaries that were reported for a run, oldest first.
    pub fn progress_of(&self, run: &str) -> Result<Vec<SummaryEntry>, StoreError> {
        progress::progress_of(&self.layout, run)
    }
}

/// Makes every file safe to append to.
fn repair_all(layout: &Layout, warnings: &mut Vec<String>) -> Result<(), StoreError> {
    let state = layout.state_dir();
    for path in [layout.tries(), layout.relays()] {
        warn_repaired(warnings, &path, &repair_tail(&path, &state)?);
    }
    let shared = Shared::lock(layout)?;
    files::remove_temporaries(&state)?;
    for path in shared.record_files() {
        warn_repaired(warnings, &path, &shared.repair(&path)?);
    }
    Ok(())
}

fn warn_repaired(warnings: &mut Vec<String>, path: &Path, repair: &Repair) {
    match repair {
        Repair::Clean | Repair::NewlineAdded | Repair::BlankDropped => {}
        Repair::Quarantined(bytes, torn) => warnings.push(format!(
            "{} ended in the middle of a record; its last {bytes} bytes were moved to {}",
            path.display(),
            torn.display()
        )),
    }
}

fn warn_skipped(warnings: &mut Vec<String>, path: &Path, skipped: usize) {
    if skipped > 0 {
        let lines = crate::model::text::count(skipped, "unreadable line");
        warnings.push(format!("{}: {lines} skipped", path.display()));
    }
}

/// A newer rally may mean something else by the same fields.
fn refuse_newer(
    layout: &Layout,
    digest: &Digest,
    tail: &reconcile::Tail,
    recent: &relays::Recent,
) -> Result<(), StoreError> {
    let found = [
        (layout.journal(), digest.version),
        (layout.tries(), tail.last.as_ref().map_or(0, |t| t.v)),
        (layout.relays(), recent.relays.values().map(|r| r.v).max().unwrap_or(0)),
    ];
    match found.into_iter().find(|(_, version)| *version > RECORD_VERSION) {
        Some((path, found)) => Err(StoreError::Newer { path, found }),
        None => Ok(()),
    }
}
