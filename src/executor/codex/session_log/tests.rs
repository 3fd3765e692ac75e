//! Rollouts that the CLI left, in a folder of their own.

use super::*;
use crate::executor::{Codex, Executor, HarnessSpec};

/// Its first 48 bits tell the evening of 2026-11-22.
const SESSION: &str = "01a204cb-ebb2-7d80-b7c4-ecda6375bc25";
const DAY: &str = "2026/11/22";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn rollout(&self, day: &str, session: &str, log: &str) {
        let folder = self.0.path().join(".codex/sessions").join(day);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("rollout-2026-11-22T19-46-42-{session}.jsonl")), log).unwrap();
    }

    fn found(&self, since: &str) -> Option<Evidence> {
        let codex = Codex::new(HarnessSpec {
            extra_env: vec![
                ("CODEX_HOME".into(), String::new()),
                ("HOME".into(), self.0.path().to_str().unwrap().into()),
            ],
            ..HarnessSpec::plain("codex", "codex")
        });
        codex.disk_evidence(&DiskQuery {
            session_id: Some(SESSION),
            workspace: Path::new("/tmp/rally/workspace"),
            since: since.parse().unwrap(),
            now: "2026-11-22T21:00:00Z".parse().unwrap(),
        })
    }
}

fn found(log: &str) -> Option<Evidence> {
    let home = Home::new();
    home.rollout(DAY, SESSION, log);
    home.found("2026-11-22T00:00:00Z")
}

fn recording(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/codex/");
    std::fs::read_to_string(format!("{folder}{name}.session-log.jsonl")).unwrap()
}

