//! What a try used up.

use serde::{Deserialize, Serialize};

/// Token counts of one try alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, without those served from a cache.
    pub input_tokens: u64,
    /// Tokens read from a cache.
    pub cached_input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Of the written ones, those spent on reasoning.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// What was used since an earlier count of the same session; `None` when this one is no later count of it.
    pub fn since(self, before: Usage) -> Option<Usage> {
        Some(Usage {
            input_tokens: self.input_tokens.checked_sub(before.input_tokens)?,
            cached_input_tokens: self.cached_input_tokens.checked_sub(before.cached_input_tokens)?,
            output_tokens: self.output_tokens.checked_sub(before.output_tokens)?,
            reasoning_tokens: self.reasoning_tokens.checked_sub(before.reasoning_tokens)?,
        })
    }

    /// Both together.
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_add(other.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
        }
    }
}

/// What a whole session has used up, over all its tries, as far as its CLI tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// US dollars.
    #[serde(default, rename = "cost_total", skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Tokens.
    #[serde(default, rename = "usage_total", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl Spent {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Spent::default()
    }
}
