//! What plain words give away, whatever CLI prints them.
//!
//! Only lines that are no protocol events come here, and only after a failure: an agent
//! that writes code about rate limits has not hit one, and no words turn a failure
//! into a success.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::wait::{self, RATE_LIMIT_WAIT};
use super::{brief, reset};
use crate::model::{Category, Evidence, Timestamp};

/// One row: the line matches when it holds every word of one of the alternatives.
struct Words {
    category: Category,
    cause: Option<&'static str>,
    any: &'static [&'static [&'static str]],
}

/// In order of precedence; the words are lower case.
const TABLE: &[Words] = &[
    Words {
        category: Category::ShortRateLimit,
        cause: None,
        any: &[&["rate limit"], &["too many requests"]],
    },
    Words { category: Category::UsageLimit, cause: None, any: &[&["usage limit"]] },
    Words {
        category: Category::HarnessLaunch,
        cause: Some("prompt_too_long"),
        any: &[&["argument list too long"]],
    },
    Words {
        category: Category::HarnessLaunch,
        cause: Some("bad_executable"),
        any: &[&["fork/exec"], &["exec format error"]],
    },
    Words {
        category: Category::HarnessLaunch,
        cause: Some("missing_program"),
        any: &[&["exec:", "not found"]],
    },
    Words {
        category: Category::TransientInfra,
        cause: None,
        any: &[
            &["request timed out"],
            &["deadline exceeded"],
            &["connection refused"],
            &["connection reset"],
            &["network is unreachable"],
            &["no route to host"],
            &["tls handshake timeout"],
            &["certificate verify failed"],
            &["500 internal server error"],
            &["502 bad gateway"],
            &["503 service unavailable"],
            &["504 gateway timeout"],
        ],
    },
];

/// Evidence from the first row that a line matches; of several lines the last one counts.
pub fn evidence(lines: &[String], now: Timestamp, zone: &TimeZone) -> Option<Evidence> {
    TABLE.iter().find_map(|row| {
        let line = lines.iter().rev().find(|line| row.matches(line))?;
        let mut evidence = Evidence::new("text", Some(row.category), brief(line));
        evidence.cause = row.cause.map(str::to_owned);
        match row.category {
            Category::ShortRateLimit => evidence.retry_after = Some(retry_after(lines)),
            Category::UsageLimit => evidence.reset_at = reset::find(line, now, zone),
            _ => {}
        }
        Some(evidence)
    })
}

impl Words {
    fn matches(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.any.iter().any(|words| words.iter().all(|word| line.contains(word)))
    }
}

/// A `retry-after` header is often printed on a line of its own.
fn retry_after(lines: &[String]) -> Duration {
    lines.iter().rev().find_map(|line| wait::told(line)).unwrap_or(RATE_LIMIT_WAIT)
}
