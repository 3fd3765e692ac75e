//! Laps out of texts that people and other programs have: a Markdown checklist, or JSON lines.

mod markdown;
#[cfg(test)]
mod properties;

use serde::Deserialize;

use super::NewLap;

pub use markdown::markdown;

/// What a text asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// In the order of the text; never empty, unless everything is done.
    pub laps: Vec<NewLap>,
    /// Items of a checklist that are checked, and left out with all below them.
    pub done: usize,
}

/// Why a text gives no laps. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// There is not a single item in it.
    #[error("no laps in it: expected items such as `- [ ] title`, one a line")]
    NoItems,
    /// There is not a single object in it.
    #[error("no laps in it: expected objects such as {{\"title\": \"…\"}}, one a line")]
    NoObjects,
    /// An item without a title.
    #[error("line {line}: a lap needs a title, such as `- [ ] write the parser`")]
    NoTitle {
        /// Where.
        line: usize,
    },
    /// A line that is not one object with the keys of a lap.
    #[error("line {line}: {why}; expected {{\"title\": \"…\", \"description\": \"…\", \"assignee\": \"…\"}}")]
    NotALap {
        /// Where.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// One line of JSON. Other keys are somebody else's.
#[derive(Deserialize)]
struct Line {
    title: String,
    description: Option<String>,
    assignee: Option<String>,
}

/// Reads an object a line, with `title` and perhaps `description` and `assignee`.
pub fn json_lines(text: &str) -> Result<Import, ImportError> {
    let mut laps = Vec::new();
    for (number, line) in numbered(text).filter(|(_, line)| !line.trim().is_empty()) {
        let not_a_lap = |why: &str| ImportError::NotALap { line: number, why: why.to_owned() };
        if !line.trim_start().starts_with('{') {
            return Err(not_a_lap("not an object"));
        }
        let read: Line = serde_json::from_str(line).map_err(|error| {
            // The parser sees one line and calls it the first.
            let why = error.to_string();
            not_a_lap(why.split(" at line ").next().unwrap_or(&why))
        })?;
        let title = one_line(&read.title);
        if title.is_empty() {
            return Err(not_a_lap("`title` is blank"));
        }
        laps.push(NewLap {
            title,
            description: read.description.unwrap_or_default(),
            assignee: read.assignee.map(|role| role.trim().to_owned()).filter(|role| !role.is_empty()),
        });
    }
    match laps.is_empty() {
        true => Err(ImportError::NoObjects),
        false => Ok(Import { laps, done: 0 }),
    }
}

/// The lines of a text and their numbers, whatever editor wrote it.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// A title on one line, without space around and inside of it.
fn one_line(title: &str) -> String {
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_become_laps_in_order() {
        let text = "\u{feff}{\"title\": \" One \\n lap \", \"other\": 1}\r\n\r\n{\"title\":\"Two\",\"description\":\"a\\nb\",\"assignee\":\" senior \"}";
        let import = json_lines(text).unwrap();
        let expected = [
            NewLap { title: "One lap".to_owned(), ..NewLap::default() },
            NewLap {
                title: "Two".to_owned(),
                description: "a\nb".to_owned(),
                assignee: Some("senior".to_owned()),
            },
        ];
        assert_eq!(import.laps, expected);
        let blank = json_lines("{\"title\":\"x\",\"assignee\":\"  \",\"description\":null}").unwrap();
        assert_eq!(blank.laps, [NewLap { title: "x".to_owned(), ..NewLap::default() }]);
    }

    #[test]
    fn what_is_no_lap_is_named_with_its_line() {
        let good = "{\"title\":\"x\"}";
        let cases = [
            (String::new(), "no laps in it: expected objects such as {\"title\": \"…\"}, one a line"),
            ("\n \r\n".to_owned(), "no laps in it"),
            (format!("{good}\n\n[1]"), "line 3: not an object; expected {\"title\""),
            (format!("{good}\n{{\"title\":"), "line 2: EOF while parsing"),
            ("{\"description\":\"x\"}".to_owned(), "line 1: missing field `title`"),
            ("{\"title\":7}".to_owned(), "line 1: invalid type: integer `7`, expected a string"),
            ("{\"title\":\" \"}".to_owned(), "line 1: `title` is blank"),
            (format!("{good} {good}"), "line 1: trailing characters"),
        ];
        for (text, expected) in cases {
            let said = json_lines(&text).unwrap_err().to_string();
            assert!(said.starts_with(expected), "{text}: {said}");
        }
    }
}
