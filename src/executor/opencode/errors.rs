//! Which category does a failed request prove?
//!
//! The same failure is told twice: in the stream's `error` event with typed fields, and in a log line as flat text
//! with the error's name in front (`AI_APICallError: Rate limit reached …`). The HTTP status speaks
//! before the words, because words are the provider's own; only a used-up account is known by words alone, since it
//! comes with the same status as a short rate limit. Many providers stand behind this CLI, so the words
//! are looked for loosely.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use regex::Regex;

use crate::executor::form;
use crate::failure::pattern::regex;
use crate::failure::wait;
use crate::failure::{brief, disk, reset, signs, status};
use crate::model::text::{self, FINAL_TEXT_LIMIT};
use crate::model::{Category, Evidence, Timestamp};

static USAGE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)usage.?limit|quota.?exceeded|exceeded your current quota|insufficient_quota|resource_exhausted",
    )
});
static RATE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)rate.?limit|too.?many.?requests"));
static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)authenticat|(?:invalid|incorrect) api.?key|api.?key (?:is )?(?:invalid|missing)|\bunauthorized\b|\bforbidden\b",
    )
});
static MODEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)model.?not.?found|\bmodel\b[^\n]{0,100}\bdoes not exist\b"));
static UNAVAILABLE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b503 service unavailable\b"));
static NETWORK: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)cannot connect to api|unable to connect|timed out|connection (?:was )?(?:closed|refused|reset)|econn|internal server error|the server had an error",
    )
});
static FLAT: LazyLock<Regex> = LazyLock::new(|| regex(r"^(?s)([A-Za-z_]{1,60}Error): (.*)$"));

/// A failed request, as the stream or the log tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RequestError {
    /// `APIError`, `UnknownError`, `AI_APICallError`, `ProviderModelNotFoundError`, …
    pub name: String,
    /// What it says in words.
    pub text: String,
    /// HTTP status, if there was an answer and it was told.
    pub status: Option<u16>,
    /// Names of the provider's own error, out of its answer: `insufficient_quota`, `GoUsageLimitError`, …
    pub provider: String,
    /// Whether the CLI would try again.
    pub retryable: bool,
    /// What the provider's `retry-after` says.
    pub retry_after: Option<Duration>,
}

impl RequestError {
    /// From a log line's flat text.
    pub fn flat(text: &str) -> RequestError {
        let text = text::bounded(text, FINAL_TEXT_LIMIT);
        match FLAT.captures(&text) {
            Some(parts) => RequestError {
                name: parts[1].to_owned(),
                text: parts[2].to_owned(),
                ..RequestError::default()
            },
            None => RequestError { text, ..RequestError::default() },
        }
    }

    /// From a line that states an error, as the CLI prints one that keeps it from beginning: `Error: …`, or the error's
    /// name and its words. An error that nobody knows is none.
    pub fn stated(line: &str) -> Option<RequestError> {
        let error = RequestError::flat(line.trim().trim_start_matches("Error: "));
        let named = line.starts_with("Error: ") || !error.name.is_empty();
        (named && error.category() != Some(Category::AgentError)).then_some(error)
    }

    /// Whether this only says that something went wrong, on the CLI's inner server as a rule, whose log knows what.
    pub fn is_wrapper(&self) -> bool {
        if self.name.is_empty() && self.text.trim().is_empty() && self.status.is_none() {
            return true;
        }
        let words = text::one_line(&self.text).to_lowercase();
        let words = words.trim_end_matches('.');
        self.name == "UnknownError"
            && matches!(
                words,
                "" | "unexpected server error" | "unexpected server error. check server logs for details"
            )
    }

    /// The failure as evidence, with the category that its fields and words prove.
    pub fn evidence(&self, source: &str, now: Timestamp, zone: &TimeZone) -> Evidence {
        let category = self.category();
        let message = if self.text.trim().is_empty() { &self.name } else { &self.text };
        let mut evidence = Evidence::new(source, category, brief(message));
        match category {
            Some(Category::UsageLimit) => evidence.reset_at = self.reset_at(now, zone),
            Some(category @ (Category::ShortRateLimit | Category::ProviderOverloaded)) => {
                evidence.retry_after = self.told_wait().or_else(|| wait::usual(category));
            }
            _ => {}
        }
        evidence
    }

    fn category(&self) -> Option<Category> {
        let used_up = [&self.name, &self.text, &self.provider]
            .into_iter()
            .any(|said| USAGE.is_match(&disk::without_quota(said)) || signs::is_used_up(said));
        let overloaded = status::is_overload(&self.text) || UNAVAILABLE.is_match(&self.text);
        match self.status {
            Some(400 | 403 | 429) if used_up => return Some(Category::UsageLimit),
            Some(500..=599) if overloaded => return Some(Category::ProviderOverloaded),
            _ => {}
        }
        if let Some(category) = self.status.and_then(status::category) {
            return Some(category);
        }
        match self.by_words(used_up, overloaded) {
            Some(quoted) if form::quotes(self.status, quoted) && !self.retryable => {
                Some(Category::AgentError)
            }
            told => told,
        }
    }

