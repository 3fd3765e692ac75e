//! Each voice against recordings of its CLI, and what it refuses to say.

use pretty_assertions::assert_eq;
use regex::Regex;
use serde_json::{Value, json};

use super::*;

/// A line's keys in the order in which they stand, and the words that tell its kind.
fn shape(line: &str) -> Vec<String> {
    let pair = Regex::new(r#""((?:[^"\\]|\\.)*)"(:("(?:[^"\\]|\\.)*")?)?"#).unwrap();
    let telling =
        ["type", "status", "reason", "role", "name", "isRetryable", "exit_code", "state", "step_type"];
    pair.captures_iter(line)
        .filter(|found| found.get(2).is_some())
        .map(|found| {
            let key = &found[1];
            match found.get(3) {
                Some(value) if telling.contains(&key) => format!("{key}={}", value.as_str()),
                _ => key.to_owned(),
            }
        })
        .collect()
}

/// The shapes of a recording without what a script cannot know: details of the CLI's own tools, answers' headers,
/// warnings about the mock's model.
fn recorded(name: &str) -> Vec<Vec<String>> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let details = Regex::new(concat!(
        r#""snapshot":"[^"]*",|"metadata":\{"diagnostics".*?"truncated":false\},|"title":"[^"]*","#,
        r#"|,"responseHeaders":\{.*?\},"responseBody":"(?:[^"\\]|\\.)*","metadata":\{[^}]*\}"#
    ));
    let details = details.unwrap();
    text.lines()
        .filter(|line| !line.contains("Model metadata for"))
        .map(|line| shape(&details.replace_all(line, "")))
        .map(first_model)
        .collect()
}

/// Recordings have a second model, which chose the first.
fn first_model(mut shape: Vec<String>) -> Vec<String> {
    if let Some(models) = shape.iter().position(|key| key == "models") {
        shape.truncate(models + 1);
    }
    shape
}

fn who() -> Who {
    Who { session: "s".to_owned(), resumed: false, model: "a/b".to_owned(), prompt: "p".to_owned() }
}

fn out(lines: &[Line]) -> Vec<&str> {
    let mut told = Vec::new();
    for line in lines {
        if let Line::Out(text) = line {
            told.push(text.as_str());
        }
    }
    told
}

fn shapes(lines: &[Line]) -> Vec<Vec<String>> {
    out(lines).into_iter().map(shape).map(first_model).collect()
}

fn ended(manner: &mut dyn Manner, result: &TurnResult) -> Vec<Line> {
    let ending = Ending { result, text: result.text.as_deref(), whole_session: result.usage };
    manner.result(&who(), &ending)
}

fn failed(status: Option<u16>) -> TurnResult {
    TurnResult { text: Some("no".to_owned()), is_error: true, status, ..TurnResult::default() }
}

/// A turn with one tool, as it is recorded.
fn turn(harness: Harness, tool: &str, input: &Value) -> Vec<Line> {
    let mut manner = manner(harness);
    let mut lines = manner.init(&who());
    lines.extend(manner.tool_started(&who(), tool, input));
    lines.extend(manner.tool_ended(&who(), "", false));
    let result = TurnResult { text: Some("done".to_owned()), ..TurnResult::default() };
    lines.extend(ended(manner.as_mut(), &result));
    lines
}

#[test]
fn a_turn_has_the_shape_that_is_recorded() {
    let lines = turn(Harness::Codex, "Bash", &json!({"command": "ls"}));
    assert_eq!(shapes(&lines), recorded("codex/tool.jsonl"));
    let lines = turn(Harness::Codex, "Write", &json!({"file_path": "f", "content": "c"}));
    assert_eq!(shapes(&lines), recorded("codex/patch.jsonl"));
    let lines = turn(Harness::Opencode, "Write", &json!({"file_path": "f", "content": "c"}));
    // serde_json sorts what a script says.
    let sorted = |shapes: Vec<Vec<String>>| -> Vec<Vec<String>> {
        shapes.into_iter().map(|keys| keys.into_iter().filter(|key| key != "content").collect()).collect()
    };
    assert_eq!(sorted(shapes(&lines)), sorted(recorded("opencode/tool.stdout")));
    let lines = turn(Harness::Gemini, "Write", &json!({"file_path": "f", "content": "c"}));
    let mut told = sorted(shapes(&lines));
    // A shell command's result has its output, a written file's has none; ours always has one.
    told[3].retain(|key| key != "output");
    assert_eq!(told, sorted(recorded("gemini/tool.jsonl")));
}

#[test]
fn a_failure_has_the_shape_that_is_recorded() {
    for (harness, name) in [
        (Harness::Codex, "codex/fail-401.jsonl"),
        (Harness::Gemini, "gemini/fail-401.jsonl"),
        (Harness::Opencode, "opencode/auth.stdout"),
    ] {
        let mut manner = manner(harness);
        let mut lines = manner.init(&who());
        if harness == Harness::Codex {
            for attempt in 1..=5 {
                let retry = Retry { error: "no".to_owned(), status: Some(401), attempt };
                lines.extend(manner.retry(&who(), &retry));
            }
        }
        lines.extend(ended(manner.as_mut(), &failed(Some(401))));
        assert_eq!(shapes(&lines), recorded(name), "{name}");
    }
}

