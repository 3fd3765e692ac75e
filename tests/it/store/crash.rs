//! Whatever the moment at which rally dies, the next open finds a consistent history.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rally::model::{Category, Evidence, Leftover, Outcome, ProcessIdentity, Runner, Spent};
use rally::store::records::{AgentStatusEvent, AgentStatusKind, Fact};
use rally::store::{Over, Reader};
use serde_json::json;

use super::*;

type Lengths = BTreeMap<PathBuf, u64>;

fn lengths(layout: &Layout) -> Lengths {
    [layout.tries(), layout.relays(), layout.journal()]
        .into_iter()
        .map(|path| (path.clone(), std::fs::metadata(&path).map_or(0, |m| m.len())))
        .collect()
}

fn identity(pid: i32) -> ProcessIdentity {
    ProcessIdentity { pid, start_time: 5, boot_id: "boot".into() }
}

/// Plays two runs, the first with a failed and a good try, and says how long the files
/// were after every step.
fn play(layout: &Layout) -> Vec<Lengths> {
    let (mut store, _) = open(layout);
    let mut steps = vec![lengths(layout)];
    let relay = store.create_relay(new_relay(3), at(0)).unwrap().id;
    steps.push(lengths(layout));
    for run in 1..=2u64 {
        let (entry, snapshot) = (format!("cc-{run}"), json!({"a ü": "hash"}));
        store
            .note(Fact::RunStarted { relay_id: relay, run_id: run, entry, snapshot, lap: None }, at(1))
            .unwrap();
        steps.push(lengths(layout));
        for attempt in 1..=(3 - run as u32) {
            let started = store.allocate_try(new_try(relay, run, attempt), at(2)).unwrap();
            let try_id = started.try_id;
            steps.push(lengths(layout));
            let (agent, guard) = (identity(10), identity(9));
            store.note(Fact::TrySpawned { try_id, agent, guard }, at(3)).unwrap();
            steps.push(lengths(layout));
            let session = Fact::Session { try_id, session_id: format!("s{run}"), spent: Spent::default() };
            store.note(session, at(3)).unwrap();
            steps.push(lengths(layout));
            let good = run == 2 || attempt == 2;
            let outcome = if good { Outcome::Completed } else { Outcome::Failed };
            store.finish_try(ended(&started, outcome)).unwrap();
            steps.push(lengths(layout));
        }
        store.note(Fact::RunEnded { relay_id: relay, run_id: run }, at(5)).unwrap();
        steps.push(lengths(layout));
        let mut record = store.open_relay().unwrap();
        record.completed_iterations = run;
        store.save_relay(&record).unwrap();
        steps.push(lengths(layout));
    }
    steps
}

/// A fresh workspace with the first bytes of each of the files; in memory where that is
/// possible, because hundreds of them are synced.
fn cut_copy(lengths: &Lengths) -> (tempfile::TempDir, Layout) {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let layout = Layout::new(root.path(), &root.path().join("data")).unwrap();
    std::fs::create_dir_all(layout.state_dir()).unwrap();
    for (path, len) in lengths {
        let bytes = std::fs::read(path).unwrap();
        let name = path.file_name().unwrap();
        std::fs::write(layout.state_dir().join(name), &bytes[..*len as usize]).unwrap();
    }
    (root, layout)
}

