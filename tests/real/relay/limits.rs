//! A quota that is used up: whoever draws from it is left alone until it is back, and the next runner works on
//! at once.

use std::path::Path;

use serde_json::Value;

use super::{
    Settings, UNIQUE, course, footer, initialise, mixed_relay, rally, relay_log, status_events, tries,
};
use crate::cli::{Cli, aim_opencode};
use crate::lab::{Done, Lab, lab};

// 30-S14
#[test]
fn claude_out_of_quota_makes_way_for_codex() {
    lab(&[Cli::Claude, Cli::Codex], |lab| {
        makes_way(lab, Cli::Claude, [Cli::Claude.model(), "claude-sonnet-4-5"], Cli::Codex);
    });
}

#[test]
fn codex_out_of_quota_makes_way_for_claude() {
    lab(&[Cli::Codex, Cli::Claude], |lab| {
        makes_way(lab, Cli::Codex, [Cli::Codex.model(), "gpt-5.4"], Cli::Claude);
    });
}

/// Three entries, of which the first two draw from one quota that is used up; two runs.
fn makes_way(lab: &Lab, limited: Cli, models: [&str; 2], other: Cli) {
    // One failed run would end the pass, if this counted.
    initialise(lab, &Settings { tries: 3, failed_runs: 1, ..Settings::default() });
    let scenes = [(limited, "usagelimit"), (other, "ok")];
    let mix = format!("{0} {0}:{1} {2}", limited.alias(), models[1], other.alias());
    let done = lab.run(mixed_relay(lab, &mix, 2, &scenes, UNIQUE)).expect_code(0);
    let records: [Value; 3] = tries(lab, &done);
    let [first, second] = [limited, other].map(Cli::name);
    assert_eq!(course(&records), [(first, false), (second, true), (second, true)]);
    expect_one_attempt(&records[0], &done);
    assert_eq!(lab.mock.turns(first).len(), 1, "{done:#?}");
    assert_eq!(lab.mock.turns(second).len(), 4, "{done:#?}");
    expect_benched(lab, limited.name(), &models.map(|model| (first, model)));

    // Nor in the next pass.
    let done = lab.run(mixed_relay(lab, &mix, 1, &scenes, UNIQUE)).expect_code(0);
    let records: [Value; 4] = tries(lab, &done);
    assert_eq!(course(&records[3..]), [(second, true)]);
    assert_eq!(lab.mock.turns(first).len(), 1, "{done:#?}");
}

/// opencode asks again by itself first, as soon as the answer allows.
#[test]
fn opencode_out_of_quota_makes_way_for_its_other_provider() {
    lab(&[Cli::Opencode], |lab| {
        initialise(lab, &Settings { tries: 3, failed_runs: 1, ..Settings::default() });
        let args = ["relay", "--new", "--iterations", "2", "--agent", "op op:mock/m1 op:spare/m1", UNIQUE];
        let command = rally(lab, "ok", "others", &args);
        let [empty, spare] =
            [("usagelimit-ra1", "empty"), ("ok", "spare")].map(|(s, id)| lab.mock.url(s, id));
        aim_opencode(&lab.sandbox, &[("mock", &empty), ("spare", &spare)]);
        let done = lab.run(command).expect_code(0);
        let records: [Value; 3] = tries(lab, &done);
        let models = records.each_ref().map(|record| record["model"].as_str().unwrap());
        assert_eq!(models, ["mock/m2", "spare/m1", "spare/m1"], "{records:#?}");
        assert_eq!(course(&records), [("opencode", false), ("opencode", true), ("opencode", true)]);
        expect_one_attempt(&records[0], &done);
        assert!(lab.mock.turns("empty").len() > 1, "its own retries");
        assert_eq!(lab.mock.turns("spare").len(), 4, "{done:#?}");
        expect_benched(lab, "opencode:mock", &["mock/m2", "mock/m1"].map(|model| ("opencode", model)));
    });
}

