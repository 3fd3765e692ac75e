//! What the parser makes of the reported output, and the command line. Transcripts are those of the stand-in.

use super::*;
use proptest::prelude::*;

use crate::executor::{AgentEvent, Counted, Report, Stream};
use crate::model::{Category, Exit, Timestamp, Usage};

const SESSION: &str = "8eb5b287-eadb-4fc6-ae08-000000000001";
const STREAM: &str = include_str!("../../../tests/fixtures/antigravity/stand-in.jsonl");
const LOG_FILE: &str = include_str!("../../../tests/fixtures/antigravity/stand-in.log");
const HELP: &str = include_str!("../../../tests/fixtures/antigravity/stand-in.help.txt");

fn now() -> Timestamp {
    "2026-11-22T20:00:00Z".parse().unwrap()
}

/// Some output, by stream.
type Piece<'a> = (Stream, &'a [u8]);

fn played(stream: bool, pieces: &[Piece<'_>], exit: Option<Exit>, chunk: usize) -> (Report, Vec<AgentEvent>) {
    let mut parser = AntigravityParser::new(stream, now);
    let mut events = Vec::new();
    for (from, bytes) in pieces {
        for chunk in bytes.chunks(chunk) {
            parser.feed(*from, chunk, &mut events);
        }
    }
    (parser.finish(exit, now()), events)
}

fn events(stdout: &str, stderr: &str, code: i32) -> Report {
    let pieces = [(Stream::Stdout, stdout.as_bytes()), (Stream::Stderr, stderr.as_bytes())];
    played(true, &pieces, Some(Exit::Code(code)), usize::MAX).0
}

fn text(stdout: &str, stderr: &str, log: &str, code: i32) -> Report {
    let pieces = [
        (Stream::Stdout, stdout.as_bytes()),
        (Stream::Stderr, stderr.as_bytes()),
        (Stream::Log, log.as_bytes()),
    ];
    played(false, &pieces, Some(Exit::Code(code)), usize::MAX).0
}

fn result(rest: &str) -> String {
    format!("{{\"event\":\"result\",\"result\":{{\"conversation_id\":\"{SESSION}\",{rest}}}}}\n")
}

fn category(report: &Report) -> Option<Category> {
    report.evidence.as_ref().and_then(|evidence| evidence.category)
}

fn cause(report: &Report) -> Option<&str> {
    report.evidence.as_ref()?.cause.as_deref()
}

#[test]
fn a_turn_that_went_well() {
    let (report, events) = played(true, &[(Stream::Stdout, STREAM.as_bytes())], None, usize::MAX);
    assert_eq!(
        events,
        [
            AgentEvent::Session(SESSION.into()),
            AgentEvent::TurnStarted,
            AgentEvent::ToolStarted("run_command".into()),
            AgentEvent::ToolEnded,
            AgentEvent::Text,
            AgentEvent::End,
        ]
    );
    let usage = Usage { input_tokens: 10, cached_input_tokens: 3, output_tokens: 5, reasoning_tokens: 2 };
    assert_eq!(
        report,
        Report {
            completed: true,
            summary: Some("all done".into()),
            session_id: Some(SESSION.into()),
            tool_calls: Some(1),
            usage: Some(Counted::ThisTry(usage)),
            ended: true,
            ..Report::default()
        }
    );
}

// 20-AF-AG-01 to 04
#[test]
fn plain_answers_with_the_session_of_the_log() {
    for (stdout, completed, summary) in [
        ("{\"completed\":true,\"summary\":\"ok\"}\n", true, "ok"),
        ("previous response\n{\"completed\":false,\"summary\":\"new response\"}", false, "new response"),
        ("plain summary\n", true, "plain summary"),
    ] {
        let report = text(stdout, "", LOG_FILE, 0);
        assert_eq!((report.completed, report.summary.as_deref()), (completed, Some(summary)));
        assert_eq!(report.session_id.as_deref(), Some(SESSION));
        assert_eq!((report.tool_calls, report.ended), (None, false));
        let said = (!completed).then_some(Category::AgentError);
        assert_eq!(category(&report), said);
    }
    // A later line of the log names the session that is really used.
    let other = LOG_FILE.replace(SESSION, "00000000-eadb-4fc6-ae08-000000000002");
    assert_eq!(text("x", "", &(LOG_FILE.to_owned() + &other), 0).session_id.unwrap()[..8], *"00000000");
}

#[test]
fn a_success_without_an_answer_is_none() {
    for (answer, stderr) in [
        ("\"status\":\"SUCCESS\",\"response\":\" \"", ""),
        ("\"status\":\"SUCCESS\"", ""),
        ("\"status\":\"SUCCESS\",\"response\":17", ""),
        ("\"response\":\"all done\"", ""),
        ("\"status\":\"ERROR\",\"response\":\"all done\"", ""),
        (
            "\"status\":\"SUCCESS\",\"response\":\"half\"",
            "[agy] print timeout after 25s with turn in progress; returning partial output",
        ),
        ("\"status\":\"SUCCESS\",\"response\":\"half\"", "AGY_ERROR: {}"),
        ("\"status\":\"SUCCESS\",\"response\":\"Error: Individual quota reached. Resets in 2h\"", ""),
    ] {
        let report = events(&result(answer), stderr, 0);
        assert!(!report.completed && report.evidence.is_some(), "{answer} {stderr}");
    }
    let zeros =
        "\"status\":\"SUCCESS\",\"response\":\"x\",\"usage\":{\"input_tokens\":0,\"output_tokens\":0}";
    assert_eq!(events(&result(zeros), "", 0).usage, None, "zeros stand for no figure");
    let denied = "\"status\":\"SUCCESS\",\"response\":\"\",\"denied_actions\":[{\"action\":\"a\"},\"b\",3]";
    let report = events(&result(denied), "", 0);
    assert_eq!((category(&report), cause(&report)), (Some(Category::AgentError), Some("permission_denied")));
    assert!(report.evidence.unwrap().message.contains("refused a, b, an action"));
    // Who answers although something was refused has found another way.
    assert!(events(&result(&denied.replace(":\"\"", ":\"done\"")), "", 0).completed);
    let object = "\"status\":\"SUCCESS\",\"response\":\"\",\"structured_output\":{\"completed\":true,\"summary\":\"ok\"}";
    assert_eq!(events(&result(object), "", 0).summary.as_deref(), Some("ok"));
}

// 20-20 #1: what the model or a tool writes proves nothing
#[test]
fn prose_and_tool_output_are_no_evidence() {
    let prose =
        "Individual quota reached. RESOURCE_EXHAUSTED (code 429) not logged into Antigravity. Resets in 3h";
    let step = format!(
        "{{\"event\":\"step_update\",\"step_update\":{{\"step_index\":1,\"state\":\"DONE\",\"step_type\":\"tool\",\
         \"tool_name\":\"t\",\"tool_info\":{{\"output\":\"{prose}\"}},\"text_delta\":\"{prose}\"}}}}\n"
    );
    let report = events(&step, "", 1);
    assert_eq!((report.evidence, report.plain_tail), (None, vec![]));
    // An answer about quotas is an answer.
    let about = format!("I have handled the case that agy says: {prose}");
    assert!(text(&about, "", "", 0).completed);
    assert!(events(&result(&format!("\"status\":\"SUCCESS\",\"response\":\"{about}\"")), "", 0).completed);
    // Nor does the noise that agy prints while it signs in.
    let report = events("", "2026/11/22 You are not logged into Antigravity.\nerror: strange\n", 1);
    assert_eq!(
        (category(&report), &*report.evidence.unwrap().message),
        (Some(Category::AgentError), "error: strange")
    );
    let report = text("", "", "E1122 a.go:1] error getting token source\nI1122 a.go:2] Auth succeeded\n", 1);
    assert_eq!(report.evidence, None);
}

// 20-AF-AG-07, 20-AF-AG-12
#[test]
fn a_used_up_quota_wherever_it_is_told() {
    let quota = "RESOURCE_EXHAUSTED (code 429): Individual quota reached. Resets in 1h30m";
    let error = format!("\"status\":\"ERROR\",\"error\":{{\"message\":\"{quota}\"}}");
    for report in [
        text(quota, "", "", 1),
        text("", &format!("error: {quota}"), "", 1),
        text("", "", &format!("E1122 run.go:1] agent executor error: model unreachable: {quota}"), 1),
        events(&result(&error), "", 1),
        events("", &format!("AGY_ERROR: {{\"error\":{{\"shortError\":\"{quota}\"}}}}"), 3),
        events(
            &format!(
                "{{\"event\":\"step_update\",\"step_update\":{{\"step_type\":\"agent_response\",\"state\":\"ERROR\",\"error\":\"{quota}\"}}}}"
            ),
            "",
            0,
        ),
    ] {
        let evidence = report.evidence.as_ref().unwrap();
        assert_eq!(category(&report), Some(Category::UsageLimit), "{evidence:?}");
        assert_eq!(evidence.reset_at, Some("2026-11-22T21:30:00Z".parse().unwrap()), "{evidence:?}");
        assert!(!report.completed);
    }
}

#[test]
fn failed_requests_are_typed() {
    for (told, wanted) in [
        ("{\"status\":\"RESOURCE_EXHAUSTED\",\"http_code\":429}", Category::UsageLimit),
        ("{\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"Please retry in 5s\"}", Category::UsageLimit),
        ("{\"status\":\"UNAUTHENTICATED\",\"code\":401}", Category::AuthOrProxy),
        ("{\"canonicalStatus\":\"X\",\"httpStatusCode\":403}", Category::AuthOrProxy),
        ("{\"status\":\"UNAVAILABLE\"}", Category::ProviderOverloaded),
        ("{\"status\":\"INTERNAL\",\"httpCode\":500}", Category::TransientInfra),
        ("{\"error\":{\"code\":\"DEADLINE_EXCEEDED\"}}", Category::TransientInfra),
        ("{\"short_error\":\"the tool loop broke\",\"code\":13}", Category::AgentError),
        ("{\"status\":5,\"code\":[]}", Category::AgentError),
        ("no JSON at all", Category::AgentError),
        ("", Category::AgentError),
    ] {
        let report = events("", &format!("AGY_ERROR: {told}\n"), 3);
        assert_eq!(category(&report), Some(wanted), "{told}");
        assert!(!report.completed);
    }
}

#[test]
fn a_usage_error_names_what_is_wrong() {
    let stderr = "flag provided but not defined: -effort\nUsage of agy:\n  -p string\n";
    for report in [text("", stderr, "", 2), events("", stderr, 2)] {
        assert_eq!((category(&report), cause(&report)), (Some(Category::HarnessLaunch), Some("usage_error")));
        assert_eq!(report.evidence.unwrap().message, "flag provided but not defined: -effort");
    }
}

// 20-AF-AG-11, 20-AF-AG-14
#[test]
fn the_log_of_this_try_counts_when_nothing_else_tells() {
    let log = format!(
        "{LOG_FILE}I1122 a.go:1] fine\nE1122 a.go:2] {}\nnot a line of its own\n",
        "odd ".repeat(999)
    );
    let report = text("unknown output", "", &log, 1);
    let evidence = report.evidence.as_ref().unwrap();
    assert_eq!((category(&report), evidence.source.as_str()), (Some(Category::UnidentifiedIssue), "log"));
    assert!(evidence.message.starts_with("odd") && evidence.message.chars().count() <= 256);
    assert_eq!(report.summary.as_deref(), Some(crate::executor::final_text::NO_RESULT));
    let told = text("", "error: invalid model selection", &log, 1);
    assert_eq!(category(&told), Some(Category::InvalidModel));
    // A turn that went well is not spoilt by what was logged on its way.
    assert!(text("done", "", &log, 0).completed);
}

#[test]
fn only_what_lasts_is_announced_without_a_stream() {
    let line = |why: &str| format!("E1122 run.go:1] agent executor error: model unreachable: {why}\n");
    let quota = line("RESOURCE_EXHAUSTED (code 429): Individual quota reached. Resets in 4h");
    let busy = line("UNAVAILABLE (code 503)");
    let announced = |stream, pieces: &[Piece<'_>]| {
        let (_, events) = played(stream, pieces, Some(Exit::Code(1)), usize::MAX);
        let categories = events.into_iter().filter_map(|event| match event {
            AgentEvent::Retrying { evidence, .. } => Some((evidence.category.unwrap(), evidence.reset_at)),
            _ => None,
        });
        categories.collect::<Vec<_>>()
    };
    let reset = Some("2026-11-23T00:00:00Z".parse().unwrap());
    for stream in [false, true] {
        let found = announced(stream, &[(Stream::Log, quota.as_bytes())]);
        assert_eq!(found, [(Category::UsageLimit, reset)]);
    }
    assert_eq!(announced(false, &[(Stream::Log, busy.as_bytes())]), []);
    assert_eq!(announced(true, &[(Stream::Log, busy.as_bytes())]), [(Category::ProviderOverloaded, None)]);
    assert_eq!(announced(true, &[(Stream::Log, b"E1122 a.go:1] cannot flush: UNAVAILABLE\n")]), []);
    // An error from before the model's last words is over.
    let zone = jiff::tz::TimeZone::system();
    let old = (now() - jiff::SignedDuration::from_secs(5)).to_zoned(zone);
    let old = busy.replace("E1122", &old.strftime("E%m%d %H:%M:%S.1").to_string());
    assert_eq!(announced(true, &[(Stream::Stdout, STREAM.as_bytes()), (Stream::Log, old.as_bytes())]), []);
    assert_eq!(announced(true, &[(Stream::Log, old.as_bytes())]).len(), 1);
}

/// As `played`, with the clock at the end that many seconds later.
fn ended_later(stream: bool, pieces: &[Piece<'_>], code: i32, seconds: i64) -> Report {
    let mut parser = AntigravityParser::new(stream, now);
    for (from, bytes) in pieces {
        parser.feed(*from, bytes, &mut Vec::new());
    }
    parser.finish(Some(Exit::Code(code)), now() + jiff::SignedDuration::from_secs(seconds))
}

/// A line of the log, that many seconds ago.
fn logged(level: &str, ago: i64, message: &str) -> String {
    let at = (now() - jiff::SignedDuration::from_secs(ago)).to_zoned(jiff::tz::TimeZone::system());
    format!("{level}{} 1 run.go:9] {message}\n", at.strftime("%m%d %H:%M:%S.000000"))
}

#[test]
fn without_a_stream_a_quota_of_a_minute_is_not_announced() {
    let announced = |stream, why: &str| {
        let line = format!("E1122 run.go:1] agent executor error: model unreachable: {why}\n");
        let (_, events) = played(stream, &[(Stream::Log, line.as_bytes())], None, usize::MAX);
        events.iter().any(|event| matches!(event, AgentEvent::Retrying { .. }))
    };
    for why in [
        "RESOURCE_EXHAUSTED (code 429): Resource has been exhausted (e.g. check quota).",
        "RESOURCE_EXHAUSTED (code 429): Quota exceeded. Resets in 40s",
    ] {
        assert!(announced(true, why), "{why}");
        assert!(!announced(false, why), "{why}");
    }
    for why in [
        "RESOURCE_EXHAUSTED (code 429): Quota exceeded. Resets in 3h",
        "RESOURCE_EXHAUSTED (code 429): Individual quota reached.",
        "RESOURCE_EXHAUSTED: quotaId GenerateRequestsPerDayPerProject. Please retry in 34s.",
    ] {
        assert!(announced(false, why), "{why}");
    }
}

#[test]
fn without_a_stream_an_old_error_explains_nothing() {
    let quota = "RESOURCE_EXHAUSTED (code 429): Individual quota reached. Resets in 5m";
    let found = |log: &str| category(&text("", "", log, 1));
    assert_eq!(found(&logged("E", 10_000, quota)), None);
    assert_eq!(found(&logged("E", 200, quota)), Some(Category::UsageLimit));
    // What a CLI that gives up logs comes at once; what comes later is work.
    let gives_up = logged("E", 200, quota) + &logged("I", 195, "bye");
    assert_eq!(found(&gives_up), Some(Category::UsageLimit));
    let works = logged("E", 200, quota) + &logged("I", 100, "tool run_command");
    assert_eq!(found(&works), None);
    let anew = works + &logged("E", 20, "error getting token source");
    assert_eq!(found(&anew), Some(Category::AuthOrProxy));
    assert_eq!(found(&logged("F", 1, "invalid model selection")), Some(Category::InvalidModel));
}

#[test]
fn a_span_counts_from_when_it_was_said() {
    let quota = "Individual quota reached. Resets in 4h";
    let reset = |report: Report| report.evidence.unwrap().reset_at.unwrap().to_string();
    let line = logged("E", 120, quota);
    for stream in [false, true] {
        let log = ended_later(stream, &[(Stream::Log, line.as_bytes())], 1, 100);
        assert_eq!(reset(log), "2026-11-22T23:58:00Z");
        let undated = format!("E1122 run.go:9] {quota}\n");
        let log = ended_later(stream, &[(Stream::Log, undated.as_bytes())], 1, 100);
        assert_eq!(reset(log), "2026-11-23T00:00:00Z");
        for said in [format!("error: {quota}\n"), format!("AGY_ERROR: {quota}\n")] {
            let stderr = ended_later(stream, &[(Stream::Stderr, said.as_bytes())], 3, 100);
            assert_eq!(reset(stderr), "2026-11-23T00:00:00Z");
        }
    }
    let failed = result(&format!("\"status\":\"ERROR\",\"error\":\"{quota}\""));
    let report = ended_later(true, &[(Stream::Stdout, failed.as_bytes())], 1, 100);
    assert_eq!(reset(report), "2026-11-23T00:00:00Z");
    let (_, events) = played(
        false,
        &[(Stream::Log, line.replace("Individual", "model unreachable: Individual").as_bytes())],
        None,
        usize::MAX,
    );
    assert!(
        matches!(&events[..], [AgentEvent::Retrying { evidence, .. }]
            if evidence.reset_at == Some("2026-11-22T23:58:00Z".parse().unwrap())),
        "{events:?}"
    );
}

#[test]
fn the_answer_of_versions_without_a_stream_is_no_evidence() {
    let said = "I have now handled HTTP status 429\nand rate limit, too many requests\n";
    for exit in [None, Some(Exit::Signal(9)), Some(Exit::Code(1))] {
        let (report, _) = played(false, &[(Stream::Stdout, said.as_bytes())], exit, usize::MAX);
        assert_eq!((report.evidence, report.plain_tail), (None, vec![]), "{exit:?}");
    }
    let own = "Error: 503 service unavailable";
    let report = text(&format!("{said}{own}\n"), "warning: strange\n", "", 1);
    assert_eq!(report.plain_tail, [own, "warning: strange"]);
}

#[test]
fn a_turn_that_goes_on_after_its_result_has_not_ended() {
    let step = |kind: &str, rest: &str| {
        format!(
            "{{\"event\":\"step_update\",\"step_update\":{{\"step_index\":9,\"step_type\":\"{kind}\",{rest}}}}}\n"
        )
    };
    for more in [
        step("tool", "\"state\":\"ACTIVE\",\"tool_name\":\"t\""),
        step("agent_response", "\"state\":\"ACTIVE\",\"text_delta\":\"and now\""),
    ] {
        let report = events(&(STREAM.to_owned() + &more), "", 0);
        assert!(!report.completed && !report.ended, "{more}");
        assert!(events(&(STREAM.to_owned() + &more + STREAM), "", 0).completed, "{more}");
    }
    let silent = step("user_input", "\"state\":\"DONE\"");
    assert!(events(&(STREAM.to_owned() + &silent), "", 0).completed);
}

#[test]
fn tokens_of_several_turns_are_added() {
    let turn = |rest: &str| result(&format!("\"status\":\"SUCCESS\",\"response\":\"r\"{rest}"));
    let usage = |input_tokens, output_tokens| {
        Some(Counted::ThisTry(Usage { input_tokens, output_tokens, ..Usage::default() }))
    };
    let first = turn(",\"usage\":{\"input_tokens\":10,\"output_tokens\":5}");
    assert_eq!(events(&(first.clone() + &turn("")), "", 0).usage, usage(10, 5));
    let second = turn(",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}");
    assert_eq!(events(&(first + &second), "", 0).usage, usage(11, 7));
}

#[test]
fn the_end_of_a_line_is_no_line() {
    use crate::executor::lines::{LINE_CAP, TAIL};
    // Ends with exactly these words, after as many blanks as make them the kept end.
    let long = |words: &str| {
        let mut line = vec![b'x'; LINE_CAP];
        line.extend(vec![b' '; TAIL - words.len()]);
        line.extend(words.as_bytes());
        line.push(b'\n');
        line
    };
    let done = "{\"completed\":true,\"summary\":\"ok\"}";
    let (report, _) = played(false, &[(Stream::Stdout, &long(done))], Some(Exit::Code(0)), usize::MAX);
    assert_ne!(report.summary.as_deref(), Some("ok"));
    let whole = result("\"status\":\"SUCCESS\",\"response\":\"r\"");
    let ended = long(whole.trim_end());
    let stated = long("error: invalid model selection");
    let logged = long(&format!("E1122 20:00:00.1 1 a.go:1] {}", "invalid model selection"));
    for (from, line) in [(Stream::Stdout, &ended), (Stream::Stderr, &stated), (Stream::Log, &logged)] {
        let (report, _) = played(true, &[(from, line)], Some(Exit::Code(1)), usize::MAX);
        assert_eq!((report.evidence, report.ended, report.plain_tail), (None, false, vec![]), "{from:?}");
    }
}

#[test]
fn tools_are_counted_by_step() {
    let step = |index: &str, state: &str| {
        format!(
            "{{\"event\":\"step_update\",\"step_update\":{{{index}\"state\":\"{state}\",\"step_type\":\"tool\",\"tool_name\":\"t\"}}}}\n"
        )
    };
    let (five, six) = ("\"step_index\":5,", "\"step_index\":6,");
    let output =
        [(five, "ACTIVE"), (five, "ACTIVE"), (six, "ACTIVE"), (five, "DONE"), (five, "DONE"), (six, "ERROR")];
    let output: String = output.iter().map(|(index, state)| step(index, state)).collect();
    let (report, events) = played(true, &[(Stream::Stdout, output.as_bytes())], None, usize::MAX);
    assert_eq!((report.tool_calls, events.len()), (Some(2), 4));
    let output = step("", "ACTIVE") + &step("", "DONE") + &step("", "DONE");
    let (report, events) = played(true, &[(Stream::Stdout, output.as_bytes())], None, usize::MAX);
    assert_eq!((report.tool_calls, events.len()), (Some(2), 4));
}

#[test]
fn long_lines_and_memory() {
    for stream in [false, true] {
        let mut parser = AntigravityParser::new(stream, now);
        let chunk = vec![b'x'; 1 << 20];
        for from in [Stream::Stdout, Stream::Stderr, Stream::Log] {
            for _ in 0..40 {
                parser.feed(from, &chunk, &mut Vec::new());
                assert!(parser.retained() <= 6 << 20, "{}", parser.retained());
            }
            parser.feed(from, b"\n", &mut Vec::new());
        }
        parser.feed(Stream::Stdout, STREAM.as_bytes(), &mut Vec::new());
        assert!(parser.finish(Some(Exit::Code(0)), now()).completed);
    }
}

fn learned(help: Option<&str>) -> Antigravity {
    let mut agy = Antigravity::new(HarnessSpec {
        extra_args: vec!["--model".into(), "default".into()],
        extra_env: vec![("HOME".into(), "/nonexistent".into())],
        ..HarnessSpec::plain("antigravity", "agy")
    });
    agy.learn(&|args| {
        assert_eq!(args, ["--help"]);
        help.map(str::to_owned)
    });
    agy
}

fn words(invocation: &Invocation) -> String {
    assert_eq!((invocation.program.to_str(), &invocation.stdin), (Some("agy"), &Stdin::Null));
    let args: Vec<&str> = invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect();
    args.join(" ")
}

// 20-AF-AG-06 (deviation: value apart), 20-AF-AG-08, 20-AF-RE-04, 20-AF-RE-06, 20-AF-EX-05 to 07
#[test]
fn arguments() {
    let plain = Request { effort: Some(" "), ..Request::new("- do it", "/w".as_ref(), "/s".as_ref()) };
    let full =
        Request { model: Some("Gemini 3 Pro"), effort: Some("high"), resume: Some("conv-abc-123"), ..plain };
    let old = "--print-timeout 720h0m0s --dangerously-skip-permissions --model default";
    let new = "--print-timeout 720h0m0s --dangerously-skip-permissions --disable-slash-commands \
               --output-format stream-json --model default";
    let end = "--log-file /s/agy.log --print - do it";
    for help in [None, Some("agy: cannot start")] {
        let agy = learned(help);
        assert_eq!(agy.capabilities(), Capabilities { resume: true, effort: false, end_event: false });
        let invocation = agy.invocation(&plain).unwrap();
        assert_eq!((words(&invocation), invocation.notes.len()), (format!("{old} {end}"), 0));
        let invocation = agy.invocation(&full).unwrap();
        assert_eq!(words(&invocation), format!("{old} --conversation conv-abc-123 {end}"));
        assert!(invocation.notes[0].contains("`high`") && invocation.notes[0].contains("label"));
    }
    let agy = learned(Some(HELP));
    assert_eq!(agy.capabilities(), Capabilities { resume: true, effort: true, end_event: true });
    assert_eq!(words(&agy.invocation(&plain).unwrap()), format!("{new} {end}"));
    let invocation = agy.invocation(&full).unwrap();
    let more = "--model Gemini 3 Pro --effort high --conversation conv-abc-123";
    assert_eq!((words(&invocation), invocation.notes.len()), (format!("{new} {more} {end}"), 0));
    assert_eq!(invocation.log, Some("/s/agy.log".into()));
    assert_eq!(invocation.env, [("HOME".into(), "/nonexistent".into())]);
    let odd = agy.invocation(&Request { effort: Some("max"), ..plain }).unwrap();
    assert!(words(&odd).contains("--effort max") && odd.notes[0].contains("low, medium, high"));
}

#[test]
fn a_prompt_has_to_fit_into_an_argument() {
    let agy = learned(None);
    let ask = |prompt: &str| agy.invocation(&Request::new(prompt, "/w".as_ref(), "/s".as_ref()));
    assert!(ask(&"x".repeat(MAX_ARGUMENT - 1)).is_ok());
    let limit = MAX_ARGUMENT - 1;
    let harness = "antigravity".to_owned();
    let error = PrepareError::PromptTooLong { harness: harness.clone(), bytes: MAX_ARGUMENT, limit };
    assert_eq!(ask(&"x".repeat(MAX_ARGUMENT)), Err(error));
    assert_eq!(ask("a\0b"), Err(PrepareError::PromptHasNul { harness }));
}

#[test]
fn files_and_variables_tell_who_is_signed_in() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(FOLDER);
    std::fs::create_dir_all(&folder).unwrap();
    let home = home.path().display().to_string();
    let agy = |key: &str| {
        let extra_env = vec![("HOME".into(), home.clone()), ("GEMINI_API_KEY".into(), key.into())];
        Antigravity::new(HarnessSpec { extra_env, ..HarnessSpec::plain("antigravity", "agy") })
    };
    assert_eq!(agy("").sign_in(), SignIn::Unknown);
    assert_eq!(agy("key").sign_in(), SignIn::Unknown, "the key counts only where it is chosen");
    std::fs::write(folder.join("settings.json"), "{\"modelProvider\": \"gemini\"}").unwrap();
    assert_eq!(agy("key").sign_in(), SignIn::Yes("GEMINI_API_KEY".into()));
    assert_eq!(agy("").sign_in(), SignIn::Unknown);
    std::fs::write(folder.join("antigravity-oauth-token"), "secret").unwrap();
    assert!(matches!(agy("").sign_in(), SignIn::Yes(file) if file.ends_with("antigravity-oauth-token")));
}

/// Bytes that look like output, here and there.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just(STREAM.as_bytes().to_vec()),
        Just(LOG_FILE.as_bytes().to_vec()),
        Just(b"\n".to_vec()),
        Just(b"{\"event\":\"result\",\"result\":{\"status\":\"SUCCESS\",\"response\":\"r\"}}".to_vec()),
        Just(b"{\"event\":\"step_update\",\"step_update\":{\"step_type\":\"tool\",\"state\":3}}\n".to_vec()),
        Just(b"E1122 20:00:00.1 1 a.go:1] model unreachable: RESOURCE_EXHAUSTED resets in 3h\n".to_vec()),
        Just(b"AGY_ERROR: {\"status\":\"UNAVAILABLE\"}\nerror: x\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_panics_and_chunks_change_nothing(
        output in [noise(), noise(), noise()], chunk in 1usize..200, code in 0..4, stream in any::<bool>()
    ) {
        let from = [Stream::Stdout, Stream::Stderr, Stream::Log];
        let pieces: Vec<Piece<'_>> = from.into_iter().zip(output.iter().map(Vec::as_slice)).collect();
        let whole = played(stream, &pieces, Some(Exit::Code(code)), usize::MAX);
        let parts = played(stream, &pieces, Some(Exit::Code(code)), chunk);
        prop_assert_eq!(&parts.0, &whole.0);
        prop_assert_eq!(&parts.1, &whole.1);
    }
}

