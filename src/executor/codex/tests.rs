//! The recordings, and what the CLI could do to them.

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::executor::final_text::{NO_RESULT, NO_SUMMARY};
use crate::executor::lines::LINE_CAP;
use crate::executor::playing::{self, category};
use crate::executor::{AgentEvent, Counted, Report, Stream};
use crate::model::evidence::SESSION_LOST;
use crate::model::{Category, Exit, Timestamp, Usage};

fn now() -> Timestamp {
    "2026-11-22T20:00:00Z".parse().unwrap()
}

fn recording(name: &str) -> Vec<u8> {
    playing::recording("codex", name)
}

fn text_of(name: &str) -> String {
    String::from_utf8(recording(name)).unwrap()
}

fn played(bytes: &[u8], exit: Option<Exit>, chunk: usize) -> (Report, Vec<AgentEvent>) {
    playing::play(CodexParser::default(), &[(Stream::Stdout, bytes)], exit, chunk, now())
}

fn report(bytes: impl AsRef<[u8]>, code: i32) -> Report {
    played(bytes.as_ref(), Some(Exit::Code(code)), usize::MAX).0
}

/// Nothing on standard output.
fn stderr(words: impl AsRef<[u8]>, code: i32) -> Report {
    let mut parser = CodexParser::default();
    parser.feed(Stream::Stderr, words.as_ref(), &mut Vec::new());
    parser.finish(Some(Exit::Code(code)), now())
}

/// A turn in which the agent said this.
fn answered(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(
        "{{\"type\":\"item.completed\",\"item\":{{\"id\":\"item_1\",\"type\":\"agent_message\",\"text\":{text}}}}}\n{{\"type\":\"turn.completed\",\"usage\":{{}}}}\n"
    )
}

/// A turn that failed with these words.
fn failed(words: &str) -> String {
    let words = serde_json::to_string(words).unwrap();
    format!(
        "{{\"type\":\"error\",\"message\":{words}}}\n{{\"type\":\"turn.failed\",\"error\":{{\"message\":{words}}}}}\n"
    )
}

