//! A runner: a harness and the model it is asked for.

use serde::{Deserialize, Serialize};

/// Who does a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Runner {
    /// Canonical harness name: `claude`, `codex`, …, or the user's own.
    pub harness: String,
    /// The model as passed to the CLI; `None` leaves the choice to the CLI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Reasoning effort as passed to the CLI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
}

impl Runner {
    /// A runner without a model of its own.
    pub fn bare(harness: &str) -> Self {
        Runner { harness: harness.to_owned(), model: None, effort: None }
    }

    /// What the operator reads: `claude`, or `claude - opus`.
    pub fn label(&self) -> String {
        match &self.model {
            Some(model) => format!("{} - {model}", self.harness),
            None => self.harness.clone(),
        }
    }
}
