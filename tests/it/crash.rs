//! rally is killed with SIGKILL at many moments of a relay. Afterwards: every line of
//! every state file parses, every try has exactly one record, no completed run is
//! repeated, no process is left, no work is lost, and the next start finishes the relay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::{Sandbox, stderr, stdout};

const RUNS: u64 = 3;

/// Each invocation adds a line of its own; one in four fails, so that retries are cut too.
const AGENT: &str = "init; echo $N >> work.txt; tool Write; echo made > file-$N.txt; \
                     if [ $((N % 4)) = 3 ]; then failed 'not now'; exit 1; fi; \
                     setsid sleep 300 & sleep 0.0$((N % 5)); result \"done $N\"";

/// A generator of moments that fails the same way twice.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        // xorshift64: no crate is worth a sequence of test moments.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[test]
fn a_relay_survives_being_killed_at_any_moment() {
    std::thread::scope(|scope| {
        for seed in [0x9e37_79b9_7f4a_7c15, 0x1234_5678_9abc_def1, 0xdead_beef_cafe_f00d] {
            scope.spawn(move || {
                let mut moments = Moments(seed);
                for round in 0..8 {
                    killed_relay(&mut moments, round);
                }
            });
        }
    });
}

fn killed_relay(moments: &mut Moments, round: u32) {
    let sandbox = Sandbox::initialised();
    sandbox.write("mine.txt", "the user's\n");
    sandbox.claude(AGENT);
    let target = RUNS.to_string();
    let mut args = vec!["--new", "-i", &target, "--agent", "cc", "work"];
    for _ in 0..4 {
        let mut relay = sandbox.start_relay(&args);
        let ended = relay.ends_within(Duration::from_millis(moments.next(900)));
        relay.kill();
        sandbox.wait_until_nobody_is_left();
        every_line_parses(&sandbox);
        if ended {
            break;
        }
        args = vec!["--resume", "--agent", "cc", "-i", &target, "work"];
    }
    let finished = sandbox.relays().last().is_some_and(|relay| !relay["ended_at"].is_null());
    if !finished {
        let output = sandbox.relay(&args);
        assert!(output.status.success(), "round {round}: {}{}", stdout(&output), stderr(&output));
    }
    consistent(&sandbox, round);
}

fn every_line_parses(sandbox: &Sandbox) {
    for file in ["tries", "relays"] {
        sandbox.whole_records(&format!(".rally/state/{file}.jsonl"));
    }
    sandbox.whole_records(".rally/state/journal.jsonl");
    sandbox.whole_records(".rally/summary.jsonl");
}

fn consistent(sandbox: &Sandbox, round: u32) {
    every_line_parses(sandbox);
    let tries = sandbox.tries();
    let ids: Vec<u64> = tries.iter().map(|record| record["id"].as_u64().unwrap()).collect();
    let distinct: BTreeSet<u64> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "round {round}: a try is recorded twice: {ids:?}");

    // Every allocated try has its record.
    let started = sandbox.records(".rally/state/journal.jsonl");
    for line in started.iter().filter(|line| line["fact"] == "try_started") {
        let id = line["try_id"].as_u64().unwrap();
        assert!(distinct.contains(&id), "round {round}: try {id} has no record");
    }

    let mut passed: BTreeMap<(u64, u64), u32> = BTreeMap::new();
    for record in &tries {
        if record["completed"] == true {
            let run = (record["relay_id"].as_u64().unwrap(), record["run_id"].as_u64().unwrap());
            *passed.entry(run).or_default() += 1;
        }
    }
    assert!(
        passed.values().all(|times| *times == 1),
        "round {round}: a completed run was repeated: {passed:?}"
    );

    // Only the newest relay counts: a kill before its record was written made no relay at all.
    let relays = sandbox.relays();
    let last = relays.last().unwrap();
    let id = last["id"].as_u64().unwrap();
    assert_eq!(last["completed_iterations"], RUNS, "round {round}: {last}");
    assert_eq!(passed.keys().filter(|(relay, _)| *relay == id).count() as u64, RUNS, "round {round}");

    // Nothing is lost, nothing of the user's is taken.
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? mine.txt", "round {round}");
    let invocations: u64 = sandbox.note("n").trim().parse().unwrap();
    let work = sandbox.read("work.txt");
    for record in &tries {
        for file in record["files_changed"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            assert!(sandbox.repo().join(file).exists(), "round {round}: {file} is gone");
        }
    }
    assert!(work.lines().count() as u64 <= invocations, "round {round}");
    assert!(sandbox.alive().is_empty(), "round {round}");
}

const JOURNAL: &str = ".rally/state/journal.jsonl";
const RELAYS: &str = ".rally/state/relays.jsonl";
const STATUS: &str = ".rally/state/agent_status.jsonl";

/// A run that failed, as if rally had been killed before it ended the run: the rotation as it was
/// `before`, and the journal without the end.
fn cut_end_of_run(sandbox: &Sandbox, run: u64, before: &str) {
    let journal = sandbox.read(JOURNAL);
    let is_end = |line: &&str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["fact"] == "run_ended" && line["run_id"] == run
    };
    let kept: Vec<&str> = journal.lines().filter(|line| !is_end(line)).collect();
    assert_eq!(kept.len() + 1, journal.lines().count(), "the run had ended");
    sandbox.write(JOURNAL, &format!("{}\n", kept.join("\n")));
    sandbox.write(RELAYS, before);
}

