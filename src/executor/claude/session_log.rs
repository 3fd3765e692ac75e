//! The log that Claude Code itself keeps of a session:
//! `<config>/projects/<workspace, every other character as ->/<session>.jsonl`.
//!
//! Failed requests are in it with typed fields, but only once the CLI has given up:
//! during its retries the file says nothing.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::errors::ApiError;
use super::event::{Block, Envelope};
use super::limits::RateLimit;
use crate::executor::json::loose;
use crate::executor::{DiskQuery, log_end};
use crate::failure::brief;
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Timestamp};

/// Name of this source in evidence.
pub(super) const SOURCE: &str = "claude_session_log";

/// What rally reads of a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    kind: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "loose")]
    is_api_error_message: Option<bool>,
    #[serde(borrow, deserialize_with = "loose")]
    error: Option<&'a str>,
    #[serde(borrow, deserialize_with = "loose")]
    api_error: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    api_error_status: Option<u16>,
    #[serde(borrow, deserialize_with = "loose")]
    quota_limits: Option<RateLimit<'a>>,
    #[serde(borrow, rename = "stop_reason", deserialize_with = "loose")]
    stop_reason: Option<&'a str>,
    #[serde(borrow, deserialize_with = "loose")]
    message: Option<Reply<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reply<'a> {
    #[serde(borrow, deserialize_with = "loose")]
    stop_reason: Option<&'a str>,
}

/// Why the session ended, if its log says that its last answer since the try began was a failure.
pub(super) fn evidence(config: &Path, query: &DiskQuery<'_>) -> Option<Evidence> {
    let path = find(config, query)?;
    // Lines without a time of their own are as old as the file.
    let modified: Option<Timestamp> = path.metadata().ok()?.modified().ok()?.try_into().ok();
    let tail = log_end::read(&path)?;
    let zone = TimeZone::system();
    let mut last = None;
    for line in tail.lines().filter(|line| line.starts_with('{')) {
        let Ok(entry) = serde_json::from_str::<Entry<'_>>(line) else { continue };
        let recent = entry.timestamp.or(modified).is_some_and(|at| at >= query.since);
        if recent && entry.kind == Some("assistant") {
            last = entry.failure(line, query.now, &zone);
        }
    }
    last
}

impl Entry<'_> {
    /// The failure that an answer stands for; an ordinary answer is none.
    fn failure(&self, line: &str, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
        let stop_reason = self.message.as_ref().and_then(|m| m.stop_reason).or(self.stop_reason);
        if self.is_api_error_message != Some(true) && stop_reason != Some("error") {
            return None;
        }
        // Text blocks only: neither thoughts nor what tools printed.
        let said = Envelope::blocks(line).into_iter().find_map(|block| match block {
            Block::Text { text } => Some(text::bounded(&text, FINAL_TEXT_LIMIT)),
            _ => None,
        });
        let rejected = self.quota_limits.as_ref().filter(|limits| limits.status == Some("rejected"));
        let error = ApiError {
            name: self.error.map(str::to_owned),
            detail: self.api_error.map(str::to_owned),
            status: self.api_error_status,
            text: said.unwrap_or_default(),
            resets_at: rejected.and_then(|limits| limits.resets_at),
        };
        let mut evidence = error.evidence(SOURCE, now, zone);
        // Here an unknown failure is one that nothing explains, not the agent's own.
        if evidence.category == Some(Category::AgentError) {
            evidence.category = Some(Category::UnidentifiedIssue);
        }
        if evidence.message.is_empty() {
            evidence.message = brief("assistant stop_reason=error");
        }
        Some(evidence)
    }
}

/// Finds the log: in the folder of the workspace, else in whichever has this session, because
/// the CLI names folders after the resolved path and shortens long names.
fn find(config: &Path, query: &DiskQuery<'_>) -> Option<PathBuf> {
    let session = query.session_id?;
    if session.is_empty() || !session.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return None;
    }
    let projects = config.join("projects");
    let name = format!("{session}.jsonl");
    let own = projects.join(project_folder(query.workspace)).join(&name);
    let others = std::fs::read_dir(&projects).ok()?.filter_map(|entry| Some(entry.ok()?.path().join(&name)));
    std::iter::once(own).chain(others).find(|path| path.is_file())
}

