//! What must hold, whatever was done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::scene::{GROWING, Scene, TARGET, USERS};

const TRIES: &str = ".rally/state/tries.jsonl";
const JOURNAL: &str = ".rally/state/journal.jsonl";

/// After each relay, however it ended: what was on disk still is, and the user's work was not touched.
pub fn between(scene: &mut Scene) {
    for path in GROWING {
        let bytes = std::fs::read(scene.sandbox.repo().join(path)).unwrap_or_default();
        let now = String::from_utf8_lossy(&bytes).into_owned();
        // A last line without its end may be cut at the next start.
        let whole = now.rfind('\n').map_or("", |end| &now[..=end]).to_owned();
        if let Some(before) = scene.seen.insert(path, whole.clone())
            && !whole.starts_with(&before)
        {
            scene.violated(format!("{path} was rewritten"));
        }
        if !scene.fault.damages_state() {
            let bad: Vec<&str> =
                whole.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).collect();
            if let Some(line) = bad.first() {
                scene.violated(format!("{path} has a bad line: {line}"));
            }
        }
    }
    users_work(scene);
}

/// When the relay has reached its target.
pub fn at_the_end(scene: &mut Scene) {
    between(scene);
    index_as_it_was(scene);
    if !scene.fault.takes_records() {
        one_record_for_each_start(scene);
        no_run_twice(scene);
    }
    no_work_lost(scene);
    git_is_well(scene);
    if scene.stranger.try_wait().unwrap().is_some() {
        scene.violated("a process that is not rally's was ended");
    }
}

fn users_work(scene: &mut Scene) {
    let conflicted = scene.fault.leaves_the_index_in_conflict();
    for (path, text) in USERS {
        if conflicted && path != "mine.txt" {
            continue;
        }
        let now = std::fs::read_to_string(scene.sandbox.repo().join(path)).unwrap_or_default();
        if now != text {
            scene.violated(format!("the user's {path} is now {now:?}"));
        }
    }
    let names = scene.sandbox.git(["log", "--format=", "--name-only", &format!("{}..HEAD", scene.base)]);
    for name in names.lines().filter(|name| USERS.iter().any(|(path, _)| path == name)) {
        scene.violated(format!("the user's {name} was committed"));
    }
    let staged = scene.sandbox.git(["diff", "--cached", "--name-only"]);
    if !conflicted && !staged.lines().any(|path| path == "staged.txt") {
        scene.violated(format!("what the user had staged is not; staged is now: {staged:?}"));
    }
    // A kill in the middle of a commit may leave the agent's work staged, with a note by which the next start
    // takes it back.
    let noted = scene.sandbox.repo().join(".git/rally-staged").exists();
    if !noted {
        index_as_it_was(scene);
    }
}

fn index_as_it_was(scene: &mut Scene) {
    let staged = scene.sandbox.git(["diff", "--cached", "--name-only"]);
    // What the agent has staged and could not commit stays so.
    let is_agents = |path: &str| path == "work.txt" || path.starts_with("file-");
    let may_stay = scene.agent_stages || scene.fault.takes_records();
    let staged = staged.lines().filter(|path| !(may_stay && is_agents(path)));
    let staged: Vec<&str> = staged.collect();
    if !scene.fault.leaves_the_index_in_conflict() && staged != ["staged.txt"] {
        scene.violated(format!("the user's index has changed; staged is now: {staged:?}"));
    }
}

fn one_record_for_each_start(scene: &mut Scene) {
    let records = scene.sandbox.whole_or_bad(TRIES);
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    for record in &records {
        *times.entry(record["id"].as_u64().unwrap_or_default()).or_default() += 1;
    }
    for (id, _) in times.iter().filter(|(_, times)| **times != 1) {
        scene.violated(format!("try {id} has several records"));
    }
    let journal = scene.sandbox.whole_or_bad(JOURNAL);
    let started = journal.iter().filter(|line| line["fact"] == "try_started");
    let started: Vec<u64> = started.filter_map(|line| line["try_id"].as_u64()).collect();
    let distinct: BTreeSet<u64> = started.iter().copied().collect();
    if distinct.len() != started.len() {
        scene.violated(format!("a number was given to two tries: {started:?}"));
    }
    for id in started.iter().filter(|id| !times.contains_key(id)) {
        scene.violated(format!("try {id} has no record"));
    }
}

fn no_run_twice(scene: &mut Scene) {
    let mut passed: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for record in scene.sandbox.whole_or_bad(TRIES).iter().filter(|record| record["completed"] == true) {
        let run = (record["relay_id"].as_u64().unwrap(), record["run_id"].as_u64().unwrap());
        *passed.entry(run).or_default() += 1;
    }
    if passed.values().any(|times| *times != 1) {
        scene.violated(format!("a completed run was repeated: {passed:?}"));
    }
    // Only the newest relay counts: a kill before its record was written made no relay at all.
    let relays = scene.sandbox.whole_or_bad(".rally/state/relays.jsonl");
    let Some(last) = relays.last() else {
        scene.violated("no relay is recorded");
        return;
    };
    let target = last["target_iterations"].as_u64().unwrap_or(TARGET);
    let id = last["id"].as_u64().unwrap();
    let done = passed.keys().filter(|(relay, _)| *relay == id).count() as u64;
    if last["completed_iterations"] != target || done != target {
        scene.violated(format!("{done} runs are recorded as completed, {target} were asked for: {last}"));
    }
}

fn no_work_lost(scene: &mut Scene) {
    let Ok(notes) = std::fs::read_dir(scene.sandbox.notes()) else { return };
    let numbers = notes.flatten().filter_map(|note| {
        let name = note.file_name().into_string().ok()?;
        name.strip_prefix("wrote.")?.parse::<u64>().ok()
    });
    let numbers: BTreeSet<u64> = numbers.collect();
    let lines = std::fs::read_to_string(scene.sandbox.repo().join("work.txt")).unwrap_or_default();
    for number in numbers {
        let file = scene.sandbox.repo().join(format!("file-{number}.txt"));
        if std::fs::read_to_string(file).unwrap_or_default() != format!("made-{number}\n") {
            scene.violated(format!("file-{number}.txt is lost"));
        }
        let times = lines.lines().filter(|line| *line == number.to_string()).count();
        if times != 1 {
            scene.violated(format!("the line {number} stands {times} times in work.txt"));
        }
    }
}

fn git_is_well(scene: &mut Scene) {
    let git = scene.sandbox.repo().join(".git");
    if git.join("index.lock").exists() {
        scene.violated("an index.lock is left");
    }
    let checked = scene.sandbox.command("git").args(["fsck", "--no-dangling"]).output().unwrap();
    if !checked.status.success() {
        scene.violated(format!("git fsck: {}", String::from_utf8_lossy(&checked.stderr)));
    }
    let fault = scene.fault;
    // Without the record of a try nobody can tell that a change is the agent's: then it stays where it is.
    if !fault.hinders_commits() && !fault.takes_records() {
        let status = scene.sandbox.git(["status", "--porcelain"]);
        let left = status.lines().filter(|line| !USERS.iter().any(|(path, _)| line.ends_with(path)));
        let left: Vec<&str> = left.collect();
        if !left.is_empty() {
            scene.violated(format!("work was left uncommitted: {left:?}"));
        }
    }
    for problem in fault.footing(&scene.sandbox) {
        scene.violated(problem);
    }
}
