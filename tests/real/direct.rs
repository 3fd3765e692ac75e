//! The CLIs alone with the mock: what the relay tests build on holds without rally.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use super::cli::Cli;
use super::lab::{Done, Lab, lab, wait_until};

/// A CLI with a prompt, as rally would run it.
fn agent(lab: &Lab, cli: Cli, scenario: &str, id: &str, prompt: &str, resume: Option<&str>) -> Command {
    let mut command = lab.command(cli.name(), scenario, id);
    cli.permit(&mut command);
    command.args(cli.arguments(prompt, resume));
    command
}

/// The session as the stream tells it.
#[track_caller]
fn session(cli: Cli, stdout: &str) -> String {
    let mut events = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = events.find_map(|event| event[cli.session_key()].as_str().map(str::to_owned));
    found.unwrap_or_else(|| panic!("no session: {stdout}"))
}

fn makes_a_file(lab: &Lab, cli: Cli) {
    let prompt = "Please MAKEFILE(made.txt|hello) now";
    let done = lab.run(agent(lab, cli, "ok", "file", prompt, None)).expect_code(0);
    assert_eq!(lab.sandbox.read("made.txt"), "hello");
    assert!(done.stdout.contains("DONE"), "{done:#?}");
    let turns = lab.mock.turns("file");
    assert_eq!(turns.len(), 2, "{turns:#?}");
    assert!(turns.iter().all(|turn| turn.model == cli.model_at_server()), "{turns:#?}");
    assert!(turns[0].users.last().unwrap().contains(prompt), "{turns:#?}");
}

fn recalls_a_codeword(lab: &Lab, cli: Cli) {
    let recalled = |done: &Done, word: &str| done.stdout.contains(&format!("RECALL:{word}"));
    let done = lab.run(agent(lab, cli, "ok", "one", "Remember CODEWORD=zebra7", None)).expect_code(0);
    let first = session(cli, &done.stdout);
    let done = lab.run(agent(lab, cli, "slow1", "two", "RECALL please", Some(&first))).expect_code(0);
    assert!(recalled(&done, "zebra7"), "{done:#?}");
    assert_eq!(session(cli, &done.stdout), first);
    let done = lab.run(agent(lab, cli, "ok", "three", "RECALL please", None)).expect_code(0);
    assert!(recalled(&done, "none"), "{done:#?}");
}

/// The request that is never answered keeps the CLI alive, until it is killed.
fn hangs_until_killed(lab: &Lab, cli: Cli) {
    let running = lab.start(agent(lab, cli, "hang", "hang", "Hello", None));
    wait_until(|| !lab.mock.turns("hang").is_empty(), || format!("no request: {}", running.story()));
    assert!(!lab.processes().is_empty(), "what is alive is seen");
    running.signal(Signal::KILL);
    assert!(!running.finish().status.success());
}

/// The same tests for each CLI.
macro_rules! for_each_cli {
    ($($cli:ident: $variant:expr;)*) => {$(
        mod $cli {
            use super::*;

            #[test]
            fn makes_a_file() {
                lab(&[$variant], |lab| super::makes_a_file(lab, $variant));
            }

            #[test]
            fn recalls_a_codeword() {
                lab(&[$variant], |lab| super::recalls_a_codeword(lab, $variant));
            }

            #[test]
            fn hangs_until_killed() {
                lab(&[$variant], |lab| super::hangs_until_killed(lab, $variant));
            }
        }
    )*};
}

for_each_cli! {
    claude: Cli::Claude;
    codex: Cli::Codex;
    gemini: Cli::Gemini;
    opencode: Cli::Opencode;
}

/// Why the lab sets `IS_SANDBOX`, and what rally has to report when nobody does.
#[test]
fn claude_does_not_run_for_root_without_a_sandbox() {
    lab(&[Cli::Claude], |lab| {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: not root");
            return;
        }
        let mut command = agent(lab, Cli::Claude, "ok", "root", "Hello", None);
        command.env_remove("IS_SANDBOX");
        let done = lab.run(command).expect_code(1);
        assert!(done.stderr.contains("root"), "{done:?}");
        assert!(lab.mock.turns("root").is_empty());
    });
}
