//! What agents report about their runs, and the names of runs.

use super::jsonl::read_all;
use super::records::{Fact, JournalLine, LapRef, LapWord, SummaryEntry};
use super::run_state::LapAttempt;
use super::{Layout, StoreError};

/// `relay-2-run-7`: how a run is named outside the records.
pub fn run_name(relay: u64, run: u64) -> String {
    format!("relay-{relay}-run-{run}")
}

/// Everything that was reported for a run, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reported {
    /// Summaries, oldest first, the laps that were made of their follow-ups included.
    pub entries: Vec<SummaryEntry>,
    /// Laps reported as done; one may come twice.
    pub done: Vec<LapAttempt>,
    /// Handoffs that were begun; the lap is empty where none was known.
    pub handoffs: Vec<LapAttempt>,
    /// Laps that were made of follow-ups.
    pub created: Vec<String>,
    /// Laps that wait again, so that they were not done after all.
    pub undone: Vec<String>,
    /// How many of `done` came before the newest entry.
    closed: usize,
    /// Whether a handoff was begun since the newest entry.
    begun: bool,
    /// Whether the laps of the newest entry are known.
    settled: bool,
}

impl Reported {
    /// Whether a handoff was begun and not completed by an entry.
    pub fn is_handing_over(&self) -> bool {
        self.begun
    }

    /// The newest entry that hands over.
    pub fn handed_over(&self) -> Option<&SummaryEntry> {
        self.entries.iter().rev().find(|entry| entry.handoff.is_some())
    }

    /// Laps reported as done since the newest entry.
    pub fn done_since(&self) -> &[LapAttempt] {
        self.done.get(self.closed..).unwrap_or_default()
    }

    /// Whether it is known which laps the newest entry's follow-ups became.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// The laps that were reported as done and were not opened again, each once.
    pub fn laps_done(&self) -> Vec<&str> {
        let mut laps: Vec<&str> = Vec::new();
        for LapAttempt { lap_id, .. } in &self.done {
            if !laps.contains(&lap_id.as_str()) && !self.undone.contains(lap_id) {
                laps.push(lap_id);
            }
        }
        laps
    }

    /// Every report of a lap as done or handed over, in order of time.
    pub fn attempted(&self) -> Vec<LapAttempt> {
        let named = self.handoffs.iter().filter(|attempt| !attempt.lap_id.is_empty());
        let mut all: Vec<LapAttempt> = self.done.iter().chain(named).cloned().collect();
        all.sort_by_key(|attempt| attempt.timestamp);
        all
    }

    fn add(&mut self, line: JournalLine) {
        match line.fact {
            Fact::Progress { summary, .. } => {
                self.entries.push(summary);
                self.closed = self.done.len();
                (self.begun, self.settled) = (false, false);
            }
            Fact::LapReported { lap, said, .. } => {
                let attempt = LapAttempt { lap_id: lap, timestamp: line.at };
                match said {
                    LapWord::Done => self.done.push(attempt),
                    LapWord::Handoff => {
                        self.begun = true;
                        self.handoffs.push(attempt);
                    }
                }
            }
            Fact::LapsCreated { ids, .. } => {
                self.settled = true;
                self.created.extend(ids.iter().cloned());
                if let Some(entry) = self.entries.last_mut() {
                    entry.set_created(ids);
                }
            }
            _ => {}
        }
    }
}

fn run_of(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Progress { run_id, .. }
        | Fact::LapReported { run_id, .. }
        | Fact::LapsCreated { run_id, .. } => Some(run_id),
        _ => None,
    }
}

/// Everything that was reported for the run of this name. What stands before its beginning is of another, whose name
/// it took over. Unreadable lines do not hide the rest.
pub fn reported(layout: &Layout, run: &str) -> Result<Reported, StoreError> {
    let (lines, _) = read_all::<JournalLine>(&layout.journal())?;
    let mut reported = Reported::default();
    let mut has_begun = false;
    for line in lines {
        match &line.fact {
            Fact::RunStarted { relay_id, run_id, .. }
                if !has_begun && run_name(*relay_id, *run_id) == run =>
            {
                (has_begun, reported) = (true, Reported::default());
            }
            fact if run_of(fact) == Some(run) => reported.add(line),
            _ => {}
        }
    }
    Ok(reported)
}

/// Everything reported for a run, oldest first. Unreadable lines do not hide the rest.
pub fn progress_of(layout: &Layout, run: &str) -> Result<Vec<SummaryEntry>, StoreError> {
    Ok(reported(layout, run)?.entries)
}

/// The run and the lap of the try with this tag; `None` when the journal does not know it.
pub fn run_of_tag(layout: &Layout, tag: &str) -> Result<Option<(String, LapRef)>, StoreError> {
    let (lines, _) = read_all::<JournalLine>(&layout.journal())?;
    Ok(lines.into_iter().rev().find_map(|line| match line.fact {
        Fact::TryStarted(started) if started.tag == tag => {
            Some((run_name(started.relay_id, started.run_id), started.lap))
        }
        _ => None,
    }))
}
