//! The recordings, and what the CLI could do to them.

use std::time::Duration;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::executor::final_text::{MALFORMED, NO_RESULT, NO_SUMMARY};
use crate::executor::lines::LINE_CAP;
use crate::executor::playing::{self, category};
use crate::executor::{AgentEvent, Counted, Report, Stream};
use crate::model::{Category, Exit, QuotaWindow, Timestamp, Usage};

fn now() -> Timestamp {
    "2026-11-22T20:00:00Z".parse().unwrap()
}

fn recording(name: &str) -> Vec<u8> {
    playing::recording("claude", name)
}

fn played(bytes: &[u8], exit: Option<Exit>, chunk: usize) -> (Report, Vec<AgentEvent>) {
    playing::play(ClaudeParser::default(), &[(Stream::Stdout, bytes)], exit, chunk, now())
}

fn report(bytes: impl AsRef<[u8]>, code: i32) -> Report {
    played(bytes.as_ref(), Some(Exit::Code(code)), usize::MAX).0
}

fn result_event(result: &str) -> String {
    format!(r#"{{"type":"result","subtype":"success","is_error":false,"session_id":"s","result":{result}}}"#)
}

#[test]
fn a_run_that_went_well() {
    let (report, events) = played(&recording("tool.jsonl"), Some(Exit::Code(0)), usize::MAX);
    let session = "078dd733-8195-4a55-bd03-5ba58f8687e6";
    assert_eq!(
        report,
        Report {
            completed: true,
            summary: Some("DONE: the file is there.".into()),
            session_id: Some(session.into()),
            tool_calls: Some(1),
            usage: Some(Counted::ThisTry(Usage {
                input_tokens: 2468,
                cached_input_tokens: 1578,
                output_tokens: 112,
                reasoning_tokens: 0
            })),
            cost: Some(Counted::WholeSession(0.0124276)),
            ended: true,
            ..Report::default()
        }
    );
    assert_eq!(
        events,
        [
            AgentEvent::Session(session.into()),
            AgentEvent::TurnStarted,
            AgentEvent::ToolStarted("Write".into()),
            AgentEvent::ToolEnded,
            AgentEvent::Text,
            AgentEvent::End,
        ]
    );
}

#[test]
fn an_older_version_writes_its_keys_in_another_order() {
    let report = report(recording("old-ok.jsonl"), 0);
    assert!(report.completed && report.ended);
    assert_eq!(report.summary.as_deref(), Some("DONE: the file is there."));
}

#[test]
fn background_tasks_keep_the_process_and_a_second_turn_follows() {
    let (report, events) = played(&recording("background.jsonl"), Some(Exit::Code(0)), usize::MAX);
    let outline: Vec<&AgentEvent> = events
        .iter()
        .filter(|event| {
            matches!(event, AgentEvent::TurnStarted | AgentEvent::End | AgentEvent::BackgroundTasks(_))
        })
        .collect();
    assert_eq!(
        outline,
        [
            &AgentEvent::TurnStarted,
            &AgentEvent::BackgroundTasks(1),
            &AgentEvent::End,
            &AgentEvent::BackgroundTasks(0),
            &AgentEvent::TurnStarted,
            &AgentEvent::End,
        ]
    );
    // Usage is each turn's own, the cost is the whole session's.
    let Some(Counted::ThisTry(usage)) = report.usage else { panic!("{:?}", report.usage) };
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.output_tokens), (3702, 2367, 168));
    let Some(Counted::WholeSession(cost)) = report.cost else { panic!("{:?}", report.cost) };
    assert!((cost - 0.0186414).abs() < 1e-9, "{cost}");
    assert_eq!(report.summary.as_deref(), Some("PONG"));
    assert!(report.completed);
}

#[test]
fn a_turn_that_began_after_a_result_and_never_ended_is_not_done() {
    let whole = recording("background.jsonl");
    let text = String::from_utf8(whole).unwrap();
    let without_last_result = &text[..text.trim_end().rfind('\n').unwrap() + 1];
    let report = report(without_last_result, 0);
    assert!(!report.completed && !report.ended);
    // Also when its beginning was lost.
    for block in [r#"{"type":"text","text":"and now"}"#, r#"{"type":"tool_use","name":"Bash"}"#] {
        let went_on = format!("{text}{{\"type\":\"assistant\",\"message\":{{\"content\":[{block}]}}}}\n");
        let report = super::tests::report(&went_on, 0);
        assert!(!report.completed && !report.ended, "{block}");
        let result = text.trim_end().rsplit('\n').next().unwrap();
        assert!(super::tests::report(went_on + result + "\n", 0).completed, "{block}");
    }
}