/// How a relay stands before its first run.
fn begun(sandbox: &Sandbox) -> String {
    let relays = sandbox.read(RELAYS);
    format!("{}\n", relays.lines().next().unwrap())
}

fn has_ended(sandbox: &Sandbox, run: u64) -> bool {
    sandbox.records(JOURNAL).iter().any(|line| line["fact"] == "run_ended" && line["run_id"] == run)
}

fn told(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let events = sandbox.records(STATUS);
    events
        .iter()
        .map(|event| (event["event_type"].as_str().unwrap().to_owned(), event["run_id"].as_u64().unwrap()))
        .collect()
}

fn is_told(sandbox: &Sandbox, wanted: &[(&str, u64)]) {
    let told = told(sandbox);
    let told: Vec<(&str, u64)> = told.iter().map(|(kind, run)| (&**kind, *run)).collect();
    assert_eq!(told, wanted);
}

/// One failed run ends a pass, and nobody is waited for.
fn strict(extra: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[reliability]\nmax_failed_runs = 1\nmax_wait_secs = 60\n{extra}"));
    sandbox
}

// 30-117: a limit is met once, also when rally is killed before it can say so, or before it ends the run
#[test]
fn a_limit_is_met_once_whatever_is_cut() {
    let asked = "echo '429 Too Many Requests, retry-after: 1200'; exit 1";
    for script in ["echo \"You've hit your usage limit.\"; exit 1", asked] {
        let sandbox = strict("");
        sandbox.claude(&format!("init; {script}"));
        let output = sandbox.relay(&["--agent", "cc", "work"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        is_told(&sandbox, &[("benched", 1)]);
        let first = sandbox.records(STATUS)[0]["reset_at"].clone();
        for is_told_before in [false, true] {
            cut_end_of_run(&sandbox, 1, &begun(&sandbox));
            if !is_told_before {
                sandbox.write(STATUS, "");
            }
            let output = sandbox.relay(&["--resume"]);
            assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
            assert!(stdout(&output).contains("all agents paused until"), "{}", stdout(&output));
            assert_eq!(sandbox.tries().len(), 1, "nobody is sent into a used-up account");
            is_told(&sandbox, &[("benched", 1)]);
            assert!(has_ended(&sandbox, 1));
        }
        let (event, record) = (&sandbox.records(STATUS)[0], &sandbox.tries()[0]);
        assert_eq!(event["timestamp"], record["ended_at"], "as when it happened");
        assert_eq!(event["reset_at"].is_null(), first.is_null(), "{event}");
    }
}

// What the operator says after the crash is the last word
#[test]
fn who_was_cleared_after_the_crash_is_not_benched() {
    let sandbox = strict("");
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo \"You've hit your usage limit.\"; exit 1; fi; echo x > x; result ok",
    );
    sandbox.relay(&["--agent", "cc", "work"]);
    cut_end_of_run(&sandbox, 1, &begun(&sandbox));
    let output = sandbox.rally(["runners", "clear", "claude"]).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let cleared: Vec<String> = sandbox.read(STATUS).lines().skip(1).map(|line| format!("{line}\n")).collect();
    sandbox.write(STATUS, &cleared.concat());
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries()[1]["run_id"], 2);
}

// 30-122: an hourly retry that is over has no further attempt, and is counted once
#[test]
fn a_failed_retry_counts_once_whatever_is_cut() {
    let sandbox = strict("retry_budget = 5\n");
    sandbox.claude("init; echo 'error: connection refused'; exit 1");
    sandbox.relay(&["--agent", "cc", "work"]);
    is_told(&sandbox, &[("paused", 1)]);
    let before = sandbox.read(RELAYS);
    let long_ago = sandbox.records(STATUS).into_iter().map(|mut event| {
        event["timestamp"] = "2026-01-01T00:00:00Z".into();
        format!("{event}\n")
    });
    let long_ago: String = long_ago.collect();
    sandbox.write(STATUS, &long_ago);
    sandbox.relay(&["--resume"]);
    is_told(&sandbox, &[("paused", 1), ("retry_failed", 2)]);
    assert_eq!(sandbox.tries().len(), 5 + 3);
    for is_told_before in [true, false] {
        cut_end_of_run(&sandbox, 2, &before);
        if !is_told_before {
            sandbox.write(STATUS, &long_ago);
        }
        let output = sandbox.relay(&["--resume"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        is_told(&sandbox, &[("paused", 1), ("retry_failed", 2)]);
        assert_eq!(sandbox.tries().len(), 5 + 3);
        assert!(has_ended(&sandbox, 2));
    }
}

// 30-165: a handoff that did not come was the end of its run, and no reason to begin its task again
#[test]
fn a_failed_handoff_stays_the_end_of_its_run() {
    let sandbox = strict("run_timeout_secs = 280\n");
    sandbox.claude(
        "init; case $N in 1) echo '429 Too Many Requests, retry-after: 290'; exit 1;; 2) exit 1;; esac; \
         echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let handoff = &sandbox.tries()[1];
    assert_eq!((&handoff["handoff_only"], &handoff["ends_run"]), (&true.into(), &true.into()));
    cut_end_of_run(&sandbox, 1, &begun(&sandbox));
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let last = &sandbox.tries()[2];
    assert_eq!((&last["run_id"], &last["attempt_number"]), (&2.into(), &1.into()));
    assert!(has_ended(&sandbox, 1));
}
