//! Lenient reading of JSON: a field of an unexpected type costs itself, never the event around it, and a broken line
//! never the events inside it.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// A value, or nothing when it has another type.
pub fn loose<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Loose<T> {
        Value(T),
        Other(IgnoredAny),
    }
    Ok(match Loose::deserialize(deserializer)? {
        Loose::Value(value) => Some(value),
        Loose::Other(IgnoredAny) => None,
    })
}

/// What a line holds that is one JSON object.
pub fn object<'a, T: Deserialize<'a>>(line: &'a str) -> Option<T> {
    // A derived struct would take an array, too.
    if line.starts_with('{') { serde_json::from_str(line).ok() } else { None }
}

/// How many passes over a broken line the search for events in it may cost: every candidate is read as far as it
/// makes sense, and a torn event may hold many.
const PASSES: usize = 16;

/// Calls `each` with every event, and its text, that stands inside a broken line: what others write gets into the
/// middle of lines, and the beginning or the end of a line may be lost. `is_event` tells what surely is an event of
/// this stream. What stands inside a torn object is none, whatever it looks like (a tool's arguments may hold
/// a whole transcript): an event neither follows a key, a bracket or a comma, nor is followed by what goes on like
/// the inside of an object.
pub fn objects_within<'a, T: Deserialize<'a>>(
    line: &'a str,
    is_event: impl Fn(&T) -> bool,
    mut each: impl FnMut(T, &'a str),
) {
    let (mut from, mut budget) = (0, PASSES * line.len());
    while let Some(at) = memchr::memmem::find(&line.as_bytes()[from..], b"{\"") {
        let at = from + at;
        let mut values = serde_json::Deserializer::from_str(&line[at..]).into_iter::<T>();
        let cost = match values.next() {
            Some(Ok(value)) => {
                let end = at + values.byte_offset();
                if is_event(&value) && !is_nested(&line[..at], &line[end..]) {
                    each(value, &line[at..end]);
                }
                from = end;
                end - at
            }
            Some(Err(error)) => {
                from = at + 1;
                error.column()
            }
            None => return,
        };
        budget = budget.saturating_sub(cost);
        if budget == 0 {
            return;
        }
    }
}

/// Whether what stands between these belongs to an object or a list around it.
fn is_nested(before: &str, after: &str) -> bool {
    let (before, after) = (before.trim_end(), after.trim_start());
    before.ends_with("\":") || before.ends_with([',', '[']) || after.starts_with([',', ']', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Number {
        n: Option<u32>,
    }

    fn within(line: &str) -> Vec<(u32, &str)> {
        let mut found = Vec::new();
        let each = |number: Number, source| found.push((number.n.unwrap_or_default(), source));
        objects_within(line, |number: &Number| number.n.is_some(), each);
        found
    }

    #[test]
    fn every_event_of_a_broken_line_is_found() {
        let (one, two) = (r#"{"n":1}"#, r#"{"n":2}"#);
        for line in [
            format!("Warning: {one}{two}"),
            format!("{one} and {{\"else\":7}}{two} words"),
            format!(r#"{{"n":7,"text":"to{one}{two}rn"}}"#),
            format!("{{\"a\":{}\u{e4}{one}{two}", "[".repeat(100_000)),
        ] {
            assert_eq!(within(&line), [(1, one), (2, two)], "{}", &line[..line.len().min(100)]);
        }
    }

    #[test]
    fn what_stands_inside_a_torn_object_is_no_event() {
        for line in [
            r#"{"n":7,"input":{"n":1}"#,
            r#"{"n":7,"input": {"n":1}"#,
            r#"{"n":7,"list":[{"n":1}"#,
            r#"{"n":7,"list":["a",{"n":1}"#,
            r#"ut":{"a":{"n":1},"n":2}, "b":"to"#,
            r#""n":7,"list":[{"n":1}]}"#,
            r#"{"else":{"n":1}}"#,
        ] {
            assert_eq!(within(line), [], "{line}");
        }
    }

    #[test]
    fn the_search_costs_a_few_passes() {
        let torn = |deep: usize| format!("{}\"{}{{\"n\":1}}", r#"{"a":"#.repeat(deep), "x".repeat(10_000));
        assert_eq!(within(&torn(5)).len(), 1);
        // Every one of these objects is read up to the end of the line.
        assert_eq!(within(&torn(50)), []);
    }
}
