//! Evidence is shown on one line, and without secrets.

use super::secrets::masked;
use crate::model::text;

/// Longest message of a piece of evidence, in characters.
pub const MESSAGE_LIMIT: usize = 200;

/// The first line that says something, cut to [`MESSAGE_LIMIT`].
pub fn brief(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    text::ellipsis(&masked(&text::one_line(line)), MESSAGE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_short_line_without_secrets() {
        for (message, expected) in [
            ("\n  \n Incorrect  API key provided: sk-abc123\nmore", "Incorrect API key provided: …"),
            ("refused sk-proj-1, Bearer ab.12", "refused sk-…, Bearer …"),
            ("GET https://h/v1?key=AIzaSyA1&alt=sse", "GET https://h/v1?key=…&alt=sse"),
            ("the key AIzaSyA123 expired", "the key AIza… expired"),
            ("", ""),
        ] {
            assert_eq!(brief(message), expected);
        }
        // Half a key is a key, too: it is masked before the text is cut.
        let long = format!("{} sk-{}", "x".repeat(MESSAGE_LIMIT - 10), "k".repeat(50));
        assert!(brief(&long).ends_with(" sk-…"));
    }
}
