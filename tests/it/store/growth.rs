//! What looking and opening cost must not depend on how long the history is. Asserted
//! by bytes read, which the kernel counts per thread.

use std::fmt::Write;

use rally::model::Outcome;
use rally::store::Reader;
use rally::store::records::Fact;
use serde_json::json;

use super::*;

/// Records of an old, finished history.
const MANY: u64 = 100_000;

/// What any single question may read.
const ALLOWED: u64 = 1 << 20;

/// Bytes that `f` reads, as the kernel counts them for this thread.
fn bytes_read<T>(f: impl FnOnce() -> T) -> (T, u64) {
    let count = || -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        let line = text.lines().find(|line| line.starts_with("rchar:")).unwrap();
        line["rchar: ".len()..].parse().unwrap()
    };
    let before = count();
    let value = f();
    (value, count() - before)
}

fn long_history(layout: &Layout) {
    let (mut tries, mut relays) = (String::new(), String::new());
    for id in 1..=MANY {
        writeln!(
            tries,
            r#"{{"id":{id},"run_id":{id},"relay_id":{},"agent_type":"claude","completed":true,"outcome":"completed","summary":"done","files_changed":["a.txt"],"started_at":"2026-11-22T21:35:29Z","ended_at":"2026-11-22T21:35:29Z","attempt_number":1,"log_path":"/logs/try-{id}.log"}}"#,
            id / 10 + 1
        )
        .unwrap();
        writeln!(
            relays,
            r#"{{"id":{},"target_iterations":10,"completed_iterations":10,"agent_mix":"cc","started_at":"2026-11-22T21:35:29Z","ended_at":"2026-11-22T21:35:29Z"}}"#,
            id / 10 + 1
        )
        .unwrap();
    }
    std::fs::create_dir_all(layout.state_dir()).unwrap();
    std::fs::write(layout.tries(), tries).unwrap();
    std::fs::write(layout.relays(), relays).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn opening_and_looking_read_the_tail_only() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    long_history(&layout);
    assert!(std::fs::metadata(layout.tries()).unwrap().len() > 20 * ALLOWED);

    let ((mut store, _), bytes) = bytes_read(|| open(&layout));
    assert!(bytes < ALLOWED, "open read {bytes} bytes");
    let relay = store.create_relay(new_relay(5), at(0)).unwrap().id;
    assert_eq!(relay, MANY / 10 + 2);
    one_try(&mut store, relay, 1, Outcome::Completed);
    let cut = store.allocate_try(new_try(relay, 2, 1), at(2)).unwrap();
    assert_eq!(cut.try_id, MANY + 2);
    drop(store);

    let ((store, opened), bytes) = bytes_read(|| open(&layout));
    assert!(bytes < ALLOWED, "open with a cut try read {bytes} bytes");
    assert_eq!(opened.interrupted.len(), 1);
    assert_eq!(opened.survey.resumable.unwrap().completed_iterations, 1);

    let reader = Reader::new(layout);
    let questions: [(&str, &dyn Fn()); 9] = [
        ("last try", &|| assert_eq!(reader.last_try().unwrap().unwrap().id, MANY + 2)),
        ("last completed", &|| assert_eq!(reader.last_completed_try().unwrap().unwrap().id, MANY + 1)),
        ("recent", &|| assert_eq!(reader.recent_tries(50, None).unwrap().len(), 50)),
        ("old try", &|| assert_eq!(reader.try_by_id(MANY / 3).unwrap().unwrap().id, MANY / 3)),
        ("no such try", &|| assert!(reader.try_by_id(MANY * 2).unwrap().is_none())),
        ("last relay", &|| assert_eq!(reader.last_relay().unwrap().unwrap().id, relay)),
        ("tries of relay", &|| assert_eq!(reader.tries_of_relay(relay).unwrap().count(), 2)),
        ("active", &|| assert!(reader.active().unwrap().is_none())),
        ("next run", &|| assert_eq!(store.next_run_id(relay).unwrap(), 3)),
    ];
    for (name, question) in questions {
        let ((), bytes) = bytes_read(question);
        assert!(bytes < ALLOWED, "{name} read {bytes} bytes");
    }
}

/// Large enough to be compacted at the next open.
fn make_large(layout: &Layout) {
    let journal = std::fs::read_to_string(layout.journal()).unwrap();
    let line = json!({
        "v": 1,
        "at": "2026-11-23T06:26:21Z",
        "fact": "run_ended",
        "relay_id": 77,
        "run_id": 1,
        "padding": "x".repeat(300 << 10),
    });
    std::fs::write(layout.journal(), format!("{journal}{line}\n")).unwrap();
}

#[test]
fn the_journal_is_compacted_and_forgets_nothing_that_is_needed() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(9999), at(0)).unwrap().id;
    let snapshot = json!({ "dirty": "x".repeat(4000) });
    let run_started = |run_id| Fact::RunStarted {
        relay_id: relay,
        run_id,
        entry: "cc".into(),
        snapshot: snapshot.clone(),
        lap: None,
    };
    for run in 1..=200 {
        store.note(run_started(run), at(1)).unwrap();
        one_try(&mut store, relay, run, Outcome::Failed);
        store.note(Fact::RunEnded { relay_id: relay, run_id: run }, at(2)).unwrap();
        let size = std::fs::metadata(layout.journal()).unwrap().len();
        assert!(size < 300 << 10, "{size} bytes after run {run}");
    }
    let journal = std::fs::read_to_string(layout.journal()).unwrap();
    assert!(journal.contains("\"checkpoint\""), "it was compacted");
    store.note(run_started(201), at(3)).unwrap();
    let cut = store.allocate_try(new_try(relay, 201, 1), at(3)).unwrap();
    drop(store);
    make_large(&layout);
    for _ in 0..2 {
        let (mut store, opened) = open(&layout);
        let run = opened.survey.open_run.unwrap();
        assert_eq!((run.run_id, run.snapshot), (201, snapshot.clone()));
        assert_eq!(store.next_run_id(relay).unwrap(), 202);
        let next = store.allocate_try(new_try(relay, 201, 2), at(4)).unwrap();
        assert!(next.try_id > cut.try_id);
        assert!(std::fs::metadata(layout.journal()).unwrap().len() < 64 << 10);
        store.finish_try(ended(&next, Outcome::Failed)).unwrap();
    }
    let (mut store, _) = open(&layout);
    store.close_open_relays(at(5)).unwrap();
    drop(store);
    make_large(&layout);
    drop(open(&layout));
    assert_eq!(lines(&layout.journal()).len(), 1, "only the ids that are taken are left");
    // Whoever throws the history away gets no id twice.
    std::fs::remove_file(layout.tries()).unwrap();
    std::fs::remove_file(layout.relays()).unwrap();
    let (mut store, _) = open(&layout);
    assert!(store.allocate_try(new_try(relay, 300, 1), at(5)).unwrap().try_id > cut.try_id + 2);
    assert!(store.create_relay(new_relay(1), at(5)).unwrap().id > relay);
}