#[test]
fn antigravity_names_its_events_by_another_key() {
    let lines = turn(Harness::Antigravity, "Bash", &json!({"command": "ls"}));
    let events: Vec<Value> = out(&lines).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["init", "step_update", "step_update", "step_update", "result"]);
    assert_eq!(events[0]["conversation_id"], "s");
    let states: Vec<&Value> = events[1..4].iter().map(|event| &event["step_update"]["state"]).collect();
    assert_eq!(states, ["ACTIVE", "DONE", "DONE"]);
    assert_eq!(events[3]["step_update"]["text_delta"], "done");
    assert_eq!(events[4]["result"]["status"], "SUCCESS");
    assert!(matches!(&lines[0], Line::Log(line) if line.contains("Print mode: conversation=s")));
}

#[test]
fn failures_have_their_exit_codes_and_words() {
    let code = |harness, status| manner(harness).failure_code(&failed(status));
    // 401 → 145, 429 → 173, 500 → 244; a missing model and a cut connection: 1.
    for (status, wanted) in [(Some(401), 145), (Some(429), 173), (Some(500), 244), (Some(404), 1), (None, 1)]
    {
        assert_eq!(code(Harness::Gemini, status), wanted, "{status:?}");
    }
    assert_eq!(code(Harness::Antigravity, Some(429)), 3);
    assert_eq!(code(Harness::Codex, Some(429)), 1);
    assert_eq!(code(Harness::Opencode, Some(429)), 1);

    let said = |harness, status| ended(manner(harness).as_mut(), &failed(status));
    let codex = said(Harness::Codex, Some(429));
    let words = r#"{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429 Too Many Requests"}}"#;
    assert_eq!(codex[1], Line::Out(words.to_owned()));
    let gemini = said(Harness::Gemini, Some(429));
    assert!(out(&gemini)[0].contains(r#""message":"[API Error: no]\nPlease wait and try again later."#));
    let opencode = said(Harness::Opencode, Some(503));
    assert!(out(&opencode)[0].contains(r#""data":{"message":"no","statusCode":503,"isRetryable":true}"#));
    let agy = said(Harness::Antigravity, Some(429));
    let words = r#"AGY_ERROR: {"status":"UNKNOWN","short_error":"no","http_code":429,"retryable":true}"#;
    assert_eq!(agy[1], Line::Err(words.to_owned()));
}

#[test]
fn a_session_that_nobody_knows() {
    const ID: &str = "00000000-0000-4000-8000-000000000000";
    let asked = |harness, id| manner(harness).unknown_session(id);
    for (harness, wanted) in
        [(Harness::Claude, 1), (Harness::Codex, 1), (Harness::Gemini, 42), (Harness::Opencode, 1)]
    {
        assert!(
            matches!(asked(harness, ID), UnknownSession::Refused(_, code) if code == wanted),
            "{harness:?}"
        );
    }
    assert_eq!(asked(Harness::Codex, "no-uuid"), UnknownSession::StartsAnew(Vec::new()));
    assert!(matches!(asked(Harness::Antigravity, ID), UnknownSession::StartsAnew(lines) if lines.len() == 1));
    assert!(manner(Harness::Opencode).new_session().starts_with("ses_"));
}

#[test]
fn retries_are_told_where_the_cli_tells_them() {
    let retry = Retry { error: "slow \"down\"".to_owned(), status: Some(429), attempt: 2 };
    let said = |harness| manner(harness).retry(&who(), &retry);
    assert!(out(&said(Harness::Codex))[0].contains("Reconnecting... 2/5 (exceeded retry limit"));
    let gemini = said(Harness::Gemini);
    assert!(matches!(&gemini[0], Line::Err(line) if line.starts_with("Attempt 2 failed with status 429.")));
    let opencode = said(Harness::Opencode);
    let Line::Log(line) = &opencode[0] else { panic!("{opencode:?}") };
    let wanted = r#"level=ERROR run=5c519ed0 message="stream error" providerID=a modelID=b session.id=s small=false agent=build mode=primary error.error="AI_APICallError: slow \"down\"""#;
    assert!(line.ends_with(wanted), "{line}");
}

#[test]
fn what_there_are_no_words_for() {
    let lacks = |harness, step: &Step| manner(harness).vocabulary().lacks(step);
    let tasks = Step::BackgroundTasks(1);
    assert_eq!(lacks(Harness::Claude, &tasks), None);
    assert_eq!(lacks(Harness::Gemini, &tasks).as_deref(), Some("`background_tasks`"));
    let costly = Step::Result(TurnResult { cost: 0.5, ..TurnResult::default() });
    assert_eq!(lacks(Harness::Opencode, &costly), None);
    assert_eq!(lacks(Harness::Codex, &costly).as_deref(), Some("`cost` in a `result`"));
    let limit = Step::Result(TurnResult { resets_in_secs: Some(1), ..TurnResult::default() });
    assert_eq!(lacks(Harness::Codex, &limit).as_deref(), Some("`resets_in_secs` in a `result`"));
    let retry = Step::Retry(Retry { error: String::new(), status: None, attempt: 1 });
    assert_eq!(lacks(Harness::Antigravity, &retry).as_deref(), Some("`retry`"));
    assert_eq!(lacks(Harness::Plain, &costly), None);
}
