//! Tokens that a try used.

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
