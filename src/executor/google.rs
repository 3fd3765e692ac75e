//! What Google's model services say when they refuse, in the words of every CLI that talks to them.
//!
//! Observed or read in Gemini CLI 0.61.0: every 429 carries the status `RESOURCE_EXHAUSTED`, be the window a
//! minute or a day. What tells them apart is the quota's own name (`PerDay`, `PerMinute`), a time that is named
//! (`Resets in 5h30m`, `reset after 19h21m22s`) and the retry that the server asks for: the CLI itself takes one of
//! up to five minutes for a short limit. A daily quota is refused with such a short retry, too, so its name
//! comes first. A refusal that tells nothing of this kind is taken for a used-up quota: the CLI has retried it for
//! minutes before it says so.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use crate::failure::pattern::regex;
use crate::failure::wait::{self, LONGEST_SHORT_LIMIT};
use crate::failure::words::SOURCE;
use crate::failure::{brief, disk, reset, signs, status};
use crate::model::{Category, Evidence, Timestamp, time};

/// The service has no room, whatever the account may still use. Named before the quotas, because it is sent
/// as `RESOURCE_EXHAUSTED`, too.
static NO_CAPACITY: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)MODEL_CAPACITY_EX(?:HAUSTED|CEEDED)|no capacity available|\bcapacity exceeded")
});
static QUOTA: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)RESOURCE_EXHAUSTED|individual quota reached|resource has been exhausted|QUOTA_EXHAUSTED",
        r"|exhausted your (?:daily quota|quota|capacity)|exceeded your current quota|quota exceeded",
        r"|INSUFFICIENT_G1_CREDITS_BALANCE",
    ))
});
/// A window of a day or longer, or none at all: `limit: 0` is what a model that is not in the plan is given.
static DAILY: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)per_?day|daily|individual quota|\blimit:\s*0(?:[^\d.]|$)|INSUFFICIENT_G1_CREDITS_BALANCE")
});
static MINUTE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)per_?minute|per minute"));
static TOO_MANY: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)too many requests"));
static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)IneligibleTierError|UNSUPPORTED_CLIENT|no longer supported for Gemini Code Assist|Error authenticating",
        r"|\bUNAUTHENTICATED\b|\bPERMISSION_DENIED\b|API_KEY_INVALID|pass a valid API key|API key expired",
        r"|VALIDATION_REQUIRED|caller does not have permission",
    ))
});
static MODEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)ModelNotFoundError|models/\S+ is not found|not supported for generateContent|model.?not.?found",
    )
});
static UNAVAILABLE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\bUNAVAILABLE\b"));
static SERVER: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r#"(?i)"status":\s*"INTERNAL"|\bDEADLINE_EXCEEDED\b"#,
        r"|fetch failed|\bECONN(?:REFUSED|RESET)\b|\bETIMEDOUT\b|\bENOTFOUND\b|\bEAI_AGAIN\b|socket hang up",
    ))
});

/// What an error text proves, if anything. It must come from an error event, a log or standard error: nothing
/// here can tell an error from what a model writes about one. `now` and `zone` turn `Resets in 3h` into a time.
pub(super) fn evidence(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
    if NO_CAPACITY.is_match(text) {
        return Some(passing(Category::ProviderOverloaded, text, &|line| NO_CAPACITY.is_match(line)));
    }
    if is_quota(text) {
        return Some(quota(text, now, zone));
    }
    if is_too_many(text) {
        return Some(passing(Category::ShortRateLimit, text, &is_too_many));
    }
    if REFUSED.is_match(text) {
        return Some(found(Category::AuthOrProxy, text, &|line| REFUSED.is_match(line)));
    }
    if MODEL.is_match(text) {
        return Some(found(Category::InvalidModel, text, &|line| MODEL.is_match(line)));
    }
    if is_overload(text) {
        return Some(passing(Category::ProviderOverloaded, text, &is_overload));
    }
    if is_server(text) {
        return Some(found(Category::TransientInfra, text, &is_server));
    }
    match signs::category(text)? {
        Category::UsageLimit => Some(used_up(text, now, zone, &signs::is_used_up)),
        category => Some(found(category, text, &|line| signs::category(line) == Some(category))),
    }
}

fn is_quota(text: &str) -> bool {
    QUOTA.is_match(&disk::without_quota(text))
}

fn is_too_many(text: &str) -> bool {
    TOO_MANY.is_match(text) || status::told(text).any(|status| status == 429)
}

fn is_overload(text: &str) -> bool {
    let told = || status::told(text).any(|status| category(status) == Some(Category::ProviderOverloaded));
    status::is_overload(text) || UNAVAILABLE.is_match(text) || told()
}

