//! The recordings, and what the CLI could do to them.

use std::time::Duration;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::executor::final_text::NO_SUMMARY;
use crate::executor::lines::LINE_CAP;
use crate::executor::playing::{self, category};
use crate::executor::{Parser, Stream};

fn now() -> Timestamp {
    "2026-11-22T20:00:00Z".parse().unwrap()
}

fn recording(name: &str) -> Vec<u8> {
    playing::recording("gemini", name)
}

fn played(stdout: &[u8], stderr: &[u8], exit: Option<Exit>, chunk: usize) -> (Report, Vec<AgentEvent>) {
    let pieces = [(Stream::Stdout, stdout), (Stream::Stderr, stderr)];
    playing::play(GeminiParser::default(), &pieces, exit, chunk, now())
}

fn report(stdout: impl AsRef<[u8]>, code: i32) -> Report {
    played(stdout.as_ref(), b"", Some(Exit::Code(code)), usize::MAX).0
}

fn complaint(stderr: impl AsRef<[u8]>, code: i32) -> Report {
    played(b"", stderr.as_ref(), Some(Exit::Code(code)), usize::MAX).0
}

fn init(session: &str) -> String {
    format!(
        r#"{{"type":"init","timestamp":"2026-11-22T20:00:00.000Z","session_id":"{session}","model":"m"}}"#
    ) + "\n"
}

fn said(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(
        r#"{{"type":"message","timestamp":"2026-11-22T20:00:00.000Z","role":"assistant","content":{text},"delta":true}}"#
    ) + "\n"
}

fn error(severity: &str, message: &str) -> String {
    format!(
        r#"{{"type":"error","timestamp":"2026-11-22T20:00:00.000Z","severity":"{severity}","message":"{message}"}}"#
    ) + "\n"
}

fn result(tools: u64) -> String {
    format!(
        r#"{{"type":"result","timestamp":"2026-11-22T20:00:00.000Z","status":"success","stats":{{"tool_calls":{tools}}}}}"#
    ) + "\n"
}

/// The result of a request that failed with these words.
fn refused(message: &str) -> String {
    let message = serde_json::to_string(message).unwrap();
    format!(
        r#"{{"type":"result","timestamp":"2026-11-22T20:00:00.000Z","status":"error","error":{{"type":"unknown","message":{message}}}}}"#
    ) + "\n"
}

/// A whole run that answers this.
fn answered(answer: &str, tools: u64) -> String {
    init("s") + &said(answer) + &result(tools)
}

#[test]
fn a_run_that_went_well() {
    let (report, events) =
        played(&recording("tool.jsonl"), &recording("tool.stderr"), Some(Exit::Code(0)), usize::MAX);
    let session = "e515ee55-b954-40b3-bfb0-a9ed6e079733";
    assert_eq!(
        report,
        Report {
            completed: true,
            summary: Some("DONE: the file is there.".into()),
            session_id: Some(session.into()),
            tool_calls: Some(1),
            usage: Some(Counted::ThisTry(Usage {
                input_tokens: 1335,
                cached_input_tokens: 2367,
                output_tokens: 168,
                reasoning_tokens: 0
            })),
            ended: true,
            ..Report::default()
        }
    );
    assert_eq!(
        events,
        [
            AgentEvent::Session(session.into()),
            AgentEvent::TurnStarted,
            AgentEvent::ToolStarted("write_file".into()),
            AgentEvent::ToolEnded,
            AgentEvent::Text,
            AgentEvent::End,
        ]
    );
}

#[test]
fn a_resumed_session_counts_its_own_tokens_alone() {
    let (first, second) = (report(recording("resume1.jsonl"), 0), report(recording("resume2.jsonl"), 0));
    assert_eq!(first.session_id, second.session_id);
    assert_eq!(first.usage, second.usage);
    assert_eq!(second.summary.as_deref(), Some("RECALL:zebra7"));
}

#[test]
fn thinking_is_what_the_total_has_beyond_the_rest() {
    let Some(Counted::ThisTry(usage)) = report(recording("thoughts.jsonl"), 0).usage else { panic!() };
    assert_eq!((usage.output_tokens, usage.reasoning_tokens), (56 + 30, 30));
    assert_eq!((usage.input_tokens, usage.cached_input_tokens), (445, 789));
}