#[test]
fn the_cost_of_a_resumed_session_goes_on_and_its_usage_does_not() {
    let (first, second) = (report(recording("resume1.jsonl"), 0), report(recording("resume2.jsonl"), 0));
    assert_eq!(first.session_id, second.session_id);
    assert_eq!(first.usage, second.usage);
    let (Some(Counted::WholeSession(before)), Some(Counted::WholeSession(after))) = (first.cost, second.cost)
    else {
        panic!("{:?} {:?}", first.cost, second.cost)
    };
    assert!(after > before * 1.9, "{before} {after}");
}

#[test]
fn failed_requests_by_their_typed_fields() {
    let cases = [
        ("fail-404.jsonl", Category::InvalidModel, "issue with the selected model"),
        ("fail-400.jsonl", Category::AgentError, "API Error: 400"),
        ("long-401.jsonl", Category::AuthOrProxy, "Invalid API key"),
        ("nokey.jsonl", Category::AuthOrProxy, "Not logged in"),
        ("long-429.jsonl", Category::ShortRateLimit, "Request rejected (429)"),
        ("long-500.jsonl", Category::TransientInfra, "API Error: 500"),
        ("long-refused.jsonl", Category::TransientInfra, "Connection refused"),
        ("oauth-usagelimit.jsonl", Category::UsageLimit, "You've hit your 5-hour limit"),
    ];
    for (name, expected, words) in cases {
        let report = report(recording(name), 1);
        let evidence = report.evidence.clone().unwrap();
        assert!(!report.completed && report.ended, "{name}");
        assert_eq!(evidence.category, Some(expected), "{name}");
        assert_eq!(evidence.source, "stream");
        assert!(evidence.message.contains(words), "{name}: {}", evidence.message);
        assert!(report.summary.unwrap().contains(words), "{name}");
        assert!(report.session_id.is_some(), "{name}");
    }
}

#[test]
fn an_exhausted_account_tells_when_it_comes_back() {
    let evidence = report(recording("oauth-usagelimit.jsonl"), 1).evidence.unwrap();
    assert_eq!(evidence.reset_at, Some(Timestamp::from_second(1_795_385_132).unwrap()));
    // Without the typed event the words tell, to the minute.
    let text = String::from_utf8(recording("oauth-usagelimit.jsonl")).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.contains("rate_limit_event"))
        .map(|line| format!("{}\n", line.replace("usage_limit_reached", "other")))
        .collect();
    let evidence = report(without, 1).evidence.unwrap();
    assert_eq!(evidence.category, Some(Category::UsageLimit));
    assert_eq!(evidence.reset_at, Some("2026-11-22T22:05:00Z".parse().unwrap()));
    // Killed before it could say more.
    let cut: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    let (report, _) = played(cut.as_bytes(), Some(Exit::Signal(9)), usize::MAX);
    assert_eq!(category(&report), Some(Category::UsageLimit));
}

#[test]
fn an_allowed_window_is_no_evidence() {
    for name in ["quota-window.jsonl", "oauth-okrl.jsonl", "oauth-ok.jsonl"] {
        let text = String::from_utf8(recording(name)).unwrap();
        assert!(report(&text, 0).evidence.is_none(), "{name}");
        let without_result: String = text
            .lines()
            .filter(|line| !line.contains("total_cost_usd"))
            .map(|line| format!("{line}\n"))
            .collect();
        let report = report(without_result, 1);
        assert!(!report.completed);
        assert_eq!(category(&report), None, "{name}");
    }
}

#[test]
fn how_full_the_windows_are_is_told_while_it_works() {
    let told = |name: &str| -> Vec<Vec<(String, Option<f64>, bool)>> {
        let (_, events) = played(&recording(name), Some(Exit::Code(0)), 7);
        let windows = events.into_iter().filter_map(|event| match event {
            AgentEvent::Quota(windows) => Some(windows),
            _ => None,
        });
        let short = |window: QuotaWindow| (window.name, window.used, window.rejected);
        windows.map(|windows| windows.into_iter().map(short).collect()).collect()
    };
    let window = |name: &str, used, rejected| (name.to_owned(), used, rejected);
    let open = vec![window("five_hour", Some(0.93), false), window("seven_day", Some(0.465), false)];
    assert_eq!(told("quota-window.jsonl"), [open]);
    assert_eq!(told("oauth-usagelimit.jsonl"), [vec![window("five_hour", Some(1.0), true)]]);
    assert_eq!(told("ok.jsonl"), Vec::<Vec<_>>::new(), "an API key has no windows");
}

