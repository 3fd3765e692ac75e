//! What is known about a failure, and from where.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::{Category, Timestamp};

/// Cause of a try that resumed a session which the CLI no longer has: nothing was attempted.
pub const SESSION_LOST: &str = "session_lost";

/// `serde(with)` for an optional wait, in milliseconds.
mod wait {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(wait: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(d)?.map(Duration::from_millis))
    }
}

/// One finding about why a try failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it was found: `stream`, `exit`, `stderr`, `spawn`, `deadline`, …
    pub source: String,
    /// The category it proves, if it proves one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// A finer cause inside the category: `freeze`, `startup_hang`, `oom`, `signal`, `missing_program`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// A bounded, human-readable message.
    pub message: String,
    /// When an exhausted quota comes back.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::time::millis_option")]
    pub reset_at: Option<Timestamp>,
    /// How long the provider asked to wait: as milliseconds, it says after a crash who is to be left alone.
    #[serde(default, rename = "retry_after_ms", skip_serializing_if = "Option::is_none", with = "wait")]
    pub retry_after: Option<Duration>,
}

impl Evidence {
    /// A finding with a source and a message only.
    pub fn new(source: &str, category: Option<Category>, message: impl Into<String>) -> Self {
        Evidence {
            source: source.to_owned(),
            category,
            cause: None,
            message: message.into(),
            reset_at: None,
            retry_after: None,
        }
    }

    /// The same finding with a finer cause.
    pub fn with_cause(mut self, cause: &str) -> Self {
        self.cause = Some(cause.to_owned());
        self
    }
}
