//! The provider refuses, or is not there: one record with the category, its reason on the screen.

use serde_json::Value;

use super::{Settings, footer, initialise, new_relay, tries};
use crate::cli::Cli;
use crate::lab::Lab;
use crate::matrix::Found;

/// Runs a relay that fails: one record, with this category, its reason in the footer.
fn expect_failure(lab: &Lab, cli: Cli, scenario: &str, settings: &Settings, category: &str, label: &str) -> Value {
    initialise(lab, settings);
    let done = lab.run(new_relay(lab, cli, scenario, "Create MAKEFILE(never.txt|)")).expect_code(1);
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], false, "{record:#}");
    assert_eq!(record["outcome"], "failed", "{record:#}");
    assert_eq!(record["category"], category, "{record:#}\n{done:#?}");
    let footer = footer(&done, "✗ failed");
    let reason = record["fail_reason"].as_str().unwrap();
    assert!(footer.contains(label) && reason.contains(label), "{footer}\n{record:#}");
    assert!(!done.stdout.contains("Relay complete"), "{done:#?}");
    assert!(scenario == "refused" || !lab.mock.turns(scenario).is_empty());
    record
}

fn expect(lab: &Lab, cli: Cli, scenario: &str, category: &str, label: &str) -> Found {
    expect_failure(lab, cli, scenario, &Settings::default(), category, label);
    Found::Works
}

pub fn rate_limit(lab: &Lab, cli: Cli) -> Found {
    expect(lab, cli, "429", "short_rate_limit", "rate limit")
}

pub fn not_authenticated(lab: &Lab, cli: Cli) -> Found {
    expect(lab, cli, "401", "auth_or_proxy", "auth/proxy error")
}

pub fn no_such_model(lab: &Lab, cli: Cli) -> Found {
    expect(lab, cli, "404", "invalid_model", "invalid model")
}

pub fn server_error(lab: &Lab, cli: Cli) -> Found {
    expect(lab, cli, "500", "transient_infra", "infra error")
}

pub fn overloaded(lab: &Lab, cli: Cli) -> Found {
    expect(lab, cli, "529", "provider_overloaded", "provider overloaded")
}

pub fn server_down(lab: &Lab, cli: Cli) -> Found {
    expect(lab, cli, "refused", "transient_infra", "infra error")
}

pub fn usage_limit(lab: &Lab, cli: Cli) -> Found {
    expect(lab, cli, "usagelimit", "usage_limit", "usage limit")
}