#[test]
fn retries_are_told_while_they_go_on() {
    let cases = [
        ("long-429.jsonl", Category::ShortRateLimit),
        ("long-401.jsonl", Category::AuthOrProxy),
        ("long-500.jsonl", Category::TransientInfra),
        ("long-refused.jsonl", Category::TransientInfra),
        ("fail-529.jsonl", Category::ProviderOverloaded),
    ];
    for (name, expected) in cases {
        let (_, events) = played(&recording(name), Some(Exit::Code(1)), usize::MAX);
        let retries: Vec<_> = events
            .into_iter()
            .filter_map(|event| match event {
                AgentEvent::Retrying { evidence, attempt } => Some((evidence, attempt)),
                _ => None,
            })
            .collect();
        assert!(retries.len() >= 5, "{name}");
        for (number, (evidence, attempt)) in (1..).zip(&retries) {
            assert_eq!((evidence.category, *attempt), (Some(expected), number), "{name}");
            assert!(evidence.retry_after > Some(Duration::from_millis(400)));
        }
    }
    // Ended in the middle of its retries: they are the reason.
    let (report, _) = played(&recording("fail-529.jsonl"), Some(Exit::Signal(2)), usize::MAX);
    assert_eq!(category(&report), Some(Category::ProviderOverloaded));
}

#[test]
fn exit_zero_without_a_result_is_no_success() {
    let report = report(recording("sigINT-hang.jsonl"), 0);
    assert!(!report.completed && !report.ended);
    assert_eq!(category(&report), None);
    assert_eq!(report.evidence.unwrap().message, "claude ended without telling a result");
    assert_eq!(report.summary.as_deref(), Some(NO_RESULT));
}

#[test]
fn an_interrupted_tool_is_an_error_whatever_the_exit_code() {
    let report = report(recording("sigINT-tool.jsonl"), 0);
    assert!(!report.completed && report.ended);
    assert_eq!(category(&report), Some(Category::AgentError));
    // Without a result the CLI tells only its errors, and older ones not even those.
    let bare = r#"{"type":"result","subtype":"error_max_turns","session_id":"s"}"#;
    let report = super::tests::report(bare, 0);
    assert!(!report.completed);
    assert_eq!(report.summary.as_deref(), Some("ended with error_max_turns"));
}

#[test]
fn an_unknown_session_is_not_resumed_again() {
    let report = report(recording("resume-bad.jsonl"), 1);
    let evidence = report.evidence.unwrap();
    assert_eq!(evidence.cause.as_deref(), Some(crate::model::evidence::SESSION_LOST));
    assert_eq!((report.session_id, report.cost), (None, None));
}

#[test]
fn root_is_told_what_to_do() {
    let report = report(recording("root-nosandbox.txt"), 1);
    let evidence = report.evidence.unwrap();
    assert_eq!(evidence.category, Some(Category::HarnessLaunch));
    assert_eq!(evidence.cause.as_deref(), Some("root_refused"));
    assert!(evidence.message.contains("IS_SANDBOX=1"), "{}", evidence.message);
}

