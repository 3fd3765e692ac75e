//! Changes one member of a JSON object in its text, and nothing else: order, layout and comments stay.
//!
//! Comments and commas before a closing bracket are allowed, as in the settings of editors.

use std::ops::Range;

/// Deepest nesting that is followed.
const DEPTH: usize = 128;

/// The text is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not as JSON should be")]
pub(super) struct Malformed {
    /// From 1.
    line: usize,
}

/// Where things stand in an object.
#[derive(Debug, Default)]
struct Object {
    /// Behind the opening brace.
    inside: usize,
    /// Whether it has no member at all.
    empty: bool,
    /// The member that was looked for; of several the last one, as parsers do.
    member: Option<Member>,
}

#[derive(Debug)]
struct Member {
    start: usize,
    value: Range<usize>,
    /// The commas around it.
    before: Option<usize>,
    after: Option<usize>,
}

/// The value of a member, as it is written.
pub(super) fn value<'a>(text: &'a str, key: &str) -> Result<Option<&'a str>, Malformed> {
    Ok(look(text, key)?.member.map(|member| &text[member.value]))
}

/// Gives a member this value, which must be JSON. A new one is put first, in a way that [`without`] takes back
/// to the letter.
pub(super) fn with(text: &str, key: &str, value: &str) -> Result<String, Malformed> {
    let object = look(text, key)?;
    let mut changed = text.to_owned();
    match object.member {
        Some(member) => changed.replace_range(member.value, value),
        None => {
            let comma = if object.empty { "" } else { "," };
            changed.insert_str(object.inside, &format!("\"{key}\": {value}{comma}"));
        }
    }
    Ok(changed)
}

/// Takes a member out, with one comma, and with its line when nothing else stands there.
pub(super) fn without(text: &str, key: &str) -> Result<String, Malformed> {
    let Some(Member { start, value, before, after }) = look(text, key)?.member else {
        return Ok(text.to_owned());
    };
    let mut changed = text.to_owned();
    match after {
        Some(comma) => {
            let between = &text[value.end..comma];
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let alone = between.trim().is_empty() && text[line..start].trim().is_empty();
            match text[comma + 1..].find('\n').map(|at| comma + 1 + at) {
                Some(end) if alone && line > 0 && text[comma + 1..end].trim().is_empty() => {
                    changed.replace_range(line..=end, "");
                }
                _ => {
                    changed.remove(comma);
                    changed.replace_range(start..value.end, "");
                }
            }
        }
        None => {
            changed.replace_range(start..value.end, "");
            if let Some(comma) = before {
                changed.remove(comma);
            }
        }
    }
    Ok(changed)
}

