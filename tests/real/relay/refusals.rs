//! The provider refuses, or is not there: one record with the category, its reason on the screen.

use serde_json::Value;

use super::{Settings, footer, initialise, new_relay, resumed_relay, status_events, tries};
use crate::cli::{Cli, subscribe};
use crate::lab::{Done, Lab};
use crate::matrix::Found;

/// What a refusal has to become.
struct Expected {
    category: &'static str,
    label: &'static str,
}

/// A CLI that retries by itself is given this long, where it cannot be told how often.
const PATIENCE: u32 = 3;

/// Runs a relay that fails: one record, with this category, its reason in the footer.
fn expect_failure(lab: &Lab, cli: Cli, scenario: &str, patience: u32, expected: &Expected) -> Value {
    let settings = Settings { patience, ..Settings::default() };
    expect_failure_with(lab, cli, scenario, &settings, expected).0
}

/// The same, with what rally said.
fn expect_failure_with(
    lab: &Lab,
    cli: Cli,
    scenario: &str,
    settings: &Settings,
    expected: &Expected,
) -> (Value, Done) {
    initialise(lab, settings);
    let mut command = new_relay(lab, cli, scenario, "Create MAKEFILE(made.txt|)");
    if (cli, scenario) == (Cli::Claude, "usagelimit") {
        subscribe(&mut command);
    }
    let done = lab.run(command).expect_code(1);
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], false, "{record:#}");
    assert_eq!(record["outcome"], "failed", "{record:#}");
    assert_eq!(record["category"], expected.category, "{record:#}\n{done:#?}");
    let footer = footer(&done, "✗ failed");
    let reason = record["fail_reason"].as_str().unwrap();
    assert!(footer.contains(expected.label) && reason.contains(expected.label), "{footer}\n{record:#}");
    assert!(!done.stdout.contains("Relay complete"), "{done:#?}");
    assert!(scenario == "refused" || !lab.mock.turns(scenario).is_empty());
    (record, done)
}

/// A refusal that opencode retries six times, for 85 s, whatever it is told; rally ends that.
fn expect_at_once(lab: &Lab, cli: Cli, scenario: &str, expected: &Expected) -> Found {
    match cli {
        Cli::Opencode => {
            expect_failure(lab, cli, scenario, PATIENCE, expected);
            Found::WorksSo("it retries for 85 s by itself: ended after `retry_patience_secs`")
        }
        Cli::Claude | Cli::Codex | Cli::Gemini => {
            expect_failure(lab, cli, scenario, 0, expected);
            Found::Works
        }
    }
}

/// The one that opencode is given all its time for.
pub fn rate_limit(lab: &Lab, cli: Cli) -> Found {
    let expected = Expected { category: "short_rate_limit", label: "rate limit" };
    expect_failure(lab, cli, "429", 0, &expected);
    Found::Works
}

// 30-S14
pub fn usage_limit(lab: &Lab, cli: Cli) -> Found {
    let expected = Expected { category: "usage_limit", label: "usage limit, resets in " };
    let patience = if cli == Cli::Opencode { PATIENCE } else { 0 };
    let record = expect_failure(lab, cli, "usagelimit", patience, &expected);
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let left = time(&record["evidence"]["reset_at"]).duration_since(time(&record["ended_at"])).as_mins();
    // Two hours from the request; Codex names a clock time without seconds.
    assert!((110..=120).contains(&left), "{left}: {record:#}");
    let events = status_events(lab);
    assert_eq!(events.last().unwrap()["event_type"], "benched", "{events:#?}");
    // A clock time without seconds lasts to the end of its minute.
    let (benched, told) = (time(&events.last().unwrap()["reset_at"]), time(&record["evidence"]["reset_at"]));
    assert!((0..60).contains(&benched.duration_since(told).as_secs()), "{events:#?}");
    Found::Works
}

/// Neither tries nor failed runs are used up, and yet there is one attempt: nobody else is there. What has
/// not been done is done once the key is right.
pub fn not_authenticated(lab: &Lab, cli: Cli) -> Found {
    let expected = Expected { category: "auth_or_proxy", label: "auth/proxy error" };
    let settings = Settings { tries: 3, failed_runs: 3, ..Settings::default() };
    let (record, done) = expect_failure_with(lab, cli, "401", &settings, &expected);
    assert_eq!(record["attempt_number"], 1, "{record:#}");
    let asked = lab.mock.turns("401");
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert!(done.stdout.contains("all agents unavailable"), "{done:#?}");
    let relay = lab.sandbox.records(".rally/state/relays.jsonl").pop().unwrap();
    assert!(relay["ended_at"].is_null() && relay["completed_iterations"] == 0, "{relay:#}");
    assert_eq!(status_events(lab), [] as [Value; 0], "a wrong key is no reason to wait");
    let done = lab.run(resumed_relay(lab)).expect_code(0);
    let [_, second] = tries(lab, &done);
    assert_eq!(second["completed"], true, "{second:#}");
    assert!(done.stdout.ends_with("Relay complete.\n"), "{done:#?}");
    Found::Works
}

pub fn no_such_model(lab: &Lab, cli: Cli) -> Found {
    let expected = Expected { category: "invalid_model", label: "invalid model" };
    expect_failure(lab, cli, "404", 0, &expected);
    Found::Works
}

pub fn server_error(lab: &Lab, cli: Cli) -> Found {
    if cli == Cli::Codex {
        // All that it tells of a 500, the server's own words left out.
        let expected = Expected { category: "provider_overloaded", label: "experiencing high demand" };
        expect_failure(lab, cli, "500", 0, &expected);
        return Found::WorksSo(
            "it calls every 500 \"high demand\", so it is recorded as `provider_overloaded`",
        );
    }
    expect_at_once(lab, cli, "500", &Expected { category: "transient_infra", label: "infra error" })
}

pub fn overloaded(lab: &Lab, cli: Cli) -> Found {
    expect_at_once(
        lab,
        cli,
        "529",
        &Expected { category: "provider_overloaded", label: "provider overloaded" },
    )
}

/// Codex waits for the network for ever.
pub fn server_down(lab: &Lab, cli: Cli) -> Found {
    let expected = Expected { category: "transient_infra", label: "infra error" };
    if cli == Cli::Codex {
        expect_failure(lab, cli, "refused", PATIENCE, &expected);
        return Found::WorksSo("it waits for ever by itself: ended after `retry_patience_secs`");
    }
    expect_at_once(lab, cli, "refused", &expected)
}
