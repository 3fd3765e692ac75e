//! The window of a quota, by its name. Its length is not the time until it ends: it stands for that only where nothing
//! else is told, and then the window is taken to have begun just now. Trying again too early costs less than never.

use std::sync::LazyLock;

use jiff::SignedDuration;
use regex::Regex;

use super::pattern::regex;

static WEEK: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(?:seven|7)[\s_-]*days?\b|\bweekly\b"));
static FIVE_HOURS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:five|5)[\s_-]*hours?\b|\bsession limit\b"));
static LASTING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:hourly|daily|weekly|monthly|(?:five|5)[\s_-]*hours?|(?:seven|7)[\s_-]*days?)\b[^.\n]{0,30}\blimit",
    )
});

/// The length of the window that a text names. Of windows of a day and of a month nobody tells when they begin.
pub fn length(text: &str) -> Option<SignedDuration> {
    let hours = [(&*WEEK, 168), (&*FIVE_HOURS, 5)];
    let named = hours.into_iter().find(|(pattern, _)| pattern.is_match(text));
    named.map(|(_, hours)| SignedDuration::from_hours(hours))
}

/// Whether a line names a limit of hours or more: `your weekly rate limit`.
pub fn is_lasting(line: &str) -> bool {
    LASTING.is_match(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20-AF-PC-01, 20-AF-PC-02, 20-AF-PC-05
    #[test]
    fn lengths() {
        for (text, hours) in [
            ("the five-hour rate limit for your organization", Some(5)),
            ("error: rate limit: five hour cap exceeded", Some(5)),
            ("You've hit your 5-hour limit", Some(5)),
            ("You've hit your session limit", Some(5)),
            ("five_hour", Some(5)),
            ("the seven-day rate limit", Some(168)),
            ("Opus weekly limit reached", Some(168)),
            ("7 days of the week, 5 hours each", Some(168)),
            ("Monthly usage limit reached", None),
            ("your daily quota", None),
            ("15-hour flight", None),
        ] {
            assert_eq!(length(text).map(|length| length.as_hours()), hours, "{text}");
        }
    }

    #[test]
    fn limits_that_last() {
        for line in [
            "You've reached your weekly rate limit.",
            "Weekly/Monthly Limit Exhausted",
            "5-hour limit reached",
        ] {
            assert!(is_lasting(line), "{line}");
        }
        for line in ["rate limit reached", "weekly report. The limit", "daily"] {
            assert!(!is_lasting(line), "{line}");
        }
    }
}
