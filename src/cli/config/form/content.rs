//! What a field can hold, how it is shown, and what a typed line means for it.

use toml_edit::{Array, Item, Value};

use super::words;
use crate::routing::{Entry, split};
use crate::terminal::sanitize;

/// How an empty text is typed, since an empty line keeps what is there.
const EMPTY: &str = "\"\"";

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
    /// A list of strings.
    List(Vec<String>),
    /// Something that no field can hold, as it stands in the file.
    Odd(String),
}

impl Content {
    /// What stands in the file.
    pub fn of(item: &Item) -> Content {
        let odd = || Content::Odd(item.to_string().trim().to_owned());
        match item {
            Item::Value(Value::String(text)) => Content::Text(text.value().clone()),
            Item::Value(Value::Integer(number)) => Content::Number(*number.value()),
            Item::Value(Value::Boolean(flag)) => Content::Flag(*flag.value()),
            Item::Value(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map_or_else(odd, Content::List)
            }
            _ => odd(),
        }
    }

    /// As it is written into a file; `None` for what is never written.
    pub fn value(&self) -> Option<Value> {
        match self {
            Content::Text(text) => Some(text.into()),
            Content::Number(number) => Some((*number).into()),
            Content::Flag(flag) => Some((*flag).into()),
            Content::List(items) => Some(items.iter().collect::<Array>().into()),
            Content::Odd(_) => None,
        }
    }

    /// As a file shows it, on one line.
    pub fn literal(&self) -> String {
        let text = match (self, self.value()) {
            (_, Some(value)) => value.to_string(),
            (Content::Odd(raw), None) => raw.clone(),
            (_, None) => String::new(),
        };
        sanitize::line(&text)
    }
}

