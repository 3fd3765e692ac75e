//! The one place where a constant pattern is compiled.

use regex::Regex;

/// Compiles a pattern that is a constant of this program.
#[allow(clippy::expect_used, reason = "constants, every one compiled by a test")]
pub fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern is valid")
}