// 20-AF-CL-01, 20-AF-CL-03, 20-AF-CL-05; as an object and written out as text
#[test]
fn structured_results() {
    let cases = [
        (r#"{"completed":true,"summary":"ok"}"#, true, "ok"),
        (r#"{"completed":false,"summary":"not done"}"#, false, "not done"),
        (r#"{"completed":true}"#, false, NO_SUMMARY),
    ];
    for (object, completed, summary) in cases {
        for result in [object.to_owned(), serde_json::to_string(object).unwrap()] {
            let report = report(result_event(&result), 0);
            assert_eq!((report.completed, report.summary.as_deref()), (completed, Some(summary)), "{result}");
        }
    }
}

// 20-AF-CL-02, 20-AF-EX-09
#[test]
fn no_result_leaks_nothing() {
    for (output, session) in [
        ("garbage that is secret\n", None),
        ("{\"type\":\"ping\"}\n", None),
        ("{\"type\":\"system\",\"session_id\":\"sess-abc-123\"}\n", Some("sess-abc-123")),
    ] {
        let report = report(output, 0);
        assert!(!report.completed);
        assert_eq!(report.summary.as_deref(), Some(NO_RESULT));
        assert_eq!(report.session_id.as_deref(), session);
    }
}

// 20-AF-CL-04, 20-AF-EX-09
#[test]
fn a_result_that_cannot_be_read_leaks_nothing() {
    for result in ["17", "[\"secret\"]", "{\"secret\":1}"] {
        let report = report(result_event(result), 0);
        assert_eq!((report.completed, report.summary.as_deref()), (false, Some(MALFORMED)), "{result}");
    }
    let report = report(result_event("secret words"), 0);
    assert_eq!((report.completed, report.summary.as_deref()), (false, Some(NO_RESULT)));
}

// 20-AF-CL-06
#[test]
fn long_answers_keep_their_last_words() {
    let answer = format!("{} the very end", "words ".repeat(5000));
    let report = report(result_event(&serde_json::to_string(&answer).unwrap()), 0);
    let summary = report.summary.unwrap();
    assert!(report.completed && summary.ends_with("the very end"));
    assert!(summary.chars().count() <= 1000);
}

// 20-AF-CL-07
#[test]
fn the_session_comes_from_any_event() {
    let named = report("{\"type\":\"system\",\"session_id\":\"sess-abc-123\"}\n", 1);
    assert_eq!(named.session_id.as_deref(), Some("sess-abc-123"));
    assert_eq!(report("{\"type\":\"system\"}\n", 1).session_id, None);
}

// 20-AF-CL-08
#[test]
fn tool_calls_are_counted_by_block() {
    let assistant =
        |blocks: &str| format!(r#"{{"type":"assistant","message":{{"content":[{blocks}]}}}}"#) + "\n";
    let tool = r#"{"type":"tool_use","name":"Bash","input":{"type":"result"}}"#;
    let output = assistant(&format!("{tool},{tool}")) + &assistant(tool);
    assert_eq!(report(output, 1).tool_calls, Some(3));
}

// 20-AF-CL-09, 20-AF-CL-10, 20-AF-EX-06, 20-AF-EX-07, 20-AF-RE-01, 20-AF-RE-02, 20-AF-RE-06
#[test]
fn arguments() {
    let claude = Claude::new(HarnessSpec {
        extra_args: vec!["--model".into(), "default".into()],
        extra_env: vec![("CLAUDE_CONFIG_DIR".into(), "/second".into())],
        ..HarnessSpec::plain("claude", "claude")
    });
    let plain = Request { effort: Some(" "), ..Request::new("- do it", "/w".as_ref(), "/s".as_ref()) };
    let base = "-p --dangerously-skip-permissions --output-format stream-json --verbose --model default";
    let invocation = claude.invocation(&plain).unwrap();
    assert_eq!(words(&invocation), base);
    assert_eq!(invocation.stdin, Stdin::Bytes(b"- do it".to_vec()));
    assert_eq!(invocation.stderr, Stderr::Merged);
    assert_eq!(invocation.env, [("CLAUDE_CONFIG_DIR".into(), "/second".into())]);
    assert!(invocation.notes.is_empty());
    let full = Request {
        model: Some("claude-opus-4-8"),
        effort: Some("max"),
        resume: Some("sess-resume-42"),
        ..plain
    };
    let invocation = claude.invocation(&full).unwrap();
    let tail = "--model claude-opus-4-8 --effort max --resume sess-resume-42";
    assert_eq!(words(&invocation), format!("{base} {tail}"));
    assert!(invocation.notes.is_empty());
    let odd = claude.invocation(&Request { effort: Some("bogus"), ..plain }).unwrap();
    assert!(words(&odd).ends_with("--effort bogus"));
    assert!(odd.notes[0].contains("bogus") && odd.notes[0].contains("low, medium, high, xhigh, max"));
}

fn words(invocation: &Invocation) -> String {
    assert_eq!(invocation.program, "claude");
    let args: Vec<&str> = invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect();
    args.join(" ")
}

// 20-AF-CL-11 (deviation: evidence has no provider of its own), 20-AF-CL-12
#[test]
fn plain_words_count_after_a_failure() {
    let (report, _) = played(b"rate_limit_event: five hour window\n", Some(Exit::Code(1)), usize::MAX);
    let evidence = report.evidence.unwrap();
    assert_eq!(evidence.category, Some(Category::UsageLimit));
    assert_eq!(evidence.reset_at, Some("2026-11-23T01:00:00Z".parse().unwrap()));
    let (report, _) = played(b"something went wrong\n", Some(Exit::Code(1)), usize::MAX);
    assert_eq!(report.evidence, None);
    assert_eq!(report.plain_tail, ["something went wrong"]);
}

// 50-R23
#[test]
fn prose_and_tool_output_are_no_evidence() {
    let event = |text: &str| {
        format!(
            r#"{{"type":"assistant","session_id":"s","message":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
        ) + "\n"
    };
    let output =
        event("five-hour limit reached, resets in 3h") + &event("authentication_failed, overloaded, 529");
    let report = report(output, 1);
    assert_eq!((report.evidence, report.plain_tail), (None, vec![]));
    // Plain words too far from the end do not count either.
    let output = String::from("error: rate_limit\n") + &event("on").repeat(50);
    assert_eq!(super::tests::report(output, 1).evidence, None);
}

// 50-R18
#[test]
fn an_event_inside_a_broken_line_is_found() {
    let good = String::from_utf8(recording("ok.jsonl")).unwrap();
    let result = good.lines().last().unwrap();
    for output in [
        format!("{{\"type\":\"assistant\",\"message\":{{\"content\":[{{\"type\":\"text\",\"te{result}\n"),
        format!("Warning: no newline after this{result}\nxt\":\"rest\"}}]}}}}\n"),
        format!("{result}trailing garbage\n"),
        format!("{}{result}\n", "x".repeat(LINE_CAP + 1)),
        format!("{{\"a\":{}\n{result}", "[".repeat(100_000)),
    ] {
        let report = report(&output, 0);
        assert!(report.completed, "{}", &output[..output.len().min(200)]);
        assert_eq!(report.summary.as_deref(), Some("PONG"));
        assert_eq!(report.plain_tail.len(), 0);
    }
    // An object inside a torn event is not an event of its own.
    let torn = r#"{"type":"assistant","session_id":"s","x":{"type":"result","result":"evil"},"message"#;
    assert!(!report(torn, 0).ended);
}

#[test]
fn invalid_utf8_does_not_cost_the_event() {
    let mut output = result_event("\"abXXcd\"").into_bytes();
    let at = output.windows(2).position(|pair| pair == b"XX").unwrap();
    output[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
    let report = report(output, 0);
    assert!(report.completed);
    assert_eq!(report.summary.as_deref(), Some("ab\u{fffd}\u{fffd}cd"));
}

#[test]
fn long_lines_and_memory() {
    // A result of several megabytes is still read …
    let answer = format!("{} end", "x".repeat(3 << 20));
    let report = report(result_event(&serde_json::to_string(&answer).unwrap()), 0);
    assert!(report.completed && report.summary.unwrap().ends_with(" end"));
    // … and a line of 50 MB neither fills the memory nor hides the result after it.
    let mut parser = ClaudeParser::default();
    let mut events = Vec::new();
    parser.feed(Stream::Stdout, b"{\"type\":\"user\",\"message\":\"", &mut events);
    playing::feed_endlessly(&mut parser, &[Stream::Stdout], ClaudeParser::retained);
    parser.feed(Stream::Stdout, b"\"}\n", &mut events);
    parser.feed(Stream::Stdout, &recording("ok.jsonl"), &mut events);
    let report = parser.finish(Some(Exit::Code(0)), now());
    assert!(report.completed && parser.retained() < 1 << 20);
}

/// Bytes that look like the stream, here and there.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    playing::noise(vec![
        recording("tool.jsonl"),
        recording("oauth-usagelimit.jsonl"),
        b"\n".to_vec(),
        b"{\"type\":\"result\",\"session_id\":\"s\",\"result\":\"r\"}".to_vec(),
        b"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"te".to_vec(),
        b"resets in 3h limit".to_vec(),
    ])
}

proptest! {
    #[test]
    fn nothing_panics_and_chunks_change_nothing(bytes in noise(), chunk in 1usize..200, code in 0..2) {
        let whole = played(&bytes, Some(Exit::Code(code)), usize::MAX);
        let mut parts = played(&bytes, Some(Exit::Code(code)), chunk);
        prop_assert_eq!(&parts.0, &whole.0);
        // An unterminated last line is read at the end, which tells no more events.
        parts.1.truncate(whole.1.len());
        prop_assert_eq!(parts.1, whole.1);
    }
}
