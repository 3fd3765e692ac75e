//! What is remembered of this workspace: who holds it, what can be read, what is unfinished.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::finding::{Finding, Group, Level};
use crate::model::text;
use crate::store::digest::StartedTry;
use crate::store::jsonl::forward::for_each_line;
use crate::store::records::{RECORD_VERSION, RelayRecord, SummaryEntry, TryRecord};
use crate::store::{Holder, Reader, StoreError, journal};

/// How many relays are looked through for one that can be resumed.
const RELAYS: usize = 100;

/// What is known of the state.
#[derive(Debug, Default, Serialize)]
pub struct State {
    /// Whether `rally init` was here.
    initialised: bool,
    /// Who holds the workspace now.
    holder: Option<Holder>,
    /// Lines that no reader understands, by file; files without any are left out.
    unreadable: BTreeMap<String, usize>,
    /// The relay that `--resume` goes on with.
    open_relay: Option<OpenRelay>,
    /// Tries without a record: in flight while somebody holds the workspace, else cut.
    unrecorded: Vec<Unrecorded>,
    /// What could not be read at all.
    errors: Vec<String>,
    /// The tries that the journal knows.
    #[serde(skip)]
    pub tries: Vec<StartedTry>,
}

#[derive(Debug, Serialize)]
struct OpenRelay {
    id: u64,
    completed_iterations: u64,
    target_iterations: u64,
}

#[derive(Debug, Serialize)]
struct Unrecorded {
    try_id: u64,
    harness: String,
    /// Whether only its record is missing, its verdict being made.
    decided: bool,
}

impl State {
    /// Whether a rally holds the workspace.
    pub fn held(&self) -> bool {
        self.holder.is_some()
    }
}

/// Reads the state; trouble with one file does not hide the others.
pub fn gather(reader: &Reader) -> State {
    let layout = reader.layout();
    let mut state =
        State { initialised: layout.rally_dir().is_dir(), holder: reader.holder(), ..State::default() };
    let mut unrecorded = BTreeSet::new();
    match journal::load(layout) {
        Ok((digest, skipped)) => {
            if digest.version > RECORD_VERSION {
                let error = StoreError::Newer { path: layout.journal(), found: digest.version };
                state.errors.push(error.to_string());
            }
            unrecorded = digest.tries.keys().copied().collect();
            state.tries = digest.tries.into_values().collect();
            state.unreadable(&layout.journal(), Ok(skipped));
        }
        Err(error) => state.unreadable(&layout.journal(), Err(error)),
    }
    let tries = check(&layout.tries(), |record: TryRecord| {
        unrecorded.remove(&record.id);
    });
    state.unreadable(&layout.tries(), tries);
    state.unreadable(&layout.relays(), check(&layout.relays(), |_: RelayRecord| ()));
    state.unreadable(&layout.summary(), check(&layout.summary(), |_: SummaryEntry| ()));
    for path in [layout.agent_status(), layout.messages(), layout.quota()] {
        state.unreadable(&path, check(&path, |_: IgnoredAny| ()));
    }
    state.unrecorded = state
        .tries
        .iter()
        .filter(|known| unrecorded.contains(&known.started.try_id))
        .map(|known| Unrecorded {
            try_id: known.started.try_id,
            harness: known.started.harness.clone(),
            decided: known.resolved.is_some(),
        })
        .collect();
    match open_relay(reader) {
        Ok(relay) => state.open_relay = relay,
        Err(error) => state.errors.push(text::chain(&error)),
    }
    state
}

impl State {
    fn unreadable(&mut self, path: &Path, skipped: Result<usize, StoreError>) {
        match skipped {
            Ok(0) => {}
            Ok(lines) => {
                self.unreadable.insert(path.display().to_string(), lines);
            }
            Err(error) => self.errors.push(text::chain(&error)),
        }
    }
}

/// Hands over every record and counts the lines that hold none.
fn check<T: DeserializeOwned>(path: &Path, mut each: impl FnMut(T)) -> Result<usize, StoreError> {
    let mut skipped = 0;
    skipped += for_each_line(path, |line, ended| match serde_json::from_slice(line) {
        Ok(record) => each(record),
        // A last line without its end may still be being written.
        Err(_) => skipped += usize::from(ended),
    })?;
    Ok(skipped)
}

