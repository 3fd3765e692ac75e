//! What has to hold whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::script::{World, record, told};
use crate::model::{Outcome, Timestamp};
use crate::store::records::{Fact, RelayRecord};
use crate::store::{Layout, NewRelay, NewTry};

/// The record files, and their whole lines.
pub(super) type State = BTreeMap<&'static str, Vec<String>>;

/// Files to which nothing but whole records is ever added.
pub(super) const APPENDED: [&str; 3] = ["tries.jsonl", "relays.jsonl", "summary.jsonl"];

/// Files that say things that need not survive a power cut.
pub(super) const CACHED: [&str; 2] = ["agent_status.jsonl", "quota.jsonl"];

fn files(layout: &Layout) -> [(&'static str, PathBuf); 7] {
    [
        ("tries.jsonl", layout.tries()),
        ("relays.jsonl", layout.relays()),
        ("summary.jsonl", layout.summary()),
        ("journal.jsonl", layout.journal()),
        ("messages.jsonl", layout.messages()),
        ("agent_status.jsonl", layout.agent_status()),
        ("quota.jsonl", layout.quota()),
    ]
}

/// The files in which a reader would find half a record right now.
pub(super) fn torn(layout: &Layout) -> Vec<&'static str> {
    let is_torn = |path: &PathBuf| {
        let content = std::fs::read(path).unwrap_or_default();
        content.last().is_some_and(|last| *last != b'\n')
    };
    files(layout).iter().filter(|(_, path)| is_torn(path)).map(|(name, _)| *name).collect()
}

/// Reads what is there, as it would look in a workspace of another name.
pub(super) fn read(layout: &Layout) -> State {
    let root = layout.rally_dir().parent().unwrap().parent().unwrap().to_string_lossy().into_owned();
    let lines = |text: String| -> Vec<String> {
        let normal = |line: &str| line.trim_end().replace(&root, "ROOT").replace(layout.repo_key(), "KEY");
        text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(normal).collect()
    };
    let text = |name: &str, path: &std::path::Path| {
        let before = layout.rally_dir().join(name);
        std::fs::read_to_string(path).or_else(|_| std::fs::read_to_string(before)).unwrap_or_default()
    };
    files(layout).iter().map(|(name, path)| (*name, lines(text(name, path)))).collect()
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_default()
}

/// Ids that stand for one thing only, and one end for every start that `state` tells of.
fn ids(state: &State, offences: &mut Vec<String>) {
    let mut count: BTreeMap<(&str, u64), usize> = BTreeMap::new();
    for (file, field) in [("tries.jsonl", "id"), ("messages.jsonl", "id")] {
        for line in &state[file] {
            *count.entry((file, value(line)[field].as_u64().unwrap_or(0))).or_default() += 1;
        }
    }
    let starts = state["journal.jsonl"].iter().map(|line| value(line)).filter(|v| v["fact"] == "try_started");
    for start in starts {
        *count.entry(("the starts", start["try_id"].as_u64().unwrap_or(0))).or_default() += 1;
    }
    let mut begun: BTreeMap<u64, Value> = BTreeMap::new();
    for line in &state["relays.jsonl"] {
        let relay = value(line);
        let since = begun.entry(relay["id"].as_u64().unwrap_or(0)).or_insert(relay["started_at"].clone());
        if *since != relay["started_at"] {
            offences.push(format!("two relays have one id: {}", relay["id"]));
        }
    }
    offences.extend(
        count
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|((of, id), n)| format!("{of}: id {id} stands {n} times")),
    );
    for (of, id) in count.keys() {
        if *of == "the starts" && !count.contains_key(&("tries.jsonl", *id)) {
            offences.push(format!("try {id} began and has no end"));
        }
    }
}

fn is_prefix(short: &[String], long: &[String]) -> bool {
    long.starts_with(short)
}