#[test]
fn failed_requests_by_words_and_exit_code() {
    let cases = [
        ("fail-400.jsonl", 144, Category::AgentError, "An internal error has occurred."),
        ("fail-401.jsonl", 145, Category::AuthOrProxy, "API key not valid."),
        ("fail-404.jsonl", 1, Category::InvalidModel, "is not found for API version"),
        ("fail-cut.jsonl", 1, Category::TransientInfra, "terminated"),
        ("fail-quota.jsonl", 173, Category::UsageLimit, "exhausted your daily quota"),
        ("long-429.jsonl", 173, Category::UsageLimit, "Resource has been exhausted"),
        ("retryinfo5.jsonl", 173, Category::ShortRateLimit, "Resource has been exhausted"),
        ("retryinfo7200.jsonl", 173, Category::UsageLimit, "Resource has been exhausted"),
        ("long-500.jsonl", 244, Category::TransientInfra, "An internal error has occurred."),
        ("fail-503.jsonl", 247, Category::ProviderOverloaded, "The model is overloaded."),
        ("torn.jsonl", 0, Category::TransientInfra, "without a finish reason"),
    ];
    for (name, code, expected, words) in cases {
        let report = report(recording(name), code);
        let evidence = report.evidence.clone().unwrap();
        assert!(!report.completed && report.ended, "{name}");
        assert_eq!(evidence.category, Some(expected), "{name}");
        assert_eq!(evidence.source, "stream");
        assert!(evidence.message.contains(words), "{name}: {}", evidence.message);
        assert!(!evidence.message.contains("[API Error"), "{name}: {}", evidence.message);
        assert!(report.summary.unwrap().contains(words), "{name}");
        assert!(report.session_id.is_some(), "{name}");
    }
    let short = report(recording("retryinfo5.jsonl"), 173).evidence.unwrap();
    assert_eq!(short.retry_after, Some(Duration::from_secs(5)));
    let long = report(recording("retryinfo7200.jsonl"), 173).evidence.unwrap();
    assert_eq!(long.reset_at, Some("2026-11-22T22:00:00Z".parse().unwrap()));
    // Words that say nothing: the exit code does.
    assert_eq!(category(&report(refused("[API Error: odd]"), 147)), Some(Category::AuthOrProxy));
    assert_eq!(category(&report(refused("[API Error: odd]"), 1)), Some(Category::AgentError));
}

#[test]
fn json_inside_a_string_of_json() {
    let body = r#"{"error":{"code":429,"message":"Quota for today. Please retry in 9s.","status":"RESOURCE_EXHAUSTED",
        "details":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}}"#;
    let outer = serde_json::json!({"error": {"message": body, "code": 429, "status": "Too Many Requests"}});
    let evidence = report(refused(&format!("[API Error: {outer}]")), 173).evidence.unwrap();
    assert_eq!(evidence.category, Some(Category::UsageLimit));
    assert_eq!(evidence.message, "Quota for today. Please retry in 9s.");
    let overloaded = body.replace("429", "503").replace("RESOURCE_EXHAUSTED", "ODD").replace("PerDay", "");
    let outer = serde_json::json!({"error": {"message": overloaded, "code": 200}});
    let evidence = report(refused(&format!("[API Error: {outer}]")), 1).evidence.unwrap();
    assert_eq!(evidence.category, Some(Category::ProviderOverloaded));
}