/// The newest relay that can be resumed, counted anew: its record may lag behind its tries.
fn open_relay(reader: &Reader) -> Result<Option<OpenRelay>, StoreError> {
    for relay in reader.recent_relays(RELAYS)?.into_iter().rev().filter(RelayRecord::is_open) {
        let mut passed = BTreeSet::new();
        for record in reader.tries_of_relay(relay.id)? {
            let record = record?;
            if record.outcome.map_or(record.completed, |outcome| outcome.is_success()) {
                passed.insert(record.run_id);
            }
        }
        let completed_iterations = passed.len() as u64;
        if relay.until_empty || completed_iterations < relay.target_iterations {
            let target_iterations = relay.target_iterations;
            return Ok(Some(OpenRelay { id: relay.id, completed_iterations, target_iterations }));
        }
    }
    Ok(None)
}

/// What is to be said about it.
pub fn findings(state: &State) -> Vec<Finding> {
    let say = |level, subject: &str, text: String| Finding::new(Group::State, level, subject, text);
    let mut findings = Vec::new();
    if !state.initialised {
        let text = "this folder has no .rally".to_owned();
        findings.push(say(Level::Warning, "workspace", text).way_out("`rally init` makes it"));
        return findings;
    }
    findings.push(match &state.holder {
        Some(holder) => say(Level::Note, "workspace", format!("held by {holder}")),
        None => say(Level::Ok, "workspace", "held by nobody".to_owned()),
    });
    findings.extend(state.errors.iter().map(|error| say(Level::Problem, "records", error.clone())));
    for (path, lines) in &state.unreadable {
        let text = format!("{path}: {}, skipped", text::count(*lines, "unreadable line"));
        findings.push(say(Level::Warning, "records", text));
    }
    if state.errors.is_empty() && state.unreadable.is_empty() {
        findings.push(say(Level::Ok, "records", "all readable".to_owned()));
    }
    for cut in &state.unrecorded {
        let name = format!("try {} ({})", cut.try_id, cut.harness);
        findings.push(if state.held() {
            say(Level::Ok, "try", format!("{name} is in flight"))
        } else {
            let what =
                if cut.decided { "was cut before its record was written" } else { "was cut while it ran" };
            say(Level::Note, "try", format!("{name} {what}")).way_out("the next relay records it")
        });
    }
    if let Some(relay) = &state.open_relay {
        let (done, target) = (relay.completed_iterations, relay.target_iterations);
        let text = format!("{} is unfinished, {done} of {target} runs done", relay.id);
        findings.push(if state.held() {
            say(Level::Ok, "relay", text)
        } else {
            say(Level::Note, "relay", text).way_out("`rally relay --resume` goes on with it")
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(state: &State) -> Vec<(&'static str, Level)> {
        let subjects = ["workspace", "records", "try", "relay"];
        let subject = |finding: &Finding| subjects.into_iter().find(|s| *s == finding.subject).unwrap();
        findings(state).iter().map(|finding| (subject(finding), finding.level)).collect()
    }

    fn broken() -> State {
        State {
            initialised: true,
            unreadable: BTreeMap::from([("tries.jsonl".to_owned(), 2)]),
            errors: vec!["cannot read it".into()],
            open_relay: Some(OpenRelay { id: 3, completed_iterations: 1, target_iterations: 2 }),
            unrecorded: vec![Unrecorded { try_id: 7, harness: "claude".into(), decided: false }],
            ..State::default()
        }
    }

    #[test]
    fn what_lies_about_is_noted_and_what_runs_is_well() {
        use Level::{Note, Ok, Problem, Warning};
        assert_eq!(levels(&State::default()), [("workspace", Warning)]);
        let healthy = State { initialised: true, ..State::default() };
        assert_eq!(levels(&healthy), [("workspace", Ok), ("records", Ok)]);
        let levels_of_broken =
            [("workspace", Ok), ("records", Problem), ("records", Warning), ("try", Note), ("relay", Note)];
        assert_eq!(levels(&broken()), levels_of_broken);
        let held = State {
            holder: Some(Holder::default()),
            unreadable: BTreeMap::new(),
            errors: Vec::new(),
            ..broken()
        };
        assert_eq!(levels(&held), [("workspace", Note), ("records", Ok), ("try", Ok), ("relay", Ok)]);
    }
}
