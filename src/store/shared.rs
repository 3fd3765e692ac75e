//! The files that other processes write too: journal, `summary.jsonl`, `run-state.json`, the inbox, and
//! what is known of the runners and their quotas. `rally progress` runs below a relay that holds the
//! workspace, and `rally runners clear` beside it, so these have a lock of their own, held for moments only.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::jsonl::{self, Durability, Repair};
use super::records::{Fact, JournalLine, LapWord, RECORD_VERSION, SummaryEntry};
use super::run_state::{self, RunState};
use super::{Layout, StoreError, files, private};
use crate::model::{Timestamp, text};

/// Nobody else writes the shared files until this is dropped.
#[derive(Debug)]
pub struct Shared<'a> {
    layout: &'a Layout,
    _lock: File,
}

impl<'a> Shared<'a> {
    /// Waits for the lock. A state folder that an agent has tidied away is made again: what was in it
    /// is gone, but the relay goes on.
    pub fn lock(layout: &'a Layout) -> Result<Shared<'a>, StoreError> {
        let path = layout.journal_lock();
        if !layout.state_dir().is_dir() {
            super::migrate::make_state_folder(layout)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false);
        let file = private::open(&mut options, &path).map_err(StoreError::at("open", &path))?;
        file.lock().map_err(StoreError::at("lock", &path))?;
        Ok(Shared { layout, _lock: file })
    }

    /// Where the files are.
    pub(super) fn layout(&self) -> &Layout {
        self.layout
    }

    /// Repairs the tail of one of the files; what is torn goes into the state folder.
    pub fn repair(&self, path: &Path) -> Result<Repair, StoreError> {
        jsonl::repair_tail(path, &self.layout.state_dir())
    }

    /// Replaces the records of one of the files.
    pub(super) fn rewrite<T: Serialize>(
        &self,
        path: &Path,
        records: impl IntoIterator<Item = T>,
    ) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        for record in records {
            serde_json::to_writer(&mut bytes, &record)
                .map_err(|source| StoreError::Encode { path: path.to_owned(), source })?;
            bytes.push(b'\n');
        }
        files::replace(path, &bytes)
    }

    /// Appends a fact to the journal. Says the journal's length before.
    pub fn append_fact(&self, fact: Fact, now: Timestamp, durability: Durability) -> Result<u64, StoreError> {
        let path = self.layout.journal();
        self.repair(&path)?;
        jsonl::append(&path, &JournalLine { v: RECORD_VERSION, at: now, fact }, durability)
    }

    /// Appends an entry to `summary.jsonl`, its texts bounded.
    pub fn append_summary(&self, entry: &SummaryEntry) -> Result<(), StoreError> {
        let path = self.layout.summary();
        self.repair(&path)?;
        jsonl::append(&path, &bounded(entry), Durability::Synced)?;
        Ok(())
    }

    /// Records progress: a fact in the journal and a line in `summary.jsonl`; both or none.
    pub fn record_progress(&self, entry: SummaryEntry, now: Timestamp) -> Result<SummaryEntry, StoreError> {
        let entry = bounded(&entry);
        let fact = Fact::Progress { run_id: entry.run_id.clone(), summary: entry.clone() };
        let before = self.append_fact(fact, now, Durability::Synced)?;
        if let Err(error) = self.append_summary(&entry) {
            jsonl::undo(&self.layout.journal(), before)?;
            return Err(error);
        }
        Ok(entry)
    }

    /// The first half of [`Self::record_progress`], for a report whose follow-ups become laps before its line
    /// in `summary.jsonl` can name them.
    pub fn note_progress(&self, entry: &SummaryEntry, now: Timestamp) -> Result<(), StoreError> {
        let entry = bounded(entry);
        let fact = Fact::Progress { run_id: entry.run_id.clone(), summary: entry };
        self.append_fact(fact, now, Durability::Synced).map(|_| ())
    }

    /// Notes that a lap was reported as done or handed over.
    pub fn note_lap(&self, run: &str, lap: &str, said: LapWord, now: Timestamp) -> Result<(), StoreError> {
        let fact = Fact::LapReported { run_id: run.to_owned(), lap: lap.to_owned(), said };
        self.append_fact(fact, now, Durability::Synced).map(|_| ())
    }

    /// Notes which laps the follow-ups of the newest report became.
    pub fn note_created(&self, run: &str, ids: &[String], now: Timestamp) -> Result<(), StoreError> {
        let fact = Fact::LapsCreated { run_id: run.to_owned(), ids: ids.to_vec() };
        self.append_fact(fact, now, Durability::Synced).map(|_| ())
    }

    /// Reads, changes and writes the current run's view. One that cannot be read counts
    /// as missing: it is only a view, and must never stand in the way.
    pub fn update_run_state(&self, change: impl FnOnce(&mut RunState)) -> Result<RunState, StoreError> {
        let mut state = self.run_state()?;
        change(&mut state);
        run_state::write(&self.layout.run_state(), &state)?;
        Ok(state)
    }

    /// The current run's view, or an empty one.
    pub fn run_state(&self) -> Result<RunState, StoreError> {
        match run_state::read(self.layout) {
            Ok(state) => Ok(state.unwrap_or_default()),
            Err(StoreError::Corrupt { .. }) => Ok(RunState::default()),
            Err(error) => Err(error),
        }
    }

    /// After an agent finalised its run: what hooks reported is used up. While a try is
    /// in flight the view stays, because readers find the try there.
    pub fn finalise_run_state(&self) -> Result<(), StoreError> {
        let mut state = self.run_state()?;
        if state.finalise() {
            run_state::write(&self.layout.run_state(), &state)
        } else {
            self.remove_run_state()
        }
    }

    /// Deletes the current run's view.
    pub fn remove_run_state(&self) -> Result<(), StoreError> {
        files::remove(&self.layout.run_state())
    }

    /// The files of this lock that hold records.
    pub fn record_files(&self) -> [PathBuf; 5] {
        let layout = self.layout;
        [layout.journal(), layout.summary(), layout.messages(), layout.agent_status(), layout.quota()]
    }
}

/// The entry with every text cut to its limit.
pub fn bounded(entry: &SummaryEntry) -> SummaryEntry {
    let cut = |t: &String| text::bounded(t, text::RECORD_TEXT_LIMIT);
    let mut entry = entry.clone();
    entry.summary = cut(&entry.summary);
    entry.followups = entry.followups.iter().map(cut).collect();
    if let Some(handoff) = &mut entry.handoff {
        handoff.summary = cut(&handoff.summary);
        handoff.followups = handoff.followups.iter().map(cut).collect();
    }
    entry
}