fn is_server(text: &str) -> bool {
    SERVER.is_match(text) || status::told(text).any(|status| (500..=599).contains(&status))
}

/// The category of an HTTP status, where the status alone proves one.
pub(super) fn category(status: u16) -> Option<Category> {
    match status {
        // The service closed the request by itself; the CLI retries it like a 503.
        499 => Some(Category::TransientInfra),
        _ => status::category(status),
    }
}

/// A used-up quota, or a short limit that calls itself one.
fn quota(text: &str, now: Timestamp, zone: &TimeZone) -> Evidence {
    let wait = wait::told(text);
    let soon = |at: Timestamp| time::since(now, at) <= LONGEST_SHORT_LIMIT;
    if !DAILY.is_match(text) && reset::find(text, now, zone).is_none_or(soon) {
        let passes = wait.is_some_and(|wait| wait <= LONGEST_SHORT_LIMIT);
        if passes || (wait.is_none() && MINUTE.is_match(text)) {
            return passing(Category::ShortRateLimit, text, &is_quota);
        }
    }
    used_up(text, now, zone, &is_quota)
}

fn used_up(text: &str, now: Timestamp, zone: &TimeZone, says: Says<'_>) -> Evidence {
    let mut evidence = found(Category::UsageLimit, text, says);
    let long = wait::told(text).filter(|wait| *wait > LONGEST_SHORT_LIMIT);
    evidence.reset_at = reset::find(text, now, zone).or_else(|| now.checked_add(long?).ok());
    evidence
}

/// Whether a line is the one that decided.
type Says<'a> = &'a dyn Fn(&str) -> bool;

/// Trouble that passes.
fn passing(category: Category, text: &str, says: Says<'_>) -> Evidence {
    let mut evidence = found(category, text, says);
    evidence.retry_after = wait::told(text).or_else(|| wait::usual(category));
    evidence
}

