//! A list gets new items and keeps its comments: those of items that stay, and all that have a line
//! of their own. One with an item a line keeps its lines as well; another one that holds comments gets
//! an item a line, for only there a comment can stand beside an item.

use toml_edit::{Array, Value};

use super::inline::pieces;
use super::literal;

/// What stands in the place of a list `old` with these items; `None` when nothing of `old` is worth
/// keeping.
pub(super) fn with_items(old: &str, items: &Array) -> Option<String> {
    lines(old, items).or_else(|| lines(&spread(old)?, items))
}

/// An item of a list that has an item a line.
struct Line {
    /// As [`literal`] has it.
    item: String,
    /// The comments and blank lines above it.
    above: String,
    /// Its line.
    line: String,
}

/// A list with an item a line, with these items; `None` for every other list.
fn lines(old: &str, items: &Array) -> Option<String> {
    let line_start = |at: usize| old[..at].rfind('\n').map(|newline| newline + 1);
    let line_end = |at: usize| old[at..].find('\n').map(|newline| at + newline + 1);
    let pieces = pieces(old, &(0..old.len()));
    let head = line_end(0)?;
    let indent = match pieces.first() {
        Some((first, _)) => &old[line_start(first.start)?..first.start],
        // An empty list is worth its comments only.
        None if old.contains('#') => INDENT,
        None => return None,
    };
    let newline = newline(old);

    let mut known = Vec::new();
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
        let line = format!("{},{}", &old[start..range.end], &old[behind..end]);
        known.push(Line { item: literal(&value), above: old[from..start].to_owned(), line });
        from = end;
    }
    let tail = &old[from..];
    if !tail.trim_end_matches(']').lines().all(is_blank_or_comment) {
        return None;
    }

    let items: Vec<String> = items.iter().map(literal).collect();
    let places = places(&known, &items);
    // A comment with a line of its own stays, above what is next of what stays.
    let mut carried = String::new();
    let mut kept: Vec<Option<String>> = vec![None; items.len()];
    for (line, place) in known.iter().zip(places) {
        match place {
            Some(place) => kept[place] = Some(std::mem::take(&mut carried) + &line.above + &line.line),
            None => carried += &comments(&line.above),
        }
    }
    let mut text = old[..head].to_owned();
    for (item, kept) in items.iter().zip(kept) {
        text += &kept.unwrap_or_else(|| format!("{indent}{item},{newline}"));
    }
    Some(text + &carried + tail)
}

/// Which of the new items each line is; `None` for one that is gone.
fn places(lines: &[Line], items: &[String]) -> Vec<Option<usize>> {
    let mut taken = vec![false; items.len()];
    let mut place = |line: &Line| {
        let found = items.iter().zip(&taken).position(|(item, taken)| !taken && *item == line.item)?;
        taken[found] = true;
        Some(found)
    };
    lines.iter().map(&mut place).collect()
}

/// The lines of a text that are comments.
fn comments(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| line.trim_start().starts_with('#')).collect()
}

fn is_blank_or_comment(line: &str) -> bool {
    line.trim().is_empty() || line.trim().starts_with('#')
}

const INDENT: &str = "  ";

/// A list that holds comments, with an item a line; `None` for one without.
fn spread(old: &str) -> Option<String> {
    let newline = newline(old);
    let pieces = pieces(old, &(0..old.len()));
    let mut text = "[".to_owned();
    let mut from = 1;
    let mut found = false;
    let ends = pieces.iter().map(|(range, _)| range.clone());
    for next in ends.map(Some).chain([None]) {
        let gap = &old[from..next.as_ref().map_or(old.len() - 1, |next| next.start)];
        let (beside, own) = in_gap(gap);
        found |= !beside.is_empty() || !own.is_empty();
        for comment in beside {
            text += &format!(" {comment}");
        }
        text += newline;
        for comment in own {
            text += &format!("{INDENT}{comment}{newline}");
        }
        if let Some(item) = next {
            text += &format!("{INDENT}{},", &old[item.clone()]);
            from = item.end;
        }
    }
    found.then_some(text + "]")
}