fn look(text: &str, key: &str) -> Result<Object, Malformed> {
    let mut scan = Scan { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    scan.object(key).ok_or_else(|| Malformed {
        line: 1 + text.as_bytes()[..scan.at.min(text.len())].iter().filter(|byte| **byte == b'\n').count(),
    })
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    /// The whole text: one object.
    fn object(&mut self, key: &str) -> Option<Object> {
        self.blank()?;
        let mut object = Object { inside: self.at + 1, empty: true, member: None };
        let mut before = None;
        self.eat(b'{')?;
        self.blank()?;
        while self.peek()? != b'}' {
            let start = self.at;
            let ours = serde_json::from_str::<String>(self.string()?).is_ok_and(|name| name == key);
            self.colon()?;
            let value = self.at;
            self.value(0)?;
            let value = value..self.at;
            self.blank()?;
            let after = (self.peek() == Some(b',')).then_some(self.at);
            if ours {
                object.member = Some(Member { start, value, before, after });
            }
            object.empty = false;
            before = after;
            self.next(b'}')?;
        }
        self.eat(b'}')?;
        self.blank()?;
        (self.at == self.text.len()).then_some(object)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            _ if depth > DEPTH => None,
            b'{' => {
                self.at += 1;
                self.blank()?;
                while self.peek()? != b'}' {
                    self.string()?;
                    self.colon()?;
                    self.value(depth + 1)?;
                    self.blank()?;
                    self.next(b'}')?;
                }
                self.eat(b'}')
            }
            b'[' => {
                self.at += 1;
                self.blank()?;
                while self.peek()? != b']' {
                    self.value(depth + 1)?;
                    self.blank()?;
                    self.next(b']')?;
                }
                self.eat(b']')
            }
            b'"' => self.string().map(drop),
            _ => self.word(),
        }
    }

    fn colon(&mut self) -> Option<()> {
        self.blank()?;
        self.eat(b':')?;
        self.blank()
    }

    /// A comma, or the end that is next.
    fn next(&mut self, end: u8) -> Option<()> {
        if self.peek()? == end {
            return Some(());
        }
        self.eat(b',')?;
        self.blank()
    }

    /// A string, with its quotes.
    fn string(&mut self) -> Option<&str> {
        let start = self.at;
        self.eat(b'"')?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            self.at += 1;
        }
        serde_json::from_str::<serde::de::IgnoredAny>(&self.text[start..self.at]).is_ok().then_some(())
    }

    /// Whitespace and comments.
    fn blank(&mut self) -> Option<()> {
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += rest.find("*/")? + 2;
            } else if rest.starts_with([' ', '\t', '\r', '\n']) {
                self.at += 1;
            } else {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_are_changed_in_place() {
        for (text, set, unset) in [
            ("{}", r#"{"model": 1}"#, "{}"),
            ("{ /* c */ }\n", r#"{"model": 1 /* c */ }"#, "{ /* c */ }\n"),
            (r#"{"a":1}"#, r#"{"model": 1,"a":1}"#, r#"{"a":1}"#),
            (r#"{"a":1, "model" : "x" }"#, r#"{"a":1, "model" : 1 }"#, r#"{"a":1  }"#),
            (r#"{"mod\u0065l":"x","b":2,}"#, r#"{"mod\u0065l":1,"b":2,}"#, r#"{"b":2,}"#),
            (
                "{\n  // which\n  \"model\": {\"model\": 3},\n  \"b\": 2\n}",
                "{\n  // which\n  \"model\": 1,\n  \"b\": 2\n}",
                "{\n  // which\n  \"b\": 2\n}",
            ),
            (
                r#"{"a":{"model":"inner"}}"#,
                r#"{"model": 1,"a":{"model":"inner"}}"#,
                r#"{"a":{"model":"inner"}}"#,
            ),
            (r#"{"a":"}\"model\":"}"#, r#"{"model": 1,"a":"}\"model\":"}"#, r#"{"a":"}\"model\":"}"#),
            (
                "\u{feff}{\"a\":[1,[],{\"b\":null},],}",
                "\u{feff}{\"model\": 1,\"a\":[1,[],{\"b\":null},],}",
                "\u{feff}{\"a\":[1,[],{\"b\":null},],}",
            ),
            (r#"{"model":"old","model":"new"}"#, r#"{"model":"old","model":1}"#, r#"{"model":"old"}"#),
        ] {
            assert_eq!(with(text, "model", "1").unwrap().trim_end(), set);
            assert_eq!(without(text, "model").unwrap(), unset);
        }
        assert_eq!(value(r#"{"model": "x" }"#, "model"), Ok(Some("\"x\"")));
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        for text in [
            "",
            "[]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1 \"b\":2}",
            "{a:1}",
            "{\"a\":nul}",
            "{} x",
            "{\"a\":\"",
            "{/*",
        ] {
            assert!(value(text, "model").is_err(), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(value(&deep, "model").is_err());
        assert_eq!(
            value("{\n\n\"a\" 1}", "model").unwrap_err().to_string(),
            "line 3 is not as JSON should be"
        );
    }

    /// Whitespace and comments.
    fn gap() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[ \t\n]{0,3}",
            "[a-z\"{},:]{0,8}".prop_map(|text| format!("/*{text}*/")),
            "[a-z\"{},:]{0,8}".prop_map(|text| format!("//{text}\n")),
        ]
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<i32>().prop_map(|number| number.to_string()),
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let item = (gap(), inner, gap()).prop_map(|(a, value, b)| a + &value + &b).boxed();
            prop_oneof![
                proptest::collection::vec(item.clone(), 0..3)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                proptest::collection::vec(item, 0..3).prop_map(|items| {
                    let members: Vec<String> = items.iter().map(|item| format!("\"model\":{item}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    /// An object with these members, and gaps everywhere.
    fn object() -> impl Strategy<Value = String> {
        let key = prop_oneof!["[a-l]{1,4}", Just("model".to_owned())];
        let member = (gap(), key, gap(), gap(), json(), gap())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}\"{key}\"{b}:{c}{value}{d}"));
        (gap(), proptest::collection::vec(member, 0..5), gap(), any::<bool>()).prop_map(
            |(a, members, b, comma)| {
                let comma = if comma && !members.is_empty() { "," } else { "" };
                format!("{a}{{{}{comma}{b}}}{a}", members.join(","))
            },
        )
    }

    proptest! {
        #[test]
        fn set_and_taken_back_is_the_same_text(text in object(), new in any::<String>()) {
            let new = serde_json::to_string(&new).unwrap();
            let before = value(&text, "model").unwrap().map(str::to_owned);
            let set = with(&text, "model", &new).unwrap();
            prop_assert_eq!(value(&set, "model").unwrap(), Some(new.as_str()));
            let back = match before {
                Some(before) => with(&set, "model", &before),
                None => without(&set, "model"),
            };
            prop_assert_eq!(back.unwrap(), text);
        }

        #[test]
        fn what_is_left_is_an_object_without_the_member(text in object()) {
            let mut left = text.clone();
            while value(&left, "model").unwrap().is_some() {
                let shorter = without(&left, "model").unwrap();
                prop_assert!(shorter.len() < left.len());
                left = shorter;
            }
        }

        #[test]
        fn nothing_panics(text in any::<String>(), braces in "[{}\\[\\]\",:/*\\\\ a1]{0,30}") {
            for text in [text, braces] {
                let _ = (with(&text, "model", "1"), without(&text, "model"));
            }
        }
    }
}
