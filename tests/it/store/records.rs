//! Relays, runs and tries: what is written is what is read.

use rally::model::text::{CUT_MARKER, RECORD_TEXT_LIMIT};
use rally::model::{CancelSource, Category, Exit, Leftover, Outcome, Usage};
use rally::store::records::{Fact, RelayRecord, TryRecord};
use rally::store::{Reader, RunState, StoreError};
use serde_json::json;

use super::*;

// 30-180, 30-181, 30-182, 30-183: a record with every field survives, also a reload.
#[test]
fn a_try_with_every_field_survives() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(9), at(0)).unwrap();
    let mut written = Vec::new();
    for (n, source) in
        [CancelSource::Skip, CancelSource::GracefulStop, CancelSource::QuitNow, CancelSource::Signal]
            .into_iter()
            .enumerate()
    {
        let started = store.allocate_try(new_try(relay.id, 1, n as u32 + 1), at(1)).unwrap();
        let record = TryRecord {
            cancellation_source: Some(source),
            resolved_route: Some("override".into()),
            summary: "sum".into(),
            remaining_work: "rest".into(),
            files_changed: vec!["a b.txt".into(), "ü.rs".into()],
            fail_reason: Some("because".into()),
            category: Some(Category::TransientInfra),
            cause: Some("freeze".into()),
            runtime_ms: 12,
            tool_calls: Some(3),
            session_id: Some("s".into()),
            model: Some("opus".into()),
            effort: Some("high".into()),
            usage: Some(Usage {
                input_tokens: 1,
                cached_input_tokens: 2,
                output_tokens: 3,
                reasoning_tokens: 0,
            }),
            cost_usd: Some(0.25),
            exit: Some(Exit::Signal(9)),
            leftovers: vec![Leftover { pid: 7, command: "sleep 9".into() }],
            ..ended(&started, Outcome::Cancelled)
        };
        written.push(store.finish_try(record).unwrap());
    }
    drop(store);
    let (store, opened) = open(&layout);
    assert!(opened.warnings.is_empty() && opened.interrupted.is_empty());
    assert_eq!(store.recent_tries(9, None).unwrap(), written);
    assert_eq!(Reader::new(layout).try_by_id(3).unwrap().as_ref(), Some(&written[2]));
}

// 30-184, 30-190
#[test]
fn records_are_normalised_when_stored() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(9), at(0)).unwrap();
    let cases = [
        ("h1", vec![], "h1", vec!["h1"]),
        ("", vec!["a", "b"], "b", vec!["a", "b"]),
        ("x", vec!["a", "b"], "b", vec!["a", "b"]),
        ("", vec![], "", vec![]),
    ];
    for (hash, history, expected_hash, expected_history) in cases {
        let started = store.allocate_try(new_try(relay.id, 1, 1), at(1)).unwrap();
        let mut record = ended(&started, Outcome::Completed);
        record.commit_hash = hash.into();
        record.commit_history = history.into_iter().map(String::from).collect();
        record.summary = "ä".repeat(RECORD_TEXT_LIMIT + 1);
        record.remaining_work = "short".into();
        let stored = store.finish_try(record).unwrap();
        assert_eq!(stored.v, 1);
        assert_eq!(stored.commit_hash, expected_hash);
        assert_eq!(stored.commit_history, expected_history);
        assert!(stored.summary.contains(CUT_MARKER) && stored.summary.starts_with('ä'));
        assert_eq!(stored.summary.chars().count(), RECORD_TEXT_LIMIT);
        assert_eq!(stored.remaining_work, "short");
        assert_eq!(store.recent_tries(1, None).unwrap(), [stored], "what is returned is what is on disk");
    }
}

#[test]
fn a_try_has_one_record() {
    let sandbox = Sandbox::without_repository();
    let (mut store, _) = open(&layout(&sandbox));
    let relay = store.create_relay(new_relay(1), at(0)).unwrap();
    let record = one_try(&mut store, relay.id, 1, Outcome::Failed);
    assert!(matches!(store.finish_try(record.clone()), Err(StoreError::NotRunning { id: 1 })));
    let never = TryRecord { id: 77, ..record };
    assert!(matches!(store.finish_try(never), Err(StoreError::NotRunning { id: 77 })));
}

// 30-188
#[test]
fn recent_tries_and_relays_come_oldest_first() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    for relay in 1..=3 {
        assert_eq!(store.create_relay(new_relay(2), at(relay)).unwrap().id, relay as u64);
        for run in 1..=2 {
            one_try(&mut store, relay as u64, run, Outcome::Completed);
        }
    }
    let ids = |n, relay| -> Vec<u64> { store.recent_tries(n, relay).unwrap().iter().map(|t| t.id).collect() };
    assert_eq!(ids(3, None), [4, 5, 6]);
    assert_eq!(ids(0, None), [0u64; 0]);
    assert_eq!(ids(99, None), [1, 2, 3, 4, 5, 6]);
    assert_eq!(ids(99, Some(2)), [3, 4]);
    assert_eq!(ids(1, Some(2)), [4]);
    assert_eq!(ids(9, Some(7)), [0u64; 0]);
    let reader = store.reader();
    let relays: Vec<u64> = reader.recent_relays(2).unwrap().iter().map(|r| r.id).collect();
    assert_eq!(relays, [2, 3]);
}