#[test]
fn retries_are_told_while_they_go_on() {
    let cases = [
        (
            "fail-429.stderr",
            Category::ShortRateLimit,
            1,
            "retry 1: Resource has been exhausted (e.g. check quota). (HTTP 429)",
            None,
        ),
        (
            "retryinfo5.stderr",
            Category::ShortRateLimit,
            1,
            "retry 1: Resource has been exhausted (e.g. check quota)",
            Some(5),
        ),
        (
            "fail-503.stderr",
            Category::ProviderOverloaded,
            1,
            "retry 1: The model is overloaded. Please try again later. (HTTP 503)",
            None,
        ),
        (
            "fail-hang.stderr",
            Category::TransientInfra,
            1,
            "retry 1: Error: exception TypeError: fetch failed sending request",
            None,
        ),
    ];
    for (name, expected, number, message, wait) in cases {
        let stdout = recording("fail-429.jsonl");
        let (report, events) = played(&stdout, &recording(name), Some(Exit::Signal(9)), usize::MAX);
        let first = events.iter().find_map(|event| match event {
            AgentEvent::Retrying { evidence, attempt } => Some((evidence, *attempt)),
            _ => None,
        });
        let (evidence, attempt) = first.unwrap();
        assert_eq!((evidence.category, attempt), (Some(expected), number), "{name}");
        assert_eq!(evidence.message, message);
        if let Some(wait) = wait {
            assert_eq!(evidence.retry_after, Some(Duration::from_secs(wait)));
        }
        // Killed while it retried: that is why.
        assert_eq!(category(&report), Some(expected), "{name}");
        assert!(!report.ended && report.session_id.is_some());
    }
    let count = |name: &str| {
        let (_, events) = played(b"", &recording(name), None, usize::MAX);
        events.iter().filter(|event| matches!(event, AgentEvent::Retrying { .. })).count()
    };
    // The last attempt of each request is not followed by another.
    assert_eq!((count("fail-503.stderr"), count("retryinfo5.stderr")), (1, 1));
    // An answer ends the retries.
    let (report, _) = played(b"", &recording("fail-429.stderr"), None, usize::MAX);
    assert_eq!(category(&report), Some(Category::ShortRateLimit));
    let mut parser = GeminiParser::default();
    parser.feed(Stream::Stderr, &recording("fail-hang.stderr"), &mut Vec::new());
    parser.feed(Stream::Stdout, said("here I am").as_bytes(), &mut Vec::new());
    assert_eq!(category(&parser.finish(Some(Exit::Signal(15)), now())), None);
}

#[test]
fn odd_wordings_of_a_retry() {
    for (line, category, message) in [
        (
            "Attempt 2 failed with 429 error (no Retry-After header). Retrying with backoff... Error: odd",
            Category::ShortRateLimit,
            "retry 2: Error: odd (HTTP 429)",
        ),
        (
            "Attempt 3 failed with 5xx error. Retrying with backoff... Error: odd",
            Category::TransientInfra,
            "retry 3: Error: odd (HTTP 5xx)",
        ),
        (
            "Attempt 4 failed. Retrying with backoff... Error: odd",
            Category::TransientInfra,
            "retry 4: Error: odd",
        ),
    ] {
        let evidence = complaint(format!("{line}\n    at somewhere\n"), 1).evidence.unwrap();
        assert_eq!((evidence.category, evidence.message.as_str()), (Some(category), message));
    }
}

// 20-AF-GE-11 (deviation: evidence has no provider of its own)
#[test]
fn words_on_standard_error_count_without_a_result() {
    let evidence =
        complaint("RESOURCE_EXHAUSTED\nIndividual quota reached\nResets in 1h30m\n", 1).evidence.unwrap();
    assert_eq!((evidence.category, evidence.source.as_str()), (Some(Category::UsageLimit), "stderr"));
    assert_eq!(evidence.reset_at, Some("2026-11-22T21:30:00Z".parse().unwrap()));
    // The newest words count.
    let text = "HTTP 503: gone\nAPI key not valid. Please pass a valid API key.\n";
    assert_eq!(category(&complaint(text, 1)), Some(Category::AuthOrProxy));
}

#[test]
fn errors_before_a_result_are_read_from_standard_error() {
    for (name, expected) in [
        ("fail-401.stderr", Category::AuthOrProxy),
        ("fail-404.stderr", Category::InvalidModel),
        ("fail-quota.stderr", Category::UsageLimit),
    ] {
        let report = complaint(recording(name), 1);
        assert_eq!(category(&report), Some(expected), "{name}");
        // Neither stacks nor fields are words.
        assert!(
            report.plain_tail.iter().all(|line| line.starts_with("Error ") || line.starts_with("[Routing] "))
        );
    }
}

