//! Failed requests, which the stream tells in words only.
//!
//! The words are the CLI's (`unexpected status 503 Service Unavailable: …, url: …`), with the provider's
//! inside; now and then a provider's raw JSON body. Nothing here is ever what the agent wrote.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::Regex;
use serde::Deserialize;

use crate::executor::form;
use crate::executor::json::loose;
use crate::failure::pattern::regex;
use crate::failure::secrets::masked;
use crate::failure::wait;
use crate::failure::{brief, disk, reset, status};
use crate::model::{Category, Evidence, Timestamp, time};

static STATUS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(?:unexpected|last) status:? (\d{3})\b"));
static USAGE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)usage[ _]limit|insufficient[ _]quota|quota exceeded|exceeded your current quota",
        r"|plan and billing|out of credits|spend(?:ing)?[ _](?:cap|limit)|your ChatGPT plan, upgrade"
    ))
});
static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)(?:invalid|incorrect)[ _]api.?key|authentication.?failed|unauthorized|not logged in",
        r"|missing environment variable|missing bearer|refresh token|(?:sign|log) ?in again"
    ))
});
static MODEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)model.?not.?found|(?:invalid|unknown) model",
        r"|\bmodel\b.{0,100}?(?:not found|does not exist|is not supported|is not available)"
    ))
});
static BUSY: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)high demand|at capacity"));
static RATE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)rate.?limit|too many requests"));
static NETWORK: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)stream disconnected|error sending request|time(?:d )?out|internal server error",
        r"|network (?:error|failure|(?:is )?(?:unreachable|down))|waiting for network",
        r"|bad gateway|service unavailable|connection (?:failed|refused|reset|closed|error)"
    ))
});

/// What ended a turn on this side of the service: a tool's failure, say, with whatever it was about.
const OWN: &str = "Fatal error: ";

/// A provider's error body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "loose")]
    error: Option<Detail>,
    #[serde(deserialize_with = "loose")]
    detail: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(deserialize_with = "loose")]
    message: Option<String>,
    #[serde(deserialize_with = "loose")]
    code: Option<String>,
    #[serde(rename = "type", deserialize_with = "loose")]
    kind: Option<String>,
    /// Epoch seconds.
    #[serde(deserialize_with = "loose")]
    resets_at: Option<i64>,
    #[serde(deserialize_with = "loose")]
    resets_in_seconds: Option<u64>,
}

impl Detail {
    fn reset(&self, now: Timestamp) -> Option<Timestamp> {
        let at = self.resets_at.and_then(|at| reset::from_epoch(at, now));
        at.or_else(|| now.checked_add(Duration::from_secs(self.resets_in_seconds?)).ok())
    }
}

fn body(text: &str) -> Option<Body> {
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok())?
}

/// A failure's words as they may be shown: without the address, and without a key.
pub(super) fn clean(text: &str) -> String {
    let said = body(text).and_then(|body| body.error.and_then(|error| error.message).or(body.detail));
    let said = said.as_deref().unwrap_or(text);
    let said = said.split(", url: ").next().unwrap_or(said);
    masked(said)
}

/// What a failure's words prove, if anything.
pub(super) fn category(text: &str) -> Option<Category> {
    if text.starts_with(OWN) {
        return None;
    }
    let detail = body(text).and_then(|body| body.error).unwrap_or_default();
    let names = [detail.code, detail.kind].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let said: Cow<'_, str> = format!("{} {names}", clean(text)).into();
    if USAGE.is_match(&disk::without_quota(&said)) {
        return Some(Category::UsageLimit);
    }
    let status = STATUS.captures(&said).and_then(|status| status[1].parse().ok());
    match status.and_then(by_status) {
        // What the service says about its own failure tells more than the number.
        by_status @ (None | Some(Category::TransientInfra)) => {
            let words = by_words(&said).or(by_status);
            words.filter(|category| !form::quotes(status, *category))
        }
        told => told,
    }
}

/// What an HTTP status proves. That a service is overloaded, this CLI says itself; its 503 only tells
/// that there was none.
pub(super) fn by_status(status: u16) -> Option<Category> {
    match status {
        503 => Some(Category::TransientInfra),
        _ => status::category(status),
    }
}

fn by_words(said: &str) -> Option<Category> {
    if LOGIN.is_match(said) {
        Some(Category::AuthOrProxy)
    } else if MODEL.is_match(said) {
        Some(Category::InvalidModel)
    } else if status::is_overload(said) || BUSY.is_match(said) {
        Some(Category::ProviderOverloaded)
    } else if RATE.is_match(said) {
        Some(Category::ShortRateLimit)
    } else {
        NETWORK.is_match(said).then_some(Category::TransientInfra)
    }
}

/// A failure of this category as evidence, with the times that its words name.
pub(super) fn evidence(
    source: &str,
    category: Category,
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> Evidence {
    let said = clean(text);
    let told = || {
        let typed = body(text).and_then(|body| body.error?.reset(now));
        typed.or_else(|| reset::find(&said, now, zone))
    };
    let wait = || wait::told(&said).or_else(|| told().map(|at| time::since(now, at)));
    let mut evidence = Evidence::new(source, Some(category), brief(&said));
    match category {
        Category::UsageLimit => evidence.reset_at = told(),
        Category::ShortRateLimit | Category::ProviderOverloaded => {
            evidence.retry_after = wait().or_else(|| wait::usual(category));
        }
        _ => {}
    }
    evidence
}
