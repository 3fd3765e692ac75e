//! Failed requests, as typed fields name them.

use jiff::tz::TimeZone;

use super::words;
use crate::executor::form;
use crate::failure::wait;
use crate::failure::{brief, reset, status};
use crate::model::{Category, Evidence, Timestamp};

/// A failed request: the same in the stream and in the session's own log.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ApiError {
    /// `rate_limit`, `model_not_found`, `authentication_failed`, `overloaded`, `server_error`, `unknown`, …
    pub name: Option<String>,
    /// `usage_limit_reached`, `connection_failed`, …
    pub detail: Option<String>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What the CLI says in words.
    pub text: String,
    /// When the account's window resets, epoch seconds, if it was rejected.
    pub resets_at: Option<i64>,
}

impl ApiError {
    /// The failure as evidence; what no field and no words explain is an agent error.
    pub fn evidence(&self, source: &str, now: Timestamp, zone: &TimeZone) -> Evidence {
        let category = self.category();
        let said = words::evidence(&self.text, now, zone)
            .filter(|said| !said.category.is_some_and(|category| form::quotes(self.status, category)));
        // The CLI calls an exhausted account a rate limit, too; its words tell which.
        let mut evidence = match (category, said) {
            (Some(Category::ShortRateLimit) | None, Some(said)) => said,
            (category, _) => {
                Evidence::new("", Some(category.unwrap_or(Category::AgentError)), brief(&self.text))
            }
        };
        evidence.source = source.to_owned();
        match evidence.category {
            Some(Category::UsageLimit) => {
                let told = self.resets_at.and_then(|at| reset::from_epoch(at, now));
                evidence.reset_at = told.or(evidence.reset_at).or_else(|| reset::find(&self.text, now, zone));
            }
            Some(category @ (Category::ShortRateLimit | Category::ProviderOverloaded)) => {
                let told = evidence.retry_after.or_else(|| wait::told(&self.text));
                evidence.retry_after = told.or_else(|| wait::usual(category));
            }
            _ => {}
        }
        evidence
    }

    /// What the typed fields prove.
    fn category(&self) -> Option<Category> {
        if self.detail.as_deref() == Some("usage_limit_reached")
            || (self.resets_at.is_some()
                && (self.status == Some(429) || self.name.as_deref() == Some("rate_limit")))
        {
            return Some(Category::UsageLimit);
        }
        category(self.name.as_deref(), self.status)
    }
}

/// The category of an error's name, else of its HTTP status.
pub(super) fn category(name: Option<&str>, status: Option<u16>) -> Option<Category> {
    match name {
        Some("model_not_found") => return Some(Category::InvalidModel),
        Some("authentication_failed") => return Some(Category::AuthOrProxy),
        // The account has no credit left.
        Some("billing_error") => return Some(Category::UsageLimit),
        Some("rate_limit") => return Some(Category::ShortRateLimit),
        Some("overloaded") => return Some(Category::ProviderOverloaded),
        _ => {}
    }
    match status {
        Some(status) => status::category(status),
        // Refused connections are reported as `server_error` without a status.
        None if name == Some("server_error") => Some(Category::TransientInfra),
        _ => None,
    }
}