/// The line that decided is the message.
fn found(category: Category, text: &str, says: Says<'_>) -> Evidence {
    let line = text.lines().find(|line| says(line)).unwrap_or(text);
    Evidence::new(SOURCE, Some(category), brief(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T11:00:00Z";

    fn verdict(text: &str) -> Option<Evidence> {
        evidence(text, NOW.parse().unwrap(), &TimeZone::UTC)
    }

    /// Category, seconds until the quota comes back, seconds to wait before a retry.
    fn read(text: &str) -> (Option<Category>, Option<i64>, Option<u64>) {
        let now: Timestamp = NOW.parse().unwrap();
        let Some(evidence) = verdict(text) else { return (None, None, None) };
        assert!(!evidence.message.is_empty(), "{text}");
        (
            evidence.category,
            evidence.reset_at.map(|at| at.as_second() - now.as_second()),
            evidence.retry_after.map(|wait| wait.as_secs()),
        )
    }

    // 20-AF-PG-01, 20-AF-PG-02, 20-AF-PG-03, 20-AF-PG-04, 20-AF-PG-06, 20-AF-PG-08, 20-AF-GE-11
    #[test]
    fn used_up_quotas() {
        const HOUR: i64 = 3600;
        for (text, hours) in [
            ("Error: RESOURCE_EXHAUSTED: Quota exceeded", None),
            ("RESOURCE_EXHAUSTED: Individual quota reached. Resets in 7d.", Some(168.0)),
            ("Individual quota reached. Resets in 5h30m.", Some(5.5)),
            ("Individual quota reached. Resets in 2h.", Some(2.0)),
            ("Individual quota reached. Resets in 30m.", Some(0.5)),
            ("Individual quota reached. Resets in 1.5d.", Some(36.0)),
            ("Individual quota reached. Resets in 1d12h.", Some(36.0)),
            ("Individual quota reached. Resets in 2 hours.", Some(2.0)),
            ("Individual quota reached for this API key.", None),
            ("HTTP 429: RESOURCE_EXHAUSTED: Quota exceeded", None),
            (
                r#"{"error":{"code":429,"message":"Individual quota reached. Resets in 7d.","status":"RESOURCE_EXHAUSTED"}}"#,
                Some(168.0),
            ),
            ("resource_exhausted: quota exceeded", None),
            ("INDIVIDUAL QUOTA REACHED. RESETS IN 2H.", Some(2.0)),
            ("RESOURCE_EXHAUSTED\nIndividual quota reached\nResets in 1h30m", Some(1.5)),
            (
                "You have exhausted your capacity on this model. Your quota will reset after 19h30m0s.",
                Some(19.5),
            ),
            ("_GaxiosError: Resource has been exhausted (e.g. check quota).", None),
            ("[API Error: You have exhausted your daily quota on this model.]", None),
        ] {
            let seconds = hours.map(|hours: f64| (hours * HOUR as f64) as i64);
            assert_eq!(read(text), (Some(Category::UsageLimit), seconds, None), "{text}");
        }
    }

    #[test]
    fn a_quota_that_passes_by_itself_is_a_short_limit() {
        for (text, wait) in [
            ("Resource has been exhausted (e.g. check quota).\nSuggested retry after 5s.", 5),
            (r#"{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34.07s"}]}"#, 34),
            ("You exceeded your current quota. Please retry in 58500ms.", 58),
            ("RESOURCE_EXHAUSTED: quotaId GenerateRequestsPerMinutePerProject", 60),
            ("RESOURCE_EXHAUSTED. Please retry in 2m30s.", 150),
        ] {
            assert_eq!(read(text), (Some(Category::ShortRateLimit), None, Some(wait)), "{text}");
        }
        // A day's quota asks for a short retry, too, and a long retry is no short limit.
        for (text, reset) in [
            ("RESOURCE_EXHAUSTED GenerateRequestsPerDayPerProject-FreeTier. Please retry in 34s.", None),
            ("Quota exceeded for metric: requests, limit: 0, model: m. Please retry in 34s.", None),
            ("RESOURCE_EXHAUSTED. Please retry in 7200s.", Some(7200)),
            ("RESOURCE_EXHAUSTED. Retry after 30 minutes.", Some(1800)),
        ] {
            assert_eq!(read(text), (Some(Category::UsageLimit), reset, None), "{text}");
        }
    }

    // 20-AF-PG-05; a wait that is not told is the one of every short rate limit
    #[test]
    fn short_limits() {
        for (text, wait) in [
            ("HTTP 429: Too Many Requests", 60),
            ("got status: 429 . retry-after: 7", 7),
            ("Attempt 2 failed with 429 error, retry after 58500ms", 58),
            ("API Error: 429, retry after 5 minutes", 300),
        ] {
            assert_eq!(read(text), (Some(Category::ShortRateLimit), None, Some(wait)), "{text}");
        }
    }

    // 20-AF-PG-07
    #[test]
    fn refused_accounts() {
        for text in [
            "Error authenticating: IneligibleTierError: This client is no longer supported for Gemini Code Assist for individuals. reasonCode: 'UNSUPPORTED_CLIENT'",
            "reasonCode: 'UNSUPPORTED_CLIENT'",
            "API key not valid. Please pass a valid API key.",
            r#"{"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}"#,
        ] {
            assert_eq!(read(text), (Some(Category::AuthOrProxy), None, None), "{text}");
        }
    }

    #[test]
    fn models_servers_and_connections() {
        let model =
            "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent.";
        for (text, category, wait) in [
            (model, Category::InvalidModel, None),
            ("The model is overloaded. Please try again later.", Category::ProviderOverloaded, Some(30)),
            ("HTTP 529", Category::ProviderOverloaded, Some(30)),
            (
                "RESOURCE_EXHAUSTED: No capacity available for model x (MODEL_CAPACITY_EXHAUSTED)",
                Category::ProviderOverloaded,
                Some(30),
            ),
            (
                r#"{"error":{"code":500,"message":"An internal error has occurred.","status":"INTERNAL"}}"#,
                Category::TransientInfra,
                None,
            ),
            ("exception TypeError: fetch failed sending request", Category::TransientInfra, None),
        ] {
            assert_eq!(read(text), (Some(category), None, wait), "{text}");
        }
    }

    // 20-AF-PG-09
    #[test]
    fn other_words_prove_nothing() {
        for text in [
            "",
            "something went wrong with the process",
            "wrote 503 lines",
            "wrote 429 lines",
            "handled 529 files",
            "resets in 3h",
            "port 4290",
            "write failed: Disk quota exceeded (os error 122)",
            "EDQUOT: disk quota exceeded, write",
        ] {
            assert_eq!(verdict(text), None, "{text}");
        }
    }

    #[test]
    fn a_status_alone() {
        let expected = [
            (200, None),
            (400, None),
            (401, Some(Category::AuthOrProxy)),
            (402, Some(Category::UsageLimit)),
            (499, Some(Category::TransientInfra)),
            (404, Some(Category::InvalidModel)),
            (429, Some(Category::ShortRateLimit)),
            (500, Some(Category::TransientInfra)),
            (529, Some(Category::ProviderOverloaded)),
        ];
        for (status, category) in expected {
            assert_eq!(super::category(status), category, "{status}");
        }
    }
}
