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

// 20-AF-CF-02: a limit of hours is no short one, whatever it calls itself; deviation: the earlier program
// slept through it
#[test]
fn rate_limits_of_hours_belong_to_the_account() {
    for (lines, reset) in [
        (
            &["Sorry, you've hit a rate limit. Please try again in 58 hours."][..],
            Some("2026-11-24T21:00:00Z"),
        ),
        (&["too many requests", "Retry-After: 7200"], Some("2026-11-22T13:00:00Z")),
        (&["You've reached your weekly rate limit, resets in 30h"], Some("2026-11-23T17:00:00Z")),
        (&["been rate-limited, wait 2 minutes", "exceeded your weekly rate limit"], None),
    ] {
        let evidence = verdict(lines);
        assert_eq!(evidence.category, Some(Category::UsageLimit), "{lines:?}");
        assert_eq!(evidence.reset_at, reset.map(|at| at.parse().unwrap()), "{lines:?}");
        assert_eq!(evidence.retry_after, None, "{lines:?}");
    }
    let short = verdict(&["you have been rate-limited, please wait 2 minutes before trying again"]);
    assert_eq!(short.category, Some(Category::ShortRateLimit));
    assert_eq!(short.retry_after, Some(Duration::from_secs(120)));
}

#[test]
fn what_must_be_waited_has_a_wait() {
    for (category, wait) in [
        (Category::ShortRateLimit, Some(60)),
        (Category::ProviderOverloaded, Some(30)),
        (Category::TransientInfra, None),
        (Category::UsageLimit, None),
    ] {
        let reported = Evidence::new("stream", Some(category), "told");
        let observation = Observation { reported: Some(&reported), ..Observation::default() };
        let evidence = classify(&observation, now(), &TimeZone::UTC);
        assert_eq!(evidence.retry_after, wait.map(Duration::from_secs), "{}", category.label());
    }
}

#[test]
fn memory_that_ran_out_in_words() {
    let evidence = verdict(&[
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "at x",
    ]);
    assert_eq!(evidence.category, Some(Category::TransientInfra));
    assert_eq!(evidence.cause.as_deref(), Some("oom"));
}

// A tool that an agent runs may fail to start a program, too: only what stands alone on its line counts.
#[test]
fn programs_of_the_agent_are_not_the_agent() {
    for line in [
        "  Error: spawn E2BIG in the test of spawn()",
        "expected `spawn codex ENOENT` to be printed",
        "Error: ENOENT: no such file or directory, open 'x'",
        "EACCES: permission denied, mkdir '/x'",
        "test spawn_eperm ... FAILED",
        "the server overload test failed",
        "unable to connect to the test database",
        "weekly limit of the report is reached",
    ] {
        let evidence = verdict(&[line]);
        assert_eq!(evidence.category, Some(Category::UnidentifiedIssue), "{line}");
    }
}

// 20-AF-CF-14, 20-AF-CF-15, 20-AF-CF-18: the class follows from the category, however that was found
#[test]
fn words_blame_whom_their_category_blames() {
    for (line, class) in [
        ("connection refused", FailureClass::Infra),
        ("rate limit", FailureClass::Infra),
        ("fork/exec: no", FailureClass::Infra),
        ("HTTP 529: Overloaded", FailureClass::Infra),
        ("context deadline exceeded", FailureClass::Infra),
        ("read tcp: connection reset by peer", FailureClass::Infra),
        ("usage limit", FailureClass::Agent),
        ("nobody knows", FailureClass::Agent),
    ] {
        let evidence = verdict(&[line]);
        assert_eq!(evidence.category.unwrap().class(), class, "{line}");
    }
    assert_eq!(verdict(&["connection refused"]).category.unwrap().label(), "infra error");
}

// 20-AF-CF-16, 20-AF-CF-18: nothing here looks at the workspace, so neither a dirty nor a clean tree changes
// what was reported. 20-AF-CF-10 (deviation: work without an end is an outcome of its own, decided in the relay)
#[test]
fn what_was_reported_stands_whatever_the_log_says() {
    for category in [Category::UsageLimit, Category::InvalidModel, Category::AuthOrProxy] {
        let reported = Evidence::new("stream", Some(category), "told");
        let tail = ["connection refused".to_owned(), "rate limit".to_owned()];
        let observation =
            Observation { reported: Some(&reported), log_tail: &tail, ..Observation::default() };
        let evidence = classify(&observation, now(), &TimeZone::UTC);
        assert_eq!((evidence.category, evidence.retry_after), (Some(category), None));
    }
}

// 20-AF-CF-19: every way to a verdict names its source and says something short. Deviations: the sources are rally's
// own names; there is one bounded message instead of a message and a raw signal
#[test]
fn every_way_names_its_source() {
    let long = "x".repeat(5000);
    let reported = Evidence::new("codex_session_log", Some(Category::AgentError), "kept as it is");
    let spawn = Evidence::new("spawn", Some(Category::HarnessLaunch), "not found");
    let (words, nothing) = ([format!("connection refused {long}")], [long.clone()]);
    let exit = Some(Exit::Code(1));
    for (observation, source) in [
        (Observation { reported: Some(&reported), ..Observation::default() }, "codex_session_log"),
        (Observation { spawn: Some(&spawn), ..Observation::default() }, "spawn"),
        (Observation { log_tail: &words, exit, ..Observation::default() }, "text"),
        (Observation { log_tail: &nothing, exit, ..Observation::default() }, "text"),
        (Observation { exit, ..Observation::default() }, "exit"),
        (Observation::default(), "exit"),
    ] {
        let evidence = classify(&observation, now(), &TimeZone::UTC);
        assert_eq!(evidence.source, source);
        assert!((1..=brief::MESSAGE_LIMIT).contains(&evidence.message.chars().count()), "{evidence:?}");
    }
    assert_eq!(reported.message, "kept as it is");
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