    fn by_words(&self, used_up: bool, overloaded: bool) -> Option<Category> {
        let says = |pattern: &Regex| pattern.is_match(&self.name) || pattern.is_match(&self.text);
        let name = self.name.to_lowercase();
        let named = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        Some(if used_up || named(&["resourceexhausted"]) {
            Category::UsageLimit
        } else if says(&RATE) {
            Category::ShortRateLimit
        } else if named(&["auth", "permission", "forbidden"]) || LOGIN.is_match(&self.text) {
            Category::AuthOrProxy
        } else if says(&MODEL) || (named(&["notfound"]) && self.text.to_lowercase().contains("model")) {
            Category::InvalidModel
        } else if named(&["overload"]) || overloaded {
            Category::ProviderOverloaded
        } else if let Some(category) = signs::category(&self.text) {
            category
        } else if self.retryable || named(&["timeout"]) || NETWORK.is_match(&self.text) {
            Category::TransientInfra
        } else if self.is_wrapper() {
            return None;
        } else {
            Category::AgentError
        })
    }

    /// When a used-up account comes back. The length of a window (`limit reached for 5 hour`) is no answer to that.
    fn reset_at(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let waited = || now.checked_add(SignedDuration::try_from(self.retry_after?).ok()?).ok();
        reset::find(&self.text, now, zone).or_else(waited)
    }

