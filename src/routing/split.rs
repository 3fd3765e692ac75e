//! A flag's value, or a mix, into entries: commas and spaces separate, quotes hold together.

/// Why a value cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Nothing in it, or nothing between two commas.
    #[error("empty value")]
    Empty,
    /// A quote that is never closed.
    #[error("a quote is not closed")]
    Quote,
}

/// Splits a value. A quote counts as such where a segment begins (`"agy:A B"`, `agy:"A B":2`), so
/// that an apostrophe inside a label is a letter; the quotes themselves are left out.
///
/// # Errors
///
/// See [`SplitError`].
pub fn split(value: &str) -> Result<Vec<String>, SplitError> {
    let mut entries = Vec::new();
    let mut entry = String::new();
    let mut in_part = 0;
    let mut quote: Option<char> = None;
    let mut at_start = true;
    for c in value.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => entry.push(c),
            None if at_start && (c == '"' || c == '\'') => quote = Some(c),
            None if c == ',' || c.is_whitespace() => {
                in_part += finish(&mut entry, &mut entries);
                if c == ',' && std::mem::take(&mut in_part) == 0 {
                    return Err(SplitError::Empty);
                }
            }
            None => entry.push(c),
        }
        at_start = quote.is_none() && (entry.is_empty() || entry.ends_with(':'));
    }
    if quote.is_some() {
        return Err(SplitError::Quote);
    }
    in_part += finish(&mut entry, &mut entries);
    if in_part == 0 { Err(SplitError::Empty) } else { Ok(entries) }
}

fn finish(entry: &mut String, entries: &mut Vec<String>) -> usize {
    if entry.is_empty() {
        return 0;
    }
    entries.push(std::mem::take(entry));
    1
}

/// The entries as one text that [`split`] takes apart again, as long as no entry holds both kinds
/// of quotes.
pub fn join<'a>(entries: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |entry: &str| match entry {
        entry if !entry.contains(|c: char| c == ',' || c.is_whitespace()) => entry.to_owned(),
        entry if entry.contains('"') => format!("'{entry}'"),
        entry => format!("\"{entry}\""),
    };
    entries.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_spaces_and_quotes() {
        for (value, entries) in [
            ("cc", &["cc"][..]),
            ("cc:opus, cx:1", &["cc:opus", "cx:1"]),
            ("  cc   cx ", &["cc", "cx"]),
            ("cc \"agy:Gemini 3.5 Flash (High):2\",op", &["cc", "agy:Gemini 3.5 Flash (High):2", "op"]),
            ("agy:'A, B':2 cc", &["agy:A, B:2", "cc"]),
            ("agy:Bob's cc", &["agy:Bob's", "cc"]),
        ] {
            assert_eq!(split(value).unwrap(), entries, "{value}");
        }
        for value in ["", "   ", ",", "cc,", "cc,,cx", ",cc", "cc, ,cx", "\"\""] {
            assert_eq!(split(value), Err(SplitError::Empty), "{value}");
        }
        assert_eq!(split("cc \"agy:A"), Err(SplitError::Quote));
    }

    proptest::proptest! {
        #[test]
        fn what_was_joined_splits_again(entries in proptest::collection::vec("[a-c:/0-9(]{1,4}( [a-c,.)']{1,4})?", 1..5)) {
            let entries: Vec<String> = entries;
            proptest::prop_assert_eq!(split(&join(entries.iter().map(String::as_str))), Ok(entries));
        }

        #[test]
        fn nothing_panics(value in ".{0,30}") {
            let _ = split(&value);
        }
    }
}
