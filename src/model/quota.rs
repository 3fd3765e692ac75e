//! How full an account's windows are, as its CLI tells it while it works.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// One window of a quota: what may be used between two resets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuotaWindow {
    /// The CLI's own name of it: `five_hour`, `seven_day`, `primary`, `secondary`.
    pub name: String,
    /// Length in minutes, if it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u64>,
    /// Share that is used, from 0; 1 is all of it, and more is possible. `None`: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<f64>,
    /// When it begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::time::millis_option")]
    pub resets_at: Option<Timestamp>,
    /// Whether the service said that it takes no more in this window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rejected: bool,
}

impl QuotaWindow {
    /// Whether nothing of it is left.
    pub fn is_exhausted(&self) -> bool {
        self.rejected || self.used.is_some_and(|used| used >= 1.0)
    }
}
