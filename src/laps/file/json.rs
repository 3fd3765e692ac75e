//! JSON whose keys keep their order and numbers their digits, with the line of everything, written as `laps` writes it.

use super::FileError;

/// Deepest nesting that is read.
const DEPTH: usize = 100;

/// A value and the line it begins on, from 1; 0 for one that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line.
    pub line: usize,
    /// The value.
    pub value: Json,
}

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// As written.
    Number(String),
    /// Unescaped.
    Text(String),
    /// In order.
    Array(Vec<Node>),
    /// In order, repeated keys included.
    Object(Vec<(String, Node)>),
}

impl Json {
    /// What kind of value it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}

impl From<Json> for Node {
    fn from(value: Json) -> Node {
        Node { line: 0, value }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Node {
        Json::Text(text.to_owned()).into()
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Node {
        Json::Bool(value).into()
    }
}

impl From<i64> for Node {
    fn from(value: i64) -> Node {
        Json::Number(value.to_string()).into()
    }
}

impl Node {
    /// An object of these members, in this order.
    pub fn object<'k>(members: impl IntoIterator<Item = (&'k str, Node)>) -> Node {
        Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()).into()
    }

    /// Reads exactly one value. Invalid UTF-8 is replaced.
    pub fn parse(bytes: &[u8]) -> Result<Node, FileError> {
        let text = decode(bytes);
        let mut reader = Reader { text: &text, at: 0, line: 1 };
        let node = reader.value(0)?;
        reader.space();
        match reader.peek() {
            None => Ok(node),
            Some(_) => Err(reader.trouble("text after the end of the JSON value")),
        }
    }

    /// On one line, without spaces.
    pub fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// Indented by two spaces, without a final newline.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    fn write(&self, out: &mut String, depth: Option<usize>) {
        match &self.value {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(digits) => out.push_str(digits),
            Json::Text(text) => quote(out, text),
            Json::Array(items) => {
                list(out, depth, ['[', ']'], items, |out, item, depth| item.write(out, depth))
            }
            Json::Object(members) => {
                list(out, depth, ['{', '}'], members, |out, (key, value), depth| {
                    quote(out, key);
                    out.push_str(if depth.is_some() { ": " } else { ":" });
                    value.write(out, depth);
                });
            }
        }
    }
}

fn list<T>(
    out: &mut String,
    depth: Option<usize>,
    brackets: [char; 2],
    items: &[T],
    write: impl Fn(&mut String, &T, Option<usize>),
) {
    let inner = depth.map(|depth| depth + 1);
    let line = |out: &mut String, depth: Option<usize>| {
        if let Some(depth) = depth {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
    };
    out.push(brackets[0]);
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        line(out, inner);
        write(out, item, inner);
    }
    if !items.is_empty() {
        line(out, depth);
    }
    out.push(brackets[1]);
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Each invalid byte becomes one U+FFFD, as in the program `laps`.
fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    /// A merge conflict is named as such, wherever it made the text unreadable.
    fn trouble(&self, what: &str) -> FileError {
        let marker = |line: &str| ["<<<<<<<", ">>>>>>>", "======="].iter().any(|mark| line.starts_with(mark));
        match self.text.lines().position(marker) {
            Some(n) => FileError::Conflict { line: n + 1 },
            None => FileError::Damaged { line: self.line, what: what.to_owned() },
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, FileError> {
        if depth > DEPTH {
            return Err(self.trouble("nested too deeply"));
        }
        self.space();
        let line = self.line;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Json::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
            None => return Err(self.trouble("the text ends too early")),
        };
        Ok(Node { line, value })
    }

    fn word(&mut self) -> Result<Json, FileError> {
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.trouble("not a JSON value"))
    }

    fn number(&mut self) -> Result<Json, FileError> {
        let rest = &self.text[self.at..];
        let end =
            rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let digits = &rest[..end];
        if serde_json::from_str::<serde_json::value::Number>(digits).is_err() {
            return Err(self.trouble("not a JSON number"));
        }
        let digits = digits.to_owned();
        self.at += end;
        Ok(Json::Number(digits))
    }

    fn string(&mut self) -> Result<String, FileError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else { return Err(self.trouble("a string has no end")) };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                '\0'..='\u{1f}' => return Err(self.trouble("a control character inside a string")),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, FileError> {
        let byte = self.peek();
        self.at += usize::from(byte.is_some_and(|byte| byte.is_ascii()));
        Ok(match byte {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => self.unicode()?,
            _ => return Err(self.trouble("an unknown escape inside a string")),
        })
    }

    fn unicode(&mut self) -> Result<char, FileError> {
        let high = self.hex()?;
        if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, FileError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.trouble("an unknown escape inside a string")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, FileError> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends(b']')? {
                return Ok(Json::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, FileError> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.trouble("a key in quotes is missing"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.trouble("a colon is missing after a key"));
            }
            self.at += 1;
            members.push((key, self.value(depth + 1)?));
            if self.ends(b'}')? {
                return Ok(Json::Object(members));
            }
        }
    }

    fn ends(&mut self, bracket: u8) -> Result<bool, FileError> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == bracket => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.trouble("a comma or a closing bracket is missing")),
        }
    }
}
