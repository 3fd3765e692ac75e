//! Completing what a crash cut between a verdict and its record.

use super::record;
use crate::git::{Git, Snapshot, WorkCommit};
use crate::store::records::TryRecord;
use crate::store::{HalfDone, Store, StoreError};

/// Commits what had been decided to be committed, unless that was done before the
/// crash, and stores the record. Doing it twice is harmless. Trouble with git is
/// returned as warnings: the tree keeps everything.
pub fn complete(
    git: &Git,
    store: &mut Store,
    half: HalfDone,
    run_hooks: bool,
) -> Result<Vec<String>, StoreError> {
    let mut warnings = Vec::new();
    let mut record = half.record;
    let (subject, message) = (record::commit_subject(&record), record::commit_message(&record));
    if record.ends_run {
        store.append_summary_once(&record::stub(&record))?;
    }
    record.commit_history = commits_of(git, half.head_before.as_deref());
    let committed = record.commit_history.iter().any(|hash| git.subject(hash).as_deref() == Some(&subject));
    if !committed {
        record.commit_history.extend(commit(git, half.snapshot, &message, run_hooks, &mut warnings));
    }
    let finished =
        TryRecord { commit_hash: record.commit_history.last().cloned().unwrap_or_default(), ..record };
    store.finish_try(finished)?;
    Ok(warnings)
}

fn commits_of(git: &Git, head_before: Option<&str>) -> Vec<String> {
    match git.head() {
        Ok(Some(head)) if head_before != Some(head.as_str()) => git.commits_between(head_before, &head),
        _ => Vec::new(),
    }
}

fn commit(
    git: &Git,
    snapshot: serde_json::Value,
    message: &str,
    run_hooks: bool,
    warnings: &mut Vec<String>,
) -> Option<String> {
    // Without its snapshot nobody can tell the agent's work from the user's.
    let Ok(snapshot) = serde_json::from_value::<Snapshot>(snapshot) else {
        warnings.push("the work of an interrupted try stays uncommitted: its snapshot is lost".to_owned());
        return None;
    };
    match git.commit_work(&WorkCommit { snapshot: &snapshot, message, run_hooks }) {
        Ok(report) => {
            warnings.extend(report.warnings);
            report.hash
        }
        Err(error) => {
            warnings.push(format!("the work of an interrupted try stays uncommitted: {error}"));
            None
        }
    }
}
