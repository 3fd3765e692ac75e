//! What plain words give away, whatever CLI prints them.
//!
//! Only lines that are no protocol events come here, and only after a failure: an agent
//! that writes code about rate limits has not hit one, and no words turn a failure
//! into a success. A program that speaks no protocol prints its agent's prose here, too, so the words are few and plain.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::Regex;

use super::pattern::regex;
use super::wait::{self, LONGEST_SHORT_LIMIT};
use super::{brief, reset, signs, status, window};
use crate::model::{Category, Evidence, Timestamp};

/// Name of this source in evidence.
pub const SOURCE: &str = "text";

/// Cause of a launch that failed for a reason which may pass.
pub const BAD_EXECUTABLE: &str = "bad_executable";

/// One row: a line that says so proves it.
struct Words {
    category: Category,
    cause: Option<&'static str>,
    says: fn(&str) -> bool,
}

const fn words(category: Category, cause: Option<&'static str>, says: fn(&str) -> bool) -> Words {
    Words { category, cause, says }
}

/// In order of precedence.
const TABLE: &[Words] = &[
    words(Category::ShortRateLimit, None, |line| RATE.is_match(line)),
    words(Category::UsageLimit, None, |line| USED_UP.is_match(line)),
    words(Category::HarnessLaunch, Some("prompt_too_long"), |line| TOO_LONG.is_match(line)),
    words(Category::HarnessLaunch, Some(BAD_EXECUTABLE), |line| EXECUTABLE.is_match(line)),
    words(Category::HarnessLaunch, Some("missing_program"), |line| MISSING.is_match(line)),
    words(Category::ProviderOverloaded, None, |line| OVERLOADED.is_match(line)),
    words(Category::TransientInfra, Some("oom"), |line| line.contains("JavaScript heap out of memory")),
    words(Category::TransientInfra, None, |line| NETWORK.is_match(line) || signs::names_network(line)),
    words(Category::AuthOrProxy, None, |line| stated(line) == Some(Category::AuthOrProxy)),
    words(Category::UsageLimit, None, |line| stated(line) == Some(Category::UsageLimit)),
    words(Category::InvalidModel, None, |line| stated(line) == Some(Category::InvalidModel)),
];

static RATE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)rate limit|too many requests|\bbeen rate-limited\b"));
static USED_UP: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)usage limit|\binsufficient_quota\b|exceeded your current quota|credit balance is too low",
        r"|requires more credits|\binsufficient credits\b",
    ))
});
static TOO_LONG: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)argument list too long|^(?:.{0,40}(?:failed|with)[: ]+|error: )?(?:spawn )?E2BIG\b")
});
/// What starts a program says so at the beginning of its line: an agent's tools start programs, too.
static EXECUTABLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)fork/exec|exec format error|^(?:error: |spawn failed: )?spawn(?:Sync)?(?: \S+)? E(?:PERM|ACCES)$",
    )
});
static MISSING: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)exec:.*not found|not found.*exec:|^(?:error: |spawn failed: )?spawn(?:Sync)? \S+ ENOENT$")
});
static OVERLOADED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)\boverloaded_error\b|\bmodel is overloaded\b|\b5(?:03|29)\b.{0,40}\boverloaded\b")
});
static NETWORK: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)request timed out|deadline exceeded|connection (?:refused|reset)|network is unreachable",
        r"|no route to host|tls handshake timeout|certificate verify failed|500 internal server error",
        r"|502 bad gateway|503 service unavailable|504 gateway timeout",
    ))
});

/// A status with its own name at the beginning of a line, or behind what states an error there.
static STATED: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)^(?:(?:api |fatal )?error:? |[\w.]+error: |http(?:/\d(?:\.\d)?)? )?",
        r"(?:401 unauthorized|402 payment required|403 forbidden|407 proxy authentication required)",
        r"|^(?:(?:api |fatal )?error\b|[\w.]+error\b)",
    ))
});
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)\b(401) unauthorized|\b(402) payment required|\b(403) forbidden|\b(407) proxy authentication")
});

/// What the status proves that a line states as its error: refused accounts, unpaid ones, and missing models. A 404 is a
/// model that is not there only where the line speaks of one.
fn stated(line: &str) -> Option<Category> {
    if !STATED.is_match(line) {
        return None;
    }
    let named =
        NAMED.captures(line).and_then(|named| named.iter().skip(1).flatten().next()?.as_str().parse().ok());
    let status = named.or_else(|| status::told(line).next())?;
    let is_model = line.to_lowercase().contains("model");
    status::category(status).filter(|category| *category != Category::InvalidModel || is_model)
}

/// Evidence from the first row that a line matches; of several lines the last one counts.
pub fn evidence(lines: &[String], now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
    TABLE.iter().find_map(|row| {
        let at = lines.iter().rposition(|line| (row.says)(line))?;
        // A `retry-after` header is often printed on a line of its own; what stands above is another matter.
        let (line, lines) = (&lines[at], &lines[at..]);
        let mut evidence = Evidence::new(SOURCE, Some(row.category), brief(line));
        evidence.cause = row.cause.map(str::to_owned);
        match row.category {
            Category::ShortRateLimit => limit(&mut evidence, line, lines, now, zone),
            Category::UsageLimit => evidence.reset_at = reset::find(line, now, zone),
            Category::ProviderOverloaded => {
                evidence.retry_after = told(lines).or_else(|| wait::usual(row.category));
            }
            _ => {}
        }
        Some(evidence)
    })
}

/// A rate limit of hours is a used-up account: nothing is gained by waiting for it with this runner.
fn limit(evidence: &mut Evidence, line: &str, lines: &[String], now: Timestamp, zone: &TimeZone) {
    let wait = told(lines);
    if window::is_lasting(line) || wait.is_some_and(|wait| wait > LONGEST_SHORT_LIMIT) {
        evidence.category = Some(Category::UsageLimit);
        let waited = || now.checked_add(wait.filter(|wait| *wait > LONGEST_SHORT_LIMIT)?).ok();
        evidence.reset_at = reset::find(line, now, zone).or_else(waited);
    } else {
        evidence.retry_after = wait.or_else(|| wait::usual(Category::ShortRateLimit));
    }
}

/// The wait that is told last.
fn told(lines: &[String]) -> Option<Duration> {
    lines.iter().rev().find_map(|line| wait::told(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20-AF-CF-05 and the like: a status is told as an error, or it is a test's
    #[test]
    fn a_status_that_a_line_states() {
        for (line, expected) in [
            ("401 Unauthorized", Some(Category::AuthOrProxy)),
            ("Error: 401 Unauthorized", Some(Category::AuthOrProxy)),
            ("API error: HTTP 403", Some(Category::AuthOrProxy)),
            ("openai.AuthenticationError: Error code: 401 - no", Some(Category::AuthOrProxy)),
            ("HTTP/1.1 402 Payment Required", Some(Category::UsageLimit)),
            ("error: HTTP 404: the model gpt-foo does not exist", Some(Category::InvalidModel)),
            ("error: HTTP 404", None),
            ("test login::answers_401_unauthorized ... FAILED", None),
            ("GET /login: 401 Unauthorized", None),
            ("expected 200, got status: 403", None),
        ] {
            assert_eq!(stated(line), expected, "{line}");
        }
    }
}
