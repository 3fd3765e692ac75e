//! Messages of the operator: left on the command line, read and acknowledged by agents.

use std::io::Write;
use std::process::Stdio;

use crate::support::{Sandbox, rally, show, stdout};

/// The messages as stored, without times.
fn inbox(sandbox: &Sandbox) -> Vec<(u64, String, Option<u64>, Option<u64>)> {
    let number = |value: &serde_json::Value| value.as_u64();
    let message = |m: serde_json::Value| {
        let status = m["status"].as_str().unwrap().to_owned();
        let whom = (number(&m["consumed_by_relay_id"]), number(&m["consumed_by_run_id"]));
        (number(&m["id"]).unwrap(), status, whom.0, whom.1)
    };
    sandbox.records(".rally/state/messages.jsonl").into_iter().map(message).collect()
}

fn consumed(sandbox: &Sandbox) -> serde_json::Value {
    sandbox.relays()[0]["consumed_message_ids"].clone()
}

#[track_caller]
fn relay(sandbox: &Sandbox, code: i32, args: &[&str]) -> String {
    show(sandbox, code, &sandbox.relay(args))
}

const WORK: &str = "init; echo $N > file-$N.txt; result ok";

// 30-185, 30-23.I2
#[test]
fn messages_are_added_listed_cancelled_and_acknowledged() {
    let sandbox = Sandbox::initialised();
    assert_eq!(rally(&sandbox, 0, &["message", "list"]), "no messages wait\n");
    assert_eq!(rally(&sandbox, 0, &["message", "add", "use", "tabs"]), "Message 1 waits for the next run.\n");
    let told = rally(&sandbox, 0, &["message", "add", "--relay", "run the\ntests\u{1b}[31m"]);
    assert_eq!(told, "Message 2 waits for every run of the relay.\n");
    let mut add = sandbox.rally(["message", "add", "-"]);
    let mut add = add.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    add.stdin.take().unwrap().write_all("of\nstdin\n".as_bytes()).unwrap();
    assert_eq!(stdout(&add.wait_with_output().unwrap()), "Message 3 waits for the next run.\n");

    let list = rally(&sandbox, 0, &["message", "list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(
        lines[0].starts_with("1  pending, for the next run  ") && lines[0].ends_with("  use tabs"),
        "{list}"
    );
    assert!(
        lines[1].starts_with("2  pending, for a whole relay  ") && lines[1].contains("run the tests"),
        "{list}"
    );
    assert!(!list.contains('\u{1b}'), "nothing in it is obeyed: {list:?}");

    assert_eq!(rally(&sandbox, 0, &["message", "cancel", "1"]), "Message 1 is cancelled.\n");
    assert_eq!(
        rally(&sandbox, 0, &["message", "ack", "2", "3"]),
        "Message 2 is acknowledged.\nMessage 3 is acknowledged.\n"
    );
    assert_eq!(rally(&sandbox, 0, &["message", "ack", "3"]), "Message 3 is acknowledged already.\n");
    assert_eq!(rally(&sandbox, 0, &["message", "list"]), "no messages wait\n");
    assert_eq!(rally(&sandbox, 0, &["message", "list", "--all"]).lines().count(), 3);

    let json: serde_json::Value =
        serde_json::from_str(&rally(&sandbox, 0, &["message", "list", "--all", "--json"])).unwrap();
    assert_eq!(json["v"], 1);
    let of = |index: usize, key: &str| json["messages"][index][key].clone();
    assert_eq!(
        (of(0, "status"), of(0, "scope"), of(0, "body")),
        ("cancelled".into(), "run".into(), "use tabs".into())
    );
    assert_eq!(
        (of(1, "status"), of(1, "scope"), of(1, "run_id")),
        ("addressed".into(), "relay".into(), serde_json::Value::Null)
    );
    assert_eq!(of(2, "body"), "of\nstdin");
}

#[test]
fn what_is_typed_wrongly_is_refused() {
    let sandbox = Sandbox::initialised();
    rally(&sandbox, 0, &["message", "add", "one"]);
    rally(&sandbox, 0, &["message", "add", "two"]);
    rally(&sandbox, 0, &["message", "cancel", "1"]);
    let cases: [(&[&str], i32, &str); 9] = [
        (&["cancel", "1"], 1, "error: message 1 is cancelled already\n"),
        (&["ack", "2", "1"], 1, "error: message 1 is cancelled already\n"),
        (&["cancel", "9"], 1, "error: there is no message 9 in ROOT/repo/.rally/state/messages.jsonl\n"),
        (&["ack", "2", "9"], 1, "error: there is no message 9"),
        (&["add", "  "], 2, "error: the message is empty\n"),
        (&["add", "-"], 2, "error: the message is empty\n"),
        (&["add"], 2, "error: the following required arguments were not provided"),
        (&["ack"], 2, "error: the following required arguments were not provided"),
        (&["cancel", "one"], 2, "error: invalid value 'one'"),
    ];
    for (args, code, expected) in cases {
        let told = rally(&sandbox, code, &[&["message"], args].concat());
        assert!(told.starts_with(expected), "{args:?}: {told}");
    }
    assert_eq!(inbox(&sandbox)[1].1, "pending", "all are acknowledged, or none");

    let bare = Sandbox::new();
    for args in [&["add", "x"][..], &["list"], &["cancel", "1"], &["ack", "1"]] {
        let told = rally(&bare, 1, &[&["message"], args].concat());
        assert_eq!(told, "error: there is no .rally in ROOT/repo: run `rally init` first\n");
    }
    assert!(!bare.repo().join(".rally").exists());
}

#[test]
fn fifty_at_once_lose_nothing() {
    let sandbox = Sandbox::initialised();
    let adding: Vec<_> = (0..50)
        .map(|n| sandbox.rally(["message", "add", &format!("m{n}")]).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    assert!(adding.into_iter().all(|mut child| child.wait().unwrap().success()));
    let records = sandbox.records(".rally/state/messages.jsonl");
    let all = |key: &str| {
        records.iter().map(|m| m[key].to_string()).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((records.len(), all("id"), all("body"), all("position")), (50, 50, 50, 50));
}

// 30-102, 30-105, 30-23.I3: the relay's messages in both runs, the others one by one, every id once.
#[test]
fn every_run_reads_its_message_and_those_of_the_relay() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(WORK);
    for args in [&["--relay", "for all"][..], &["run-msg-1"], &["run-msg-2"], &["--relay", "for all, too"]] {
        rally(&sandbox, 0, &[&["message", "add"], args].concat());
    }
    relay(&sandbox, 0, &["-i", "2", "--agent", "cc", "work"]);
    let (first, second) = (sandbox.note("prompt.1"), sandbox.note("prompt.2"));
    for prompt in [&first, &second] {
        assert!(prompt.contains("Relay Message:\nfor all\n\n(This is message 1;"), "{prompt}");
        assert!(prompt.contains("for all, too\n\n(This is message 4;"), "{prompt}");
    }
    assert!(first.contains("Inbox Message:\nrun-msg-1\n\n(This is message 2."), "{first}");
    assert!(first.contains("`rally message ack 2`") && !first.contains("run-msg-2"), "{first}");
    assert!(second.contains("Inbox Message:\nrun-msg-2\n\n(This is message 3."), "{second}");
    assert!(!second.contains("run-msg-1"), "{second}");
    let whom: Vec<_> = inbox(&sandbox).into_iter().map(|m| (m.1, m.3)).collect();
    let addressed = |run| ("addressed".to_owned(), run);
    assert_eq!(whom, [addressed(None), addressed(Some(1)), addressed(Some(2)), addressed(None)]);
    assert_eq!(consumed(&sandbox), serde_json::json!([2, 3, 1, 4]));
}

// 30-103, 30-104: until it is acknowledged. The agent's own rally does that, in a folder of the workspace.
#[test]
fn a_relay_message_is_read_until_an_agent_acknowledges_it() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; mkdir -p deep; if [ $N = 2 ]; then (cd deep && rally message ack 1 > \"$S/told\"); fi
         echo $N > file-$N.txt; result ok",
    );
    rally(&sandbox, 0, &["message", "add", "--relay", "for all"]);
    rally(&sandbox, 0, &["message", "add", "--relay", "for ever"]);
    relay(&sandbox, 0, &["-i", "3", "--agent", "cc", "work"]);
    let reads = |text: &str| -> Vec<bool> {
        (1..=3).map(|n| sandbox.note(&format!("prompt.{n}")).contains(&format!("{text}\n\n(This"))).collect()
    };
    assert_eq!(sandbox.note("told"), "Message 1 is acknowledged.\n");
    assert_eq!(reads("for all"), [true, true, false]);
    assert_eq!(reads("for ever"), [true, true, true]);
    assert_eq!(consumed(&sandbox), serde_json::json!([1, 2]));
    // What one relay has read is no news for the next.
    relay(&sandbox, 0, &["--new", "-i", "1", "--agent", "cc", "work"]);
    assert!(!sandbox.note("prompt.4").contains("Message:"), "{}", sandbox.note("prompt.4"));
}

// 30-23.I1: each attempt of a run reads the same; when the run fails, the next run reads it.
#[test]
fn the_message_of_a_failed_run_goes_to_the_next() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 2\n");
    sandbox.claude(
        "init; if [ $N -le 2 ]; then rally message add \"late $N\" > /dev/null; exit 1; fi
         if [ $N = 3 ]; then rally message ack 1 > /dev/null; fi
         if [ $N -le 4 ]; then exit 1; fi; echo $N > file-$N.txt; result ok",
    );
    rally(&sandbox, 0, &["message", "add", "early"]);
    relay(&sandbox, 0, &["-i", "2", "--agent", "cc", "work"]);
    let read: Vec<String> = (1..=sandbox.tries().len())
        .map(|n| {
            let prompt = sandbox.note(&format!("prompt.{n}"));
            let text = prompt.split_once("Inbox Message:\n").map(|(_, rest)| rest.lines().next().unwrap());
            format!("{} {}", sandbox.tries()[n - 1]["run_id"], text.unwrap_or("-"))
        })
        .collect();
    assert_eq!(read, ["1 early", "1 early", "2 early", "2 -", "3 late 1", "4 late 2"]);
    let whom: Vec<_> = inbox(&sandbox).into_iter().map(|m| (m.1, m.3)).collect();
    let addressed = |run| ("addressed".to_owned(), Some(run));
    assert_eq!(whom, [addressed(2), addressed(3), addressed(4)], "acknowledged in a run that failed");
    assert_eq!(consumed(&sandbox), serde_json::json!([1, 2, 3]));
}