/// What a field wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text on one line.
    Text,
    /// A path.
    Path,
    /// Yes or no.
    Flag,
    /// A whole number, from and to.
    Number(i64, i64),
    /// Entries of a mix, kept as typed.
    Mix,
    /// Entries of a route.
    Entries,
    /// A program and its arguments.
    Command,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl Kind {
    /// How the content is shown in a question.
    pub fn shown(self, content: &Content) -> String {
        match (self, content) {
            (_, Content::Text(text)) if text.is_empty() => "empty".to_owned(),
            (_, Content::Text(text)) => sanitize::line(text),
            (_, Content::Flag(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
            (_, Content::List(items)) if items.is_empty() => "empty".to_owned(),
            (Kind::Command, Content::List(items)) => sanitize::line(&words::join(items)),
            (_, Content::List(items)) => sanitize::line(&entries(items)),
            (_, Content::Number(_) | Content::Odd(_)) => content.literal(),
        }
    }

    /// Why what the file holds is not what belongs there.
    pub fn problem(self, content: &Content) -> Option<String> {
        match content {
            Content::Text(text) if text.is_empty() => None,
            Content::List(items) if items.is_empty() => None,
            _ => match self.parse(&self.shown(content)) {
                Ok(meant) if std::mem::discriminant(&meant) == std::mem::discriminant(content) => None,
                Ok(_) => Some("has the wrong quotes or brackets in the file".to_owned()),
                Err(problem) => Some(problem),
            },
        }
    }

    /// What a line that is not empty means.
    ///
    /// # Errors
    ///
    /// A fragment that says why it means nothing here.
    pub fn parse(self, line: &str) -> Result<Content, String> {
        if line.contains(char::is_control) {
            return Err("that holds a control character, like those of the arrow keys".to_owned());
        }
        if line.contains(char::REPLACEMENT_CHARACTER) {
            return Err("that is not UTF-8 text".to_owned());
        }
        match self {
            Kind::Text if line == EMPTY => Ok(Content::Text(String::new())),
            Kind::Text => Ok(Content::Text(line.to_owned())),
            Kind::Path => path(line),
            Kind::Flag => match line.to_lowercase().as_str() {
                "y" | "yes" | "true" | "on" => Ok(Content::Flag(true)),
                "n" | "no" | "false" | "off" => Ok(Content::Flag(false)),
                _ => Err("must be yes or no".to_owned()),
            },
            Kind::Number(least, most) => number(line, least, most),
            Kind::Mix => parsed(line).map(|_| Content::Text(line.to_owned())),
            Kind::Entries => parsed(line).map(Content::List),
            Kind::Command => command(line),
            Kind::OneOf(names) => match names.iter().find(|name| name.eq_ignore_ascii_case(line)) {
                Some(name) => Ok(Content::Text((*name).to_owned())),
                None => Err(format!("must be {}", names.join(" or "))),
            },
        }
    }
}

fn path(line: &str) -> Result<Content, String> {
    let home = line.strip_prefix('~').is_none_or(|rest| rest.is_empty() || rest.starts_with('/'));
    if line.starts_with('$') || !home {
        return Err("variables and other users' homes are not expanded; write it in full, or with ~/".into());
    }
    Kind::Text.parse(line)
}

fn number(line: &str, least: i64, most: i64) -> Result<Content, String> {
    let digits = line.strip_prefix(['-', '+']).unwrap_or(line);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must be a number".to_owned());
    }
    match line.parse() {
        Ok(number) if number < least => Err(format!("must be at least {least}")),
        Ok(number) if number <= most => Ok(Content::Number(number)),
        // The sign of what does not even fit.
        Err(_) if line.starts_with('-') => Err(format!("must be at least {least}")),
        Ok(_) | Err(_) => Err(format!("must be at most {most}")),
    }
}

/// The entries, each of them right by itself.
fn parsed(line: &str) -> Result<Vec<String>, String> {
    let entries = split::split(line).map_err(|error| error.to_string())?;
    for entry in &entries {
        Entry::parse(entry).map_err(|error| error.to_string())?;
    }
    Ok(entries)
}

fn entries(items: &[String]) -> String {
    items.iter().map(|item| split::join([item.as_str()])).collect::<Vec<_>>().join(", ")
}

fn command(line: &str) -> Result<Content, String> {
    let words = words::split(line)?;
    if words.iter().any(|word| word.contains("$MODEL")) {
        return Err("$MODEL is not replaced; model_flag says how the model is passed".to_owned());
    }
    if words.first().is_none_or(String::is_empty) {
        return Err("the program, its first word, is empty".to_owned());
    }
    Ok(Content::List(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    fn list(items: &[&str]) -> Content {
        Content::List(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn lines_that_mean_something() {
        let count = Kind::Number(0, 9);
        for (kind, line, content) in [
            (Kind::Text, "a b", text("a b")),
            (Kind::Text, "\"\"", text("")),
            (Kind::Path, "~/notes", text("~/notes")),
            (Kind::Path, "~", text("~")),
            (Kind::Path, "a/b", text("a/b")),
            (Kind::Flag, "Y", Content::Flag(true)),
            (Kind::Flag, "false", Content::Flag(false)),
            (count, "0", Content::Number(0)),
            (count, "007", Content::Number(7)),
            (count, "+9", Content::Number(9)),
            (Kind::Mix, "cc:2 cx", text("cc:2 cx")),
            (Kind::Entries, "cc:2, cx,op", list(&["cc:2", "cx", "op"])),
            (Kind::Entries, "\"agy:Gemini 3.5 Flash\":2, cc", list(&["agy:Gemini 3.5 Flash:2", "cc"])),
            (Kind::Command, "mycode \"$PROMPT\"", list(&["mycode", "$PROMPT"])),
            (Kind::OneOf(&["tail"]), "TAIL", text("tail")),
        ] {
            assert_eq!(kind.parse(line), Ok(content), "{line}");
        }
    }

    // 10-2.15: numbers, strategies and entries are checked where they are typed.
    #[test]
    fn lines_that_are_asked_again() {
        let count = Kind::Number(1, 9);
        for (kind, line, why) in [
            (Kind::Text, "\x1b[A", "control character"),
            (Kind::Text, "a\u{fffd}", "not UTF-8"),
            (Kind::Path, "$HOME/x", "not expanded"),
            (Kind::Path, "~bob/x", "not expanded"),
            (Kind::Flag, "maybe", "must be yes or no"),
            (count, "many", "must be a number"),
            (count, "1.5", "must be a number"),
            (count, "1 0", "must be a number"),
            (count, "0", "must be at least 1"),
            (count, "-99999999999999999999", "must be at least 1"),
            (count, "10", "must be at most 9"),
            (count, "99999999999999999999", "must be at most 9"),
            (Kind::Mix, "cc:0", "must be positive"),
            (Kind::Mix, "cc,,cx", "empty value"),
            (Kind::Entries, "cc:5-3", "must not exceed"),
            (Kind::Entries, "a:b:c", "identifier segments"),
            (Kind::Entries, "cc \"", "quote is not closed"),
            (Kind::Command, "a | b", "in quotes"),
            (Kind::Command, "a '$MODEL'", "model_flag says"),
            (Kind::Command, "'' a", "the program, its first word, is empty"),
            (Kind::OneOf(&["tail"]), "head", "must be tail"),
        ] {
            let error = kind.parse(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn what_is_shown_could_be_typed() {
        for (kind, content) in [
            (Kind::Text, text("a b")),
            (Kind::Flag, Content::Flag(false)),
            (Kind::Number(0, 9), Content::Number(7)),
            (Kind::Entries, list(&["cc:2", "agy:Gemini 3.5 Flash", "cx"])),
            (Kind::Command, list(&["my code", "$PROMPT", "it's"])),
        ] {
            assert_eq!(kind.parse(&kind.shown(&content)), Ok(content));
        }
        assert_eq!(Kind::Text.shown(&text("a\x1b[2Jb\nc")), "ab c");
        assert_eq!(Content::Odd("[ 1,\n 2 ]".to_owned()).literal(), "[ 1, 2 ]");
        assert_eq!(list(&["cc"]).literal(), "[\"cc\"]");
    }
}
