//! How full the windows of an account are: told by the CLI while it works, shown by `rally quota`, and heeded.

use serde_json::{Value, json};

use super::{Settings, UNIQUE, course, initialise, mixed_relay, rally, tries};
use crate::cli::Cli;
use crate::lab::{Lab, lab};
use crate::mock::Windows;

/// The windows of a scope, as `rally quota` has them: how long, how much is used, and when they begin anew.
fn told(lab: &Lab, scope: &str) -> Vec<Value> {
    let json = lab.run(rally(lab, "ok", "quota", &["quota", "--json"])).expect_code(0).stdout;
    let report: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    let mut scopes = report["scopes"].as_array().unwrap().iter();
    let found = scopes.find(|known| known["scope"] == scope);
    found.unwrap_or_else(|| panic!("nothing of {scope}: {report:#}"))["windows"].as_array().unwrap().clone()
}

fn tells_its_windows(lab: &Lab, cli: Cli) {
    initialise(lab, &Settings::default());
    let done = lab.run(mixed_relay(lab, cli.alias(), 1, &[(cli, "window93")], UNIQUE)).expect_code(0);
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], true, "{record:#}");
    let windows = told(lab, cli.name());
    let Windows(expected) = Windows::new(93, lab.mock.resets_at());
    assert_eq!(windows.len(), expected.len(), "{windows:#?}");
    for expected in expected {
        let window = windows.iter().find(|window| window["minutes"] == expected.minutes);
        let window = window.unwrap_or_else(|| panic!("no {expected:?}: {windows:#?}"));
        let used = window["used"].as_f64().unwrap();
        assert!((used - expected.percent / 100.0).abs() < 0.001, "{windows:#?}");
        let resets_at: jiff::Timestamp = window["resets_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(resets_at.as_second(), i64::try_from(expected.resets_at).unwrap(), "{windows:#?}");
        assert_eq!(window["rejected"], false, "{windows:#?}");
        assert_eq!(window["told_by"], cli.name(), "{windows:#?}");
    }
    let shown = lab.run(rally(lab, "ok", "quota", &["quota"])).expect_code(0).stdout;
    assert!(shown.contains(cli.name()) && shown.contains("93 %"), "{shown}");
}

#[test]
fn claude_tells_its_windows() {
    lab(&[Cli::Claude], |lab| tells_its_windows(lab, Cli::Claude));
}

#[test]
fn codex_tells_its_windows() {
    lab(&[Cli::Codex], |lab| tells_its_windows(lab, Cli::Codex));
}

// 50-R24
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
fn claude_is_not_launched_into_a_full_window() {
    lab(&[Cli::Claude, Cli::Codex], |lab| is_not_launched_into(lab, Cli::Claude, Cli::Codex));
}

#[test]
fn codex_is_not_launched_into_a_full_window() {
    lab(&[Cli::Codex, Cli::Claude], |lab| is_not_launched_into(lab, Cli::Codex, Cli::Claude));
}

/// A refused request says it, too.
fn tells_of_a_full_window(lab: &Lab, cli: Cli, other: Cli) {
    initialise(lab, &Settings::default());
    let mix = format!("{} {}", cli.alias(), other.alias());
    lab.run(mixed_relay(lab, &mix, 1, &[(cli, "usagelimit"), (other, "ok")], UNIQUE)).expect_code(0);
    let windows = told(lab, cli.name());
    let window = windows.iter().find(|window| window["minutes"] == 300).unwrap();
    assert_eq!((&window["rejected"], &window["used_up"]), (&json!(true), &json!(true)), "{windows:#?}");
}

#[test]
fn claude_tells_of_a_full_window() {
    lab(&[Cli::Claude, Cli::Codex], |lab| tells_of_a_full_window(lab, Cli::Claude, Cli::Codex));
}

#[test]
fn codex_tells_of_a_full_window() {
    lab(&[Cli::Codex, Cli::Claude], |lab| tells_of_a_full_window(lab, Cli::Codex, Cli::Claude));
}