// The operator's stop, and a crash, end no run: it goes on with its message, and others wait.
#[test]
fn a_run_that_goes_on_keeps_its_message() {
    for signal in ["TERM", "KILL"] {
        let sandbox = Sandbox::initialised();
        sandbox.claude("init; if [ $N = 1 ]; then here; sleep 600; fi; echo $N > file-$N.txt; result ok");
        rally(&sandbox, 0, &["message", "add", "mine"]);
        let relay = sandbox.start_relay(&["-i", "2", "--agent", "cc", "work"]);
        sandbox.wait_for_note("here.1");
        relay.signal(signal);
        relay.finish();
        assert_eq!(inbox(&sandbox), [(1, "pending".to_owned(), Some(1), Some(1))], "{signal}");
        let list = rally(&sandbox, 0, &["message", "list"]);
        assert!(list.starts_with("1  pending, with run 1 of relay 1  "), "{list}");
        rally(&sandbox, 0, &["message", "add", "later"]);
        assert!(sandbox.relay(&["--resume"]).status.success());
        for (prompt, text) in [("prompt.1", "mine"), ("prompt.2", "mine"), ("prompt.3", "later")] {
            let prompt = sandbox.note(prompt);
            assert!(prompt.contains(&format!("Inbox Message:\n{text}\n\n(This")), "{signal}: {prompt}");
        }
        assert_eq!(consumed(&sandbox), serde_json::json!([1, 2]));
    }
}

