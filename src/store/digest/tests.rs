//! What a row of facts amounts to.

use super::*;
use crate::store::records::{RECORD_VERSION, SummaryEntry};
use serde_json::json;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn line(second: i64, fact: Fact) -> JournalLine {
    JournalLine { v: RECORD_VERSION, at: at(second), fact }
}

fn run_started(relay_id: u64, run_id: u64) -> Fact {
    Fact::RunStarted {
        relay_id,
        run_id,
        entry: format!("cc-{run_id}"),
        snapshot: json!({"n": run_id}),
        lap: None,
    }
}

fn try_started(try_id: u64, relay_id: u64, run_id: u64, resume: Option<&str>) -> Fact {
    Fact::TryStarted(TryStarted {
        try_id,
        relay_id,
        run_id,
        attempt: 1,
        handoff_only: false,
        tag: format!("tag-{try_id}"),
        harness: "claude".into(),
        model: None,
        effort: None,
        resume: resume.map(str::to_owned),
        session: None,
        scratch: None,
        log_path: format!("/logs/try-{try_id}.log"),
        head_before: None,
        resolved_route: None,
        lap: crate::store::records::LapRef::default(),
    })
}

fn session(try_id: u64, id: &str, cost_total: Option<f64>) -> Fact {
    Fact::Session { try_id, session_id: id.into(), spent: cost(cost_total) }
}

fn cost(cost: Option<f64>) -> Spent {
    Spent { cost, usage: None }
}

fn progress(run_id: &str) -> Fact {
    let summary = SummaryEntry {
        run_id: run_id.into(),
        summary: "s".into(),
        classification: None,
        updated_at: at(0),
        laps_completed: None,
        created_lap_ids: Vec::new(),
        followups: vec![],
        handoff: None,
    };
    Fact::Progress { run_id: run_id.into(), summary }
}

fn digest(facts: &[Fact]) -> Digest {
    let mut digest = Digest::default();
    for (second, fact) in facts.iter().enumerate() {
        digest.add(line(second as i64, fact.clone()));
    }
    digest
}

#[test]
fn a_run_is_open_from_its_first_start_to_its_end() {
    let mut facts = vec![run_started(1, 1), Fact::RunEnded { relay_id: 1, run_id: 1 }, run_started(1, 2)];
    facts.push(run_started(1, 2));
    let sum = digest(&facts);
    let (run, started) = sum.open_run(1).unwrap();
    assert_eq!((run, started.at, &*started.entry), (2, at(2), "cc-2"));
    assert_eq!(sum.open_run(2), None);
    facts.push(Fact::RunEnded { relay_id: 1, run_id: 2 });
    assert_eq!(digest(&facts).open_run(1), None);
    assert_eq!(digest(&facts).last_runs[&1], 2);
}

#[test]
fn ids_never_fall_below_what_was_seen() {
    let sum = digest(&[
        Fact::Checkpoint { next_try: 40, next_relay: 5 },
        try_started(41, 6, 1, None),
        Fact::Checkpoint { next_try: 3, next_relay: 2 },
    ]);
    assert_eq!((sum.next_try, sum.next_relay), (42, 7));
}

#[test]
fn the_session_of_a_run_is_that_of_its_newest_try() {
    let session_of = |facts: &[Fact]| {
        let digest = digest(facts);
        digest.session_of(digest.open_run(1).unwrap().1)
    };
    let mut facts = vec![run_started(1, 1), try_started(1, 1, 1, None), try_started(9, 2, 1, Some("other"))];
    assert_eq!(session_of(&facts), None);
    facts.push(session(1, "a", None));
    assert_eq!(session_of(&facts), Some(("a".into(), cost(None))));
    facts.push(session(1, "a", Some(0.5)));
    facts.push(session(1, "a", None));
    assert_eq!(session_of(&facts), Some(("a".into(), cost(Some(0.5)))));
    facts.push(try_started(10, 1, 1, Some("a")));
    assert_eq!(session_of(&facts), Some(("a".into(), cost(Some(0.5)))));
    facts.push(session(10, "b", None));
    assert_eq!(session_of(&facts), Some(("b".into(), cost(None))));
    // Begun again.
    facts.push(run_started(1, 1));
    assert_eq!(session_of(&facts), Some(("b".into(), cost(None))));
    // Given to somebody else, whose first try is cut before it tells anything.
    let (entry, snapshot) = ("cx".to_owned(), json!(null));
    facts.push(Fact::RunStarted { relay_id: 1, run_id: 1, entry, snapshot, lap: None });
    facts.push(try_started(11, 1, 1, None));
    assert_eq!(session_of(&facts), None);
    assert_eq!(digest(&facts).open_run(1).unwrap().1.tries, [11].into());
}

#[test]
fn compaction_keeps_what_a_resume_needs() {
    let facts = [
        run_started(1, 1),
        try_started(1, 1, 1, None),
        Fact::RunEnded { relay_id: 1, run_id: 1 },
        run_started(2, 3),
        try_started(2, 2, 3, None),
        session(2, "s", Some(1.0)),
        progress("relay-2-run-3"),
        Fact::RunEnded { relay_id: 2, run_id: 3 },
        run_started(2, 4),
        run_started(2, 4),
        try_started(3, 2, 4, None),
        session(3, "t", None),
        progress("relay-2-run-4"),
        progress("20261123-062621-abcd"),
        run_started(3, 1),
        try_started(4, 3, 1, None),
        Fact::Unknown,
    ];
    let sum = digest(&facts);
    let needed = Needed { relays: [2].into(), tries: [4].into() };
    let kept: Vec<usize> =
        (0..facts.len()).filter(|n| sum.is_live(&line(0, facts[*n].clone()), &needed)).collect();
    assert_eq!(kept, [8, 9, 10, 11, 12, 15, 16], "a later start of a run may have a larger snapshot");

    let mut ended = facts.to_vec();
    ended.push(Fact::RunEnded { relay_id: 2, run_id: 4 });
    let sum = digest(&ended);
    let kept: Vec<usize> =
        (0..ended.len()).filter(|n| sum.is_live(&line(0, ended[*n].clone()), &needed)).collect();
    assert_eq!(kept, [15, 16, 17], "the highest run number of an open relay is remembered");
}

#[test]
fn facts_of_a_newer_version_are_read_as_unknown() {
    let text = r#"{"v":1,"at":"2026-11-23T06:26:21Z","fact":"moon_phase","phase":3}"#;
    let line: JournalLine = serde_json::from_str(text).unwrap();
    assert_eq!(line.fact, Fact::Unknown);
}
