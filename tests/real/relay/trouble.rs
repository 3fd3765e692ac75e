//! Trouble with the provider: how much of it a runner is forgiven, and how long a CLI may fight it by itself.

use serde_json::Value;

use super::{Settings, TWO_STEPS, UNIQUE, course, initialise, mixed_relay, new_relay, status_events, tries};
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

/// The first time the tool waits for ever: the CLI would, too.
fn goes_on_after_a_stuck_tool(lab: &Lab, cli: Cli) {
    let more = "freeze_threshold_secs = 8\nnetwork_silence_secs = 8";
    initialise(lab, &Settings { tries: 2, more, ..Settings::default() });
    let task = "RUN(if [ ! -e begun ]; then touch begun; mkfifo never; cat never; fi; echo x >made)";
    let done = lab.run(new_relay(lab, cli, "ok", task)).expect_code(0);
    let records = lab.sandbox.records(".rally/state/tries.jsonl");
    assert_eq!(records.last().unwrap()["completed"], true, "{records:#?}\n{done:#?}");
    assert_eq!(lab.sandbox.read("made"), "x\n");
    assert!(done.stdout.contains("❄ frozen"), "{done:#?}");
}

#[test]
fn gemini_goes_on_after_a_stuck_tool() {
    lab(&[Cli::Gemini], |lab| goes_on_after_a_stuck_tool(lab, Cli::Gemini));
}

#[test]
fn opencode_goes_on_after_a_stuck_tool() {
    lab(&[Cli::Opencode], |lab| goes_on_after_a_stuck_tool(lab, Cli::Opencode));
}