// 30-23.I1: what a given-up relay had waits again; what a passed run of it had does not.
#[test]
fn another_relay_is_given_what_nobody_has_dealt_with() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; if [ $N = 2 ]; then here; sleep 600; fi; echo $N > file-$N.txt; result ok");
    rally(&sandbox, 0, &["message", "add", "had"]);
    rally(&sandbox, 0, &["message", "add", "not had"]);
    let relay = sandbox.start_relay(&["-i", "2", "--agent", "cc", "work"]);
    sandbox.wait_for_note("here.2");
    relay.signal("TERM");
    relay.finish();
    // As if a crash had cut the end of the first run.
    let stored = sandbox.read(".rally/state/messages.jsonl");
    sandbox.write(".rally/state/messages.jsonl", &stored.replace("addressed", "pending"));
    let of_two = |status: &str| {
        vec![(1, status.to_owned(), Some(1), Some(1)), (2, "pending".into(), Some(1), Some(2))]
    };
    assert_eq!(inbox(&sandbox), of_two("pending"));
    relay_new(&sandbox);
    assert!(sandbox.note("prompt.3").contains("Inbox Message:\nnot had\n"), "{}", sandbox.note("prompt.3"));
    let addressed = |id, relay| (id, "addressed".to_owned(), Some(relay), Some(1));
    assert_eq!(inbox(&sandbox), [addressed(1, 1), addressed(2, 2)]);
    assert_eq!(sandbox.relays()[1]["consumed_message_ids"], serde_json::json!([2]));
}

