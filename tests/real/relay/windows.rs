//! How full the windows of an account are: told by the CLI while it works, shown by `rally quota`, and heeded.

use serde_json::Value;

use super::{Settings, UNIQUE, course, initialise, mixed_relay, rally, tries};
use crate::cli::Cli;
use crate::lab::{Lab, lab};
use crate::mock::Windows;

/// The windows of a scope as the ledger has them.
fn told(lab: &Lab, scope: &str) -> Vec<Value> {
    let records = lab.sandbox.records(".rally/state/quota.jsonl");
    let newest = records.into_iter().rfind(|record| record["scope"] == scope);
    newest.unwrap_or_else(|| panic!("nothing of {scope}"))["windows"].as_array().unwrap().clone()
}

fn tells_its_windows(lab: &Lab, cli: Cli, names: [&str; 2]) {
    initialise(lab, &Settings::default());
    let done = lab.run(mixed_relay(lab, cli.alias(), 1, &[(cli, "window93")], UNIQUE)).expect_code(0);
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], true, "{record:#}");
    let windows = told(lab, cli.name());
    let Windows(expected) = Windows::new(93, lab.mock.resets_at());
    for (name, expected) in names.into_iter().zip(expected) {
        let window = windows.iter().find(|window| window["name"] == name);
        let window = window.unwrap_or_else(|| panic!("no {name}: {windows:#?}"));
        let used = window["used"].as_f64().unwrap();
        assert!((used - expected.percent / 100.0).abs() < 0.001, "{windows:#?}");
        assert_eq!(window["minutes"], expected.minutes, "{windows:#?}");
        let resets_at: jiff::Timestamp = window["resets_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(resets_at.as_second(), i64::try_from(expected.resets_at).unwrap(), "{windows:#?}");
        assert_ne!(window["rejected"], true, "{windows:#?}");
    }
    let json = lab.run(rally(lab, "ok", "quota", &["quota", "--json"])).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    for part in [cli.name(), names[0], names[1], "0.93", "0.465"] {
        assert!(json.to_string().contains(part), "no {part}: {json:#}");
    }
    let shown = lab.run(rally(lab, "ok", "quota", &["quota"])).expect_code(0).stdout;
    assert!(shown.contains(cli.name()) && shown.contains("93"), "{shown}");
}

#[test]
#[ignore = "needs the ledger"]
fn claude_tells_its_windows() {
    lab(&[Cli::Claude], |lab| tells_its_windows(lab, Cli::Claude, ["five_hour", "seven_day"]));
}

#[test]
#[ignore = "needs the ledger"]
fn codex_tells_its_windows() {
    lab(&[Cli::Codex], |lab| tells_its_windows(lab, Cli::Codex, ["primary", "secondary"]));
}

/// The run that used up the window succeeded; nobody was refused anything, and yet there is no second one.
fn is_not_launched_into(lab: &Lab, full: Cli, other: Cli) {
    initialise(lab, &Settings::default());
    let scenes = [(full, "window100"), (other, "ok")];
    let mix = format!("{} {}", full.alias(), other.alias());
    let done = lab.run(mixed_relay(lab, &mix, 3, &scenes, UNIQUE)).expect_code(0);
    let records: [Value; 3] = tries(lab, &done);
    let [first, second] = [full, other].map(Cli::name);
    assert_eq!(course(&records), [(first, true), (second, true), (second, true)]);
    assert_eq!(lab.mock.turns(first).len(), 2, "{done:#?}");

    // Nor in the next pass.
    let done = lab.run(mixed_relay(lab, &mix, 1, &scenes, UNIQUE)).expect_code(0);
    let records: [Value; 4] = tries(lab, &done);
    assert_eq!(course(&records[3..]), [(second, true)]);
    assert_eq!(lab.mock.turns(first).len(), 2, "{done:#?}");
}

#[test]
#[ignore = "needs the ledger"]
fn claude_is_not_launched_into_a_full_window() {
    lab(&[Cli::Claude, Cli::Codex], |lab| is_not_launched_into(lab, Cli::Claude, Cli::Codex));
}

#[test]
#[ignore = "needs the ledger"]
fn codex_is_not_launched_into_a_full_window() {
    lab(&[Cli::Codex, Cli::Claude], |lab| is_not_launched_into(lab, Cli::Codex, Cli::Claude));
}

/// A refused request says it, too.
#[test]
#[ignore = "needs the ledger"]
fn a_window_that_takes_no_more_is_known_as_such() {
    lab(&[Cli::Claude, Cli::Codex], |lab| {
        initialise(lab, &Settings::default());
        let scenes = [(Cli::Claude, "usagelimit"), (Cli::Codex, "ok")];
        lab.run(mixed_relay(lab, "cc cx", 1, &scenes, UNIQUE)).expect_code(0);
        let windows = told(lab, "claude");
        let window = windows.iter().find(|window| window["name"] == "five_hour").unwrap();
        assert_eq!(window["rejected"], true, "{windows:#?}");
    });
}
