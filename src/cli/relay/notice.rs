//! What the operator should know before a relay begins, on standard error.

use std::io::Write;

use crate::terminal::sanitize;

/// One warning, on a line of its own.
pub fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {}", sanitize::text(text));
}
