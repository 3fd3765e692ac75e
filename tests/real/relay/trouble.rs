//! Trouble with the provider: how much of it a runner is forgiven, and how long a CLI may fight it by itself; and
//! tools that hang. There is no cell for a tool that hangs in claude: it prints a line every 30 s while a tool runs, so
//! it is never silent, and the try's time is its limit.

use serde_json::Value;

use super::{
    Settings, TWO_STEPS, UNIQUE, course, initialise, mixed_relay, new_relay, relay_log, status_events, tries,
};
use crate::cli::Cli;
use crate::lab::{Lab, lab, wait_until};
use crate::terminal::Terminal;

// 30-S10, 30-S12
#[test]
fn two_overloads_in_a_run_pause_the_runner() {
    lab(&[Cli::Claude, Cli::Codex], |lab| {
        initialise(lab, &Settings { tries: 2, ..Settings::default() });
        let scenes = [(Cli::Claude, "529-ra1"), (Cli::Codex, "ok")];
        let done = lab.run(mixed_relay(lab, "cc cx", 2, &scenes, UNIQUE)).expect_code(0);
        let records: [Value; 4] = tries(lab, &done);
        let expected = [("claude", false), ("claude", false), ("codex", true), ("codex", true)];
        assert_eq!(course(&records), expected);
        for record in &records[..2] {
            assert_eq!(record["category"], "provider_overloaded", "{record:#}");
        }
        assert_eq!(lab.mock.turns("claude").len(), 2, "{done:#?}");
        let events = status_events(lab);
        assert_eq!(events.len(), 1, "{events:#?}");
        assert_eq!(events[0]["event_type"], "paused", "{events:#?}");
        assert_eq!(events[0]["agent_type"], "claude", "{events:#?}");
        assert_eq!(events[0]["model"], Cli::Claude.model(), "{events:#?}");
    });
}

#[test]
fn one_overload_is_forgiven() {
    lab(&[Cli::Claude], |lab| {
        initialise(lab, &Settings { tries: 2, ..Settings::default() });
        let command = new_relay(lab, Cli::Claude, "first-529-ra1", TWO_STEPS);
        let done = lab.run(command).expect_code(0);
        let records: [Value; 2] = tries(lab, &done);
        assert_eq!(course(&records), [("claude", false), ("claude", true)]);
        assert_eq!(records[0]["category"], "provider_overloaded", "{records:#?}");
        assert_eq!(pauses(lab), 0);
    });
}

#[test]
fn one_overload_pauses_nobody_even_if_it_ends_the_run() {
    lab(&[Cli::Claude], |lab| {
        initialise(lab, &Settings::default());
        let done = lab.run(new_relay(lab, Cli::Claude, "529", UNIQUE)).expect_code(1);
        let [record] = tries(lab, &done);
        assert_eq!(record["category"], "provider_overloaded", "{record:#}");
        assert_eq!(pauses(lab), 0);
    });
}

/// How often anybody was paused.
fn pauses(lab: &Lab) -> usize {
    status_events(lab).iter().filter(|event| event["event_type"] == "paused").count()
}

/// Codex waits for the network for ever: rally shows it, and ends it.
#[test]
fn codex_whose_server_goes_away_is_ended_by_patience() {
    lab(&[Cli::Codex], |lab| {
        initialise(lab, &Settings { patience: 3, ..Settings::default() });
        let task = "RUN(touch begun; until [ -e gone ]; do sleep 0.1; done)";
        let terminal = Terminal::start(&new_relay(lab, Cli::Codex, "ok", task));
        let begun = || lab.sandbox.repo().join("begun").exists();
        wait_until(begun, || format!("no command was run:\n{}", terminal.shown()));
        lab.mock.go_away();
        lab.sandbox.write("gone", "");
        terminal.wait_for("retrying (");
        terminal.wait_for("✗ failed");
        assert_eq!(terminal.finish(), 1);
        let records = lab.sandbox.records(".rally/state/tries.jsonl");
        assert_eq!(course(&records), [("codex", false)]);
        assert_eq!(records[0]["category"], "transient_infra", "{records:#?}");
        assert_eq!(lab.mock.turns("ok").len(), 1, "it was at work before");
        let events = status_events(lab);
        assert!(events.is_empty(), "{events:#?}");
    });
}

