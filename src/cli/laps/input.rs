//! What `add` is to add: from its options, or from JSON.

use std::io::{IsTerminal, Read};

use serde::Deserialize;

use super::grammar::Add;
use super::stop::Stop;
use crate::laps::NewLap;
use crate::laps::file::At;

/// The laps of one `add`.
#[derive(Debug, PartialEq, Eq)]
pub struct Items {
    /// In the order given.
    pub laps: Vec<NewLap>,
    /// Whether they came as an array, and are answered as one.
    pub many: bool,
}

/// An object of `--json`. Other keys are somebody else's.
#[derive(Deserialize)]
struct Given {
    title: Option<String>,
    description: Option<String>,
    assignee: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    Many(Vec<Given>),
    One(Given),
}

/// The laps that the command line asks for.
pub fn items(add: &Add) -> Result<Items, Stop> {
    match &add.json {
        Some(json) => {
            if add.title.is_some() || add.description.is_some() || add.assignee.is_some() || add.stdin {
                return Err(Stop::usage("add: --json cannot be combined with other input options"));
            }
            let text = if json == "-" { stdin("--json -")? } else { json.clone() };
            of_json(&text)
        }
        None => {
            let title =
                add.title.as_deref().ok_or_else(|| Stop::usage("add: --title or --json is required"))?;
            if add.stdin && add.description.is_some() {
                return Err(Stop::usage("add: --stdin and --description cannot be combined"));
            }
            let description = match (&add.description, add.stdin) {
                (_, true) => stdin("--stdin")?.trim_end_matches('\n').to_owned(),
                (Some(text), false) => text.replace("\\n", "\n"),
                (None, false) => String::new(),
            };
            let laps = vec![lap(title, description, add.assignee.as_deref(), "add: ")?];
            Ok(Items { laps, many: false })
        }
    }
}

/// The laps of a JSON text.
fn of_json(text: &str) -> Result<Items, Stop> {
    let wrong = |error: serde_json::Error| Stop::usage(format!("add: invalid json: {error}"));
    let value: serde_json::Value = serde_json::from_str(text).map_err(wrong)?;
    let shape = serde_json::from_value(value).map_err(|_| {
        Stop::usage("add: invalid json: expected an object or an array of objects with title, description and assignee, all text")
    })?;
    let (given, many) = match shape {
        Shape::Many(given) => (given, true),
        Shape::One(given) => (vec![given], false),
    };
    if given.is_empty() {
        return Err(Stop::usage("add: the --json array is empty"));
    }
    let mut laps = Vec::new();
    for (index, given) in given.into_iter().enumerate() {
        let place = if many { format!("add: item {}: ", index + 1) } else { "add: ".to_owned() };
        let title = given.title.unwrap_or_default();
        laps.push(lap(&title, given.description.unwrap_or_default(), given.assignee.as_deref(), &place)?);
    }
    Ok(Items { laps, many })
}

fn lap(title: &str, description: String, assignee: Option<&str>, place: &str) -> Result<NewLap, Stop> {
    check_title(title, place)?;
    let assignee = assignee.map(str::trim).filter(|role| !role.is_empty()).map(str::to_owned);
    if assignee.as_deref().is_some_and(|role| role.contains(char::is_control)) {
        return Err(Stop::usage(format!("{place}the assignee must be one line without control characters")));
    }
    Ok(NewLap { title: title.to_owned(), description, assignee })
}

/// A title is one line: programs read lists and the first line of `done`.
pub fn check_title(title: &str, place: &str) -> Result<(), Stop> {
    if title.trim().is_empty() {
        return Err(Stop::usage(format!("{place}the title must not be blank")));
    }
    if title.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let text =
            "the title must be one line without control characters; the rest belongs in the description";
        return Err(Stop::usage(format!("{place}{text}")));
    }
    Ok(())
}

/// Where `add`, `move` and the like put something. `words` are `head`, `tail`, or `after ID`.
pub fn position(words: &[String], command: &str) -> Result<At, Stop> {
    match words.first().map(String::as_str) {
        Some("head") => Ok(At::Head),
        Some("tail") => Ok(At::Tail),
        Some("after") => match words.get(1) {
            Some(id) => Ok(At::After(id.clone())),
            None => Err(Stop::usage(format!("{command}: after needs the id of a lap"))),
        },
        _ => Err(Stop::usage(format!("{command}: say where: head, tail, or after ID"))),
    }
}

/// All of standard input, which is no terminal.
pub fn stdin(what: &str) -> Result<String, Stop> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        return Err(Stop::usage(format!("{what} needs something on standard input")));
    }
    let mut bytes = Vec::new();
    input
        .read_to_end(&mut bytes)
        .map_err(|error| Stop::store(format!("cannot read standard input: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // 40 section 7.1, 40-13.24
    #[test]
    fn wrong_items_are_refused_with_their_number() {
        let table = [
            (r#"[]"#, "the --json array is empty"),
            (r#"[{"title":"a"},{"title":" "}]"#, "item 2: the title must not be blank"),
            (r#"{"description":"a"}"#, "the title must not be blank"),
            (r#"{"title":"a\nb"}"#, "one line"),
            (r#"{"title":3}"#, "expected an object or an array"),
            (r#"{"title":"#, "invalid json"),
        ];
        for (json, wanted) in table {
            let add = Add { json: Some(json.to_owned()), ..Add::default() };
            let Err(Stop::Error(1, message)) = items(&add) else { panic!("{json}") };
            assert!(message.contains(wanted), "{json}: {message}");
        }
    }

    #[test]
    fn json_is_taken_as_it_is_and_options_expand() {
        let json = r#"[{"title":" a ","description":"x\\ny","assignee":" dev ","other":1}]"#;
        let add = Add { json: Some(json.to_owned()), ..Add::default() };
        let Items { laps, many } = items(&add).unwrap();
        assert!(many);
        assert_eq!((laps[0].title.as_str(), laps[0].description.as_str()), (" a ", "x\\ny"));
        assert_eq!(laps[0].assignee.as_deref(), Some("dev"));
        let add = Add { title: Some("-v".into()), description: Some("x\\ny".into()), ..Add::default() };
        assert_eq!(items(&add).unwrap().laps[0].description, "x\ny");
    }
}