// 20-AF-OC-28
/// With the month's limit the provider's `retry-after` is four days, which opencode sleeps through: silent, with its
/// connection open. What it was refused for stands in its log.
#[test]
fn opencode_that_waits_in_silence_for_its_month_is_found_and_makes_way() {
    lab(&[Cli::Opencode], |lab| {
        let more = "freeze_threshold_secs = 8\nnetwork_silence_secs = 8";
        // Its own retries are nobody's business here.
        initialise(lab, &Settings { tries: 3, patience: 600, more, ..Settings::default() });
        let args = ["relay", "--new", "--iterations", "1", "--agent", "op op:spare/m1", UNIQUE];
        let command = rally(lab, "ok", "others", &args);
        let [month, spare] = [("monthlylimit", "month"), ("ok", "spare")].map(|(s, id)| lab.mock.url(s, id));
        aim_opencode(&lab.sandbox, &[("mock", &month), ("spare", &spare)]);
        let done = lab.run(command).expect_code(0);
        let records: [Value; 2] = tries(lab, &done);
        assert_eq!(course(&records), [("opencode", false), ("opencode", true)]);
        let limited = &records[0];
        assert_eq!(limited["category"], "usage_limit", "{limited:#}\n{done:#?}");
        let reason = limited["fail_reason"].as_str().unwrap();
        let shown = regex::Regex::new(r"^usage limit, resets in 9[56]h\d{1,2}m$").unwrap();
        assert!(shown.is_match(reason), "{limited:#}");
        assert!(footer(&done, "✗ failed").contains(reason), "{done:#?}");
        assert!(done.stdout.contains("❄ frozen"), "{done:#?}");
        let log = relay_log(lab);
        let connected = |line: &str| line.contains("freeze detected: ") && line.contains(" dry for ");
        assert!(log.lines().any(connected), "{log}");
        let netstat = Path::new(limited["log_path"].as_str().unwrap()).with_extension("netstat.jsonl");
        let last: Value =
            serde_json::from_str(std::fs::read_to_string(netstat).unwrap().lines().last().unwrap()).unwrap();
        assert!(last["connections"].as_u64() > Some(0), "{last}");
        let events = status_events(lab);
        let [benched] = &events[..] else { panic!("{events:#?}") };
        assert_eq!(
            (&benched["event_type"], &benched["quota_scope"]),
            (&"benched".into(), &"opencode:mock".into())
        );
        let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let left = time(&benched["reset_at"]).duration_since(time(&limited["ended_at"])).as_mins();
        assert!((95 * 60..=96 * 60).contains(&left), "{left}: {events:#?}");
    });
}

/// The limit took one attempt, and nobody waited for it.
fn expect_one_attempt(record: &Value, done: &Done) {
    assert_eq!(record["outcome"], "failed", "{record:#}");
    assert_eq!(record["category"], "usage_limit", "{record:#}\n{done:#?}");
    assert_eq!(record["attempt_number"], 1, "{record:#}");
    assert!(!done.stdout.contains("waiting") && !done.stdout.contains("retrying"), "{done:#?}");
    assert!(done.stdout.ends_with("Relay complete.\n"), "{done:#?}");
}

/// These, the one that met the limit first, are benched until the quota is back, and nothing else happened to anybody.
fn expect_benched(lab: &Lab, scope: &str, runners: &[(&str, &str)]) {
    let events = status_events(lab);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let who: Vec<_> =
        events.iter().map(|event| (text(&event["agent_type"]), text(&event["model"]))).collect();
    assert_eq!(who, runners.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>());
    for event in &events {
        assert_eq!(event["event_type"], "benched", "{events:#?}");
        assert_eq!(event["quota_scope"], scope, "{events:#?}");
        let reset: jiff::Timestamp = event["reset_at"].as_str().unwrap().parse().unwrap();
        let late = reset.as_second() - i64::try_from(lab.mock.resets_at()).unwrap();
        // Codex tells a clock time, which lasts to the end of its minute; opencode whole minutes from now.
        assert!((-60..60).contains(&late), "{late}: {events:#?}");
    }
}