    fn told_wait(&self) -> Option<Duration> {
        self.retry_after.or_else(|| wait::told(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-06-16T12:00:00Z";

    fn named(name: &str, text: &str) -> Evidence {
        let error = RequestError { name: name.into(), text: text.into(), ..RequestError::default() };
        judged(&error)
    }

    fn judged(error: &RequestError) -> Evidence {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        error.evidence("stream", NOW.parse().unwrap(), &zone)
    }

    fn hours(evidence: &Evidence) -> Option<i64> {
        let now: Timestamp = NOW.parse().unwrap();
        Some(evidence.reset_at?.duration_since(now).as_hours())
    }

    // 20-AF-PO-01, 20-AF-PO-02, 20-AF-PO-05, 20-AF-PO-06, 20-AF-PO-07, 20-AF-PO-09
    #[test]
    fn names_and_words() {
        for (name, text, category, wait) in [
            (
                "RateLimitError",
                "Rate limit exceeded. Retry after 120 seconds.",
                Category::ShortRateLimit,
                Some(120),
            ),
            ("RateLimitError", "Too many requests.", Category::ShortRateLimit, Some(60)),
            ("TooManyRequests", "slow down, retry in 7s", Category::ShortRateLimit, Some(7)),
            ("RateLimitError", "Please try again in 5 minutes.", Category::ShortRateLimit, Some(300)),
            ("RateLimitError", "retry after 58500ms", Category::ShortRateLimit, Some(58)),
            ("RateLimitError", "Please try again in 2m30s", Category::ShortRateLimit, Some(150)),
            ("UnknownError", "Disk quota exceeded (os error 122)", Category::AgentError, None),
            ("UnknownError", "EDQUOT: disk quota exceeded, write", Category::AgentError, None),
            ("UnknownError", "handled 529 files, wrote 429 lines", Category::AgentError, None),
            ("UnknownError", "the overloaded operator is missing", Category::AgentError, None),
            ("UnknownError", "HTTP 529", Category::ProviderOverloaded, Some(30)),
            ("AuthenticationError", "Invalid API key provided.", Category::AuthOrProxy, None),
            ("PermissionDeniedError", "", Category::AuthOrProxy, None),
            ("UnauthorizedError", "", Category::AuthOrProxy, None),
            ("", "API key invalid", Category::AuthOrProxy, None),
            ("NotFoundError", "model not found: gpt-foo does not exist", Category::InvalidModel, None),
            ("ProviderModelNotFoundError", "Model not found: mock/nope.", Category::InvalidModel, None),
            (
                "OverloadedError",
                "Provider is overloaded. Try again later.",
                Category::ProviderOverloaded,
                Some(30),
            ),
            ("ServerError", "503 Service Unavailable", Category::ProviderOverloaded, Some(30)),
            ("UnknownError", "Agent runtime crashed while applying patch.", Category::AgentError, None),
            ("UnknownError", "The operation timed out.", Category::TransientInfra, None),
        ] {
            let evidence = named(name, text);
            assert_eq!(evidence.category, Some(category), "{name}: {text}");
            assert_eq!(evidence.retry_after.map(|wait| wait.as_secs()), wait, "{name}: {text}");
        }
    }

    // 20-AF-PO-03, 20-AF-PO-04, 20-AF-PO-13, 20-AF-PO-15, 20-AF-PO-16
    #[test]
    fn used_up_accounts_and_when_they_come_back() {
        for (name, text, expected) in [
            ("UsageLimitError", "Usage limit reached. Resets in 24h.", Some(24)),
            ("QuotaExceededError", "Quota exceeded for this account.", None),
            ("ResourceExhausted", "RESOURCE_EXHAUSTED: Quota exceeded. Resets in 7d.", Some(168)),
            ("APIError", "Monthly usage limit reached. Resets in 7 days.", Some(168)),
            ("APIError", "Monthly usage limit reached. Resets in 5 hour.", Some(5)),
            ("APIError", "Weekly usage limit reached. It will reset in 1 day 2 hours. To continue", Some(26)),
            ("RateLimitError", "Usage limit reached for your account. Resets in 24h.", Some(24)),
            ("APIError", "Usage limit reached for 5 hour.", None),
        ] {
            let evidence = named(name, text);
            assert_eq!(
                (evidence.category, hours(&evidence)),
                (Some(Category::UsageLimit), expected),
                "{text}"
            );
        }
        let minutes = named("APIError", "Monthly usage limit reached. Resets in 30 minutes.");
        assert_eq!(minutes.reset_at, Some("2026-06-16T12:30:00Z".parse().unwrap()));
        for flat in [
            "AI_APICallError: Monthly usage limit reached. Resets in 7 days.",
            "AI_RetryError: Failed after 3 attempts. Last error: Monthly usage limit reached. Resets in 7 days.",
            "UnknownError: Monthly usage limit reached. Resets in 7 days.",
        ] {
            let evidence = judged(&RequestError::flat(flat));
            assert_eq!(
                (evidence.category, hours(&evidence)),
                (Some(Category::UsageLimit), Some(168)),
                "{flat}"
            );
        }
    }

    // 20-AF-PO-14: the length of the window is not the time until it ends
    #[test]
    fn a_reset_with_its_date_is_local_time() {
        let evidence = judged(&RequestError::flat(
            "AI_APICallError: Usage limit reached for 5 hour. Your limit will reset at 2026-06-16 18:29:51",
        ));
        assert_eq!(evidence.category, Some(Category::UsageLimit));
        assert_eq!(evidence.reset_at, Some("2026-06-16T16:29:51Z".parse().unwrap()));
    }

    // 20-AF-PO-08, 20-AF-PO-10
    #[test]
    fn a_wrapper_proves_nothing() {
        assert_eq!(named("", "").category, None, "without a payload");
        let refused = RequestError { status: Some(400), ..RequestError::default() };
        assert_eq!(judged(&refused).category, Some(Category::AgentError));
        for text in
            ["", "Unexpected  server error", "Unexpected server error. Check server logs for details."]
        {
            assert_eq!(named("UnknownError", text).category, None, "{text}");
        }
    }

    #[test]
    fn the_status_speaks_before_the_words() {
        let judge = |status, text: &str, provider: &str| {
            let (name, text, provider) = ("APIError".to_owned(), text.to_owned(), provider.to_owned());
            judged(&RequestError { name, text, provider, status: Some(status), ..RequestError::default() })
                .category
        };
        for (status, text, category) in [
            (500, "usage limit service is down", Category::TransientInfra),
            (502, "the model is overloaded", Category::ProviderOverloaded),
            (503, "no", Category::ProviderOverloaded),
            (529, "no", Category::ProviderOverloaded),
            (408, "no", Category::TransientInfra),
            (407, "no", Category::AuthOrProxy),
            (500, "EDQUOT: disk quota exceeded", Category::TransientInfra),
            (401, "rate limit", Category::AuthOrProxy),
            (403, "no", Category::AuthOrProxy),
            (403, "usage limit reached", Category::UsageLimit),
            (402, "no", Category::UsageLimit),
            (404, "no", Category::InvalidModel),
            (429, "no", Category::ShortRateLimit),
            (429, "You exceeded your current quota, please check your plan", Category::UsageLimit),
            (400, "port 503 is not allowed", Category::AgentError),
        ] {
            assert_eq!(judge(status, text, ""), Some(category), "{status} {text}");
        }
        assert_eq!(judge(429, "no", "GoUsageLimitError"), Some(Category::UsageLimit));
    }

    #[test]
    fn a_used_up_account_may_tell_its_end_in_a_header_only() {
        let error = RequestError {
            status: Some(429),
            provider: "FreeUsageLimitError".into(),
            retry_after: Some(Duration::from_secs(7200)),
            ..RequestError::default()
        };
        assert_eq!(hours(&judged(&error)), Some(2));
    }

    #[test]
    fn keys_are_left_out() {
        let evidence = named("APIError", "Incorrect API key provided: sk-abc***xyz. See https://example.org");
        assert_eq!(evidence.message, "Incorrect API key provided: … See https://example.org");
    }
}