fn check(layout: &Layout, starts: &[u64], what: &str) {
    let lock = WorkspaceLock::acquire(layout).unwrap();
    let mut reaped = Vec::new();
    let mut reap = |started: &TryStarted, _: Option<(&ProcessIdentity, &ProcessIdentity)>| {
        reaped.push(started.try_id);
        vec![Leftover { pid: 3, command: "sleep".into() }]
    };
    let (mut store, opened) = Store::open(layout.clone(), lock, at(99), &mut reap).unwrap();
    let tries = lines(&layout.tries());
    let ids: Vec<u64> = tries.iter().map(|t| t["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, starts, "every started try has one record: {what}");
    let cut: Vec<u64> = opened.interrupted.iter().map(|t| t.id).collect();
    assert_eq!(reaped, cut, "{what}");
    assert!(cut.len() <= 1);
    for record in &opened.interrupted {
        assert_eq!(record.outcome, Some(Outcome::Interrupted));
        assert_eq!(record.leftovers.len(), 1);
    }
    let passed: std::collections::BTreeSet<u64> =
        tries.iter().filter(|t| t["completed"] == true).map(|t| t["run_id"].as_u64().unwrap()).collect();
    if let Some(relay) = &opened.survey.resumable {
        assert_eq!(relay.completed_iterations, passed.len() as u64, "counters follow the records: {what}");
        assert_eq!(relay.first_try_id, starts.first().copied(), "{what}");
        assert_eq!(relay.last_try_id, starts.last().copied(), "{what}");
    }
    if let Some(run) = &opened.survey.open_run {
        assert_eq!(run.snapshot, json!({"a ü": "hash"}));
        assert_eq!(run.entry, format!("cc-{}", run.run_id));
        let of_run: Vec<_> = tries.iter().filter(|t| t["run_id"] == run.run_id).collect();
        let paid = of_run.iter().filter(|t| t["outcome"] != "interrupted").count();
        assert_eq!(run.attempts_used as usize, paid, "{what}");
        assert_eq!(run.last_attempt as usize, of_run.len(), "{what}");
    }
    let relay = opened
        .survey
        .resumable
        .map_or_else(|| store.create_relay(new_relay(1), at(99)).unwrap().id, |r| r.id);
    let next = store.allocate_try(new_try(relay, 9, 1), at(99)).unwrap().try_id;
    assert!(starts.iter().all(|id| *id < next), "no id is given twice: {what}");
    drop(store);
    let (_, again) = open(layout);
    assert_eq!(again.interrupted.len(), 1, "only the new try was cut: {what}");
    assert!(again.warnings.is_empty(), "{what}: {:?}", again.warnings);
}

/// Ids of the tries whose start is complete in the journal's first `len` bytes.
fn starts(layout: &Layout, len: u64) -> Vec<u64> {
    let journal = std::fs::read(layout.journal()).unwrap();
    let text = &journal[..len as usize];
    text.split(|b| *b == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|line| line["fact"] == "try_started")
        .map(|line| line["try_id"].as_u64().unwrap())
        .collect()
}

// A crash in the middle of every write, and between all of them.
#[test]
fn every_moment_of_two_runs() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let steps = play(&layout);
    let mut points = 0;
    for pair in steps.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        let (grown, to) = after.iter().find(|(path, len)| before[*path] != **len).unwrap();
        let from = before[grown];
        let size = to - from;
        for len in (0..size).step_by(7).chain([size - 2, size - 1, size]) {
            let mut crashed = before.clone();
            crashed.insert(grown.clone(), from + len);
            let (_root, copy) = cut_copy(&crashed);
            let what = format!("{} cut at {} of {from}..{to}", grown.display(), from + len);
            check(&copy, &starts(&layout, crashed[&layout.journal()]), &what);
            points += 1;
        }
    }
    assert!(points > 500, "{points}");
}

#[test]
fn a_cut_try_keeps_what_was_known_of_it() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(3), at(0)).unwrap().id;
    let snapshot = json!({"dirty.txt": "abc"});
    store
        .note(
            Fact::RunStarted { relay_id: relay, run_id: 1, entry: "cc:opus".into(), snapshot, lap: None },
            at(1),
        )
        .unwrap();
    let first = store.allocate_try(new_try(relay, 1, 1), at(2)).unwrap();
    store
        .note(
            Fact::Session {
                try_id: 1,
                session_id: "old".into(),
                spent: Spent { cost: Some(0.5), usage: None },
            },
            at(3),
        )
        .unwrap();
    let failed = ended(&first, Outcome::Failed);
    let infra = Some(Category::TransientInfra);
    store.finish_try(TryRecord { runtime_ms: 4500, category: infra, ..failed }).unwrap();
    let new = NewTry {
        handoff_only: true,
        resume: Some("old".into()),
        model: Some("opus".into()),
        effort: Some("high".into()),
        resolved_route: Some("override".into()),
        ..new_try(relay, 1, 2)
    };
    let second = store.allocate_try(new, at(4)).unwrap();
    let (agent, guard) = (identity(10), identity(9));
    let spawned = Fact::TrySpawned { try_id: 2, agent: agent.clone(), guard: guard.clone() };
    store.note(spawned, at(4)).unwrap();
    assert_eq!(Reader::new(layout.clone()).active().unwrap().unwrap().session_id.as_deref(), Some("old"));
    drop(store);

    let lock = WorkspaceLock::acquire(&layout).unwrap();
    let mut seen = None;
    let mut reap = |started: &TryStarted, processes: Option<(&ProcessIdentity, &ProcessIdentity)>| {
        seen = Some((started.clone(), processes.map(|(a, g)| (a.clone(), g.clone()))));
        Vec::new()
    };
    let (store, opened) = Store::open(layout.clone(), lock, at(100), &mut reap).unwrap();
    assert_eq!(seen, Some((second.clone(), Some((agent, guard)))));
    let [record] = &opened.interrupted[..] else { panic!("{:?}", opened.interrupted) };
    assert_eq!(record.session_id.as_deref(), Some("old"));
    assert_eq!(record.model.as_deref(), Some("opus"));
    assert_eq!(record.effort.as_deref(), Some("high"));
    assert_eq!(record.log_path.as_deref(), Some(&*second.log_path));
    assert_eq!(record.fail_reason.as_deref(), Some("interrupted: rally ended while the try ran"));
    assert!(!record.completed && record.category.is_none());
    assert_eq!((record.started_at, record.attempt_number), (at(4), 2));
    let run = opened.survey.open_run.unwrap();
    assert_eq!((run.relay_id, run.run_id, &*run.entry, run.started_at), (relay, 1, "cc:opus", at(1)));
    assert_eq!(run.snapshot, json!({"dirty.txt": "abc"}));
    assert_eq!(run.session_id.as_deref(), Some("old"));
    assert_eq!(run.spent.cost, Some(0.5));
    assert_eq!((run.last_attempt, run.attempts_used), (2, 1), "an interruption costs nothing");
    assert!(record.handoff_only);
    let cut = Duration::from_millis(record.runtime_ms);
    assert_eq!(run.time_used, Duration::from_millis(4500) + cut);
    assert_eq!(run.infra_failures, 1);
    let other = run.for_entry("cx");
    assert_eq!((other.infra_failures, other.session_id), (0, None));
    assert_eq!(store.next_run_id(relay).unwrap(), 2);
    assert_eq!(store.reader().active().unwrap(), None);
}

