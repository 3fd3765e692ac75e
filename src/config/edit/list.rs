//! A list with an item a line gets new items and keeps the lines, and with them the comments, of those that stay.

use toml_edit::{Array, Value};

use super::inline::pieces;
use super::literal;

/// The text of the list `old` with these items; `None` when it has not an item a line.
pub(super) fn with_items(old: &str, items: &Array) -> Option<String> {
    let pieces = pieces(old, &(0..old.len()));
    let (first, _) = pieces.first()?;
    let line_start = |at: usize| old[..at].rfind('\n').map(|newline| newline + 1);
    let line_end = |at: usize| old[at..].find('\n').map(|newline| at + newline + 1);
    let indent = &old[line_start(first.start)?..first.start];
    let head = line_end(0)?;
    let newline = if old[..head].ends_with("\r\n") { "\r\n" } else { "\n" };

    // An item, the comments above it, and what stands behind it on its line.
    let mut lines: Vec<Option<(String, String)>> = Vec::new();
    let mut from = head;
    for (range, comma) in &pieces {
        let start = line_start(range.start)?;
        let end = line_end(range.end)?;
        let alone = start >= from && old[start..range.start].trim().is_empty();
        if !alone || comma.is_some_and(|comma| comma >= end) {
            return None;
        }
        let value: Value = old[range.clone()].parse().ok()?;
        let behind = comma.map_or(range.end, |comma| comma + 1);
        let text = format!("{},{}", &old[from..range.end], &old[behind..end]);
        lines.push(Some((literal(&value), text)));
        from = end;
    }
    if !old[from..]
        .trim_end_matches(']')
        .lines()
        .all(|line| line.trim().is_empty() || line.trim().starts_with('#'))
    {
        return None;
    }
    let mut text = old[..head].to_owned();
    for item in items {
        let item = literal(item);
        let kept = lines.iter_mut().find(|line| line.as_ref().is_some_and(|(known, _)| *known == item));
        match kept.and_then(Option::take) {
            Some((_, line)) => text += &line,
            None => text += &format!("{indent}{item},{newline}"),
        }
    }
    Some(text + &old[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_stay_keep_their_lines() {
        let old = "[ # all\n  # the best\n  'cc:opus', # big, dear\n\n  \"cx\" # small\n  # end\n]";
        for (items, wanted) in [
            (
                &["cc:opus", "op", "cx"][..],
                "[ # all\n  # the best\n  'cc:opus', # big, dear\n  \"op\",\n\n  \"cx\", # small\n  # end\n]",
            ),
            (&["cx"], "[ # all\n\n  \"cx\", # small\n  # end\n]"),
            (&["op", "op"], "[ # all\n  \"op\",\n  \"op\",\n  # end\n]"),
            (&[], "[ # all\n  # end\n]"),
        ] {
            assert_eq!(with_items(old, &items.iter().copied().collect()).as_deref(), Some(wanted));
        }
        let dos = "[\r\n 'a',\r\n]";
        let items: Array = ["a", "b"].into_iter().collect();
        assert_eq!(with_items(dos, &items).as_deref(), Some("[\r\n 'a',\r\n \"b\",\r\n]"));
        for other in
            ["['a', 'b']", "[]", "[\n]", "['a',\n 'b']", "[\n 'a', 'b',\n]", "[\n 'a'\n , 'b'\n]", "[\n 'a']"]
        {
            assert_eq!(with_items(other, &items), None, "{other:?}");
        }
    }
}