// 20-AF-GE-13; the class and what follows from it are decided elsewhere
#[test]
fn accounts_that_are_not_served() {
    for text in [
        "IneligibleTierError: This client is no longer supported for Gemini Code Assist for individuals.",
        "  reasonCode: 'UNSUPPORTED_CLIENT'",
        "Error authenticating: odd",
    ] {
        let text = text.trim_start();
        assert_eq!(category(&complaint(format!("{text}\n"), 1)), Some(Category::AuthOrProxy), "{text}");
    }
}

#[test]
fn what_keeps_it_from_starting() {
    for (name, code, expected, cause, words) in [
        ("nokey.stderr", 41, Category::AuthOrProxy, None, "GEMINI_API_KEY"),
        (
            "untrusted.stderr",
            55,
            Category::HarnessLaunch,
            Some("untrusted_workspace"),
            "does not trust this folder",
        ),
        (
            "badflag.stderr",
            1,
            Category::HarnessLaunch,
            Some("unknown_option"),
            "Unknown arguments: such-flag",
        ),
        ("bad-format.stderr", 1, Category::HarnessLaunch, Some("unknown_option"), "Invalid values"),
        ("resume-bad.stderr", 42, Category::AgentError, Some(SESSION_LOST), "No previous sessions found"),
        ("resume-unknown.stderr", 42, Category::AgentError, Some(SESSION_LOST), "Invalid session identifier"),
    ] {
        let report = complaint(recording(name), code);
        let evidence = report.evidence.unwrap();
        assert_eq!((evidence.category, evidence.cause.as_deref()), (Some(expected), cause), "{name}");
        assert!(evidence.message.contains(words), "{name}: {}", evidence.message);
        assert_eq!((report.completed, report.session_id), (false, None), "{name}");
        assert!(!report.plain_tail.iter().any(|line| line.contains('\u{1b}')), "{name}");
    }
}

#[test]
fn a_version_without_the_event_stream_is_told_to_be_updated() {
    // 0.61.0 says so of a format that it does not know; the older ones know two of the three.
    let text = String::from_utf8(recording("bad-format.stderr")).unwrap();
    let older = text.replace("\"bogus\"", "\"stream-json\"").replace(", \"stream-json\"\n", "\n");
    for stderr in [older, "Unknown arguments: output-format, outputFormat\n".into()] {
        let evidence = complaint(stderr, 1).evidence.unwrap();
        assert_eq!(evidence.category, Some(Category::HarnessLaunch));
        assert_eq!(evidence.cause.as_deref(), Some("old_version"));
        assert!(evidence.message.contains("0.11.0"), "{}", evidence.message);
    }
}

// 20-AF-GE-10: the table itself is tested beside it
#[test]
fn the_exit_code_counts_when_nothing_else_tells() {
    assert_eq!(category(&complaint("", 41)), Some(Category::AuthOrProxy));
    assert_eq!(category(&complaint("", 173)), Some(Category::ShortRateLimit));
    assert_eq!(complaint("odd words\n", 99).evidence, None);
    assert_eq!(complaint("odd words\n", 99).plain_tail, ["odd words"]);
}

#[test]
fn an_interrupted_run_is_no_success_although_it_exits_with_0() {
    for name in ["sigINT-tool.jsonl", "sigTERM-hang.jsonl"] {
        let report = report(recording(name), 0);
        assert!(!report.completed && !report.ended, "{name}");
        let evidence: Evidence = report.evidence.unwrap();
        assert_eq!((evidence.category, evidence.source.as_str()), (None, "stream"));
        assert_eq!(report.summary.as_deref(), Some(NO_RESULT));
        assert!(report.session_id.is_some());
    }
}

