//! What agents report about their runs, and the names of runs.

use super::jsonl::read_all;
use super::records::{Fact, JournalLine, SummaryEntry};
use super::{Layout, StoreError};

/// `relay-2-run-7`: how a run is named outside the records.
pub fn run_name(relay: u64, run: u64) -> String {
    format!("relay-{relay}-run-{run}")
}

/// Everything reported for a run, oldest first. Unreadable lines do not hide the rest.
pub fn progress_of(layout: &Layout, run: &str) -> Result<Vec<SummaryEntry>, StoreError> {
    let (lines, _) = read_all::<JournalLine>(&layout.journal())?;
    Ok(lines
        .into_iter()
        .filter_map(|line| match line.fact {
            Fact::Progress { run_id, summary } if run_id == run => Some(summary),
            _ => None,
        })
        .collect())
}
