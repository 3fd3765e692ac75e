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