#[test]
fn an_error_that_ends_the_turn_fails_it_and_a_remark_does_not() {
    let over =
        init("s") + &said("again") + &error("warning", "Loop detected, stopping execution") + &result(0);
    let report = report(over, 0);
    assert!(!report.completed && report.ended);
    assert_eq!(category(&report), Some(Category::AgentError));
    assert_eq!(report.summary.as_deref(), Some("Loop detected, stopping execution"));
    let remark = init("s") + &error("warning", "a hook blocked something") + &said("fine") + &result(0);
    assert!(super::tests::report(remark, 0).completed);
}

#[test]
fn what_a_tool_says_is_no_evidence() {
    let stdout = recording("tool-error.jsonl");
    let report = played(&stdout, &recording("tool-error.stderr"), Some(Exit::Code(0)), usize::MAX).0;
    assert!(report.completed);
    assert_eq!(report.plain_tail.len(), 0);
    // It may say anything, over several lines, until the CLI speaks again.
    let stderr = "Error executing tool run_shell_command: HTTP 429\nusage limit reached\n401 UNAUTHENTICATED\n\
                  Error when talking to Gemini API TypeError: terminated\n    at somewhere (ECONNREFUSED)\n}\n";
    let report = complaint(stderr, 1);
    assert_eq!(report.evidence, None);
    assert_eq!(report.plain_tail, ["Error when talking to Gemini API TypeError: terminated"]);
    let fatal = refused("Error executing tool write_file: secret: No space left, 429");
    let evidence = super::tests::report(fatal, 54).evidence.unwrap();
    assert_eq!(evidence.message, "the tool write_file failed for good");
    assert_eq!(evidence.category, Some(Category::AgentError));
    // Nor is what the model says.
    let prose = init("s") + &said("RESOURCE_EXHAUSTED, 429, usage limit") + "\n";
    assert_eq!(super::tests::report(prose, 1).evidence, None);
}

#[test]
fn an_answer_that_was_asked_for_again_counts_once() {
    let stream = recording("long-hangmid.jsonl");
    let whole = [stream, result(0).into_bytes()].concat();
    assert_eq!(report(whole, 0).summary.as_deref(), Some("PONG"));
}

