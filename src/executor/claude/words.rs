//! What Claude Code says in words: in failed results, and on lines that are no events.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use crate::failure::pattern::regex;
use crate::failure::wait;
use crate::failure::words::SOURCE;
use crate::failure::{brief, reset, signs, status, window};
use crate::model::{Category, Evidence, Timestamp};

static MODEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)model.?not.?found|issue with the selected model"));
static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)authentication.?failed|authentication_error|failed to authenticate|not logged in|invalid (?:x-)?api.?key",
    )
});
static RATE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)rate.?limit|429 too many requests"));
static LIMIT: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\blimit\b"));

/// What a text proves, if anything. The order matters: a missing model is named first
/// even when the same text speaks of limits.
pub(super) fn evidence(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
    if MODEL.is_match(text) {
        return Some(found(Category::InvalidModel, text, &|line| MODEL.is_match(line)));
    }
    if LOGIN.is_match(text) {
        return Some(found(Category::AuthOrProxy, text, &|line| LOGIN.is_match(line)));
    }
    if status::is_overload(text) {
        let mut evidence = found(Category::ProviderOverloaded, text, &status::is_overload);
        evidence.retry_after = wait::told(text).or_else(|| wait::usual(Category::ProviderOverloaded));
        return Some(evidence);
    }
    limit(text, now, zone).or_else(|| {
        let category = signs::category(text)?;
        Some(found(category, text, &|line| signs::category(line) == Some(category)))
    })
}

/// Used-up windows and short rate limits. A window has to be called a limit, since other things take seven days, too.
fn limit(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
    let told = reset::find(text, now, zone);
    let ends = window::length(text).and_then(|length| now.checked_add(length).ok());
    let limited = |text: &str| LIMIT.is_match(text) || RATE.is_match(text);
    if signs::is_used_up(text) || (limited(text) && (told.is_some() || ends.is_some())) {
        let says = |line: &str| signs::is_used_up(line) || limited(line);
        let mut evidence = found(Category::UsageLimit, text, &says);
        evidence.reset_at = told.or(ends);
        return Some(evidence);
    }
    if !RATE.is_match(text) {
        return None;
    }
    let mut evidence = found(Category::ShortRateLimit, text, &|line| RATE.is_match(line));
    evidence.retry_after = wait::told(text).or_else(|| wait::usual(Category::ShortRateLimit));
    Some(evidence)
}

/// The line that decided is the message.
fn found(category: Category, text: &str, says: &dyn Fn(&str) -> bool) -> Evidence {
    let line = text.lines().find(|line| says(line)).unwrap_or(text);
    Evidence::new(SOURCE, Some(category), brief(line))
}

/// What the CLI refuses before it begins.
pub(super) fn refusal(line: &str) -> Option<Evidence> {
    if line.contains("cannot be used with root/sudo privileges") {
        let message = "claude refuses to skip permission questions as root: run rally as another user, or set \
                       IS_SANDBOX=1 in rally's environment if this machine is a sandbox";
        return Some(
            Evidence::new(SOURCE, Some(Category::HarnessLaunch), message).with_cause("root_refused"),
        );
    }
    if line.starts_with("error: unknown option") {
        return Some(
            Evidence::new(SOURCE, Some(Category::HarnessLaunch), brief(line)).with_cause("unknown_option"),
        );
    }
    None
}

