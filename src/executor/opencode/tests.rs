//! The recordings, and what the CLI could do to them.

use std::time::Duration;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::parser::{ENDED, NO_EVENT, NO_OUTPUT, NO_TEXT, OpencodeParser};
use crate::executor::final_text::NO_RESULT;
use crate::executor::lines::LINE_CAP;
use crate::executor::playing::{self, category};
use crate::executor::{AgentEvent, Counted, Parser, Report, Stream};
use crate::model::evidence::SESSION_LOST;
use crate::model::{Category, Exit, Timestamp, Usage};

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn recording(name: &str) -> Vec<u8> {
    playing::recording("opencode", name)
}

/// Plays both streams; of a real process the log comes first.
fn played(out: &[u8], log: &[u8], exit: Option<Exit>) -> (Report, Vec<AgentEvent>) {
    let pieces = [(Stream::Stderr, log), (Stream::Stdout, out)];
    playing::play(OpencodeParser::default(), &pieces, exit, usize::MAX, now())
}

fn recorded(name: &str, code: i32) -> (Report, Vec<AgentEvent>) {
    let out = recording(&format!("{name}.stdout"));
    played(&out, &recording(&format!("{name}.stderr")), Some(Exit::Code(code)))
}

fn report(out: impl AsRef<[u8]>, code: i32) -> Report {
    played(out.as_ref(), b"", Some(Exit::Code(code))).0
}

fn cause(report: &Report) -> Option<&str> {
    report.evidence.as_ref()?.cause.as_deref()
}