/// Opens the workspace as the next start does, goes on, and opens it once more. Says what was wrong.
pub(super) fn aftermath(layout: &Layout, now: Timestamp) -> Vec<String> {
    let mut offences = Vec::new();
    if let Err(error) = go_on(layout, now, &mut offences) {
        offences.push(format!("the next start: {error}"));
    }
    offences
}

fn go_on(layout: &Layout, now: Timestamp, offences: &mut Vec<String>) -> Result<(), String> {
    let before = read(layout);
    // A record that only lacked its newline is one.
    let text = std::fs::read_to_string(layout.tries()).unwrap_or_default();
    let unended = value(text.rsplit('\n').next().unwrap_or_default());
    let mut world = World::new(layout.clone());
    let opened = world.open(now)?;
    offences.extend(opened.warnings.into_iter().filter(|warning| warning.contains("unreadable")));
    for half in std::mem::take(&mut world.half_done) {
        told(world.store().finish_try(half.record))?;
    }
    let survey = told(world.store().survey(now))?;
    let after = read(layout);
    for file in APPENDED {
        if !is_prefix(&before[file], &after[file]) {
            offences.push(format!("{file} has lost lines by being opened"));
        }
    }
    let added = after["tries.jsonl"].iter().skip(before["tries.jsonl"].len()).map(|line| value(line));
    let resolved: BTreeSet<u64> = (after["journal.jsonl"].iter().map(|line| value(line)))
        .filter(|fact| fact["fact"] == "try_resolved")
        .filter_map(|fact| fact["record"]["id"].as_u64())
        .collect();
    for new in added {
        let is_resolved = new["id"].as_u64().is_some_and(|id| resolved.contains(&id));
        if new["id"] != unended["id"] && is_resolved == (new["outcome"] == "interrupted") {
            offences.push(format!("opened, and an end of its own was added: {new}"));
        }
    }
    ids(&after, offences);
    if told(world.store().read_run_state())?.is_some_and(|view| view.has_active()) {
        offences.push("the view still names a try".to_owned());
    }
    temporaries(layout, offences);
    work(&mut world, survey.resumable, now)?;
    let worked = read(layout);
    ids(&worked, offences);
    let opened = world.open(now)?;
    if !opened.interrupted.is_empty() || !world.half_done.is_empty() || !opened.warnings.is_empty() {
        offences.push(format!("the second start found {:?} {:?}", opened.interrupted, opened.warnings));
    }
    if read(layout)["tries.jsonl"] != worked["tries.jsonl"] {
        offences.push("the second start changed the tries".to_owned());
    }
    Ok(())
}

/// One more run goes well.
fn work(world: &mut World, resumable: Option<RelayRecord>, now: Timestamp) -> Result<(), String> {
    let relay = match resumable {
        Some(relay) => relay,
        None => {
            let new = NewRelay { target_iterations: 9, agent_mix: "claude".into(), ..NewRelay::default() };
            told(world.store().create_relay(new, Timestamp::now()))?
        }
    };
    let run_id = told(world.store().next_run_id(relay.id))?;
    let snapshot = Value::Null;
    let fact = Fact::RunStarted { relay_id: relay.id, run_id, entry: "claude".into(), snapshot, lap: None };
    told(world.store().note(fact, now))?;
    let new =
        NewTry { relay_id: relay.id, run_id, attempt: 1, harness: "claude".into(), ..NewTry::default() };
    let started = told(world.store().allocate_try(new, now))?;
    told(world.store().finish_try(record(&started, Outcome::Completed, now)))?;
    told(world.store().note(Fact::RunEnded { relay_id: relay.id, run_id }, now))?;
    told(world.store().save_relay(&relay)).map(|_| ())
}

fn temporaries(layout: &Layout, offences: &mut Vec<String>) {
    for folder in [layout.state_dir(), layout.state_dir().join("aside"), layout.rally_dir()] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".new-") {
                offences.push(format!("{} stays for ever", entry.path().display()));
            }
        }
    }
}
