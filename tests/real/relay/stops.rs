//! Tries that are ended from outside.

use rustix::process::Signal;

use super::resume::expect_resumed;
use super::{Settings, TWO_STEPS, footer, initialise, new_relay, tries};
use crate::cli::Cli;
use crate::lab::{Lab, wait_until};
use crate::matrix::Found;

/// The provider takes the question and says nothing more.
pub fn hang(lab: &Lab, cli: Cli) -> Found {
    // Longer than a CLI is silent while it starts.
    let more = "freeze_threshold_secs = 8\nnetwork_silence_secs = 8";
    initialise(lab, &Settings { tries: 2, more, ..Settings::default() });
    let done = lab.run(new_relay(lab, cli, "first-hang", TWO_STEPS)).expect_code(0);
    expect_resumed(lab, &done, "failed", "first-hang");
    let [first, _] = tries(lab, &done);
    assert_eq!(first["category"], "transient_infra", "{first:#}");
    assert_eq!(first["cause"], "freeze", "{first:#}");
    let evidence = first["evidence"]["message"].as_str().unwrap();
    assert!(evidence.contains("dry for"), "the connected way: {evidence}");
    assert!(done.stdout.contains("❄ frozen"), "{done:#?}");
    Found::Works
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
