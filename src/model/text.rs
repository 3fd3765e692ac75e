//! Bounding and formatting text. Counts are in characters, so a cut never splits one.

use std::time::Duration;

use super::mask;

/// Stands where text was taken out.
pub const CUT_MARKER: &str = "... [truncated] ...";

/// Longest final text of an agent that is kept, in characters.
pub const FINAL_TEXT_LIMIT: usize = 1000;

/// Longest summary or follow-up in a record, in characters.
pub const RECORD_TEXT_LIMIT: usize = 3000;

/// Keeps head and tail of `text` around [`CUT_MARKER`] when it is longer than
/// `limit` characters; the result is never longer than `limit`.
pub fn bounded(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    // Half a secret would be found by nobody.
    let text = mask::text(text);
    let count = text.chars().count();
    if count <= limit {
        return text;
    }
    let marker = format!("\n{CUT_MARKER}\n");
    let room = limit.saturating_sub(marker.chars().count());
    if room == 0 {
        return text.chars().take(limit).collect();
    }
    let head = room / 2;
    let tail = room - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}{marker}{end}")
}

/// The text without escape sequences and other control characters; lines and tabs stay.
pub fn printable(text: &str) -> String {
    let stripped = anstream::adapter::strip_str(text).to_string();
    stripped.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

/// The first `limit` characters, the last of them `…` when something was cut.
pub fn ellipsis(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let text = mask::text(text);
    match limit {
        _ if text.chars().count() <= limit => text,
        0 => String::new(),
        1 => text.chars().take(1).collect(),
        _ => text.chars().take(limit - 1).chain(['…']).collect(),
    }
}

/// The trimmed text's last `bytes` bytes (on a character boundary), marked with `…` when cut.
pub fn tail(text: &str, bytes: usize) -> String {
    let text = text.trim();
    if text.len() <= bytes {
        return text.to_owned();
    }
    let text = mask::text(text);
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    format!("…{}", &text[from..])
}

/// All whitespace runs collapsed to one space: for texts that must stay on one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An error with all its causes: `cannot open x: permission denied`. A cause that the
/// text before it already tells is not told twice.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// `42s`, `5m 34s`, `65m 3s`: minutes are not folded into hours.
pub fn duration(d: Duration) -> String {
    let secs = d.as_secs();
    if secs < 60 { format!("{secs}s") } else { format!("{}m {}s", secs / 60, secs % 60) }
}

/// `1 file`, `3 files`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_text_stays() {
        assert_eq!(bounded("short", 10), "short");
        assert_eq!(ellipsis("short", 5), "short");
        assert_eq!(tail("  abc  ", 4), "abc");
    }

    #[test]
    fn tail_is_marked() {
        assert_eq!(tail("abcdefghij", 4), "…ghij");
    }

    #[test]
    fn ellipsis_budgets() {
        assert_eq!(ellipsis("abcdef", 4), "abc…");
        assert_eq!(ellipsis("abcdef", 1), "a");
        assert_eq!(ellipsis("abcdef", 0), "");
    }

    #[test]
    fn durations() {
        assert_eq!(duration(Duration::from_secs(0)), "0s");
        assert_eq!(duration(Duration::from_secs(59)), "59s");
        assert_eq!(duration(Duration::from_secs(334)), "5m 34s");
        assert_eq!(duration(Duration::from_secs(3903)), "65m 3s");
    }

    proptest! {
        #[test]
        fn bounded_never_exceeds_its_limit(text in "\\PC{0,200}", limit in 0usize..120) {
            let cut = bounded(&text, limit);
            prop_assert!(cut.chars().count() <= limit);
            if text.chars().count() > limit && limit > 40 {
                prop_assert!(cut.contains(CUT_MARKER));
                prop_assert!(text.starts_with(&cut.chars().take(5).collect::<String>()));
            }
        }
    }
}
