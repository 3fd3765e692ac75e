//! rally drives the real CLI: a task done, a session resumed after a crash, and every way
//! to fail, each with one record, its reason on the screen, and nothing left running.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use super::lab::{Done, Lab, Running, lab, wait_until};
use super::scenario::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS};

const TRIES: &str = ".rally/state/tries.jsonl";

/// Prepares the workspace; a failed run ends its pass.
fn initialise(lab: &Lab, reliability: &str) {
    lab.run(rally(lab, "ok", "init", &["init"])).expect_code(0);
    let text = format!(
        "schema_version = 2\n\n[defaults]\nclaude_model = \"claude-haiku-4-5\"\n\n\
         [reliability]\nretry_budget = 1\nmax_failed_runs = 1\n{reliability}"
    );
    lab.sandbox.write(".rally/config.toml", &text);
}

fn rally(lab: &Lab, scenario: &str, id: &str, args: &[&str]) -> Command {
    let mut command = lab.command(env!("CARGO_BIN_EXE_rally"), scenario, id);
    command.args(args);
    command
}

/// `rally relay --new` for one run of Claude.
fn new_relay(lab: &Lab, scenario: &str, prompt: &str) -> Command {
    rally(lab, scenario, scenario, &["relay", "--new", "--iterations", "1", "--agent", "cc", prompt])
}

/// The record of the one try there was.
#[track_caller]
fn only_try(lab: &Lab) -> Value {
    let mut records = lab.sandbox.records(TRIES);
    assert_eq!(records.len(), 1, "{records:#?}");
    records.remove(0)
}

/// The line of a footer between its rules.
#[track_caller]
fn footer<'a>(done: &'a Done, sign: &str) -> &'a str {
    let line = done.stdout.lines().find(|line| line.starts_with(sign));
    line.unwrap_or_else(|| panic!("no footer with {sign}: {done:#?}"))
}

fn wait_for_request(lab: &Lab, running: &Running, id: &str) {
    wait_until(|| !lab.mock.asked(id).is_empty(), || format!("nothing was asked: {}", running.stdout()));
}

