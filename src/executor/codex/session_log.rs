//! The log that Codex itself keeps of a session:
//! `<home>/sessions/YYYY/MM/DD/rollout-<local time>-<session>.jsonl`, in the folder of the day on which the
//! session began; a resumed session goes on in the same file.
//!
//! A turn's end is in it with the one class of failure that the CLI names in a typed field, but only once
//! the CLI has given up: while it retries the file says nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde::Deserialize;
use uuid::Uuid;

use super::errors;
use crate::executor::json::loose;
use crate::executor::{DiskQuery, log_end};
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Timestamp};

/// Name of this source in evidence.
pub(super) const SOURCE: &str = "codex_session_log";

/// What rally reads of a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    kind: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    timestamp: Option<Timestamp>,
    #[serde(borrow, deserialize_with = "loose")]
    payload: Option<Payload<'a>>,
    /// Of lines without a payload.
    #[serde(borrow, deserialize_with = "loose")]
    subtype: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    error: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    kind: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    error: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    #[serde(deserialize_with = "loose")]
    message: Option<String>,
    #[serde(deserialize_with = "loose")]
    codex_error_info: Option<Class>,
}

/// `"usage_limit_exceeded"` or `{"http_connection_failed":{"http_status_code":401}}`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Class {
    Name(String),
    Detailed(BTreeMap<String, Detail>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(deserialize_with = "loose")]
    http_status_code: Option<u16>,
}

/// How the last turn since the try began ended, if its log says that it failed.
pub(super) fn evidence(sessions: &Path, query: &DiskQuery<'_>) -> Option<Evidence> {
    let tail = log_end::read(&rollout(sessions, query.session_id?)?)?;
    let zone = TimeZone::system();
    let mut last = None;
    for line in tail.lines().filter(|line| line.starts_with('{')) {
        let Ok(entry) = serde_json::from_str::<Entry<'_>>(line) else { continue };
        let recent = entry.timestamp.is_some_and(|at| at >= query.since);
        if !recent || entry.kind != Some("event_msg") {
            continue;
        }
        let (kind, error) = match entry.payload {
            Some(payload) => (payload.kind, payload.error),
            None => (entry.subtype, entry.error),
        };
        match kind {
            Some("task_started") => last = None,
            Some("task_complete") => {
                // A wait that it tells began when it was told.
                let told = entry.timestamp.unwrap_or(query.now);
                last = error.map(|error| error.evidence(told, &zone));
            }
            // That somebody interrupted it is no reason, but better than nothing.
            Some("turn_aborted") => last = Some(Evidence::new(SOURCE, None, "turn_aborted")),
            _ => {}
        }
    }
    last
}

impl Failure {
    fn evidence(&self, now: Timestamp, zone: &TimeZone) -> Evidence {
        let said = text::bounded(self.message.as_deref().unwrap_or_default(), FINAL_TEXT_LIMIT);
        let class = self.codex_error_info.as_ref();
        let category = class
            .and_then(Class::category)
            .or_else(|| errors::category(&said))
            .or_else(|| class.and_then(Class::vaguely))
            // Here an unknown failure is one that nothing explains, not the agent's own.
            .unwrap_or(Category::UnidentifiedIssue);
        let mut evidence = errors::evidence(SOURCE, category, &said, now, zone);
        if evidence.message.is_empty() {
            evidence.message = "task_complete with an error".to_owned();
        }
        evidence
    }
}

impl Class {
    /// What the class proves by itself.
    fn category(&self) -> Option<Category> {
        match self {
            Class::Name(name) => match name.as_str() {
                "usage_limit_exceeded" => Some(Category::UsageLimit),
                "model_not_found" => Some(Category::InvalidModel),
                "unauthorized" => Some(Category::AuthOrProxy),
                "server_overloaded" => Some(Category::ProviderOverloaded),
                "bad_request" | "context_window_exceeded" => Some(Category::AgentError),
                _ => None,
            },
            Class::Detailed(classes) => {
                classes.values().find_map(|detail| errors::by_status(detail.http_status_code?))
            }
        }
    }

    /// What it proves when the words say nothing more.
    fn vaguely(&self) -> Option<Category> {
        match self {
            Class::Name(name) => (name == "internal_server_error").then_some(Category::TransientInfra),
            // A connection, or a stream, that failed without an answer.
            Class::Detailed(_) => Some(Category::TransientInfra),
        }
    }
}

/// Finds the log by its name: in the folder of the day that the session's id tells, else in whichever has it.
pub(super) fn rollout(sessions: &Path, session: &str) -> Option<PathBuf> {
    let id = Uuid::parse_str(session).ok()?;
    let end = format!("-{}.jsonl", id.hyphenated());
    let inside = |folder: PathBuf| {
        newest_first(&folder).into_iter().find(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("rollout-") && name.ends_with(&end) && path.is_file()
        })
    };
    birthdays(id).into_iter().map(|day| sessions.join(day)).find_map(inside).or_else(|| {
        let years = newest_first(sessions).into_iter();
        let months = years.flat_map(|year| newest_first(&year));
        months.flat_map(|month| newest_first(&month)).find_map(inside)
    })
}

/// The folders of the days on which a session may have begun: ids of version 7 begin with the time. The day
/// is the CLI's local one, so the neighbours come next.
fn birthdays(id: Uuid) -> Vec<String> {
    let millis = i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX);
    let Some(born) = Timestamp::from_millisecond(millis).ok().filter(|_| id.get_version_num() == 7) else {
        return Vec::new();
    };
    let day = born.to_zoned(TimeZone::system()).date();
    let days = [0, -1, 1].into_iter().filter_map(|offset| day.checked_add(offset.days()).ok());
    days.map(|day| day.strftime("%Y/%m/%d").to_string()).collect()
}

/// What is in a folder, last name first; nothing if it cannot be read.
fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort_unstable_by(|a, b| b.cmp(a));
    paths
}

#[cfg(test)]
mod tests;
