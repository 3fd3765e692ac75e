//! Evidence is shown on one line.

use crate::model::text;

/// Longest message of a piece of evidence, in characters.
pub const MESSAGE_LIMIT: usize = 200;

/// The first line that says something, cut to [`MESSAGE_LIMIT`].
pub fn brief(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    text::ellipsis(&text::one_line(line), MESSAGE_LIMIT)
}