/// `/tmp/rally/my_work` → `-tmp-rally-my-work`.
fn project_folder(workspace: &Path) -> String {
    let path = workspace.to_string_lossy();
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Claude, Executor, HarnessSpec};

    const SESSION: &str = "session-123";

    fn found_in(log: &str, folder: &str, since: &str) -> Option<Evidence> {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".claude/projects").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("session-123.jsonl"), log).unwrap();
        let claude = Claude::new(HarnessSpec {
            extra_env: vec![
                ("CLAUDE_CONFIG_DIR".into(), String::new()),
                ("HOME".into(), home.path().to_str().unwrap().into()),
            ],
            ..HarnessSpec::plain("claude", "claude")
        });
        claude.disk_evidence(&DiskQuery {
            session_id: Some(SESSION),
            workspace: Path::new("/tmp/rally/workspace"),
            since: since.parse().unwrap(),
            now: "2026-11-22T21:00:00Z".parse().unwrap(),
        })
    }

    fn found(log: &str) -> Option<Evidence> {
        found_in(log, "-tmp-rally-workspace", "2026-11-22T00:00:00Z")
    }

    fn failure(text: &str) -> String {
        format!(
            r#"{{"type":"assistant","timestamp":"2026-11-22T20:00:00Z","stop_reason":"error","message":{{"content":[{{"type":"thinking","thinking":"secret thought"}},{{"type":"text","text":"{text}"}}]}}}}"#
        ) + "\n"
    }

    const GOOD: &str = r#"{"type":"assistant","timestamp":"2026-11-22T20:30:00Z","message":{"stop_reason":"end_turn","content":[{"type":"text","text":"rate limit code written"}]}}"#;

    fn recording(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/claude/");
        std::fs::read_to_string(format!("{folder}{name}.session-log.jsonl")).unwrap()
    }

    // 20-AF-CL-13, with every other character replaced as the CLI does
    #[test]
    fn folders_are_named_after_the_workspace() {
        assert_eq!(project_folder(Path::new("/tmp/rally/workspace")), "-tmp-rally-workspace");
        assert_eq!(project_folder(Path::new("/tmp/my_work.d/x y")), "-tmp-my-work-d-x-y");
    }

    #[test]
    fn recorded_failures() {
        for (name, category) in [
            ("fail-404", Category::InvalidModel),
            ("long-500", Category::TransientInfra),
            ("oauth-usagelimit", Category::UsageLimit),
        ] {
            let evidence = found(&recording(name)).unwrap();
            assert_eq!((evidence.category, evidence.source.as_str()), (Some(category), SOURCE), "{name}");
        }
        let reset_at = found(&recording("oauth-usagelimit")).unwrap().reset_at.unwrap();
        assert_eq!(reset_at.as_second(), 1_795_385_132);
    }

    // 20-AF-CL-14
    #[test]
    fn a_session_that_ended_well_tells_nothing() {
        assert_eq!(found(&format!("{{\"type\":\"system\",\"subtype\":\"init\"}}\n{GOOD}\n")), None);
        // Nor does one that got over its failure.
        assert_eq!(found(&format!("{}{GOOD}\n", failure("overloaded_error: x"))), None);
    }

    // 20-AF-CL-15; deviation: the message is what the CLI said, not that it said something
    #[test]
    fn an_overloaded_provider_and_no_secrets() {
        let log = format!(
            "{}\n{}\n{}",
            r#"{"type":"user","display":"secret prompt","message":{"content":"secret prompt"}}"#,
            r#"{"type":"tool_result","content":"first\nsecret line"}"#,
            failure("overloaded_error: Anthropic overloaded")
        );
        let evidence = found(&log).unwrap();
        assert_eq!(evidence.category, Some(Category::ProviderOverloaded));
        assert_eq!(evidence.message, "overloaded_error: Anthropic overloaded");
        assert_eq!(evidence.source, SOURCE);
        assert!(!format!("{evidence:?}").contains("secret"));
        let long = found(&failure(&"overloaded ".repeat(500))).unwrap();
        assert!(long.message.chars().count() <= 256);
    }

    // 20-AF-CL-16, 20-AF-CL-17
    #[test]
    fn failures_in_words() {
        let unknown = found(&failure("unexpected session failure with no known provider marker")).unwrap();
        assert_eq!(unknown.category, Some(Category::UnidentifiedIssue));
        assert_eq!(unknown.source, SOURCE);
        let auth = found(&failure("authentication_error: invalid API key")).unwrap();
        assert_eq!(auth.category, Some(Category::AuthOrProxy));
    }

    // 20-AF-CL-18 (the session is the one of this try, fresh or resumed)
    #[test]
    fn only_this_try_of_this_session_counts() {
        assert_eq!(found_in(&failure("overloaded"), "elsewhere", "2026-11-22T20:00:01Z"), None);
        // A folder of another name holds it, too: the CLI resolves links before it names folders.
        assert!(found_in(&failure("overloaded"), "elsewhere", "2026-11-22T20:00:00Z").is_some());
        assert_eq!(found(""), None);
        assert_eq!(found("{broken\n\u{0}\u{1}"), None);
        let query = DiskQuery {
            session_id: Some("../../etc/passwd"),
            workspace: Path::new("/"),
            since: Timestamp::UNIX_EPOCH,
            now: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(evidence(Path::new("/nonexistent"), &query), None);
    }

    #[test]
    fn only_the_end_of_a_long_log_is_read() {
        let log = failure("overloaded") + &"x".repeat(2 << 20) + "\n" + &failure("authentication_error: x");
        assert_eq!(found(&log).unwrap().category, Some(Category::AuthOrProxy));
    }
}
