//! What agents reported about laps, run by run.

use super::jsonl::read_all;
use super::progress::run_name;
use super::records::{Fact, JournalLine, LapWord};
use super::run_state::LapAttempt;
use super::{Layout, StoreError};

/// The reports of one run, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LapReports {
    /// Laps reported as done; one may come twice.
    pub done: Vec<String>,
    /// Every report of a lap as done or handed over.
    pub attempted: Vec<LapAttempt>,
    /// Laps that its follow-ups became.
    pub created: Vec<String>,
}

/// What was reported for a run since it began: what stands before that in the journal is of another.
pub fn reports_of(layout: &Layout, run: &str) -> Result<LapReports, StoreError> {
    let (lines, _) = read_all::<JournalLine>(&layout.journal())?;
    let mut reports = LapReports::default();
    let mut has_begun = false;
    for JournalLine { at, fact, .. } in lines {
        match fact {
            Fact::RunStarted { relay_id, run_id, .. } => has_begun |= run_name(relay_id, run_id) == run,
            Fact::LapReported { run_id, lap, said } if has_begun && run_id == run => {
                reports.attempted.push(LapAttempt { lap_id: lap.clone(), timestamp: at });
                if said == LapWord::Done {
                    reports.done.push(lap);
                }
            }
            Fact::LapsCreated { run_id, ids } if has_begun && run_id == run => reports.created.extend(ids),
            _ => {}
        }
    }
    Ok(reports)
}