// A run is over with the try that says so, whatever its end was
#[test]
fn the_end_of_a_run_stands_in_its_last_try() {
    let rows = [
        (Outcome::Failed, true, true),
        (Outcome::Failed, false, false),
        (Outcome::RunTimeout, true, true),
        (Outcome::HandoffTimeout, true, true),
        (Outcome::Incomplete, true, true),
        (Outcome::Incomplete, false, false),
        (Outcome::Completed, false, true),
        (Outcome::HandoffRequested, false, true),
        (Outcome::Cancelled, false, false),
        (Outcome::Paused, false, false),
    ];
    for (outcome, ends_run, is_over) in rows {
        let sandbox = Sandbox::without_repository();
        let layout = layout(&sandbox);
        let (mut store, _) = open(&layout);
        let relay = store.create_relay(new_relay(3), at(0)).unwrap().id;
        given_to(&mut store, relay, "cc");
        let handoff_only = outcome == Outcome::HandoffTimeout;
        let started = store.allocate_try(NewTry { handoff_only, ..new_try(relay, 1, 1) }, at(2)).unwrap();
        let evidence = Evidence {
            retry_after: Some(Duration::from_millis(900_500)),
            ..Evidence::new("test", None, "later")
        };
        let (evidence, ended) = (Some(evidence), ended(&started, outcome));
        let record = store.finish_try(TryRecord { ends_run, handoff_only, evidence, ..ended }).unwrap();
        drop(store);
        let run = open(&layout).1.survey.open_run.unwrap();
        let over = run.over.map(|over| (over.record, over.told));
        assert_eq!(over, is_over.then_some((record, false)), "{outcome:?}");
    }
}

// One event of the try is enough; whatever was told later about its runner has the last word
#[test]
fn what_was_told_of_the_end_of_a_run() {
    let started = serde_json::from_value(json!({ "try_id": 7, "relay_id": 1, "run_id": 2, "attempt": 1,
        "tag": "t", "harness": "claude", "log_path": "" }));
    let record = ended(&started.unwrap(), Outcome::Failed);
    let event = |harness: &str, second, try_id| AgentStatusEvent {
        try_id,
        ..AgentStatusEvent::new(&Runner::bare(harness), AgentStatusKind::Active, at(second))
    };
    for (event, told) in [
        (event("claude", 9, Some(7)), true),
        (event("codex", 9, Some(7)), true),
        (event("claude", 9, Some(6)), false),
        (event("claude", 9, None), false),
        (event("claude", 10, None), true),
        (event("codex", 10, None), false),
    ] {
        assert_eq!(Over::new(record.clone(), std::slice::from_ref(&event)).told, told, "{event:?}");
    }
    assert!(!Over::new(record, &[]).told);
}

fn given_to(store: &mut Store, relay_id: u64, entry: &str) {
    let (entry, snapshot) = (entry.to_owned(), json!(null));
    store.note(Fact::RunStarted { relay_id, run_id: 1, entry, snapshot, lap: None }, at(1)).unwrap();
}

// 30-S11 over a crash: what happened to one entry says nothing about another that goes on with its run
#[test]
fn failures_of_the_infrastructure_are_those_of_the_entry() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(3), at(0)).unwrap().id;
    let mut number = 0;
    let mut found = |store: &mut Store, entry: &str, outcome| {
        given_to(store, relay, entry);
        number += 1;
        let started = store.allocate_try(new_try(relay, 1, number), at(2)).unwrap();
        let category = Some(Category::TransientInfra);
        store.finish_try(TryRecord { category, ..ended(&started, outcome) }).unwrap();
        store.survey(at(3)).unwrap().open_run.unwrap().infra_failures
    };
    let rows = [
        ("cc", Outcome::Failed, 1),
        ("cc", Outcome::Failed, 2),
        ("cx", Outcome::Cancelled, 0),
        ("cx", Outcome::Failed, 1),
        ("cc", Outcome::Failed, 1),
    ];
    for (entry, outcome, wanted) in rows {
        assert_eq!(found(&mut store, entry, outcome), wanted, "{entry}");
    }
}

