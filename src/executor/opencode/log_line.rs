//! One line of the CLI's log, on standard error or on disk.
//!
//! Since some 1.17 lines are `timestamp=… level=ERROR run=… message="stream error" session.id=… …`, keys with
//! bare or quoted values; before, they were `ERROR 2025-12-15T20:39:54 +1ms service=llm sessionID=… stream error`,
//! with the message in bare words at the end and the time in UTC.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::Timestamp;
use crate::model::text;

/// Longest value that is kept, in characters.
const VALUE_LIMIT: usize = 2000;

const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];

/// What rally reads of a line; empty where the line says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LogLine {
    pub at: Option<Timestamp>,
    pub level: String,
    /// Names the process.
    pub run: String,
    pub message: String,
    /// The session that the line is about.
    pub session: String,
    /// The session above it, for one that a tool made.
    pub parent: String,
    pub directory: String,
    pub agent: String,
    /// Whom a request goes to.
    pub provider: String,
    /// What went wrong, with the error's name in front.
    pub error: String,
    /// Names an `error` event of the stream.
    pub reference: String,
}

impl LogLine {
    /// The line, if it is one of the log.
    pub fn read(line: &str) -> Option<LogLine> {
        let mut read = LogLine::default();
        if line.starts_with("timestamp=") {
            read.pairs(line);
            return LEVELS.contains(&read.level.as_str()).then_some(read);
        }
        let (level, rest) = line.split_once(' ')?;
        let (at, rest) = rest.trim_start().split_once(' ')?;
        let at: DateTime = at.parse().ok()?;
        if !LEVELS.contains(&level) || !rest.trim_start().starts_with('+') {
            return None;
        }
        read.level = level.to_owned();
        read.at = at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
        read.message = read.pairs(rest);
        Some(read)
    }

    /// Whether it tells an error.
    pub fn is_error(&self) -> bool {
        self.level == "ERROR"
    }

    /// Takes every `key=value`; returns the bare words behind the last one.
    fn pairs(&mut self, mut rest: &str) -> String {
        let mut words: Vec<&str> = Vec::new();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                break;
            }
            let end = rest.find([' ', '=']).unwrap_or(rest.len());
            let Some(after) = rest[end..].strip_prefix('=') else {
                words.push(&rest[..end]);
                rest = &rest[end..];
                continue;
            };
            words.clear();
            let key = &rest[..end];
            let (value, next) = value(after);
            self.set(key, value);
            rest = next;
        }
        let from = words.iter().position(|word| !word.starts_with('+')).unwrap_or(words.len());
        text::ellipsis(&words[from..].join(" "), VALUE_LIMIT)
    }

    fn set(&mut self, key: &str, value: String) {
        let field = match key {
            "timestamp" => {
                self.at = value.parse().ok();
                return;
            }
            "level" => &mut self.level,
            "run" => &mut self.run,
            "message" => &mut self.message,
            "session.id" | "sessionID" => &mut self.session,
            // Of the line that tells of a new session.
            "id" if self.session.is_empty() && value.starts_with("ses_") => &mut self.session,
            "parentID" if value != "undefined" => &mut self.parent,
            "directory" => &mut self.directory,
            "agent" => &mut self.agent,
            "providerID" => &mut self.provider,
            "error.error" => &mut self.error,
            "error" if self.error.is_empty() => &mut self.error,
            "ref" => &mut self.reference,
            _ => return,
        };
        *field = value;
    }
}

/// A value and what follows it: quoted with backslash escapes, an object up to its end, or bare up to the next space.
fn value(text: &str) -> (String, &str) {
    if text.starts_with(['"', '{']) {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
        if let Some(Ok(value)) = values.next() {
            let rest = &text[values.byte_offset()..];
            return (text::ellipsis(&flat(&value), VALUE_LIMIT), rest);
        }
    }
    let end = text.find(' ').unwrap_or(text.len());
    (text::ellipsis(&text[..end], VALUE_LIMIT), &text[end..])
}

/// A text as it is; of an error object its name and message.
fn flat(value: &serde_json::Value) -> String {
    let error = value.get("error").unwrap_or(value);
    let part = |of: &serde_json::Value, key: &str| of.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    match error.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let message = part(error, "message")
                .or_else(|| error.get("data").and_then(|data| part(data, "message")))
                .unwrap_or_default();
            part(error, "name").map_or(message.clone(), |name| format!("{name}: {message}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn a_line_of_keys() {
        let line = r#"timestamp=2026-11-23T09:56:19.019Z level=ERROR run=c3dd75f3 message="stream error" providerID=mock modelID=m1 session.id=ses_1 small=false agent=build error.error="AI_APICallError: said \"no\"\nand more""#;
        assert_eq!(
            LogLine::read(line),
            Some(LogLine {
                at: Some("2026-11-23T09:56:19.019Z".parse().unwrap()),
                level: "ERROR".into(),
                run: "c3dd75f3".into(),
                message: "stream error".into(),
                session: "ses_1".into(),
                agent: "build".into(),
                provider: "mock".into(),
                error: "AI_APICallError: said \"no\"\nand more".into(),
                ..LogLine::default()
            })
        );
    }

    #[test]
    fn a_line_of_an_older_version() {
        let line = r#"ERROR 2025-12-15T20:39:54 +1ms service=llm providerID=opencode sessionID=ses_1 small=false agent=build error={"error":{"name":"AI_APICallError","message":"Monthly usage limit reached."}} stream error"#;
        let read = LogLine::read(line).unwrap();
        assert_eq!(read.at, Some("2025-12-15T20:39:54Z".parse().unwrap()));
        assert_eq!((read.message.as_str(), read.session.as_str()), ("stream error", "ses_1"));
        assert_eq!(read.error, "AI_APICallError: Monthly usage limit reached.");
        let created = "INFO  2025-12-15T20:39:54 +2ms service=session id=ses_2 directory=/w created";
        let read = LogLine::read(created).unwrap();
        assert_eq!((read.message.as_str(), read.session.as_str()), ("created", "ses_2"));
        assert_eq!(read.directory, "/w");
    }

    #[test]
    fn other_lines_are_none_of_the_log() {
        for line in [
            "",
            "ERROR something",
            "ERROR  in the code",
            "INFO 2025-12-15T20:39:54 nothing",
            "timestamp=now",
            "timestamp=2026-11-23T09:56:19Z level=LOUD",
            "opencode run [message..]",
        ] {
            assert_eq!(LogLine::read(line), None, "{line}");
        }
    }

    #[test]
    fn damaged_lines_cost_only_themselves() {
        let read =
            LogLine::read(r#"timestamp=x level=WARN message="not ended session.id=ses_1 =  a=="#).unwrap();
        assert_eq!((read.at, read.session.as_str()), (None, "ses_1"));
    }
}