#[test]
fn relays_are_superseded_and_the_last_line_is_the_newest() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let mut first = store.create_relay(new_relay(3), at(0)).unwrap();
    one_try(&mut store, first.id, 1, Outcome::Completed);
    first.extra.insert("from_the_future".into(), json!({"x": 1}));
    first.position = Some(json!([1, 2]));
    let first = store.save_relay(&first).unwrap();
    assert_eq!((first.first_try_id, first.last_try_id), (Some(1), Some(1)));
    let second = store.create_relay(new_relay(3), at(1)).unwrap();
    assert_eq!(store.open_relay().unwrap().id, 2);
    store.save_relay(&RelayRecord { prompt: Some("p".into()), ..first.clone() }).unwrap();
    assert_eq!(lines(&layout.relays()).last().unwrap()["id"], 2);
    assert_eq!(store.last_relay().unwrap(), second);
    assert_eq!(store.close_open_relays(at(5)).unwrap(), [1, 2]);
    assert_eq!(store.open_relay(), None);
    let reader = store.reader();
    assert_eq!(reader.last_relay().unwrap().unwrap().ended_at, Some(at(5)));
    let old = reader.relay(1).unwrap().unwrap();
    assert_eq!(old.ended_at, Some(at(5)));
    assert_eq!(old.extra["from_the_future"], json!({"x": 1}), "unknown fields survive");
    assert_eq!(store.create_relay(new_relay(1), at(6)).unwrap().id, 3);
}

// 30-R1: also a run that never got a try uses up its number.
#[test]
fn run_numbers_never_repeat() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(9), at(0)).unwrap().id;
    assert_eq!(store.next_run_id(relay).unwrap(), 1);
    let started = |run_id| Fact::RunStarted {
        relay_id: relay,
        run_id,
        entry: "cc".into(),
        snapshot: json!({}),
        lap: None,
    };
    store.note(started(1), at(1)).unwrap();
    store.note(Fact::RunEnded { relay_id: relay, run_id: 1 }, at(1)).unwrap();
    assert_eq!(store.next_run_id(relay).unwrap(), 2);
    one_try(&mut store, relay, 2, Outcome::Failed);
    drop(store);
    let (mut store, _) = open(&layout);
    assert_eq!(store.next_run_id(relay).unwrap(), 3);
    store.close_open_relays(at(3)).unwrap();
    drop(store);
    let (store, _) = open(&layout);
    assert_eq!(store.next_run_id(relay).unwrap(), 3, "also of a relay that has ended");
}

// 30-195
#[test]
fn the_view_of_the_current_run() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (store, _) = open(&layout);
    assert_eq!(store.read_run_state().unwrap(), None);
    store.clear_active().unwrap();
    assert!(!layout.run_state().exists(), "nothing to clear makes no file");
    let mut state = RunState { run_id: "relay-1-run-2".into(), ..RunState::default() };
    state.set_active(1, 2, 3, "/log", at(0));
    state.session_id = Some("s".into());
    state.pinned_lap_id = Some("lap".into());
    state.record_lap("a", at(1));
    state.record_lap("b", at(2));
    state.set_handoff(at(3));
    state.extra.insert("unknown".into(), json!(1));
    store.write_run_state(&state).unwrap();
    assert_eq!(store.read_run_state().unwrap().as_ref(), Some(&state));
    assert_eq!(state.handoff_state, 1);
    assert_eq!(state.recorded_laps, ["a", "b"]);
    assert_eq!(state.laps_attempted.last().unwrap().lap_id, "lap");
    for _ in 0..2 {
        store.clear_active().unwrap();
        let cleared = store.read_run_state().unwrap().unwrap();
        assert!(!cleared.has_active());
        assert_eq!(cleared.recorded_laps, state.recorded_laps);
        assert_eq!(cleared.session_id, state.session_id);
        assert_eq!(cleared.extra, state.extra);
    }
    for _ in 0..2 {
        store.remove_run_state().unwrap();
        assert!(!layout.run_state().exists());
    }
}

// 30-193: readers see whole records only, whatever the writer is at.
#[test]
fn readers_never_see_half_a_record() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(9), at(0)).unwrap().id;
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let reader = Reader::new(layout.clone());
        scope.spawn(move || {
            let mut seen = 0;
            while is_done.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                let newest = reader.last_try().unwrap().map_or(0, |t| t.id);
                assert!(newest >= seen, "the newest try never goes back");
                seen = newest;
                let recent = reader.recent_tries(5, None).unwrap();
                assert!(recent.windows(2).all(|pair| pair[0].id + 1 == pair[1].id));
                reader.active().unwrap();
            }
        });
        for run in 1..=100 {
            one_try(&mut store, relay, run, Outcome::Completed);
        }
        drop(done);
    });
}
