//! Samples of every kind of failure, and what they prove.

use std::time::Duration;

use super::*;
use crate::model::FailureClass;

fn now() -> Timestamp {
    "2026-11-22T11:00:00Z".parse().unwrap()
}

fn verdict(lines: &[&str]) -> Evidence {
    let log_tail: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    let observation =
        Observation { exit: Some(Exit::Code(1)), log_tail: &log_tail, ..Observation::default() };
    classify(&observation, now(), &TimeZone::UTC)
}

// 20-AF-CF-02
#[test]
fn rate_limits_are_waited_out() {
    for (line, wait) in [
        ("error: rate limit reached for this API key", 60),
        ("HTTP 429: Too Many Requests - please slow down", 60),
        ("rate limit exceeded, retry-after: 120", 120),
        ("rate limit exceeded, retry after 5 minutes", 300),
        ("rate limit exceeded, retry after 58500ms", 58),
    ] {
        let evidence = verdict(&[line]);
        assert_eq!(evidence.category, Some(Category::ShortRateLimit), "{line}");
        assert_eq!(evidence.retry_after.map(|wait| wait.as_secs()), Some(wait), "{line}");
    }
    let evidence = verdict(&["error: too many requests", "Retry-After: 7", "giving up"]);
    assert_eq!(evidence.retry_after, Some(Duration::from_secs(7)));
}

// 20-AF-CF-03; deviation: no invented 120 s, the reset is known or it is not
#[test]
fn usage_limits_belong_to_the_account() {
    let evidence = verdict(&["You've hit your usage limit. Upgrade to Pro."]);
    assert_eq!(evidence.category, Some(Category::UsageLimit));
    assert_eq!(evidence.category.unwrap().class(), FailureClass::Agent);
    assert_eq!(evidence.reset_at, None);
    let evidence = verdict(&["usage limit reached, resets in 96h"]);
    assert_eq!(evidence.reset_at, Some("2026-11-26T11:00:00Z".parse().unwrap()));
}

// 20-AF-CF-04
#[test]
fn launch_errors_in_words() {
    for (line, cause) in [
        ("fork/exec /usr/bin/claude: argument list too long", "prompt_too_long"),
        ("error: argument list too long when spawning process", "prompt_too_long"),
        ("fork/exec /usr/local/bin/agent: permission denied", "bad_executable"),
        ("exec format error: cannot run binary", "bad_executable"),
        ("exec: \"claude\": executable file not found in $PATH", "missing_program"),
        ("./agent: 3: exec: nonesuch: not found", "missing_program"),
    ] {
        let evidence = verdict(&[line]);
        assert_eq!(evidence.category, Some(Category::HarnessLaunch), "{line}");
        assert_eq!(evidence.cause.as_deref(), Some(cause), "{line}");
    }
}

// 20-AF-CF-05; deviation: "stall detected" is a typed cause here, not words in a log
#[test]
fn infrastructure_in_words() {
    for line in [
        "API call failed: request timed out after 30s",
        "error: context deadline exceeded",
        "grpc: deadline exceeded waiting for response",
        "dial tcp 127.0.0.1:8080: connection refused",
        "read tcp: connection reset by peer",
        "dial tcp: network is unreachable",
        "dial tcp: no route to host",
        "net/http: TLS handshake timeout",
        "x509: certificate verify failed",
        "HTTP 500 Internal Server Error from API",
        "error: 502 Bad Gateway",
        "error: 503 Service Unavailable",
        "error: 504 Gateway Timeout",
    ] {
        assert_eq!(verdict(&[line]).category, Some(Category::TransientInfra), "{line}");
    }
}