/// Whether the CLI says that it does not know the session it was to resume.
pub(super) fn session_is_lost(text: &str) -> bool {
    text.contains("No conversation found with session ID")
        || text.contains("--resume requires a valid session ID")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Category and seconds to wait.
    fn read(text: &str) -> Option<(Category, Option<u64>)> {
        let found = evidence(text, "2026-11-22T11:00:00Z".parse().unwrap(), &TimeZone::UTC)?;
        Some((found.category?, found.retry_after.map(|wait| wait.as_secs())))
    }

    // 20-AF-PC-06, 20-AF-PC-09, 20-AF-CF-01
    #[test]
    fn short_limits_and_overload() {
        for (text, category, wait) in [
            ("error: rate_limit_error: too many requests", Category::ShortRateLimit, 60),
            ("429 Too Many Requests\nretry-after: 120", Category::ShortRateLimit, 120),
            ("rate limit, retry after 58500ms", Category::ShortRateLimit, 58),
            ("rate limit, retry after 2m30s", Category::ShortRateLimit, 150),
            ("HTTP 529: Overloaded", Category::ProviderOverloaded, 30),
            ("API Error: 529 Overloaded. retry-after: 5", Category::ProviderOverloaded, 5),
            ("Received HTTP 529 from upstream", Category::ProviderOverloaded, 30),
            (
                r#"{"type":"error","error":{"type":"api_error","message":"Overloaded"}}"#,
                Category::ProviderOverloaded,
                30,
            ),
            (r#"{"error":{"type":"overloaded_error"}}"#, Category::ProviderOverloaded, 30),
        ] {
            assert_eq!(read(text), Some((category, Some(wait))), "{text}");
        }
    }

    #[test]
    fn what_a_program_does_proves_nothing() {
        for text in [
            "handled 529 files",
            "wrote 429 lines",
            "added an overload of the function",
            "write failed: Disk quota exceeded (os error 122)",
            "your plan renews in 7 days",
            "updated 5 hours ago",
            "weekly digest, resets at 14:30",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_overload_is_told_by_its_line() {
        let text = "starting\nAPI Error: 529 Overloaded\nbye";
        let found = evidence(text, "2026-11-22T11:00:00Z".parse().unwrap(), &TimeZone::UTC).unwrap();
        assert_eq!(found.message, "API Error: 529 Overloaded");
    }

    const NOW: &str = "2026-11-22T11:00:00Z";

    /// Category, and when the account comes back; it is noon in Berlin.
    fn window(text: &str) -> (Option<Category>, Option<Timestamp>) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let Some(found) = evidence(text, NOW.parse().unwrap(), &zone) else { return (None, None) };
        // 20-AF-PC-15; deviation: evidence holds no raw text beside its message
        assert!(!found.message.is_empty() && !found.source.is_empty(), "{text}");
        (found.category, found.reset_at)
    }

    // 20-AF-PC-01 to 20-AF-PC-05, 20-AF-PC-10, 20-AF-PC-11; deviation: evidence has no status of its own
    #[test]
    fn used_up_windows_and_when_they_come_back() {
        let exceeded = |window: &str| {
            format!(
                r#"{{"type":"error","error":{{"type":"rate_limit_error","message":"This request would exceed the {window} rate limit for your organization."}}}}"#
            )
        };
        for (text, reset) in [
            (exceeded("five-hour"), "2026-11-22T16:00:00Z"),
            (exceeded("seven-day"), "2026-11-29T11:00:00Z"),
            ("Five-hour limit reached · resets in 3h 24m".into(), "2026-11-22T14:24:00Z"),
            ("rate_limit: usage cap hit, resets in 2h 5m".into(), "2026-11-22T13:05:00Z"),
            ("error: rate limit: five hour cap exceeded".into(), "2026-11-22T16:00:00Z"),
            ("error: rate limit: seven day cap exceeded".into(), "2026-11-29T11:00:00Z"),
            ("You've hit your weekly limit".into(), "2026-11-29T11:00:00Z"),
            ("rate_limit: usage limit reached · resets at 14:30".into(), "2026-11-22T13:30:00Z"),
            ("five-hour limit · resets at 2:30 PM".into(), "2026-11-22T13:30:00Z"),
        ] {
            let expected = (Some(Category::UsageLimit), Some(reset.parse().unwrap()));
            assert_eq!(window(&text), expected, "{text}");
        }
    }

    // 20-AF-PC-07, 20-AF-PC-08, 20-AF-PC-12, 20-AF-PC-13
    #[test]
    fn what_is_named_first_wins() {
        for (text, category) in [
            (
                r#"{"type":"error","error":{"type":"not_found_error","message":"model_not_found: The model 'claude-foo' does not exist."}}"#,
                Category::InvalidModel,
            ),
            ("Model Not Found: requested model is unavailable", Category::InvalidModel),
            ("model_not_found: rate limit was not the issue", Category::InvalidModel),
            (r#"{"error":{"message":"authentication_failed: invalid x-api-key"}}"#, Category::AuthOrProxy),
            ("Authentication Failed: permission denied", Category::AuthOrProxy),
            ("authentication_failed: rate limit endpoint unreachable", Category::AuthOrProxy),
        ] {
            assert_eq!(window(text), (Some(category), None), "{text}");
        }
    }

    // 20-AF-PC-14
    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(window(""), (None, None));
        assert_eq!(window("some generic error from claude"), (None, None));
    }
}