/// An event with a part, or with whatever else.
fn event(kind: &str, rest: &str) -> String {
    format!(r#"{{"type":"{kind}","timestamp":1,"sessionID":"ses_test123",{rest}}}"#) + "\n"
}

fn text(text: &str) -> String {
    event("text", &format!(r#""part":{{"type":"text","text":{}}}"#, serde_json::to_string(text).unwrap()))
}

fn start() -> String {
    event("step_start", r#""part":{"type":"step-start"}"#)
}

fn finish(reason: &str) -> String {
    event("step_finish", &format!(r#""part":{{"type":"step-finish","reason":"{reason}"}}"#))
}

fn tool() -> String {
    event("tool_use", r#""part":{"type":"tool","tool":"write"}"#)
}

fn error(name: &str, message: &str, more: &str) -> String {
    event("error", &format!(r#""error":{{"name":"{name}","data":{{"message":"{message}"{more}}}}}"#))
}

fn log(level: &str, rest: &str) -> String {
    format!("timestamp=2026-11-23T09:59:00.000Z level={level} run=r1 {rest}\n")
}

fn retries(events: &[AgentEvent]) -> Vec<(Option<Category>, u32)> {
    let retry = |event: &AgentEvent| match event {
        AgentEvent::Retrying { evidence, attempt } => Some((evidence.category, *attempt)),
        _ => None,
    };
    events.iter().filter_map(retry).collect()
}

// 20-AF-OC-05, recorded
#[test]
fn a_run_that_went_well() {
    let (report, events) = recorded("tool", 0);
    let session = "ses_df82aa2e5ffehnBRcq5XtMzqUB";
    assert_eq!(
        report,
        Report {
            completed: true,
            summary: Some("DONE: the file is there.".into()),
            session_id: Some(session.into()),
            tool_calls: Some(1),
            usage: Some(Counted::ThisTry(Usage {
                input_tokens: 890,
                cached_input_tokens: 1578,
                output_tokens: 112,
                reasoning_tokens: 0
            })),
            cost: Some(Counted::ThisTry(0.0)),
            ended: true,
            ..Report::default()
        }
    );
    assert_eq!(events[0], AgentEvent::Session(session.into()), "from the log, before any step");
    assert_eq!(events.iter().filter(|event| matches!(event, AgentEvent::Session(_))).count(), 1);
    assert!(events.contains(&AgentEvent::ToolStarted("write".into())));
    assert_eq!(events.last(), Some(&AgentEvent::End));
    // Without the log a process that ends well has done its work all the same; one that was ended has not.
    assert_eq!(report_of_stdout_alone("tool"), Report { ended: false, ..report });
}

fn report_of_stdout_alone(name: &str) -> Report {
    report(recording(&format!("{name}.stdout")), 0)
}

#[test]
fn the_end_is_told_by_the_log_alone() {
    let said = [start(), text("done"), finish("stop")].concat();
    let (_, events) = played(said.as_bytes(), b"", Some(Exit::Code(0)));
    assert!(!events.contains(&AgentEvent::End), "the CLI may go on after a stop: {events:?}");
    // Whichever pipe is read first.
    let over = log("INFO", r#"message="exiting loop" session.id=ses_test123"#);
    for order in [[Stream::Stdout, Stream::Stderr], [Stream::Stderr, Stream::Stdout]] {
        let mut parser = OpencodeParser::default();
        let mut events = Vec::new();
        parser.feed(
            Stream::Stderr,
            log("INFO", "message=loop session.id=ses_test123 step=0").as_bytes(),
            &mut events,
        );
        for stream in order {
            let bytes = if stream == Stream::Stdout { &said } else { &over };
            parser.feed(stream, bytes.as_bytes(), &mut events);
        }
        assert_eq!(events.last(), Some(&AgentEvent::End), "{order:?}");
        // It stayed on and was ended from outside.
        assert!(parser.finish(Some(Exit::Signal(15)), now()).completed, "{order:?}");
    }
    // A turn that goes on has not ended, and a sub-agent's end is none.
    let more = log("INFO", "message=loop session.id=ses_test123 step=2");
    let child = log("INFO", r#"message="exiting loop" session.id=ses_child"#);
    let (report, events) =
        played(said.as_bytes(), format!("{more}{over}{more}{child}").as_bytes(), Some(Exit::Signal(15)));
    assert_eq!(events.iter().filter(|event| **event == AgentEvent::End).count(), 1);
    assert!(!report.completed && !report.ended, "killed while it went on");
    // It was ended when nobody knew whether it would go on; that it exits with 0 then is not its word.
    let (report, _) = played(said.as_bytes(), b"", Some(Exit::Code(0)));
    assert!(report.completed && !report.ended);
    let (report, _) = played(said.as_bytes(), format!("{more}{over}").as_bytes(), Some(Exit::Code(0)));
    assert!(report.completed && report.ended);
}

// 20-AF-OC-01, 20-AF-OC-02, 20-AF-OC-04, 20-AF-OC-06, 20-AF-OC-11, 20-AF-OC-29. A text alone is no success
// any more: a step has to be finished.
#[test]
fn final_words() {
    let json = r#"{"completed":true,"summary":"text1","remaining_work":""}"#;
    let ok = report([start(), text(json), finish("stop")].concat(), 0);
    assert_eq!((ok.completed, ok.summary.as_deref()), (true, Some("text1")));
    assert_eq!(ok.session_id.as_deref(), Some("ses_test123"));
    let half = report([text(&json.replace("true", "false")), finish("stop")].concat(), 0);
    assert_eq!((half.completed, category(&half)), (false, Some(Category::AgentError)));

    let plain = report([text("\n"), text("Done! "), text("file created."), finish("stop")].concat(), 0);
    assert_eq!((plain.completed, plain.summary.as_deref()), (true, Some("Done! file created.")));
    assert!(!report(text("Done!"), 0).completed);

    let parts = report([text("first "), tool(), text("second"), finish("stop")].concat(), 0);
    assert_eq!((parts.summary.as_deref(), parts.tool_calls), (Some("first second"), Some(1)));
    // What was said before the last step is narration.
    let steps = [
        start(),
        text("I look around."),
        tool(),
        finish("tool-calls"),
        start(),
        text("DONE"),
        finish("stop"),
    ];
    assert_eq!(report(steps.concat(), 0).summary.as_deref(), Some("DONE"));
    let wordless = [start(), text("kept"), finish("tool-calls"), start(), finish("stop")];
    assert_eq!(report(wordless.concat(), 0).summary.as_deref(), Some("kept"));

    let tools = [tool(), event("other", r#""part":{"type":"tool"}"#), finish("stop")];
    assert_eq!(report(tools.concat(), 0).tool_calls, Some(2));

    let coloured = report([text("\u{1b}[31mred\u{1b}[0m"), finish("stop")].concat(), 0);
    assert_eq!(coloured.summary.as_deref(), Some("red"));
}

// 20-AF-OC-03, 20-AF-OC-07, 20-AF-EX-09
#[test]
fn without_words() {
    for (out, code, completed, summary) in [
        (String::new(), 0, false, NO_OUTPUT),
        ("raw transcript with secret".to_owned(), 0, false, NO_EVENT),
        (start(), 0, false, NO_RESULT),
        (finish("stop"), 0, true, NO_TEXT),
        (finish("stop"), 1, false, ENDED),
        (String::new(), 1, false, ENDED),
    ] {
        let report = report(&out, code);
        assert_eq!((report.completed, report.summary.as_deref()), (completed, Some(summary)), "{out}");
    }
    // A version that did not tell why a step ended.
    assert!(report([text("ok"), event("step_finish", r#""part":{"tokens":{}}"#)].concat(), 0).completed);
}

// 20-AF-OC-08
#[test]
fn a_process_that_failed_did_not_complete() {
    let report = report([start(), text("partial result"), finish("stop")].concat(), 7);
    assert!(!report.completed);
    assert_eq!(report.summary.as_deref(), Some("partial result"));
    assert_eq!((report.session_id.as_deref(), report.evidence), (Some("ses_test123"), None));
}

#[test]
fn a_step_that_was_cut_or_stopped_short_is_no_success() {
    for (out, message) in [
        ([start(), text("a"), finish("stop"), start()].concat(), "opencode ended without finishing its turn"),
        (
            [start(), text("a"), finish("length")].concat(),
            "opencode stopped after a step that ended with `length`",
        ),
    ] {
        let report = report(&out, 0);
        assert!(!report.completed, "{out}");
        assert_eq!(report.evidence.unwrap().message, message);
    }
}

#[test]
fn a_refused_permission_ends_with_exit_code_0() {
    let (report, _) = recorded("rejected", 0);
    assert!(!report.completed);
    assert_eq!(
        (category(&report), cause(&report)),
        (Some(Category::AgentError), Some("permission_rejected"))
    );
    let message = "! permission requested: external_directory (/etc/*); auto-rejecting";
    assert_eq!(report.evidence.unwrap().message, message, "without escapes");
}

#[test]
fn recorded_failures() {
    for (name, expected) in [
        ("fail-404", Category::InvalidModel),
        ("fail-quota", Category::UsageLimit),
        ("fail-drop", Category::TransientInfra),
        ("opt-timeout", Category::TransientInfra),
        ("rate-limit", Category::ShortRateLimit),
        ("auth", Category::AuthOrProxy),
    ] {
        let report = report(recording(&format!("{name}.stdout")), 1);
        assert!(!report.completed && report.session_id.is_some(), "{name}");
        assert_eq!(category(&report), Some(expected), "{name}");
        assert!(report.summary.unwrap().starts_with("opencode error: "), "{name}");
        assert_eq!(report.evidence.unwrap().source, "stream", "{name}");
    }
}

// 20-AF-OC-14, 20-AF-OC-15; the provider is no part of evidence
#[test]
fn limits_told_in_band() {
    let rate = report(error("RateLimitError", "rate limit exceeded, retry after 60 seconds", ""), 1);
    assert_eq!(category(&rate), Some(Category::ShortRateLimit));
    assert_eq!(rate.evidence.unwrap().retry_after, Some(Duration::from_secs(60)));
    let usage = report(error("UsageLimitError", "usage limit exceeded", ""), 1);
    assert_eq!(category(&usage), Some(Category::UsageLimit));
    let header = r#","statusCode":429,"responseBody":"{\"type\":\"GoUsageLimitError\"}","responseHeaders":{"retry-after":"3600"}"#;
    let go = report(error("APIError", "no", header), 1).evidence.unwrap();
    assert_eq!(go.reset_at, Some("2026-11-23T11:00:00Z".parse().unwrap()));
}

// 20-AF-OC-09, 20-AF-OC-10, in our own words
#[test]
fn errors_in_summaries() {
    let wrapped = "Unexpected server error. Check server logs for details.";
    let out = format!("garbage\n{}", error("UnknownError", wrapped, r#","ref":"err_e558e8ba""#));
    let expected = format!("opencode error: {wrapped} (err_e558e8ba)");
    assert_eq!(report(&out, 1).summary, Some(expected));
    let nameless = event("error", r#""error":{"name":"UnknownError"}"#);
    assert_eq!(report(nameless, 1).summary.as_deref(), Some("opencode error: UnknownError"));
    for empty in [event("error", r#""x":1"#), event("error", r#""error":7"#)] {
        let report = report(&empty, 1);
        assert_eq!(report.summary.as_deref(), Some("opencode error: unknown error"));
    }
    let long = error("E", &"m".repeat(2000), &format!(r#","ref":"{}""#, "r".repeat(1000)));
    let long = report(long, 1).summary.unwrap();
    assert!(long.chars().count() <= 520 && long.starts_with("opencode error: mmm") && long.ends_with("…)"));
}

// An error that the session got over is none: the last step counts.
#[test]
fn what_was_recovered_is_no_failure() {
    let (report, events) = recorded("recovered", 0);
    assert_eq!((report.completed, report.summary.as_deref(), report.evidence), (true, Some("PONG"), None));
    assert_eq!(retries(&events), [(Some(Category::TransientInfra), 1)]);
    let out = [error("APIError", "Overloaded", ""), start(), text("ok"), finish("stop")].concat();
    let (report, _) = played(out.as_bytes(), b"", Some(Exit::Code(0)));
    assert!(report.completed && report.evidence.is_none());
}

#[test]
fn retries_are_told_live_and_a_title_is_none() {
    let (report, events) = recorded("rate-limit", 1);
    let expected: Vec<_> = (1..=6).map(|n| (Some(Category::ShortRateLimit), n)).collect();
    assert_eq!(retries(&events), expected);
    assert_eq!(category(&report), Some(Category::ShortRateLimit));
    assert_eq!(report.plain_tail.len(), 0, "log lines are no plain words: {:?}", report.plain_tail);
}

#[test]
fn a_try_that_is_killed_in_silence_still_knows_its_session_and_why() {
    let (report, events) = played(b"", &recording("used-up.stderr"), Some(Exit::Signal(15)));
    assert_eq!(retries(&events).len(), 3);
    let evidence = report.evidence.unwrap();
    assert_eq!((evidence.category, evidence.source.as_str()), (Some(Category::UsageLimit), "log"));
    assert_eq!(report.session_id.as_deref(), Some("ses_df8256f5bffepB5ynk7Vt33aCI"));

    let (report, _) = played(b"", &recording("hang.stderr"), Some(Exit::Signal(15)));
    assert_eq!(report.session_id.as_deref(), Some("ses_df828fddcffe4zSCZk7n1j42mc"));
    assert!(!report.completed && report.evidence.is_none());
}

#[test]
fn a_step_begun_since_mends_a_failed_request() {
    let failed = log(
        "ERROR",
        r#"message="stream error" session.id=ses_test123 agent=build error.error="AI_APICallError: no""#,
    );
    let (report, events) = played(start().as_bytes(), failed.repeat(2).as_bytes(), Some(Exit::Signal(9)));
    assert_eq!(retries(&events).len(), 2);
    assert_eq!(report.evidence, None, "killed for another reason");
    // A sub-agent's request fails and its next step begins.
    let child = failed.replace("ses_test123", "ses_child");
    let next = log("INFO", "message=loop session.id=ses_child step=1");
    let (report, events) = played(b"", format!("{child}{next}{child}").as_bytes(), Some(Exit::Signal(9)));
    assert_eq!(retries(&events), [(Some(Category::TransientInfra), 1), (Some(Category::TransientInfra), 1)]);
    assert_eq!(category(&report), Some(Category::TransientInfra));
}

#[test]
fn a_sub_agent_is_seen_in_the_log_alone() {
    let (report, events) = recorded("sub-agent", 0);
    assert_eq!((report.completed, report.tool_calls), (true, Some(1)), "its own tools are not told");
    assert_eq!(report.summary.as_deref(), Some("SUBDONE"));
    let sessions: Vec<_> = events.iter().filter(|event| matches!(event, AgentEvent::Session(_))).collect();
    assert_eq!(sessions, [&AgentEvent::Session("ses_df81a1780ffevMIv8IN9V62d6P".into())]);
    // The log is played first: the end is told there, and again when the last step is known.
    assert_eq!(events.iter().filter(|event| **event == AgentEvent::End).count(), 3);
}

#[test]
fn a_title_speaks_for_the_account_of_its_own_provider_alone() {
    let request = |session: &str, agent: &str, provider: &str| {
        log("INFO", &format!("message=stream providerID={provider} session.id={session} agent={agent}"))
    };
    let title = request("ses_test123", "title", "small").replace("INFO", "ERROR").replace(
        "message=stream ",
        r#"message="stream error" error.error="AI_APICallError: Usage limit reached. Resets in 4h." "#,
    );
    let why = |turn: &str| category(&played(b"", format!("{turn}{title}").as_bytes(), None).0);
    assert_eq!(why(&request("ses_test123", "build", "small")), Some(Category::UsageLimit));
    assert_eq!(why(&request("ses_test123", "build", "large")), None);
    // That a sub-agent asks it, too, says nothing about the turn.
    let both = request("ses_test123", "build", "large") + &request("ses_child", "explore", "small");
    assert_eq!(why(&both), None);
    assert_eq!(why(&request("ses_child", "explore", "small")), None);
    assert_eq!(why(""), None, "nobody knows whom the turn asks");
}

#[test]
fn a_wait_is_counted_from_when_it_was_told() {
    let failed = log(
        "ERROR",
        r#"message="stream error" session.id=ses_test123 agent=build error.error="AI_APICallError: Usage limit reached. Resets in 4h.""#,
    );
    // A minute before the end.
    let evidence = report_of(b"", failed.as_bytes()).evidence.unwrap();
    assert_eq!(evidence.reset_at, Some("2026-11-23T13:59:00Z".parse().unwrap()));
}

#[test]
fn the_session_is_not_a_sub_agents() {
    let lines = [
        log("INFO", "message=created id=ses_child parentID=ses_test123 directory=/w"),
        log("INFO", "message=created id=ses_test123 parentID=undefined directory=/w"),
        log("INFO", "message=loop session.id=ses_child step=0"),
    ];
    let (report, _) = played(b"", lines.concat().as_bytes(), None);
    assert_eq!(report.session_id.as_deref(), Some("ses_test123"));
    // A resumed session is not created again.
    let (report, _) = played(b"", log("INFO", "message=loop session.id=ses_old step=0").as_bytes(), None);
    assert_eq!(report.session_id.as_deref(), Some("ses_old"));
}

// 20-AF-OC-23, 20-AF-OC-24: what the stream says of itself stands before the log
#[test]
fn the_log_tells_what_a_wrapper_hides() {
    let (report, _) = recorded("unknown-model", 1);
    let evidence = report.evidence.unwrap();
    assert_eq!((evidence.category, evidence.source.as_str()), (Some(Category::InvalidModel), "log"));
    assert_eq!(evidence.message, "Model not found: mock/nope.");
    assert!(report.summary.unwrap().starts_with("opencode error: Unexpected server error."));
    let alone = report_of(&recording("unknown-model.stdout"), b"");
    assert_eq!(category(&alone), None, "so that the log on disk can speak");

    let failed = log(
        "ERROR",
        r#"message="stream error" session.id=ses_test123 agent=build error.error="AI_APICallError: Usage limit reached.""#,
    );
    let own = error("UnknownError", "Agent runtime crashed while applying patch.", "");
    assert_eq!(category(&report_of(own.as_bytes(), failed.as_bytes())), Some(Category::AgentError));
    let wrapper = error("UnknownError", "Unexpected server error.", "");
    assert_eq!(category(&report_of(wrapper.as_bytes(), failed.as_bytes())), Some(Category::UsageLimit));
}

fn report_of(out: &[u8], log: &[u8]) -> Report {
    played(out, log, Some(Exit::Code(1))).0
}

#[test]
fn an_unknown_session_is_lost_and_an_unknown_option_is_no_launch() {
    let lost = report_of(b"", &recording("lost.stderr"));
    assert_eq!((category(&lost), cause(&lost)), (Some(Category::AgentError), Some(SESSION_LOST)));
    assert_eq!(lost.session_id, None);
    let refused = report_of(b"", &recording("bad-flag.stderr"));
    assert_eq!(
        (category(&refused), cause(&refused)),
        (Some(Category::HarnessLaunch), Some("unknown_option"))
    );
    let moved = r#"{"type":"error","sessionID":"ses_1","error":{"name":"NotFound","data":{"message":"NotFound: FileSystem.realPath (/old/repo)"}}}"#;
    assert_eq!(cause(&report(moved, 1)), Some(SESSION_LOST));
    // Whoever works on such a program may speak of it.
    let spoken = format!("{}{}", text("Error: Session not found"), finish("stop"));
    assert!(report(&spoken, 0).completed);
}

// 20-AF-PO-10, 20-AF-PO-11 (20-AF-PO-12 is told by the quota scope: evidence has no provider of its own)
#[test]
fn what_tells_nothing_proves_nothing() {
    for out in [String::new(), text("rate limit"), "plain text\n".into(), "{\"type\":\"error\"}\n".into()] {
        assert_eq!(category(&report(&out, 1)), None, "{out}");
    }
}

#[test]
fn prose_is_no_evidence() {
    let out = [start(), text("usage limit reached, 429 rate limit"), finish("tool-calls")].concat();
    assert_eq!(category(&report(&out, 1)), None);
}

#[test]
fn an_event_inside_a_broken_line_is_found() {
    let good = finish("stop").trim_end().to_owned();
    for out in [
        format!("{{\"type\":\"text\",\"part\":{{\"te{good}\n"),
        format!("Warning: no newline after this{good}\nxt\":\"rest\"}}}}\n"),
        format!("{good}trailing garbage\n"),
        format!("{}{good}\n", "x".repeat(LINE_CAP + 1)),
        format!("{{\"a\":{}\n{good}", "[".repeat(100_000)),
    ] {
        let report = report([start(), text("ok"), out.clone()].concat(), 0);
        assert!(report.completed, "{}", &out[..out.len().min(200)]);
        assert_eq!(report.plain_tail.len(), 0);
    }
    // An object inside a torn one, or another session's, is no event.
    let evil = finish("stop").replace("ses_test123", "ses_other");
    for torn in [format!("{{\"x\":[{},1", good), format!("garbage {evil}")] {
        assert!(!report([start(), text("ok"), torn].concat(), 0).completed);
    }
}

#[test]
fn fields_of_unexpected_types_cost_only_themselves() {
    let odd = event(
        "step_finish",
        r#""part":{"reason":"stop","tokens":{"input":"many","output":7,"cache":1},"cost":"x"}"#,
    );
    let report = report([text("ok"), odd].concat(), 0);
    assert!(report.completed && report.cost.is_none());
    assert_eq!(report.usage, Some(Counted::ThisTry(Usage { output_tokens: 7, ..Usage::default() })));
    let reasoned = event(
        "step_finish",
        r#""part":{"tokens":{"input":1,"output":2,"reasoning":3,"cache":{"read":4,"write":5}},"cost":0.25}"#,
    );
    let report = super::tests::report(reasoned.repeat(2), 0);
    let usage = Usage { input_tokens: 12, cached_input_tokens: 8, output_tokens: 10, reasoning_tokens: 6 };
    assert_eq!((report.usage, report.cost), (Some(Counted::ThisTry(usage)), Some(Counted::ThisTry(0.5))));
}

#[test]
fn long_lines_and_memory() {
    let answer = format!("{} end", "x".repeat(3 << 20));
    let report = report([text(&answer), finish("stop")].concat(), 0);
    assert!(report.completed && report.summary.unwrap().ends_with(" end"));
    let mut parser = OpencodeParser::default();
    let mut events = Vec::new();
    playing::feed_endlessly(&mut parser, &[Stream::Stdout, Stream::Stderr], OpencodeParser::retained);
    for stream in [Stream::Stdout, Stream::Stderr] {
        parser.feed(stream, b"\n", &mut events);
    }
    parser.feed(Stream::Stderr, &recording("tool.stderr"), &mut events);
    parser.feed(Stream::Stdout, &recording("tool.stdout"), &mut events);
    assert!(parser.retained() < 1 << 20);
    assert!(parser.finish(Some(Exit::Code(0)), now()).completed);
}

/// Bytes that look like the streams, here and there.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    playing::noise(vec![
        recording("tool.stdout"),
        recording("rate-limit.stderr"),
        recording("unknown-model.stdout"),
        b"\n".to_vec(),
        b"{\"type\":\"text\",\"sessionID\":\"s\",\"part\":{\"text\":\"t\"}}".to_vec(),
        b"{\"type\":\"text\",\"part\":{\"te".to_vec(),
        b"timestamp=2026-11-23T09:56:19.019Z level=ERROR message=\"str".to_vec(),
        b"resets in 3h usage limit".to_vec(),
    ])
}

fn chunked(bytes: &[u8], stream: Stream, size: usize, code: i32) -> (Report, Vec<AgentEvent>) {
    let exit = Some(Exit::Code(code));
    playing::play(OpencodeParser::default(), &[(stream, bytes)], exit, size, now())
}

proptest! {
    #[test]
    fn nothing_panics_and_chunks_change_nothing(bytes in noise(), size in 1usize..200, code in 0..2, log in any::<bool>()) {
        let stream = if log { Stream::Stderr } else { Stream::Stdout };
        let whole = chunked(&bytes, stream, usize::MAX, code);
        prop_assert_eq!(chunked(&bytes, stream, size, code), whole);
    }
}