#[test]
fn a_quota_told_in_plain_words_counts_with_a_stream_too() {
    const QUOTA: &str = "RESOURCE_EXHAUSTED (code 429): Individual quota reached. Resets in 2h39m52s.\n";
    const WAITED: &str = "[agy] print timeout after 30m with turn in progress; returning partial output\n";
    let partial = result("\"status\":\"SUCCESS\",\"response\":\"so far\"");
    let waited = format!("{QUOTA}{WAITED}");
    for (stdout, stderr, code) in [("", QUOTA, 1), (partial.as_str(), waited.as_str(), 0)] {
        let report = events(stdout, stderr, code);
        assert!(!report.completed);
        let evidence = report.evidence.unwrap();
        assert_eq!(evidence.category, Some(Category::UsageLimit), "{evidence:?}");
        assert_eq!(evidence.reset_at, Some("2026-11-22T22:39:52Z".parse().unwrap()));
    }
    let credits = events("", "Your AI credits balance is too low to continue.\n", 1);
    assert_eq!(category(&credits), Some(Category::UsageLimit));
    // A sign-in that goes well says this on its way.
    let signing_in = events("", "You are not logged into Antigravity. Opening a browser.\n", 1);
    assert_ne!(category(&signing_in), Some(Category::AuthOrProxy));
}