// 20-AF-GE-01, 20-AF-GE-03, 20-AF-GE-04, 20-AF-GE-06, 20-AF-GE-08; deviation: told by a stream of events, not by one
// object at the end
#[test]
fn answers() {
    for (answer, tools, completed, summary) in [
        (r#"{"completed":true,"summary":"hello"}"#, 0, true, "hello"),
        (r#"{"completed":false,"summary":"not done"}"#, 0, false, "not done"),
        ("plain words", 5, true, "plain words"),
        (r#"{"completed":true}"#, 2, false, NO_SUMMARY),
    ] {
        let report = report(answered(answer, tools), 0);
        assert_eq!((report.completed, report.summary.as_deref()), (completed, Some(summary)), "{answer}");
        assert_eq!((report.tool_calls, report.session_id.as_deref()), (Some(tools), Some("s")));
        assert_eq!(category(&report), (!completed).then_some(Category::AgentError));
    }
}

// 20-AF-GE-02; words before a tool are not the answer
#[test]
fn a_missing_answer() {
    let tool =
        "{\"type\":\"tool_use\",\"tool_name\":\"a\"}\n{\"type\":\"tool_result\",\"status\":\"success\"}\n";
    for output in
        [init("gem-sess-789") + &result(0), init("gem-sess-789") + &said("I begin") + tool + &result(1)]
    {
        let report = report(output, 0);
        assert_eq!((report.completed, report.ended), (false, true));
        assert_eq!(report.summary.as_deref(), Some(NO_RESULT));
        assert_eq!(report.session_id.as_deref(), Some("gem-sess-789"));
    }
}

// 20-AF-GE-05, 20-AF-EX-09
#[test]
fn garbage_leaks_nothing() {
    for output in
        ["garbage that is secret\n", "{\"type\":\"ping\"}\n", "[1,2]\n", "{\"response\":\"secret\"}\n"]
    {
        let report = report(output, 0);
        assert!(!report.completed);
        assert_eq!(report.summary.as_deref(), Some(NO_RESULT));
    }
}

// 20-AF-GE-07
#[test]
fn long_answers_keep_their_last_words() {
    let report = report(answered(&format!("{} the very end", "words ".repeat(5000)), 0), 0);
    let summary = report.summary.unwrap();
    assert!(report.completed && summary.ends_with("the very end"));
    assert!(summary.chars().count() <= 1000);
}

#[test]
fn an_event_inside_a_broken_line_is_found() {
    let good = String::from_utf8(recording("resume1.jsonl")).unwrap();
    let (rest, result) = good.trim_end().rsplit_once('\n').unwrap();
    for end in [
        format!("npm warn no newline{result}\n"),
        format!("{{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"torn te{result}\n"),
        format!("{result}trailing garbage\n"),
        format!("{}{result}\n", "x".repeat(LINE_CAP + 1)),
        format!("{{\"a\":{}\n{result}", "[".repeat(100_000)),
        result.to_owned(),
    ] {
        let report = report(format!("{rest}\n{end}"), 0);
        assert!(report.completed && report.ended, "{}", &end[..end.len().min(200)]);
        assert_eq!(report.plain_tail.len(), 0);
    }
    // An object inside a torn event is not an event of its own.
    let evil = r#"{"type":"result","timestamp":"2026-11-22T20:00:00Z","status":"success"}"#;
    let torn =
        format!(r#"{{"type":"tool_use","timestamp":"2026-11-22T20:00:00Z","parameters":{evil},"tool_na"#);
    assert!(!report(torn, 0).ended);
    let half = &result[..result.len() - 10];
    assert!(!report(format!("{rest}\n{half}"), 0).ended);
}

#[test]
fn invalid_utf8_does_not_cost_the_event() {
    let mut output = answered("abXXcd", 0).into_bytes();
    let at = output.windows(2).position(|pair| pair == b"XX").unwrap();
    output[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
    let report = report(output, 0);
    assert_eq!((report.completed, report.summary.as_deref()), (true, Some("ab\u{fffd}\u{fffd}cd")));
}

#[test]
fn long_lines_and_memory() {
    let answer = format!("{} end", "x".repeat(3 << 20));
    let report = report(answered(&answer, 0), 0);
    assert!(report.completed && report.summary.unwrap().ends_with(" end"));
    let mut parser = GeminiParser::default();
    let mut events = Vec::new();
    parser.feed(Stream::Stdout, b"{\"type\":\"tool_result\",\"output\":\"", &mut events);
    parser.feed(Stream::Stderr, b"Error: ", &mut events);
    playing::feed_endlessly(&mut parser, &[Stream::Stdout, Stream::Stderr], GeminiParser::retained);
    parser.feed(Stream::Stdout, b"\"}\n", &mut events);
    parser.feed(Stream::Stderr, b"\n", &mut events);
    parser.feed(Stream::Stdout, &recording("tool.jsonl"), &mut events);
    let report = parser.finish(Some(Exit::Code(0)), now());
    assert!(report.completed && parser.retained() < 1 << 20);
}

/// Bytes that look like the output, here and there.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    playing::noise(vec![
        recording("tool.jsonl"),
        recording("fail-quota.jsonl"),
        recording("retryinfo5.stderr"),
        recording("fail-429.stderr"),
        b"Attempt 1 failed: \n".to_vec(),
        b"Error executing tool x: y\n".to_vec(),
        b"\n".to_vec(),
        b"{\"type\":\"result\",\"timestamp\":\"2026-11-22T20:00:00Z\",\"status\":\"success\"}".to_vec(),
        b"{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"te".to_vec(),
        b"quota: Resets in 3h".to_vec(),
    ])
}

proptest! {
    #[test]
    fn nothing_panics_and_chunks_change_nothing(
        stdout in noise(),
        stderr in noise(),
        chunk in 1usize..200,
        code in prop_oneof![Just(0), Just(1), Just(41), Just(173)],
    ) {
        let whole = played(&stdout, &stderr, Some(Exit::Code(code)), usize::MAX);
        let parts = played(&stdout, &stderr, Some(Exit::Code(code)), chunk);
        prop_assert_eq!(&parts.0, &whole.0);
        prop_assert_eq!(parts.1, whole.1);
    }
}

mod overtaken;