#[test]
fn a_run_that_went_well() {
    let (report, events) = played(&recording("tool.jsonl"), Some(Exit::Code(0)), usize::MAX);
    let session = "01a204c7-8a5b-7fd3-a6fd-2fef9fe7b9bf";
    assert_eq!(
        report,
        Report {
            completed: true,
            summary: Some("DONE: the file is there.".into()),
            session_id: Some(session.into()),
            tool_calls: Some(1),
            // Of 2468 tokens read 1578 came from a cache.
            usage: Some(Counted::WholeSession(Usage {
                input_tokens: 890,
                cached_input_tokens: 1578,
                output_tokens: 112,
                reasoning_tokens: 14
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
            AgentEvent::ToolStarted("command_execution".into()),
            AgentEvent::ToolEnded,
            AgentEvent::Text,
            AgentEvent::End,
        ]
    );
}

#[test]
fn warnings_are_no_failures() {
    // An unknown model's metadata, another model than the session's, another transport.
    for name in ["ok.jsonl", "resume-model.jsonl", "websocket-fallback.jsonl"] {
        assert!(text_of(name).contains(r#""type":"error""#));
        let report = report(recording(name), 0);
        assert!(report.completed && report.evidence.is_none(), "{name}");
    }
}

#[test]
fn the_usage_of_a_resumed_session_goes_on() {
    let (first, second) = (report(recording("resume1.jsonl"), 0), report(recording("resume2.jsonl"), 0));
    assert_eq!(first.session_id, second.session_id);
    assert_eq!(second.summary.as_deref(), Some("RECALL:zebra7"));
    let (Some(Counted::WholeSession(before)), Some(Counted::WholeSession(after))) =
        (first.usage, second.usage)
    else {
        panic!("{:?} {:?}", first.usage, second.usage)
    };
    assert_eq!(after.since(before), Some(before));
    assert_eq!((before.input_tokens, before.cached_input_tokens), (445, 789));
    assert_eq!((before.output_tokens, before.reasoning_tokens), (56, 7));
}

#[test]
fn failed_requests_by_their_words() {
    let cases = [
        ("fail-400.jsonl", Category::AgentError, "Unsupported parameter"),
        ("fail-401.jsonl", Category::AuthOrProxy, "401 Unauthorized: Incorrect API key provided: …"),
        ("fail-403.jsonl", Category::AuthOrProxy, "403 Forbidden: You do not have access"),
        ("fail-404.jsonl", Category::InvalidModel, "The model `gpt-5.2-codex` does not exist"),
        ("fail-429.jsonl", Category::ShortRateLimit, "429 Too Many Requests"),
        ("fail-429-ra5.jsonl", Category::ShortRateLimit, "429 Too Many Requests"),
        ("fail-500.jsonl", Category::ProviderOverloaded, "experiencing high demand"),
        ("fail-503.jsonl", Category::TransientInfra, "503 Service Unavailable"),
        ("fail-529.jsonl", Category::ProviderOverloaded, "status 529"),
        ("fail-drop.jsonl", Category::TransientInfra, "stream disconnected before completion"),
        ("fail-cut.jsonl", Category::TransientInfra, "stream disconnected before completion"),
        ("fail-quota.jsonl", Category::UsageLimit, "Quota exceeded"),
        ("usagelimit.jsonl", Category::UsageLimit, "You’ve hit your usage limit"),
        ("nokey.jsonl", Category::AuthOrProxy, "Missing environment variable: `MOCK_API_KEY`"),
    ];
    for (name, expected, words) in cases {
        let report = report(recording(name), 1);
        let evidence = report.evidence.clone().unwrap();
        assert!(!report.completed && report.ended, "{name}");
        assert_eq!(evidence.category, Some(expected), "{name}");
        assert_eq!(evidence.source, "stream");
        assert!(evidence.message.contains(words), "{name}: {}", evidence.message);
        assert!(!evidence.message.contains("url: ") && !evidence.message.contains("dummy"), "{name}");
        assert!(report.summary.unwrap().contains(words), "{name}");
        assert!(report.session_id.is_some(), "{name}");
    }
}

#[test]
fn an_exhausted_account_tells_when_it_comes_back() {
    let (parsed, zone) = (now(), jiff::tz::TimeZone::get("Europe/Berlin").unwrap());
    let said = "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro) or try again";
    let cases = [
        (format!("{said} at 10:05 PM."), Some("2026-11-22T21:05:00Z")),
        (format!("{said} at Dec 5th, 2026 4:15 AM."), Some("2026-12-05T03:15:00Z")),
        (format!("{said} in 2 days 17 hours 14 minutes."), Some("2026-11-25T13:14:00Z")),
        (format!("{said} later."), None),
        (
            r#"{"error":{"type":"usage_limit_reached","message":"The usage limit has been reached","resets_at":1795385132}}"#.into(),
            Some("2026-11-22T22:05:32Z"),
        ),
        (
            r#"{"error":{"type":"usage_limit_reached","message":"no","resets_in_seconds":3600}}"#.into(),
            Some("2026-11-22T21:00:00Z"),
        ),
    ];
    for (text, reset_at) in cases {
        assert_eq!(errors::category(&text), Some(Category::UsageLimit), "{text}");
        let evidence = errors::evidence("stream", Category::UsageLimit, &text, parsed, &zone);
        assert_eq!(evidence.reset_at, reset_at.map(|at| at.parse().unwrap()), "{text}");
    }
    assert!(report(recording("usagelimit.jsonl"), 1).evidence.unwrap().reset_at.is_some());
}

// 20-AF-PX-01 to 20-AF-PX-09 (deviation: evidence has neither a provider nor a status of its own)
#[test]
fn words_of_the_provider() {
    let limit = "You've hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit \
                 https://chatgpt.com/codex/settings/usage to purchase more credits or try again at 5:22 AM.";
    let cases = [
        (limit, Some(Category::UsageLimit)),
        ("You've hit your usage limit. Try again at 11:30 PM.", Some(Category::UsageLimit)),
        ("You've hit your usage limit. Upgrade to Pro.", Some(Category::UsageLimit)),
        ("Your workspace is out of credits. Add credits to continue.", Some(Category::UsageLimit)),
        ("Invalid API key provided", Some(Category::AuthOrProxy)),
        ("Authentication failed: invalid credentials", Some(Category::AuthOrProxy)),
        ("Unauthorized: check your API key", Some(Category::AuthOrProxy)),
        ("Your refresh token has expired. Please log out and sign in again.", Some(Category::AuthOrProxy)),
        ("Model not found: gpt-foo", Some(Category::InvalidModel)),
        (
            r#"{"detail":"The 'x' model is not supported when using Codex with a ChatGPT account."}"#,
            Some(Category::InvalidModel),
        ),
        ("Rate limit exceeded. Please try again later.", Some(Category::ShortRateLimit)),
        ("Too many requests. Slow down.", Some(Category::ShortRateLimit)),
        ("Authentication failed: rate limit endpoint unreachable", Some(Category::AuthOrProxy)),
        ("Selected model is at capacity. Please try a different model.", Some(Category::ProviderOverloaded)),
        ("unexpected status 502 Bad Gateway: x, url: http://h/429", Some(Category::TransientInfra)),
        // The status counts before words that merely occur in the answer; of a 5xx the words tell more.
        ("unexpected status 403 Forbidden: rate limit of this model not found", Some(Category::AuthOrProxy)),
        ("unexpected status 503 Service Unavailable: overloaded", Some(Category::ProviderOverloaded)),
        ("unexpected status 402 Payment Required: no", Some(Category::UsageLimit)),
        ("unexpected status 408 Request Timeout: no", Some(Category::TransientInfra)),
        ("Overloaded", Some(Category::ProviderOverloaded)),
        ("stream error: HTTP 529", Some(Category::ProviderOverloaded)),
        ("Transport error: network error: error decoding response body", Some(Category::TransientInfra)),
        ("waiting for network", Some(Category::TransientInfra)),
        ("", None),
        ("Something went wrong with processing", None),
        ("handled 529 files", None),
        ("wrote 429 lines", None),
        ("added an overload of the network module", None),
        ("failed to write session: Disk quota exceeded (os error 122)", None),
        ("EDQUOT: disk quota exceeded, write", None),
    ];
    for (text, expected) in cases {
        assert_eq!(errors::category(text), expected, "{text}");
        let told = report(failed(text), 1);
        assert_eq!(category(&told), expected.or(Some(Category::AgentError)), "{text}");
    }
    let evidence = report(failed(limit), 1).evidence.unwrap();
    assert_eq!(evidence.reset_at.unwrap().to_zoned(jiff::tz::TimeZone::system()).time().hour(), 5);
    let wait = |text: &str| report(failed(text), 1).evidence.unwrap().retry_after.unwrap().as_secs_f64();
    assert!((wait("Too many requests. Slow down.") - 60.0).abs() < 1e-9);
    assert!((wait("Rate limit reached. Please try again in 11.5s.") - 11.5).abs() < 1e-9);
    assert!((wait("Rate limit reached. Please try again in 20ms.") - 0.02).abs() < 1e-9);
    assert!((wait("Rate limit reached. Please try again in 6m0s.") - 360.0).abs() < 1e-9);
    assert!((wait("Rate limit reached. Retry after 58500ms.") - 58.5).abs() < 1e-9);
}

// 20-AF-PX-04
#[test]
fn the_end_of_a_turn_may_be_missing() {
    let words = "You've hit your usage limit. Try again at 5:22 AM.";
    let output = failed(words);
    let only_error = output.lines().next().unwrap();
    let report = report(format!("Reading additional input from stdin...\n{only_error}\n"), 1);
    assert!(!report.ended);
    assert_eq!(category(&report), Some(Category::UsageLimit));
    // An error that the agent got over is none.
    let over = format!("{only_error}\n{}", answered("done"));
    assert!(super::tests::report(over, 0).completed);
}

#[test]
fn retries_are_told_while_they_go_on() {
    let cases = [
        ("fail-401.jsonl", Category::AuthOrProxy, 5),
        ("fail-429-ra5.jsonl", Category::ShortRateLimit, 5),
        ("fail-500.jsonl", Category::ProviderOverloaded, 5),
        ("fail-503.jsonl", Category::TransientInfra, 5),
        ("fail-529.jsonl", Category::ProviderOverloaded, 5),
        ("fail-drop.jsonl", Category::TransientInfra, 5),
        ("fail-refused.jsonl", Category::TransientInfra, 4),
        ("long-hangmid.jsonl", Category::TransientInfra, 2),
    ];
    for (name, expected, count) in cases {
        let (report, events) = played(&recording(name), Some(Exit::Signal(2)), usize::MAX);
        let retries: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                AgentEvent::Retrying { evidence, attempt } => Some((evidence, *attempt)),
                _ => None,
            })
            .collect();
        assert_eq!(retries.len(), count, "{name}");
        for (number, (evidence, attempt)) in (1..).zip(retries) {
            assert_eq!((evidence.category, attempt), (Some(expected), number), "{name}");
            assert!(!evidence.message.contains("Reconnecting") && !evidence.message.is_empty(), "{name}");
        }
        // Ended in the middle of its retries: they are the reason.
        assert_eq!(category(&report), Some(expected), "{name}");
    }
    let refused = report(recording("fail-refused.jsonl"), 1).evidence.unwrap();
    assert_eq!(refused.message, "waiting for network (Connection failed: error sending request)");
}

#[test]
fn a_missing_transport_is_no_missing_model() {
    let (report, events) = played(&recording("websocket-fallback.jsonl"), Some(Exit::Code(0)), usize::MAX);
    let attempts: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::Retrying { evidence, attempt } => Some((evidence.category, *attempt)),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [2, 3, 4, 5].map(|attempt| (Some(Category::TransientInfra), attempt)));
    assert!(report.completed);
}

#[test]
fn exit_zero_without_the_end_of_a_turn_is_no_success() {
    for name in ["sigINT-hang.jsonl", "sigINT-tool.jsonl"] {
        let report = report(recording(name), 0);
        assert!(!report.completed && !report.ended);
        assert_eq!(report.evidence.unwrap().message, "codex ended without telling a result");
        assert_eq!(report.summary.as_deref(), Some(NO_RESULT));
        // Otherwise the exit code has the word.
        assert_eq!(super::tests::report(recording(name), 1).evidence, None);
    }
    // A turn that began after the end of another is not done, however its beginning is told.
    let said = answered("more").lines().next().unwrap().to_owned();
    for more in [
        r#"{"type":"turn.started"}"#,
        r#"{"type":"item.started","item":{"id":"i","type":"web_search"}}"#,
        r#"{"type":"item.completed","item":{"id":"i","type":"file_change"}}"#,
        &said,
    ] {
        let open = report(format!("{}{more}\n", answered("first")), 0);
        assert!(!open.completed && !open.ended, "{more}");
        let ended = report(format!("{}{more}\n{}", answered("first"), answered("last")), 0);
        assert_eq!((ended.completed, ended.summary.as_deref()), (true, Some("last")), "{more}");
    }
    // The late end of a tool is no beginning.
    let first = answered("first");
    let late = [
        r#"{"type":"item.started","item":{"id":"i","type":"web_search"}}"#,
        first.trim_end(),
        r#"{"type":"item.completed","item":{"id":"i","type":"web_search"}}"#,
    ];
    assert!(report(late.join("\n"), 0).completed);
}

#[test]
fn an_unknown_session_is_not_resumed_again() {
    let garbage =
        "Error: thread/resume: thread/resume failed: failed to read thread: rollout at x is empty\n";
    for words in [recording("resume-bad.stderr.txt"), garbage.into()] {
        let report = stderr(words, 1);
        let evidence = report.evidence.unwrap();
        assert_eq!(evidence.category, Some(Category::AgentError));
        assert_eq!(evidence.cause.as_deref(), Some(SESSION_LOST));
        assert_eq!(report.session_id, None);
    }
}

#[test]
fn what_keeps_it_from_beginning() {
    let refused = |words: Vec<u8>, code| {
        let evidence = stderr(words, code).evidence.unwrap();
        assert_eq!(evidence.category, Some(Category::HarnessLaunch));
        (evidence.cause.unwrap(), evidence.message)
    };
    let (cause, message) = refused(recording("badflag.stderr.txt"), 2);
    assert_eq!(cause, "bad_arguments");
    assert_eq!(message, "unexpected argument '--no-such-flag' found");
    let (cause, message) = refused(recording("badconfig.stderr.txt"), 1);
    assert_eq!(cause, "settings");
    assert!(message.contains("config.toml:23:3: unquoted keys"), "{message}");
    let (cause, _) = refused(b"Error: Model provider `nonesuch` not found\n".to_vec(), 1);
    assert_eq!(cause, "settings");
    // Only a usage error ends with 2.
    assert_eq!(category(&stderr(recording("badflag.stderr.txt"), 1)), None);
}

// 20-AF-CX-07 (deviation: evidence has no provider of its own)
#[test]
fn plain_words_count_after_a_failure() {
    let told = report("You hit your usage limit. Try again at 3:00 PM\n", 1);
    let evidence = told.evidence.unwrap();
    assert_eq!((evidence.category, evidence.source.as_str()), (Some(Category::UsageLimit), "text"));
    assert!(evidence.reset_at.is_some());
    assert_eq!(report("something went wrong\n", 1).plain_tail, ["something went wrong"]);
}

#[test]
fn unknown_words_on_standard_error_are_shown_and_prove_nothing() {
    let told = stderr("something else\nusage limit reached\n", 1);
    let evidence = told.evidence.unwrap();
    assert_eq!((evidence.category, evidence.message.as_str()), (None, "usage limit reached"));
    assert_eq!(told.plain_tail.len(), 0, "no pattern may look at them");
}

#[test]
fn its_own_log_on_standard_error_is_no_evidence() {
    let words = "2026-11-22T20:00:00.1Z ERROR codex_core::tools::router: error=apply_patch failed: expected\n\
                 let message = \"rate limit, usage limit, unauthorized\";\n\
                 Error: something else\n";
    let report = stderr(words, 1);
    let evidence = report.evidence.unwrap();
    assert_eq!((evidence.category, evidence.message.as_str()), (None, "Error: something else"));
    assert_eq!(report.plain_tail.len(), 0);
}

#[test]
fn standard_error_is_no_evidence_once_it_has_begun() {
    let record = "2026-11-22T20:00:00.1Z ERROR codex_core::tools::router: error=exec failed:\n";
    for quoted in [
        "Error: usage limit of the test account reached",
        "Error loading config.toml: no",
        "Error: thread/resume failed",
        "unauthorized",
    ] {
        for record in [record, ""] {
            // Whichever pipe is read first.
            for order in [[Stream::Stdout, Stream::Stderr], [Stream::Stderr, Stream::Stdout]] {
                let mut parser = CodexParser::default();
                for stream in order {
                    let text = match stream {
                        Stream::Stdout => "{\"type\":\"turn.started\"}\n".to_owned(),
                        Stream::Stderr | Stream::Log => format!("{record}{quoted}\n"),
                    };
                    parser.feed(stream, text.as_bytes(), &mut Vec::new());
                }
                let report = parser.finish(Some(Exit::Code(1)), now());
                assert_eq!((report.evidence, report.plain_tail), (None, vec![]), "{quoted}");
            }
        }
    }
}

// 20-AF-CX-01, 20-AF-CX-02 (deviation: the answer is the last message on the stream, no report file)
#[test]
fn answers() {
    let cases = [
        (r#"{"completed":true,"summary":"done"}"#, true, "done"),
        (r#"{"completed":false,"summary":"not done"}"#, false, "not done"),
        (r#"{"completed":true}"#, false, NO_SUMMARY),
        ("not valid json", true, "not valid json"),
        (" \n", false, NO_RESULT),
    ];
    for (answer, completed, summary) in cases {
        let report = report(answered("I begin.") + &answered(answer), 0);
        assert_eq!((report.completed, report.summary.as_deref()), (completed, Some(summary)), "{answer}");
        assert_eq!(category(&report), (!completed).then_some(Category::AgentError), "{answer}");
    }
    let full = r#"{"completed":false,"summary":"s","remaining_work":"r","message_addressed":true,"files_changed":["a"]}"#;
    let told = report(answered(full), 0);
    assert_eq!((told.remaining_work.as_str(), told.message_addressed), ("r", Some(true)));
    assert_eq!(told.files_changed, ["a"]);
    let long = report(answered(&format!("{} the very end", "words ".repeat(5000))), 0).summary.unwrap();
    assert!(long.ends_with("the very end") && long.chars().count() <= 1000);
}

// 20-AF-EX-09
#[test]
fn no_answer_leaks_nothing() {
    let ended = "{\"type\":\"turn.completed\",\"usage\":{}}\n";
    let odd = r#"{"type":"item.completed","item":{"type":"agent_message","text":["secret"]}}"#;
    let reasoning = r#"{"type":"item.completed","item":{"type":"reasoning","text":"secret"}}"#;
    for output in [
        ended.to_owned(),
        format!("{odd}\n{ended}"),
        format!("{reasoning}\n{ended}"),
        format!("{reasoning}\n"),
        "garbage that is secret\n".into(),
    ] {
        let report = report(&output, 0);
        assert!(!report.completed, "{output}");
        assert_eq!(report.summary.as_deref(), Some(NO_RESULT));
        assert!(!format!("{:?}", report.evidence).contains("secret"), "{output}");
    }
}

// 20-AF-CX-04
#[test]
fn tool_calls_are_counted_by_item() {
    let item = |event: &str, id: u32, kind: &str| {
        format!(r#"{{"type":"item.{event}","item":{{"id":"item_{id}","type":"{kind}"}}}}"#) + "\n"
    };
    let done = |id, kind| item("completed", id, kind);
    let both = |id, kind| item("started", id, kind) + &done(id, kind);
    // Told at both ends or only when done.
    let output = both(1, "command_execution")
        + &done(2, "command_execution")
        + &both(3, "file_change")
        + &done(4, "agent_message")
        + &both(5, "todo_list")
        + &done(6, "reasoning");
    assert_eq!(report(&output, 1).tool_calls, Some(3));
    let two_at_once = item("started", 1, "web_search")
        + &item("started", 2, "mcp_tool_call")
        + &done(1, "web_search")
        + &done(2, "mcp_tool_call");
    assert_eq!(report(&two_at_once, 1).tool_calls, Some(2));
    // One that was killed was invoked all the same.
    assert_eq!(report(recording("sigINT-tool.jsonl"), 1).tool_calls, Some(1));
    assert_eq!(report(recording("patch.jsonl"), 0).tool_calls, Some(1));
    assert_eq!(report("", 1).tool_calls, Some(0));
}

// 50-R23
#[test]
fn prose_and_tool_output_are_no_evidence() {
    let output = answered("usage limit, unauthorized, model not found")
        .lines()
        .next()
        .map(|line| format!("{line}\n"))
        .unwrap()
        + r#"{"type":"item.completed","item":{"id":"i","type":"command_execution","aggregated_output":"429 too many requests"}}"#
        + "\n";
    let told = report(&output, 1);
    assert_eq!((told.evidence, told.plain_tail), (None, vec![]));
}

#[test]
fn every_event_of_a_broken_line_is_found() {
    let end = "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1}}\n";
    let said = answered("PONG").lines().next().unwrap().to_owned() + "\n";
    for output in [
        format!("{said}{{\"type\":\"item.completed\",\"item\":{{\"id\":\"item_1\",\"ty{end}"),
        format!("{said}a wrapper's words without a line end{end}"),
        format!("{said}{}{end}", "x".repeat(LINE_CAP + 1)),
        format!("{said}\u{0}\u{1}\n\n[1]\n7\n{}", end.trim_end()),
        format!("X{}{end}", said.trim_end()),
    ] {
        let report = report(&output, 0);
        assert!(report.completed, "{}", &output[..200]);
        assert_eq!(report.summary.as_deref(), Some("PONG"));
    }
    // An object inside a torn event is not an event of its own.
    let torn =
        r#"{"type":"item.started","item":{"type":"mcp_tool_call","arguments":{"type":"turn.completed"}"#;
    assert!(!report(format!("{said}{torn}\n"), 0).ended);
    let whole = text_of("ok.jsonl");
    assert!(!report(&whole[..whole.len() - 20], 0).ended);
}

#[test]
fn invalid_utf8_does_not_cost_the_event() {
    let mut output = answered("abXXcd").into_bytes();
    let at = output.windows(2).position(|pair| pair == b"XX").unwrap();
    output[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
    assert_eq!(report(output, 0).summary.as_deref(), Some("ab\u{fffd}\u{fffd}cd"));
}

#[test]
fn long_lines_and_memory() {
    // A tool's output of several megabytes is one event …
    let head = "{\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"command_execution\",\"aggregated_output\":\"";
    let output = format!("{head}{}\"}}}}\n{}", "x".repeat(3 << 20), answered("on"));
    assert_eq!(report(&output, 0).tool_calls, Some(1));
    // … and one of 10 MB neither fills the memory nor hides what comes after it.
    let mut parser = CodexParser::default();
    let mut events = Vec::new();
    let chunk = vec![b'x'; 1 << 20];
    for stream in [Stream::Stdout, Stream::Stderr] {
        parser.feed(stream, head.as_bytes(), &mut events);
        for _ in 0..10 {
            parser.feed(stream, &chunk, &mut events);
            assert!(parser.retained() <= 2 * LINE_CAP, "{}", parser.retained());
        }
        parser.feed(stream, b"\"}}\n", &mut events);
    }
    parser.feed(Stream::Stdout, &recording("ok.jsonl"), &mut events);
    let report = parser.finish(Some(Exit::Code(0)), now());
    assert!(report.completed && parser.retained() < 1 << 20);
    assert_eq!(report.plain_tail.len(), 0);
    // Tools that begin and never end do not gather either.
    let starts = (0..10_000).map(|id| {
        format!("{{\"type\":\"item.started\",\"item\":{{\"id\":\"{id}\",\"type\":\"web_search\"}}}}\n")
    });
    let mut parser = CodexParser::default();
    for line in starts {
        parser.feed(Stream::Stdout, line.as_bytes(), &mut Vec::new());
    }
    assert!(format!("{parser:?}").len() < 10_000);
}

/// Bytes that look like the stream, here and there.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    playing::noise(vec![
        recording("tool.jsonl"),
        recording("fail-429-ra5.jsonl"),
        recording("resume-bad.stderr.txt"),
        b"\n".to_vec(),
        b"{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":9}}".to_vec(),
        b"{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"te".to_vec(),
        b"{\"type\":\"error\",\"message\":\"Reconnecting... \"}\n".to_vec(),
        b"try again in 3h usage limit".to_vec(),
    ])
}

proptest! {
    #[test]
    fn nothing_panics_and_chunks_change_nothing(bytes in noise(), chunk in 1usize..200, code in 0..3) {
        let whole = played(&bytes, Some(Exit::Code(code)), usize::MAX);
        let mut parts = played(&bytes, Some(Exit::Code(code)), chunk);
        prop_assert_eq!(&parts.0, &whole.0);
        // An unterminated last line is read at the end, which tells no more events.
        parts.1.truncate(whole.1.len());
        prop_assert_eq!(parts.1, whole.1);
        stderr(&bytes, code);
    }
}

mod describe;
