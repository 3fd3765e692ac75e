//! Tries that are ended from outside.

use rustix::process::Signal;

use super::{Settings, footer, initialise, new_relay, time_to_ask, tries};
use crate::cli::Cli;
use crate::lab::{Lab, wait_until};
use crate::matrix::Found;

pub fn hang(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings { seconds: time_to_ask(cli), ..Settings::default() });
    let done = lab.run(new_relay(lab, cli, "hang", "Create MAKEFILE(never.txt|)")).expect_code(1);
    assert!(!lab.mock.turns("hang").is_empty(), "{done:#?}");
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], false, "{record:#}");
    assert_eq!(record["outcome"], "run_timeout", "{record:#}");
    assert_eq!(record["fail_reason"], "try timeout", "{record:#}");
    assert!(footer(&done, "✗ failed").contains("try timeout"), "{done:#?}");
    Found::WorksSo("by a small `try_timeout_secs`: the network's silence alone does not end a try yet")
}

/// The tool's child is in a session of its own, as a server that an agent starts may be.
pub fn cancel(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings::default());
    let prompt = "RUN(touch begun; setsid sh -c 'touch apart; sleep 300'; touch over)";
    let running = lab.start(new_relay(lab, cli, "ok", prompt));
    let begun = || lab.sandbox.repo().join("apart").exists();
    wait_until(begun, || format!("no command was run: {}", running.story()));
    assert!(lab.processes().iter().any(|process| process.contains("sleep 300")), "{:#?}", lab.processes());
    running.signal(Signal::TERM);
    let done = running.finish().expect_code(128 + 15);
    lab.expect_no_process();
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], false, "{record:#}");
    assert_eq!(record["outcome"], "cancelled", "{record:#}");
    assert_eq!(record["cancellation_source"], "signal", "{record:#}");
    assert!(record["session_id"].is_string(), "{record:#}");
    assert!(footer(&done, "• cancelled").ends_with("source: signal"), "{done:#?}");
    assert!(!lab.sandbox.repo().join("over").exists());
    Found::Works
}
