//! What Claude Code says in words: in failed results, and on lines that are no events.

use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use regex::Regex;

use super::errors::OVERLOAD_WAIT;
use crate::failure::pattern::regex;
use crate::failure::words::{RATE_LIMIT_WAIT, told_retry_after};
use crate::failure::{brief, reset};
use crate::model::{Category, Evidence, Timestamp};

static MODEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)model.?not.?found|issue with the selected model"));
static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)authentication.?failed|authentication_error|failed to authenticate|not logged in|invalid (?:x-)?api.?key",
    )
});
static OVERLOAD: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b529\b|overload"));
static SEVEN_DAYS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(?:seven|7)[\s_-]*days?\b|\bweekly\b"));
static FIVE_HOURS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(?:five|5)[\s_-]*hours?\b"));
static USAGE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\busage[\s_]limit"));
static RATE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)rate.?limit|429 too many requests"));
static LIMIT: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\blimit\b"));

/// What a text proves, if anything. The order matters: a missing model is named first
/// even when the same text speaks of limits.
pub(super) fn evidence(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
    let found = |category, pattern: &Regex| {
        let line = text.lines().find(|line| pattern.is_match(line)).unwrap_or(text);
        Evidence::new("text", Some(category), brief(line))
    };
    if MODEL.is_match(text) {
        return Some(found(Category::InvalidModel, &MODEL));
    }
    if LOGIN.is_match(text) {
        return Some(found(Category::AuthOrProxy, &LOGIN));
    }
    if OVERLOAD.is_match(text) {
        let mut evidence = found(Category::ProviderOverloaded, &OVERLOAD);
        evidence.retry_after = Some(OVERLOAD_WAIT);
        return Some(evidence);
    }
    limit(text, now, zone, &found)
}

/// Used-up windows and short rate limits. A window whose end is not told is taken to
/// have begun just now: trying again too early costs less than never.
fn limit(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
    found: &dyn Fn(Category, &Regex) -> Evidence,
) -> Option<Evidence> {
    let told = reset::find(text, now, zone);
    let window = [(&*SEVEN_DAYS, 168), (&*FIVE_HOURS, 5)]
        .into_iter()
        .find(|(pattern, _)| pattern.is_match(text))
        .map(|(pattern, hours)| (pattern, now.checked_add(SignedDuration::from_hours(hours)).ok()));
    let (pattern, reset_at) = match window {
        Some((pattern, ends)) => (pattern, told.or(ends)),
        None if USAGE.is_match(text) => (&*USAGE, told),
        None if told.is_some() && (LIMIT.is_match(text) || RATE.is_match(text)) => (&*LIMIT, told),
        None if RATE.is_match(text) => {
            let mut evidence = found(Category::ShortRateLimit, &RATE);
            evidence.retry_after = told_retry_after(text).or(Some(RATE_LIMIT_WAIT));
            return Some(evidence);
        }
        None => return None,
    };
    let mut evidence = found(Category::UsageLimit, pattern);
    evidence.reset_at = reset_at;
    Some(evidence)
}

/// What the CLI refuses before it begins.
pub(super) fn refusal(line: &str) -> Option<Evidence> {
    if line.contains("cannot be used with root/sudo privileges") {
        let message = "claude refuses to skip permission questions as root: run rally as another user, or set \
                       IS_SANDBOX=1 in rally's environment if this machine is a sandbox";
        return Some(
            Evidence::new("text", Some(Category::HarnessLaunch), message).with_cause("root_refused"),
        );
    }
    if line.starts_with("error: unknown option") {
        return Some(
            Evidence::new("text", Some(Category::HarnessLaunch), brief(line)).with_cause("unknown_option"),
        );
    }
    None
}

/// Whether the CLI says that it does not know the session it was to resume.
pub(super) fn session_is_lost(text: &str) -> bool {
    text.contains("No conversation found with session ID")
        || text.contains("--resume requires a valid session ID")
}
