//! `hooks.json` as text. Foreign entries are carried over as they are spelled, so only their places are looked
//! for, in a text that is known to be JSON.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use super::{HooksError, OWN};

/// A file that may be missing or blank, which is the same.
pub(super) fn text(path: &Path) -> Result<Option<String>, HooksError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HooksError::Io { what: "read", path: path.to_owned(), source }),
    }
}

/// A readable `hooks.json`.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    /// The list, brackets included, or the `null` in its place; none when there is no such key.
    list: Option<Range<usize>>,
    items: Vec<(Range<usize>, Value)>,
    /// Whether there is any key.
    has_keys: bool,
}

impl Document {
    pub(super) fn parse(path: &Path, text: String) -> Result<Document, HooksError> {
        let damaged = |why: String| HooksError::Damaged { path: path.to_owned(), why };
        let value: Value = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        if !value.is_object() {
            return Err(damaged("line 1 does not begin an object".to_owned()));
        }
        let bytes = text.as_bytes();
        let mut list = None;
        let members = parts(bytes, skip_space(bytes, 0));
        for member in &members {
            let key_end = skip_value(bytes, member.start);
            let key: String = serde_json::from_str(&text[member.start..key_end]).unwrap_or_default();
            if key.eq_ignore_ascii_case("hooks") {
                let colon = skip_space(bytes, key_end);
                list = Some(skip_space(bytes, colon + 1)..member.end);
            }
        }
        let mut items = Vec::new();
        if let Some(list) = &list {
            match bytes[list.start] {
                b'[' => {
                    for item in parts(bytes, list.start) {
                        let value = serde_json::from_str(&text[item.clone()]);
                        items.push((item, value.map_err(|e| damaged(e.to_string()))?));
                    }
                }
                b'n' => {}
                _ => {
                    let line = text[..list.start].matches('\n').count() + 1;
                    return Err(damaged(format!("'hooks' in line {line} is no list")));
                }
            }
        }
        Ok(Document { has_keys: !members.is_empty(), list, items, text })
    }

    /// The entries.
    pub(super) fn entries(&self) -> Vec<Value> {
        self.items.iter().map(|(_, value)| value.clone()).collect()
    }

    fn is_own(value: &Value) -> bool {
        value.get("title").and_then(Value::as_str).is_some_and(|title| title.starts_with(OWN))
    }

    /// Whether every entry is rally's.
    pub(super) fn is_all_own(&self) -> bool {
        self.items.iter().all(|(_, value)| Document::is_own(value))
    }

    /// The text with these as rally's entries, behind all others; `None` when it is so already.
    pub(super) fn with(&self, own: &[Value]) -> Option<String> {
        let foreign = self.items.iter().filter(|(_, value)| !Document::is_own(value));
        let wanted: Vec<&Value> = foreign.clone().map(|(_, value)| value).chain(own).collect();
        if wanted.iter().copied().eq(self.items.iter().map(|(_, value)| value)) {
            return None;
        }
        let kept = foreign.map(|(at, _)| self.text[at.clone()].to_owned());
        let items: Vec<String> = kept.chain(own.iter().map(shown)).collect();
        let list = format!("[\n    {}\n  ]", items.join(",\n    "));
        Some(match &self.list {
            Some(at) => format!("{}{list}{}", &self.text[..at.start], &self.text[at.end..]),
            None => {
                let close = self.text.rfind('}').unwrap_or(self.text.len());
                let comma = if self.has_keys { "," } else { "" };
                let before = self.text[..close].trim_end();
                format!("{before}{comma}\n  \"hooks\": {list}\n{}", &self.text[close..])
            }
        })
    }
}

/// A new file.
pub(super) fn fresh(own: &[Value]) -> String {
    let items: Vec<String> = own.iter().map(shown).collect();
    format!("{{\n  \"version\": 1,\n  \"hooks\": [\n    {}\n  ]\n}}\n", items.join(",\n    "))
}

/// An entry of rally's, its keys in the order that people expect.
fn shown(value: &Value) -> String {
    let keys = ["title", "description", "command", "when", "run", "passback"];
    let lines = keys.map(|key| format!("      \"{key}\": {}", value[key]));
    format!("{{\n{}\n    }}", lines.join(",\n"))
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The end of the value, or of the key, that begins here.
fn skip_value(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth, mut quoted) = (from, 0usize, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b'}' | b']' | b',' | b':' if depth == 0 => return at,
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
        if depth == 0 && !quoted && matches!(bytes.get(at - 1), Some(b'"' | b'}' | b']')) {
            return at;
        }
    }
    at
}

/// The members of an object, keys included, or the items of a list, which begins here.
fn parts(bytes: &[u8], open: usize) -> Vec<Range<usize>> {
    let is_object = bytes.get(open) == Some(&b'{');
    let mut parts = Vec::new();
    let mut at = skip_space(bytes, open + 1);
    while at < bytes.len() && !matches!(bytes[at], b'}' | b']') {
        let start = at;
        let mut end = skip_value(bytes, at);
        if is_object {
            let value = skip_space(bytes, skip_space(bytes, end) + 1);
            end = skip_value(bytes, value);
        }
        parts.push(start..end);
        at = skip_space(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn own() -> Vec<Value> {
        let entry = |title| json!({"title": title, "description": "d", "command": "done", "when": "after", "run": "x \"$id\"", "passback": true});
        vec![entry("rally:a"), entry("rally:b")]
    }

    fn parse(text: &str) -> Document {
        Document::parse("hooks.json".as_ref(), text.to_owned()).unwrap()
    }

    // 40-14.8, 30-L10: whatever the file looks like, foreign entries stay as they are spelled, and the second
    // time nothing changes.
    #[test]
    fn foreign_entries_survive_to_the_byte() {
        let odd = r#"{ "when":"before" , "n": 1.50e1,"run":"a <b> & \u0041 ]},\" \\","title":"mine","x":[{"]":"}"}] }"#;
        for (text, foreign) in [
            (format!("{{\"hooks\":[{odd}]}}"), 1),
            (format!("{{\"a\":{{\"hooks\":[]}},\"Hooks\" : [ {odd} , {odd} ] , \"version\":7}}\n"), 2),
            (format!("{{\"hooks\":[{{\"title\":\"rally:old\"}},{odd}]}}"), 1),
            ("{}".to_owned(), 0),
            ("{\"version\": 2}\n".to_owned(), 0),
            ("{\"hooks\": null}".to_owned(), 0),
            (" {\"hooks\": [] }".to_owned(), 0),
            (fresh(&[]).replace("[\n    \n  ]", "[]"), 0),
        ] {
            let new = parse(&text).with(&own()).unwrap();
            assert_eq!(new.matches(odd).count(), foreign, "{new}");
            let again = parse(&new);
            assert_eq!(again.with(&own()), None, "{new}");
            assert_eq!(again.entries().len(), foreign + 2);
            assert_eq!(again.entries()[foreign..], own());
            assert_eq!(again.is_all_own(), foreign == 0);
        }
        assert_eq!(parse(&fresh(&own())).with(&own()), None);
    }

    #[test]
    fn damage_names_file_and_line() {
        for (text, part) in
            [("{\n \"hooks\": [,]}", "line 2"), ("[]", "line 1"), ("{\n\n\"hooks\":3}", "line 3")]
        {
            let error = Document::parse("/w/hooks.json".as_ref(), text.to_owned()).unwrap_err().to_string();
            assert!(
                error.contains("/w/hooks.json") && error.contains(part) && error.contains("move it"),
                "{error}"
            );
        }
    }
}