// 20-AF-CF-08 (deviation, decided: no words turn a failure into a success), 20-AF-CF-09, 20-AF-CF-11, 20-AF-CF-19
#[test]
fn everything_else_is_unidentified() {
    for lines in [
        &["warning: limit warning reached", "completion generated"][..],
        &["error: API bad request from provider"],
        &["added a rate-limit middleware"],
        &["something went wrong"],
        &["write failed: Disk quota exceeded (os error 122)"],
        &["wrote 429 lines", "handled 529 files"],
        &[],
    ] {
        let evidence = verdict(lines);
        assert_eq!(evidence.category, Some(Category::UnidentifiedIssue), "{lines:?}");
        assert!(!evidence.message.is_empty() && !evidence.source.is_empty());
    }
    assert_eq!(verdict(&["a", "the last words"]).message, "the last words");
    assert_eq!(verdict(&[]).message, "exit code 1 and not a word why");
    assert!(verdict(&[&"x".repeat(5000)]).message.chars().count() <= brief::MESSAGE_LIMIT);
}

// 20-AF-CF-12, 20-AF-CF-19
#[test]
fn typed_evidence_beats_words_and_is_not_changed() {
    let reported = Evidence::new("stream", Some(Category::UsageLimit), "told by the provider");
    let tail = ["fork/exec /usr/bin/claude: nope".to_owned()];
    let observation = Observation { reported: Some(&reported), log_tail: &tail, ..Observation::default() };
    assert_eq!(classify(&observation, now(), &TimeZone::UTC), reported);
}

// 20-AF-CF-13
#[test]
fn typed_evidence_without_a_category_falls_through() {
    let reported = Evidence::new("stream", None, "ended without a result");
    let tail = ["connection refused".to_owned()];
    let words = Observation { reported: Some(&reported), log_tail: &tail, ..Observation::default() };
    assert_eq!(classify(&words, now(), &TimeZone::UTC).category, Some(Category::TransientInfra));
    let silent = Observation { log_tail: &[], ..words };
    let evidence = classify(&silent, now(), &TimeZone::UTC);
    assert_eq!(evidence.category, Some(Category::UnidentifiedIssue));
    assert_eq!(evidence.message, "ended without a result");
}

#[test]
fn programs_that_did_not_start() {
    let spawn =
        Evidence::new("spawn", Some(Category::HarnessLaunch), "not found").with_cause("missing_program");
    let observation = Observation { spawn: Some(&spawn), ..Observation::default() };
    let evidence = classify(&observation, now(), &TimeZone::UTC);
    assert_eq!(evidence.category, Some(Category::HarnessLaunch));
    assert_eq!(evidence.cause.as_deref(), Some("missing_program"));
}

// 50-R26
#[test]
fn signals() {
    let cases =
        [(9, true, "oom", Category::TransientInfra), (9, false, "signal", Category::UnidentifiedIssue)];
    for (signal, oom, cause, category) in cases {
        let observation = Observation { exit: Some(Exit::Signal(signal)), oom, ..Observation::default() };
        let evidence = classify(&observation, now(), &TimeZone::UTC);
        assert_eq!((evidence.cause.as_deref(), evidence.category), (Some(cause), Some(category)));
    }
    let crashed = Observation { exit: Some(Exit::Signal(11)), oom: true, ..Observation::default() };
    assert_eq!(classify(&crashed, now(), &TimeZone::UTC).cause.as_deref(), Some("signal"));
}

#[test]
fn who_ends_well_without_a_result_is_told_so() {
    let reported = Evidence::new("stream", None, "claude ended without telling a result");
    let log_tail = ["DONE: the file is there.".to_owned()];
    let observation = Observation {
        reported: Some(&reported),
        exit: Some(Exit::Code(0)),
        log_tail: &log_tail,
        ..Observation::default()
    };
    let evidence = classify(&observation, Timestamp::UNIX_EPOCH, &TimeZone::UTC);
    let expected = "claude ended without telling a result; its last words: DONE: the file is there.";
    assert_eq!(evidence.message, expected);
    assert_eq!(evidence.category, Some(Category::UnidentifiedIssue));
}
