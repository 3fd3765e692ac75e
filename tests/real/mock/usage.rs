//! What an answer costs. The providers count differently; said in their own ways, it is always this.

/// Tokens read, without those from a cache.
pub const INPUT_TOKENS: u64 = 1234;
/// Tokens read from a cache.
pub const CACHED_TOKENS: u64 = 789;
/// Tokens written.
pub const OUTPUT_TOKENS: u64 = 56;
/// Of those, the ones spent on reasoning, where the provider tells.
pub const REASONING_TOKENS: u64 = 7;