fn event(at: &str, payload: &str) -> String {
    format!(r#"{{"timestamp":"2026-11-22T{at}Z","type":"event_msg","payload":{payload}}}"#) + "\n"
}

fn failure(class: &str) -> String {
    event("20:00:00", &format!(r#"{{"type":"task_complete","error":{{"codex_error_info":{class}}}}}"#))
}

const STARTED: &str = r#"{"type":"task_started","turn_id":"t"}"#;
const ABORTED: &str = r#"{"type":"turn_aborted","reason":"interrupted"}"#;

#[test]
fn recorded_failures() {
    for (name, category) in [
        ("fail-400", Category::UnidentifiedIssue),
        ("fail-401", Category::AuthOrProxy),
        ("fail-404", Category::InvalidModel),
        ("fail-429", Category::ShortRateLimit),
        ("fail-500", Category::ProviderOverloaded),
        ("fail-drop", Category::TransientInfra),
        ("fail-quota", Category::UsageLimit),
        ("usagelimit", Category::UsageLimit),
    ] {
        let evidence = found(&recording(name)).unwrap();
        assert_eq!((evidence.category, evidence.source.as_str()), (Some(category), SOURCE), "{name}");
        assert!(!evidence.message.is_empty() && !evidence.message.contains("url: "), "{name}");
        assert_eq!(evidence.reset_at.is_some(), name == "usagelimit", "{name}");
    }
}

#[test]
fn a_wait_is_counted_from_when_it_was_told() {
    let said = r#"{"type":"task_complete","error":{"message":"You've hit your usage limit. Try again in 4 hours.","codex_error_info":"usage_limit_exceeded"}}"#;
    // The log is read at nine.
    let evidence = found(&event("17:30:00", said)).unwrap();
    assert_eq!(evidence.reset_at, Some("2026-11-22T21:30:00Z".parse().unwrap()));
}

#[test]
fn classes_without_words() {
    for (class, category) in [
        (r#""usage_limit_exceeded""#, Category::UsageLimit),
        (r#""model_not_found""#, Category::InvalidModel),
        (r#""unauthorized""#, Category::AuthOrProxy),
        (r#""server_overloaded""#, Category::ProviderOverloaded),
        (r#""internal_server_error""#, Category::TransientInfra),
        (r#""context_window_exceeded""#, Category::AgentError),
        (r#""other""#, Category::UnidentifiedIssue),
        ("7", Category::UnidentifiedIssue),
        (r#"{"response_too_many_failed_attempts":{"http_status_code":429}}"#, Category::ShortRateLimit),
        (r#"{"http_connection_failed":{"http_status_code":503}}"#, Category::TransientInfra),
        (r#"{"response_stream_disconnected":{"http_status_code":null}}"#, Category::TransientInfra),
    ] {
        let evidence = found(&failure(class)).unwrap();
        assert_eq!(evidence.category, Some(category), "{class}");
        assert_eq!(evidence.message, "task_complete with an error");
    }
}

// 20-AF-CX-08, 20-AF-CX-10 (deviations: the log is the session's own, and an interruption proves no category, so
// that other words may still tell one; evidence has neither a provider nor a raw signal)
#[test]
fn an_interrupted_turn_and_no_secrets() {
    let secret = |kind: &str| {
        format!(
            r#"{{"timestamp":"2026-11-22T20:00:00Z","type":"{kind}","payload":{{"base_instructions":"secret","input":4096,"reasoning":"secret","error":{{"message":"secret"}}}}}}"#
        ) + "\n"
    };
    let lines = [
        secret("session_meta"),
        event("20:00:00", STARTED),
        event("20:00:01", r#"{"type":"token_count","info":null}"#),
        secret("response_item"),
        secret("turn_context"),
        event("20:00:02", ABORTED),
    ];
    let evidence = found(&lines.concat()).unwrap();
    assert_eq!((evidence.source.as_str(), evidence.message.as_str()), (SOURCE, "turn_aborted"));
    assert_eq!(evidence.category, None);
    assert!(!format!("{evidence:?}").contains("secret"));
    // The form without a payload.
    let flat = r#"{"timestamp":"2026-11-22T20:00:02Z","type":"event_msg","subtype":"turn_aborted"}"#;
    assert_eq!(found(flat), Some(evidence));
    let flat = r#"{"timestamp":"2026-11-22T20:00:02Z","type":"event_msg","subtype":"task_complete","error":{"codex_error_info":"model_not_found"}}"#;
    assert_eq!(found(flat).unwrap().category, Some(Category::InvalidModel));
    let long = failure("\"other\"")
        .replace("\"error\":{", &format!("\"error\":{{\"message\":\"{}\",", "overloaded ".repeat(500)));
    assert!(found(&long).unwrap().message.chars().count() <= 257);
}

#[test]
fn the_last_turn_counts() {
    let over = failure("\"unauthorized\"");
    let well = event("20:00:01", r#"{"type":"task_complete","last_agent_message":"ok","error":null}"#);
    assert_eq!(found(&(over.clone() + &well)), None);
    // A turn that has not ended tells nothing yet.
    assert_eq!(found(&(over.clone() + &event("20:00:01", STARTED))), None);
    assert_eq!(found(&(well + &over)).unwrap().category, Some(Category::AuthOrProxy));
}

// 20-AF-CX-09, 20-AF-CX-11, 20-AF-CX-12, 20-AF-CX-14 (deviation: other sessions' logs, old lines and a missing log
// are nothing to learn from, never a verdict of their own)
#[test]
fn only_this_try_of_this_session_counts() {
    let home = Home::new();
    assert_eq!(home.found("2026-11-22T00:00:00Z"), None);
    home.rollout(DAY, "01a204cb-ebb2-7d80-b7c4-ecda6375bc26", &failure("\"unauthorized\""));
    assert_eq!(home.found("2026-11-22T00:00:00Z"), None);
    home.rollout(DAY, SESSION, &failure("\"unauthorized\""));
    assert!(home.found("2026-11-22T20:00:00Z").is_some());
    assert_eq!(home.found("2026-11-22T20:00:01Z"), None);
    assert_eq!(found(""), None);
    assert_eq!(found("{broken\n\u{0}\u{1}"), None);
    let timeless = failure("\"unauthorized\"").replace("timestamp", "time");
    assert_eq!(found(&timeless), None);
}

// 20-AF-CX-13 (deviation: a session has one log)
#[test]
fn the_log_lies_in_the_folder_of_the_session_s_first_day() {
    // Neighbours of the day that the id tells, and any other day if need be.
    for day in [DAY, "2026/11/21", "2026/11/23", "2025/01/31"] {
        let home = Home::new();
        home.rollout(day, SESSION, &failure("\"unauthorized\""));
        home.rollout("2026/12/24", "01a204cb-ebb2-7d80-b7c4-ecda6375bc26", "");
        std::fs::write(home.0.path().join(".codex/sessions/a-file"), "").unwrap();
        assert!(home.found("2026-11-22T00:00:00Z").is_some(), "{day}");
    }
    let days = birthdays(Uuid::parse_str(SESSION).unwrap());
    assert!(days.contains(&DAY.to_owned()) && days.len() == 3, "{days:?}");
    // An id of another version tells no day.
    assert!(birthdays(Uuid::parse_str("00000000-0000-4000-8000-000000000000").unwrap()).is_empty());
    for odd in ["", "../../etc/passwd", "not-a-uuid"] {
        assert_eq!(rollout(Path::new("/"), odd), None);
    }
}

#[test]
fn only_the_end_of_a_long_log_is_read() {
    let log = failure("\"unauthorized\"") + &"x".repeat(2 << 20) + "\n" + &failure("\"model_not_found\"");
    assert_eq!(found(&log).unwrap().category, Some(Category::InvalidModel));
    assert_eq!(found(&(failure("\"unauthorized\"") + &"x".repeat(2 << 20))), None);
}
