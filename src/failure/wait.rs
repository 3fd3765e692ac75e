//! How long does a provider ask to wait before the next request?
//!
//! Observed or documented: HTTP's `retry-after: 120` and `retry-after-ms: 500`, Google's `Please retry in 34.074824224s`
//! and `"retryDelay":"34s"`, OpenAI's `Please try again in 6m0s` and `… in 20ms`, and prose such as
//! `retry after 5 minutes` or `wait 2 minutes before trying again`. A number alone means seconds.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::pattern::regex;
use crate::model::Category;

/// How long a short rate limit is waited out when the provider names no time.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// How long an overloaded provider is given when it names no time.
const OVERLOAD_WAIT: Duration = Duration::from_secs(30);

/// The longest wait for a limit that passes by itself; what lasts longer is a used-up quota, whatever it is called.
pub const LONGEST_SHORT_LIMIT: Duration = Duration::from_secs(300);

/// What is longer is no wait but another number, such as a point in time.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// What stands before the amount; `ms` is in the name of a field that counts milliseconds.
static ASKED: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)\b(?:",
        r#"(?:retry[-_]?after|retry_?delay)(?<ms>[-_]?ms)?["']?\s*[:=]?\s*["']?"#,
        r"|(?:retry(?:ing)?|try(?:ing)? again)[\s_-]+(?:in|after):?\s*",
        // Behind these a number needs its unit: `wait 3 times`.
        r"|(?<span>wait(?:ing)?\s+(?:for\s+)?|resets?\s+(?:in|after)\s+)",
        r")",
    ))
});
/// An amount, and the word behind it on its line, which need not be a unit.
static AMOUNT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(?<number>\d{1,9}(?:\.\d{1,12})?)(?<unit>[ \t]*[A-Za-z]+)?"));
static BETWEEN: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)^[\s,]*(?:and\s+)?"));

/// How long a failure of this category is waited out when the provider names no time; `None` where waiting is no cure.
pub fn usual(category: Category) -> Option<Duration> {
    match category {
        Category::ShortRateLimit => Some(RATE_LIMIT_WAIT),
        Category::ProviderOverloaded => Some(OVERLOAD_WAIT),
        Category::UsageLimit
        | Category::TransientInfra
        | Category::InvalidModel
        | Category::AuthOrProxy
        | Category::HarnessLaunch
        | Category::IncompleteFinalization
        | Category::AgentError
        | Category::UnidentifiedIssue => None,
    }
}

/// The first wait that `text` asks for.
pub fn told(text: &str) -> Option<Duration> {
    ASKED
        .captures_iter(text)
        .find_map(|asked| {
            let amount = &text[asked.get(0)?.end()..];
            let default = if asked.name("ms").is_some() { 0.001 } else { 1.0 };
            let alone = || asked.name("span").is_none().then(|| bare(amount, default))?;
            span(amount).or_else(alone)
        })
        .filter(|wait| *wait <= LONGEST)
}

/// The span that `text` begins with: `3h 24m`, `19h21m22s`, `1.5d`, `2 hours and 30 minutes`, `58500ms`.
pub fn span(text: &str) -> Option<Duration> {
    let (mut rest, mut seconds, mut above) = (text, None, f64::INFINITY);
    while let Some(amount) = AMOUNT.captures(rest) {
        let unit = amount.name("unit").and_then(|unit| unit_seconds(unit.as_str().trim()));
        // Another number may follow: `in 5s, 3 times`.
        let Some(unit) = unit.filter(|unit| *unit < above) else { break };
        seconds = Some(seconds.unwrap_or(0.0) + amount["number"].parse::<f64>().ok()? * unit);
        above = unit;
        rest = &rest[amount[0].len()..];
        rest = &rest[BETWEEN.find(rest).map_or(0, |between| between.end())..];
    }
    Duration::try_from_secs_f64(seconds?).ok()
}

/// A number without a unit. What a word or a date goes on from is none: `3 months`, `2026-11-22`, `10:05`.
fn bare(text: &str, unit: f64) -> Option<Duration> {
    let amount = AMOUNT.captures(text)?;
    let mut behind = text[amount[0].len()..].chars();
    let goes_on = match behind.next() {
        Some('-' | ':' | '/' | ',') => behind.next().is_some_and(|next| next.is_ascii_digit()),
        Some(next) => next.is_alphanumeric(),
        None => false,
    };
    if goes_on || amount.name("unit").is_some() {
        return None;
    }
    Duration::try_from_secs_f64(amount["number"].parse::<f64>().ok()? * unit).ok()
}

fn unit_seconds(name: &str) -> Option<f64> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_and_their_units() {
        for (text, millis) in [
            // HTTP headers, as the CLIs print them.
            ("retry-after: 120", 120_000),
            ("429 Too Many Requests\nRetry-After: 7\r\nserver: x", 7_000),
            (r#"{"retry-after":"5","server":"x"}"#, 5_000),
            ("retry-after-ms: 500", 500),
            ("HTTP 429. retry-after=2.5", 2_500),
            // Google
            ("Please retry in 34.074824224s.", 34_075),
            (r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}"#, 34_000),
            (r#""retryDelay": "34.07s""#, 34_070),
            ("retryDelayMs: 34074.8,", 34_075),
            ("Suggested retry after 5s.", 5_000),
            ("Retrying after 5800ms...", 5_800),
            ("Please retry in 58500ms.", 58_500),
            // OpenAI
            ("Limit 30000, Used 29000. Please try again in 1.2s. Visit https://h/ to learn more.", 1_200),
            ("Please try again in 6m0s.", 360_000),
            ("Please try again in 58500ms", 58_500),
            ("Please try again in 20ms. Visit", 20),
            ("Please try again in 7h33m36s.", 27_216_000),
            // Words
            ("rate limit exceeded, retry after 60 seconds", 60_000),
            ("Rate limit exceeded. Retry after 120 seconds.", 120_000),
            ("slow down, retry in 7s", 7_000),
            ("retry after 58500ms", 58_500),
            ("retry after 5 minutes", 300_000),
            ("retry after 2m30s", 150_000),
            ("Try again in 5 minutes.", 300_000),
            ("try again in 1 hour and 30 minutes", 5_400_000),
            ("try again in 2 days 17 hours 14 minutes.", 234_840_000),
            ("retry after 1d", 86_400_000),
            ("retry after 90, giving up", 90_000),
            ("retrying in 5s 3 times", 5_000),
            ("retry after 3 attempts failed; retry in 9s", 9_000),
            ("Please wait 2 minutes before trying again", 120_000),
            ("upgrade your plan or wait 6 seconds for your limit to reset", 6_000),
            ("Your quota will reset after 53s.", 53_000),
        ] {
            let told = told(text).map(|wait| wait.as_secs_f64() * 1000.0);
            assert_eq!(told.map(f64::round), Some(f64::from(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_wait() {
        for text in [
            "",
            "too many requests",
            "no Retry-After header",
            "retryDelayMs: undefined",
            "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT",
            "retry after 2026-11-22 10:05",
            "retry after 10:05",
            "retry-after: 1795385132",
            "retry-after: 179538513",
            "retry after 3 months",
            "try again in 5x",
            "try again later",
            "retry-after: 5,000",
            "wait 3 times",
            "resets in 5",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