/// The CLI asks again by itself when a subscriber's token is refused; that is one attempt all the same. The
/// others work on, and nobody waits.
#[test]
fn whoever_is_logged_out_makes_way() {
    lab(&[Cli::Claude, Cli::Codex], |lab| {
        initialise(lab, &Settings { tries: 3, ..Settings::default() });
        let scenes = [(Cli::Claude, "401"), (Cli::Codex, "ok")];
        let done = lab.run(mixed_relay(lab, "cc cx", 2, &scenes, UNIQUE)).expect_code(0);
        let records: [Value; 3] = tries(lab, &done);
        assert_eq!(course(&records), [("claude", false), ("codex", true), ("codex", true)]);
        assert_eq!(records[0]["category"], "auth_or_proxy", "{records:#?}");
        assert_eq!(records[0]["attempt_number"], 1, "{records:#?}");
        assert!(!done.stdout.contains("waiting"), "{done:#?}");
        let events = status_events(lab);
        assert!(events.is_empty(), "{events:#?}");
    });
}

/// Waits for ever, having made a file.
const STUCK: &str = "RUN(touch made; mkfifo never; cat never)";

const SHORT: &str = "freeze_threshold_secs = 8\nnetwork_silence_secs = 8";

// 50-R8
/// The CLI would wait for ever, too. It gets the tool's end for a result, and completes in the same try.
fn goes_on_after_a_stuck_tool(lab: &Lab, cli: Cli, tool: &str) {
    initialise(lab, &Settings { more: SHORT, ..Settings::default() });
    let done = lab.run(new_relay(lab, cli, "ok", STUCK)).expect_code(0);
    let [record] = tries(lab, &done);
    assert_eq!((&record["outcome"], &record["completed"]), (&"completed".into(), &true.into()), "{record:#}");
    assert!(record["session_id"].is_string(), "{record:#}");
    let [_, last] = &lab.mock.turns("ok")[..] else { panic!("{:#?}", lab.mock.turns("ok")) };
    assert_eq!(last.users.iter().filter(|text| text.contains("RUN(")).count(), 1, "{last:#?}");
    let log = relay_log(lab);
    // Up to three are named, so this one and what is below it are all that was ended.
    let ended: Vec<_> = log.lines().filter(|line| line.contains("ending the stuck tool")).collect();
    assert!(matches!(ended[..], [line] if line.contains(" with TERM: ") && line.contains(tool)), "{log}");
    assert!(log.contains("freeze detected: ") && log.contains("the agent works again"), "{log}");
    assert!(!log.contains("stopping the agent"), "{log}");
    assert!(done.stdout.contains("❄ frozen") && done.stdout.contains("↻ recovered"), "{done:#?}");
}

#[test]
fn codex_goes_on_after_a_stuck_tool() {
    lab(&[Cli::Codex], |lab| goes_on_after_a_stuck_tool(lab, Cli::Codex, "cat never"));
}

#[test]
fn gemini_goes_on_after_a_stuck_tool() {
    lab(&[Cli::Gemini], |lab| goes_on_after_a_stuck_tool(lab, Cli::Gemini, "bash -c "));
}

// 20-AF-RT-03
/// It tells of a tool when that is over, and waits for ever for one whose shell a signal has ended: only ending the
/// agent helps. The next try goes on with its session.
#[test]
fn opencode_is_ended_with_its_stuck_tool_and_its_session_goes_on() {
    lab(&[Cli::Opencode], |lab| {
        initialise(lab, &Settings { tries: 2, more: SHORT, ..Settings::default() });
        let task = "RUN(if [ ! -e begun ]; then touch begun; mkfifo never; cat never; fi; echo x >made)";
        let done = lab.run(new_relay(lab, Cli::Opencode, "ok", task)).expect_code(0);
        let records: [Value; 2] = tries(lab, &done);
        assert_eq!(course(&records), [("opencode", false), ("opencode", true)]);
        let [first, second] = &records;
        assert_eq!((&first["category"], &first["cause"]), (&"transient_infra".into(), &"freeze".into()));
        assert!(
            first["session_id"].is_string() && first["session_id"] == second["session_id"],
            "{records:#?}"
        );
        assert_eq!(lab.sandbox.read("made"), "x\n");
        let log = relay_log(lab);
        assert!(log.contains("stopping the agent with INT: frozen") && !log.contains("stuck tool"), "{log}");
        assert!(done.stdout.contains("❄ frozen"), "{done:#?}");
    });
}