/// The comments between two items: those on the line of the first, and those on others.
fn in_gap(gap: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut beside, mut own) = (Vec::new(), Vec::new());
    for (index, line) in gap.lines().enumerate() {
        let Some(at) = line.find('#') else { continue };
        let comment = line[at..].trim_end();
        if index == 0 { &mut beside } else { &mut own }.push(comment);
    }
    (beside, own)
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    #[test]
    fn items_that_stay_keep_their_lines() {
        let old = "[ # all\n  # the best\n  'cc:opus', # big, dear\n\n  \"cx\" # small\n  # end\n]";
        for (items, wanted) in [
            (
                &["cc:opus", "op", "cx"][..],
                "[ # all\n  # the best\n  'cc:opus', # big, dear\n  \"op\",\n\n  \"cx\", # small\n  # end\n]",
            ),
            (&["cx"], "[ # all\n  # the best\n\n  \"cx\", # small\n  # end\n]"),
            (&["op", "op"], "[ # all\n  \"op\",\n  \"op\",\n  # the best\n  # end\n]"),
            (&[], "[ # all\n  # the best\n  # end\n]"),
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

    #[test]
    fn every_list_keeps_its_comments() {
        let items: Array = ["a", "c"].into_iter().collect();
        for (old, wanted) in [
            ("['a', 'b', # both\n]", "[\n  'a',\n  \"c\",\n]"),
            ("['b', 'a', # both\n]", "[\n  'a', # both\n  \"c\",\n]"),
            ("[ # none yet\n]", "[ # none yet\n  \"a\",\n  \"c\",\n]"),
            ("[\n # none yet\n]", "[\n  \"a\",\n  \"c\",\n # none yet\n]"),
            (
                "[ 'a' # one\n , # two\n # three\n 'b'\n # four\n]",
                "[\n  'a', # one\n  \"c\",\n  # two\n  # three\n  # four\n]",
            ),
            ("[ # x\r\n 'a', 'c' ]", "[ # x\r\n  'a',\r\n  'c',\r\n]"),
            ("['''#\n''', 'a' # z\n]", "[\n  'a', # z\n  \"c\",\n]"),
        ] {
            assert_eq!(with_items(old, &items).as_deref(), Some(wanted), "{old:?}");
        }
    }

    /// A list as people may write one, with comments that have a number each, and for each comment the
    /// items that share a line with it.
    fn list() -> impl Strategy<Value = (String, Vec<(String, Vec<String>)>)> {
        proptest::collection::vec(("[a-d]", 0..6, any::<bool>()), 0..5).prop_map(|parts| {
            let mut text = "[".to_owned();
            let mut comments = Vec::new();
            let mut beside: Vec<String> = Vec::new();
            let mut comment = |text: &mut String, beside: &mut Vec<String>| {
                let comment = format!("# n{}.", comments.len());
                *text += &format!(" {comment}\n");
                comments.push((comment, std::mem::take(beside)));
            };
            for (item, layout, early) in parts {
                if layout == 0 {
                    comment(&mut text, &mut beside);
                }
                if layout == 1 {
                    text += "\n";
                    beside.clear();
                    comment(&mut text, &mut beside);
                }
                if layout == 2 {
                    text += "\n  ";
                    beside.clear();
                }
                text += &format!("'{item}'");
                beside.push(item);
                if layout == 3 && early {
                    comment(&mut text, &mut beside);
                }
                text += ",";
                if layout == 4 {
                    comment(&mut text, &mut beside);
                }
            }
            comment(&mut text, &mut beside);
            (text + "]", comments)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_comment_is_lost_but_with_its_item(
            (old, comments) in list(),
            items in proptest::collection::vec("[a-e]", 0..5),
        ) {
            let items: Array = items.into_iter().collect();
            let new = with_items(&old, &items).unwrap();
            let parsed: Value = new.parse().unwrap();
            prop_assert_eq!(literal(&parsed), literal(&Value::Array(items.clone())));
            for (comment, beside) in comments {
                // Of two alike, either may be gone.
                let held = |list: &Value, item: &String| {
                    list.as_array().unwrap().iter().filter(|one| one.as_str() == Some(item)).count()
                };
                let before: Value = old.parse().unwrap();
                let gone = beside.iter().any(|item| held(&parsed, item) < held(&before, item));
                prop_assert!(gone || new.contains(&comment), "{old}\n{new}");
            }
        }
    }
}
