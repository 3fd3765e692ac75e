//! What Antigravity says when it fails: in results, on standard error, in its log.

use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use regex::Regex;
use serde_json::Value;

use crate::executor::google;
use crate::failure::pattern::regex;
use crate::failure::words::SOURCE;
use crate::failure::{self, brief, reset};
use crate::model::{Category, Evidence, Timestamp, text};

/// Cause of a turn that the CLI cut short when its own time was up.
pub(super) const PRINT_TIMEOUT: &str = "print_timeout";

/// Longest text of a failure that is kept, in characters.
const LIMIT: usize = 1000;

/// A quota that is back so soon is waited for by the CLI itself.
const SOON: SignedDuration = SignedDuration::from_mins(5);

static CREDITS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)AI credits balance is too low"));
static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)not logged in(?:to antigravity)?\b|error getting token source|authentication required",
        r"|authentication failed or timed out|please sign in|not signed in",
    ))
});
static MODEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)invalid model selection|unknown model|failed to resolve model flag"));
static TIMEOUT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^\[agy\] print timeout after \S+|\btimeout waiting for response\b"));
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"(?i)required the "([^"]{1,100})" permission that headless mode cannot prompt for"#)
});
/// An answer that is nothing but a failure: some versions print one with exit code 0.
static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?is)^(?:(?:error|agent executor error|model unreachable):\s*)*",
        r"(?:RESOURCE_EXHAUSTED \(code|individual quota reached\.|your AI credits balance is too low",
        r"|timeout waiting for response$).{0,400}$",
    ))
});

/// Quotas that last, also where no time is named: all of a day, or what the account has bought.
static LASTING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)individual quota|per_?day|daily|AI credits balance is too low|INSUFFICIENT_G1_CREDITS_BALANCE",
    )
});

/// What a text proves, if anything. It must come from the CLI, never from the model.
pub(super) fn evidence(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
    let found = |category, pattern: &Regex| {
        let line = text.lines().find(|line| pattern.is_match(line)).unwrap_or(text);
        Evidence::new(SOURCE, Some(category), brief(line))
    };
    if CREDITS.is_match(text) {
        let mut evidence = found(Category::UsageLimit, &CREDITS);
        evidence.reset_at = reset::find(text, now, zone);
        return Some(evidence);
    }
    if TIMEOUT.is_match(text) {
        return Some(found(Category::UnidentifiedIssue, &TIMEOUT).with_cause(PRINT_TIMEOUT));
    }
    if MODEL.is_match(text) {
        return Some(found(Category::InvalidModel, &MODEL));
    }
    google::evidence(text, now, zone).or_else(|| is_login(text).then(|| found(Category::AuthOrProxy, &LOGIN)))
}

/// The same for a text that certainly is a failure: what nothing explains is the agent's own.
pub(super) fn failure(text: &str, now: Timestamp, zone: &TimeZone) -> Evidence {
    evidence(text, now, zone)
        .or_else(|| failure::words::evidence(&[text.to_owned()], now, zone))
        .unwrap_or_else(|| Evidence::new(SOURCE, Some(Category::AgentError), brief(text)))
}

/// Whether a text speaks of a missing login, which the CLI also logs while it signs in.
pub(super) fn is_login(text: &str) -> bool {
    LOGIN.is_match(text)
}

/// Whether a line says that the CLI's own time was up.
pub(super) fn is_timeout(line: &str) -> bool {
    TIMEOUT.is_match(line)
}

/// Whether what a text said at `at` surely keeps the CLI from working for long: a window of a minute passes while the
/// CLI tries again, and looks the same unless a time or the quota is named.
pub(super) fn lasts(text: &str, evidence: &Evidence, at: Timestamp) -> bool {
    evidence.category == Some(Category::UsageLimit)
        && match evidence.reset_at {
            Some(reset) => reset.duration_since(at) > SOON,
            None => LASTING.is_match(text),
        }
}

/// Whether a line of plain output is the CLI's own, and not the answer.
pub(super) fn is_own(line: &str) -> bool {
    is_error(line) || is_failure(line)
}

/// Whether a line states an error.
pub(super) fn is_error(line: &str) -> bool {
    line.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("error:"))
}

/// Whether an answer is nothing but a failure.
pub(super) fn is_failure(answer: &str) -> bool {
    FAILURE.is_match(answer)
}

/// The permission that a line says was refused.
pub(super) fn denied(line: &str) -> Option<&str> {
    Some(DENIED.captures(line)?.get(1)?.as_str())
}

/// Evidence for a turn that ended without an answer because these were refused.
pub(super) fn refused<'a>(permissions: impl Iterator<Item = &'a str>) -> Evidence {
    let names: Vec<&str> = permissions.collect();
    let message = format!(
        "agy was refused {} and gave no answer; allow it in its settings (`permissions`, `toolPermission`)",
        text::ellipsis(&names.join(", "), 60)
    );
    Evidence::new("stderr", Some(Category::AgentError), brief(&message)).with_cause("permission_denied")
}

/// A failed request as `AGY_ERROR:` tells it, on standard error, from 1.2.6. The keys are not documented, so
/// several spellings are understood; what is no JSON is a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ApiError {
    /// `RESOURCE_EXHAUSTED`, …
    status: Option<String>,
    http: Option<u16>,
    text: Option<String>,
}

impl ApiError {
    /// What follows the marker on a line that starts with it.
    pub fn read(line: &str) -> Option<ApiError> {
        let told = line.trim_start().strip_prefix("AGY_ERROR:")?.trim();
        let mut error = ApiError::default();
        match serde_json::from_str::<Value>(told) {
            Ok(value @ Value::Object(_)) => {
                error.take(&value["error"]);
                error.take(&value);
            }
            _ => error.text = Some(text::bounded(told, LIMIT)),
        }
        Some(error)
    }

    fn take(&mut self, value: &Value) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
            match (key.to_ascii_lowercase().as_str(), value) {
                ("shorterror", Value::String(said)) => self.text = Some(text::bounded(said, LIMIT)),
                ("message" | "error", Value::String(said)) => {
                    self.text.get_or_insert_with(|| text::bounded(said, LIMIT));
                }
                ("status" | "grpcstatus" | "grpccode" | "code", Value::String(name)) => {
                    self.status.get_or_insert_with(|| text::ellipsis(name, 60));
                }
                (
                    "httpcode" | "httpstatus" | "httpstatuscode" | "statuscode" | "code",
                    Value::Number(code),
                ) => {
                    let code = code.as_u64().and_then(|code| u16::try_from(code).ok());
                    self.http = self.http.or(code.filter(|code| *code >= 100));
                }
                _ => {}
            }
        }
    }

    /// The words count first, because only they tell a short limit from a used-up quota.
    pub fn evidence(&self, now: Timestamp, zone: &TimeZone) -> Evidence {
        let status = self.status.as_deref().unwrap_or("an error");
        let named = match self.http {
            Some(code) => format!("{status} (code {code})"),
            None => status.to_owned(),
        };
        let message = self.text.as_deref().unwrap_or(&named);
        let told = self.text.as_deref().and_then(|text| evidence(text, now, zone));
        let mut evidence = told.or_else(|| evidence(&named, now, zone)).unwrap_or_else(|| {
            let category = self.http.and_then(google::category).unwrap_or(Category::AgentError);
            Evidence::new("", Some(category), "")
        });
        evidence.message = brief(message);
        evidence.source = "stderr".to_owned();
        evidence
    }
}