// What is for a whole relay goes on from one that was given up to the next, until one reaches its target.
#[test]
fn a_message_for_the_relay_outlives_relays_that_are_given_up() {
    for laps in [false, true] {
        let sandbox = Sandbox::initialised();
        let (work, task) = match laps {
            true => ("laps done && laps wrapup --summary done; result ok", None),
            false => ("result ok", Some("work")),
        };
        if laps {
            rally(&sandbox, 0, &["laps", "init"]);
            for title in ["one", "two", "three", "four"] {
                rally(&sandbox, 0, &["laps", "add", "tail", "--title", title]);
            }
        }
        sandbox.claude(&format!(
            "init; if [ $N = 2 ]; then rally message ack 2 > /dev/null; here; await never; fi
             if [ $N = 3 ]; then here; await never; fi; echo $N > file-$N.txt; {work}"
        ));
        for text in ["for all", "for some"] {
            rally(&sandbox, 0, &["message", "add", "--relay", text]);
        }
        let args = |first| [&[first, "-i", "2", "--agent", "cc"][..], task.as_slice()].concat();
        let is_with = |relay| {
            let stamp = |status: &str, relay| (status.to_owned(), relay, None);
            let stored: Vec<_> = inbox(&sandbox).into_iter().map(|m| (m.1, m.2, m.3)).collect();
            assert_eq!(stored, [stamp("pending", Some(relay)), stamp("addressed", Some(1))], "laps: {laps}");
        };
        // Two are stopped, the first one in its second run.
        for (relay, last) in [(1, "here.2"), (2, "here.3")] {
            let running = sandbox.start_relay(&args("--new"));
            sandbox.wait_for_note(last);
            is_with(relay);
            running.signal("TERM");
            running.finish();
            is_with(relay);
        }
        relay(&sandbox, 0, &args("--new"));
        relay(&sandbox, 0, &[&args("--new")[..1], &["-i", "1", "--agent", "cc"], task.as_slice()].concat());
        let reads = |text: &str| -> Vec<bool> {
            let prompt = |n: usize| sandbox.note(&format!("prompt.{n}"));
            (1..=sandbox.tries().len()).map(|n| prompt(n).contains(&format!("{text}\n\n(This"))).collect()
        };
        assert_eq!(reads("for all"), [true, true, true, true, true, false], "laps: {laps}");
        assert_eq!(reads("for some"), [true, true, false, false, false, false], "laps: {laps}");
        let consumed: Vec<_> =
            sandbox.relays().iter().map(|relay| relay["consumed_message_ids"].clone()).collect();
        let none = serde_json::Value::Null;
        assert_eq!(consumed, [none.clone(), none.clone(), serde_json::json!([1]), none], "laps: {laps}");
    }
}

fn relay_new(sandbox: &Sandbox) {
    relay(sandbox, 0, &["--new", "-i", "1", "--agent", "cc", "work"]);
}

// Killed anywhere, no message is lost, given to two runs that passed, or missing in the relay's record.
#[test]
fn messages_survive_being_killed_at_any_moment() {
    for round in 0..6 {
        let sandbox = Sandbox::initialised();
        sandbox.claude(WORK);
        for text in ["m1", "m2", "m3"] {
            rally(&sandbox, 0, &["message", "add", text]);
        }
        let mut args = vec!["-i", "3", "--agent", "cc", "work"];
        for part in 0..3 {
            let mut relay = sandbox.start_relay(&args);
            let moment = std::time::Duration::from_millis(60 + 37 * round + 110 * part);
            relay.ends_within(moment);
            relay.kill();
            sandbox.wait_until_nobody_is_left();
            if sandbox.relays().first().is_some_and(|relay| relay.get("ended_at").is_some()) {
                break;
            }
            if !sandbox.relays().is_empty() {
                args = vec!["--resume"];
            }
        }
        let is_over = |relay: &serde_json::Value| relay.get("ended_at").is_some();
        if !sandbox.relays().first().is_some_and(is_over) {
            relay(&sandbox, 0, &args);
        }
        let of_all = inbox(&sandbox);
        assert!(of_all.iter().all(|m| m.1 == "addressed"), "{round}: {of_all:?}");
        let runs: std::collections::BTreeSet<_> = of_all.iter().map(|m| m.3).collect();
        assert_eq!(runs.len(), 3, "{round}: {of_all:?}");
        assert_eq!(consumed(&sandbox), serde_json::json!([1, 2, 3]), "{round}");
    }
}