#[test]
fn a_log_that_is_already_there_is_kept() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let log = layout.try_log(1);
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "from an earlier clone").unwrap();
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(1), at(0)).unwrap().id;
    let started = store.allocate_try(new_try(relay, 1, 1), at(1)).unwrap();
    assert_eq!(started.log_path, log.to_str().unwrap());
    assert_eq!(std::fs::read(&log).unwrap(), b"");
    let aside = log.with_file_name("try-1.log.old-1");
    assert_eq!(std::fs::read(aside).unwrap(), b"from an earlier clone");
}

#[test]
fn logs_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    store.allocate_try(new_try(1, 1, 1), at(1)).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let log = layout.try_log(1);
    assert_eq!(mode(&log), 0o600);
    assert_eq!(mode(log.parent().unwrap()), 0o700);
}

#[test]
fn torn_tails_are_kept_aside_with_one_warning_each() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(5), at(0)).unwrap().id;
    one_try(&mut store, relay, 1, Outcome::Completed);
    drop(store);
    let torn = "{\"id\":2,\"su";
    for path in [layout.tries(), layout.relays(), layout.journal(), layout.summary(), layout.agent_status()] {
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, old + torn).unwrap();
    }
    let (_, opened) = open(&layout);
    assert_eq!(opened.warnings.len(), 5, "{:?}", opened.warnings);
    for name in ["tries", "relays", "journal", "summary", "agent_status"] {
        let aside = layout.state_dir().join(format!("{name}.jsonl.torn-1"));
        assert_eq!(std::fs::read_to_string(aside).unwrap(), torn, "git never sees it");
    }
    assert!(open(&layout).1.warnings.is_empty());
}

#[test]
fn a_death_while_a_file_is_replaced_leaves_nothing_behind() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    drop(open(&layout));
    let half = layout.state_dir().join(".new-a1B2c3");
    std::fs::write(&half, "{ half").unwrap();
    drop(open(&layout));
    assert!(!half.exists());
}

#[test]
fn bad_lines_are_skipped_with_one_warning() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(5), at(0)).unwrap().id;
    one_try(&mut store, relay, 1, Outcome::Completed);
    drop(store);
    let mut tries = std::fs::read(layout.tries()).unwrap();
    tries.extend_from_slice(&[0; 512]);
    tries.extend_from_slice(b"\n<<<<<<< HEAD\n");
    std::fs::write(layout.tries(), tries).unwrap();
    let (mut store, opened) = open(&layout);
    assert_eq!(opened.warnings.len(), 1, "{:?}", opened.warnings);
    assert!(opened.warnings[0].contains("tries.jsonl: 2 unreadable lines skipped"));
    assert_eq!(one_try(&mut store, relay, 2, Outcome::Completed).id, 2);
}

// 30-R2, 30-R11
#[test]
fn a_relay_that_reached_its_target_is_ended() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(2), at(0)).unwrap().id;
    one_try(&mut store, relay, 1, Outcome::Completed);
    one_try(&mut store, relay, 2, Outcome::HandoffRequested);
    drop(store);
    let (store, opened) = open(&layout);
    assert_eq!(opened.survey.resumable, None);
    let stored = store.last_relay().unwrap();
    assert_eq!(stored.completed_iterations, 2);
    assert_eq!(stored.ended_at, Some(at(1000)));
    assert_eq!(store.reader().last_relay().unwrap(), Some(stored));
}

// 50-R15
#[test]
fn the_state_of_a_newer_rally_is_refused() {
    for file in ["tries.jsonl", "relays.jsonl", "journal.jsonl"] {
        let sandbox = Sandbox::without_repository();
        let layout = layout(&sandbox);
        let (mut store, _) = open(&layout);
        let relay = store.create_relay(new_relay(2), at(0)).unwrap().id;
        one_try(&mut store, relay, 1, Outcome::Completed);
        drop(store);
        let path = layout.state_dir().join(file);
        let text = std::fs::read_to_string(&path).unwrap().replace("\"v\":1", "\"v\":2");
        std::fs::write(&path, &text).unwrap();
        let lock = WorkspaceLock::acquire(&layout).unwrap();
        let error = Store::open(layout, lock, at(9), &mut |_, _| Vec::new()).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("newer rally"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