// 10-Z1, 30-S: the smoke test of the basic relay.
#[test]
fn a_file_is_made_and_committed() {
    lab(|lab| {
        initialise(lab, "");
        let prompt = "Create an empty file: MAKEFILE(smoke-test.txt|)";
        let done = lab.run(new_relay(lab, "ok", prompt)).expect_code(0);
        assert_eq!(lab.sandbox.read("smoke-test.txt"), "");

        let record = only_try(lab);
        assert_eq!(record["completed"], true, "{record:#}");
        assert_eq!(record["outcome"], "completed");
        assert_eq!(record["agent_type"], "claude");
        assert_eq!(record["model"], "claude-haiku-4-5");
        assert!(record["session_id"].as_str().is_some_and(|id| id.len() == 36), "{record:#}");
        assert_eq!(record["usage"]["input_tokens"], 2 * INPUT_TOKENS);
        assert_eq!(record["usage"]["cached_input_tokens"], 2 * CACHED_TOKENS);
        assert_eq!(record["usage"]["output_tokens"], 2 * OUTPUT_TOKENS);
        assert!(record["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{record:#}");
        assert_eq!(record["files_changed"], serde_json::json!(["smoke-test.txt"]));

        let hash = record["commit_hash"].as_str().unwrap();
        let committed = lab.sandbox.git(["show", "--name-only", "--format=", hash]);
        assert!(committed.lines().any(|path| path == "smoke-test.txt"), "{committed}");
        assert!(footer(&done, "✓ passed").contains(&hash[..7]), "{done:#?}");
        assert!(done.stdout.contains("[1/1] claude - claude-haiku-4-5 - started "), "{done:#?}");
        assert!(done.stdout.ends_with("Relay complete.\n"), "{done:#?}");
        assert!(!done.stdout.contains('\x1b'), "{done:#?}");
        assert!(lab.mock.asked("ok").iter().all(|asked| asked.model == "claude-haiku-4-5"));
        lab.expect_no_process();
    });
}

/// Two steps: the agent is told a codeword, rally is killed without warning, and the
/// resumed session still knows the word.
#[test]
fn a_session_survives_the_death_of_rally() {
    lab(|lab| {
        initialise(lab, "");
        let running = lab.start(new_relay(lab, "hang", "Remember CODEWORD=zebra7"));
        wait_for_request(lab, &running, "hang");
        let journal = || lab.sandbox.records(".rally/state/journal.jsonl");
        let is_session = |line: &Value| line["fact"] == "session" && line["session_id"].is_string();
        wait_until(|| journal().iter().any(is_session), || format!("no session: {:#?}", journal()));
        lab.wait_for_session("CODEWORD=zebra7");
        running.signal(Signal::KILL);
        running.finish();
        lab.expect_no_process();

        let prompt = "RECALL the word: MAKEFILE(word.txt|RECALL)";
        let done = lab.run(rally(lab, "ok", "resume", &["relay", "--resume", prompt])).expect_code(0);
        assert_eq!(lab.sandbox.read("word.txt"), "zebra7", "{done:#?}");
        let told = &lab.mock.asked("resume")[0].users;
        assert!(told.len() > 1 && told[0].contains("CODEWORD=zebra7"), "{told:#?}");

        let records = lab.sandbox.records(TRIES);
        assert_eq!(records.len(), 2, "{records:#?}");
        assert_eq!(records[0]["outcome"], "interrupted");
        assert_eq!(records[1]["outcome"], "completed");
        assert!(records[0]["session_id"].is_string());
        assert_eq!(records[0]["session_id"], records[1]["session_id"]);
        assert!(done.stdout.ends_with("Relay complete.\n"), "{done:#?}");
        lab.expect_no_process();
    });
}

/// Runs a relay that fails: one record, with this category, its reason in the footer.
fn expect_failure(lab: &Lab, scenario: &str, category: &str, label: &str) {
    initialise(lab, "");
    let done = lab.run(new_relay(lab, scenario, "Create MAKEFILE(never.txt|)")).expect_code(1);
    let record = only_try(lab);
    assert_eq!(record["completed"], false, "{record:#}");
    assert_eq!(record["outcome"], "failed", "{record:#}");
    assert_eq!(record["category"], category, "{record:#}");
    let footer = footer(&done, "✗ failed");
    let reason = record["fail_reason"].as_str().unwrap();
    assert!(footer.contains(label) || footer.contains(reason), "{footer}\n{record:#}");
    assert!(!done.stdout.contains("Relay complete"), "{done:#?}");
    assert!(!lab.mock.asked(scenario).is_empty());
    lab.expect_no_process();
}

#[test]
fn too_many_requests() {
    lab(|lab| expect_failure(lab, "429", "short_rate_limit", "rate limit"));
}

#[test]
fn not_authenticated() {
    lab(|lab| expect_failure(lab, "401", "auth_or_proxy", "auth/proxy error"));
}

#[test]
fn no_such_model() {
    lab(|lab| expect_failure(lab, "404", "invalid_model", "invalid model"));
}

#[test]
fn server_error() {
    lab(|lab| expect_failure(lab, "500", "transient_infra", "infra error"));
}

#[test]
fn overloaded() {
    lab(|lab| expect_failure(lab, "529", "provider_overloaded", "provider overloaded"));
}

#[test]
fn a_hanging_model_runs_into_the_try_timeout() {
    lab(|lab| {
        initialise(lab, "try_timeout_secs = 4\n");
        let done = lab.run(new_relay(lab, "hang", "Create MAKEFILE(never.txt|)")).expect_code(1);
        let record = only_try(lab);
        assert_eq!(record["completed"], false, "{record:#}");
        assert_eq!(record["outcome"], "run_timeout", "{record:#}");
        assert!(!footer(&done, "✗ failed").ends_with('—'), "{done:#?}");
        lab.expect_no_process();
    });
}

#[test]
fn a_signal_cancels_the_try() {
    lab(|lab| {
        initialise(lab, "");
        let running = lab.start(new_relay(lab, "hang", "Create MAKEFILE(never.txt|)"));
        wait_for_request(lab, &running, "hang");
        running.signal(Signal::TERM);
        let done = running.finish().expect_code(128 + 15);
        let record = only_try(lab);
        assert_eq!(record["completed"], false, "{record:#}");
        assert_eq!(record["outcome"], "cancelled", "{record:#}");
        assert_eq!(record["cancellation_source"], "signal", "{record:#}");
        assert!(footer(&done, "• cancelled").ends_with("source: signal"), "{done:#?}");
        lab.expect_no_process();
    });
}

#[test]
fn root_without_a_sandbox_is_explained() {
    lab(|lab| {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: not root");
            return;
        }
        initialise(lab, "");
        let mut command = new_relay(lab, "ok", "Create MAKEFILE(never.txt|)");
        command.env_remove("IS_SANDBOX");
        let done = lab.run(command).expect_code(1);
        let record = only_try(lab);
        assert_eq!(record["outcome"], "failed", "{record:#}");
        assert!(record["fail_reason"].as_str().unwrap().contains("root"), "{record:#}");
        assert!(footer(&done, "✗ failed").contains("root"), "{done:#?}");
        assert!(lab.mock.asked("ok").is_empty());
        lab.expect_no_process();
    });
}
