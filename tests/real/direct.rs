//! The CLI alone with the mock: what the relay tests build on holds without rally.

use rustix::process::Signal;
use serde_json::Value;

use super::lab::{Done, Lab, lab, wait_until};
use super::scenario::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS};

const ARGS: [&str; 5] =
    ["-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"];

fn claude(lab: &Lab, scenario: &str, id: &str, prompt: &str, more: &[&str]) -> std::process::Command {
    let mut command = lab.command("claude", scenario, id);
    command.args(ARGS).args(more).arg(prompt);
    command
}

/// The last event of a kind.
fn event(done: &Done, kind: &str) -> Value {
    let mut events = done.stdout.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind}: {done:#?}"))
}

#[test]
fn mock_makes_a_file() {
    lab(|lab| {
        let prompt = "Please MAKEFILE(made.txt|hello) now";
        let done =
            lab.run(claude(lab, "ok", "file", prompt, &["--model", "claude-haiku-4-5"])).expect_code(0);
        assert_eq!(lab.sandbox.read("made.txt"), "hello");
        let result = event(&done, "result");
        assert_eq!(result["result"], "DONE");
        assert_eq!(result["usage"]["input_tokens"], 2 * INPUT_TOKENS); // two requests
        assert_eq!(result["usage"]["cache_read_input_tokens"], 2 * CACHED_TOKENS);
        assert_eq!(result["usage"]["output_tokens"], 2 * OUTPUT_TOKENS);
        let asked = lab.mock.asked("file");
        assert_eq!(asked.len(), 2);
        assert!(asked.iter().all(|asked| asked.model == "claude-haiku-4-5"), "{asked:?}");
        lab.expect_no_process();
    });
}

#[test]
fn mock_recalls_a_codeword() {
    lab(|lab| {
        let done = lab.run(claude(lab, "ok", "one", "Remember CODEWORD=zebra7", &[])).expect_code(0);
        let session = event(&done, "result")["session_id"].as_str().unwrap().to_owned();
        let resume = ["--resume", &session];
        let done = lab.run(claude(lab, "slow1", "two", "RECALL please", &resume)).expect_code(0);
        assert_eq!(event(&done, "result")["result"], "RECALL:zebra7");
        assert_eq!(event(&done, "result")["session_id"], session);
        let done = lab.run(claude(lab, "ok", "three", "RECALL please", &[])).expect_code(0);
        assert_eq!(event(&done, "result")["result"], "RECALL:none");
    });
}

#[test]
fn mock_refuses() {
    lab(|lab| {
        for (scenario, message) in [
            ("429", "429"),
            ("401", "Invalid API key"),
            ("404", "issue with the selected model"),
            ("500", "500"),
            ("529", "529"),
        ] {
            let done = lab.run(claude(lab, scenario, scenario, "Hello", &[])).expect_code(1);
            let result = event(&done, "result");
            assert_eq!(result["is_error"], true, "{scenario}: {result}");
            assert!(result["result"].as_str().unwrap().contains(message), "{scenario}: {result}");
            assert!(!lab.mock.asked(scenario).is_empty());
        }
    });
}

/// What is killed in the middle of a request can be resumed, once it is on disk: the CLI
/// writes its session a moment after it has sent the request.
#[test]
fn mock_hangs_until_killed() {
    lab(|lab| {
        for (id, signal) in [("term", Signal::TERM), ("kill", Signal::KILL)] {
            let word = format!("{id}3");
            let running = lab.start(claude(lab, "hang", id, &format!("Remember CODEWORD={word}"), &[]));
            wait_until(|| !lab.mock.asked(id).is_empty(), || format!("no request: {}", running.stdout()));
            lab.wait_for_session(&format!("CODEWORD={word}"));
            assert!(!lab.processes().is_empty(), "what is alive is seen");
            running.signal(signal);
            let done = running.finish();
            assert!(!done.status.success(), "{done:?}");
            lab.expect_no_process();
            let session = event(&done, "system")["session_id"].as_str().unwrap().to_owned();
            let resume = ["--resume", &session];
            let done = lab.run(claude(lab, "ok", "again", "RECALL please", &resume)).expect_code(0);
            assert_eq!(event(&done, "result")["result"], format!("RECALL:{word}"));
        }
    });
}

#[test]
fn mock_runs_a_command() {
    lab(|lab| {
        let done = lab.run(claude(lab, "ok", "run", "RUN(echo one > ran.txt)", &[])).expect_code(0);
        assert_eq!(event(&done, "result")["result"], "DONE");
        assert_eq!(lab.sandbox.read("ran.txt"), "one\n");
    });
}

/// Why the lab sets `IS_SANDBOX`, and what rally has to report when nobody does.
#[test]
fn mock_is_not_asked_by_root_without_a_sandbox() {
    lab(|lab| {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: not root");
            return;
        }
        let mut command = claude(lab, "ok", "root", "Hello", &[]);
        command.env_remove("IS_SANDBOX");
        let done = lab.run(command).expect_code(1);
        assert!(done.stderr.contains("root"), "{done:?}");
        assert!(lab.mock.asked("root").is_empty());
    });
}
