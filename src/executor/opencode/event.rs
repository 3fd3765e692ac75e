//! One line of standard output, read by key.
//!
//! Every line is `{type, timestamp, sessionID, part}` or `{…, error}`. A field of an unexpected type is left
//! out rather than costing the whole event.

use std::time::Duration;

use serde::Deserialize;

use super::errors::RequestError;
use crate::executor::json::{loose, objects_within};
use crate::model::Usage;
use crate::model::text::{self, FINAL_TEXT_LIMIT};

/// What rally reads of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "loose")]
    pub kind: Option<&'a str>,
    #[serde(rename = "sessionID", borrow, deserialize_with = "loose")]
    pub session: Option<&'a str>,
    #[serde(deserialize_with = "loose")]
    pub part: Option<Part>,
    #[serde(deserialize_with = "loose")]
    pub error: Option<Failure>,
}

/// A part of the conversation: a text, a finished tool call, a step's beginning or end.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    #[serde(rename = "type", deserialize_with = "loose")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub text: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub tool: Option<String>,
    /// Why a step ended: `stop`, `tool-calls`, `length`, …
    #[serde(deserialize_with = "loose")]
    pub reason: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub tokens: Option<Tokens>,
    /// US dollars of this step.
    #[serde(deserialize_with = "loose")]
    pub cost: Option<f64>,
}

/// Tokens of one step. No count is contained in another: `output` leaves the reasoning out, `input` the cache.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    #[serde(deserialize_with = "loose")]
    input: Option<u64>,
    #[serde(deserialize_with = "loose")]
    output: Option<u64>,
    #[serde(deserialize_with = "loose")]
    reasoning: Option<u64>,
    #[serde(deserialize_with = "loose")]
    cache: Option<Cache>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cache {
    #[serde(deserialize_with = "loose")]
    read: Option<u64>,
    #[serde(deserialize_with = "loose")]
    write: Option<u64>,
}

impl Tokens {
    /// Tokens written to the cache were read like any other.
    pub fn usage(&self) -> Usage {
        let reasoning = self.reasoning.unwrap_or(0);
        let cache = self.cache.as_ref();
        let written = cache.and_then(|cache| cache.write).unwrap_or(0);
        Usage {
            input_tokens: self.input.unwrap_or(0).saturating_add(written),
            cached_input_tokens: cache.and_then(|cache| cache.read).unwrap_or(0),
            output_tokens: self.output.unwrap_or(0).saturating_add(reasoning),
            reasoning_tokens: reasoning,
        }
    }
}

/// The payload of an `error` event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    #[serde(deserialize_with = "loose")]
    pub name: Option<String>,
    #[serde(deserialize_with = "loose")]
    pub data: Option<FailureData>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FailureData {
    #[serde(deserialize_with = "loose")]
    pub message: Option<String>,
    /// Names the lines of the CLI's log that tell more.
    #[serde(rename = "ref", deserialize_with = "loose")]
    pub reference: Option<String>,
    #[serde(deserialize_with = "loose")]
    status_code: Option<u16>,
    #[serde(deserialize_with = "loose")]
    is_retryable: Option<bool>,
    #[serde(deserialize_with = "loose")]
    response_body: Option<String>,
    #[serde(deserialize_with = "loose")]
    response_headers: Option<Headers>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Headers {
    #[serde(rename = "retry-after", deserialize_with = "loose")]
    retry_after: Option<String>,
}

impl Failure {
    /// What failed, as far as the fields tell.
    pub fn request_error(&self) -> RequestError {
        let Some(data) = &self.data else {
            return RequestError { name: self.name.clone().unwrap_or_default(), ..RequestError::default() };
        };
        let header = data.response_headers.as_ref().and_then(|headers| headers.retry_after.as_deref());
        RequestError {
            name: text::ellipsis(self.name.as_deref().unwrap_or_default(), 100),
            text: text::bounded(data.message.as_deref().unwrap_or_default(), FINAL_TEXT_LIMIT),
            status: data.status_code,
            provider: data.response_body.as_deref().map(provider_names).unwrap_or_default(),
            retryable: data.is_retryable == Some(true),
            retry_after: header.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs),
        }
    }
}

/// How the provider itself names its error; nothing else of its answer is kept.
fn provider_names(body: &str) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body<'a> {
        #[serde(rename = "type", borrow, deserialize_with = "loose")]
        kind: Option<&'a str>,
        #[serde(borrow, deserialize_with = "loose")]
        code: Option<&'a str>,
        #[serde(borrow, deserialize_with = "loose")]
        error: Option<Inner<'a>>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Inner<'a> {
        #[serde(rename = "type", borrow, deserialize_with = "loose")]
        kind: Option<&'a str>,
        #[serde(borrow, deserialize_with = "loose")]
        code: Option<&'a str>,
    }
    let body = serde_json::from_str::<Body<'_>>(body).unwrap_or_default();
    let inner = body.error.unwrap_or_default();
    let names: Vec<&str> = [body.kind, body.code, inner.kind, inner.code].into_iter().flatten().collect();
    text::ellipsis(&names.join(" "), 200)
}

/// Calls `each` with every event of the session that stands inside a broken line.
pub(super) fn recover(line: &str, session: Option<&str>, mut each: impl FnMut(&Event<'_>)) {
    const KINDS: [&str; 5] = ["step_start", "step_finish", "text", "tool_use", "error"];
    let is_ours = |event: &Event<'_>| {
        event.session.is_some()
            && (session.is_none() || event.session == session)
            && event.kind.is_some_and(|kind| KINDS.contains(&kind))
    };
    objects_within(line, is_ours, |event, _| each(&event));
}
