//! Reading: keys in any letter case, defaults for what is missing, and the line of what is wrong.

use std::collections::BTreeSet;

use super::json::{Json, Node};
use super::order::{self, STEP};
use super::{Entry, Extra, FileError, Kind, NEW_VERSION, STINT_VERSION, Stamp, TaskFile};

const FILE_KEYS: [&str; 4] = ["version", "prefix", "held", "tasks"];

const ENTRY_KEYS: [&str; 11] = [
    "kind",
    "id",
    "ref",
    "title",
    "description",
    "assignee",
    "isDone",
    "order",
    "createdAt",
    "updatedAt",
    "completedAt",
];

/// Values by known key; a key that stands twice counts where it stands last, and null is the same as nothing.
struct Fields<const N: usize> {
    line: usize,
    keys: [&'static str; N],
    values: [Option<Node>; N],
    extras: Vec<Extra>,
}

fn damaged<T>(line: usize, what: String) -> Result<T, FileError> {
    Err(FileError::Damaged { line, what })
}

impl<const N: usize> Fields<N> {
    fn of(node: Node, keys: [&'static str; N]) -> Result<Fields<N>, FileError> {
        let line = node.line;
        let members = match node.value {
            Json::Object(members) => members,
            other => return damaged(line, format!("an object is expected, not {}", other.kind())),
        };
        let mut fields = Fields { line, keys, values: [const { None }; N], extras: Vec::new() };
        let mut slot = 0;
        for (key, value) in members {
            match keys.iter().position(|known| known.eq_ignore_ascii_case(&key)) {
                Some(n) => {
                    slot = n + 1;
                    if value.value != Json::Null {
                        fields.values[n] = Some(value);
                    }
                }
                None => fields.extras.push(Extra { slot, key, value }),
            }
        }
        Ok(fields)
    }

    fn wrong<T>(&self, n: usize, node: &Node, wanted: &str) -> Result<T, FileError> {
        let found = match &node.value {
            Json::Number(digits) => digits.as_str(),
            other => other.kind(),
        };
        damaged(node.line, format!("`{}` must be {wanted}, not {found}", self.keys[n]))
    }

    fn text(&mut self, n: usize) -> Result<String, FileError> {
        match self.values[n].take() {
            None => Ok(String::new()),
            Some(Node { value: Json::Text(text), .. }) => Ok(text),
            Some(other) => self.wrong(n, &other, "a string"),
        }
    }

    fn flag(&mut self, n: usize) -> Result<bool, FileError> {
        match self.values[n].take() {
            None => Ok(false),
            Some(Node { value: Json::Bool(flag), .. }) => Ok(flag),
            Some(other) => self.wrong(n, &other, "true or false"),
        }
    }

    fn integer(&mut self, n: usize) -> Result<Option<i64>, FileError> {
        let Some(node) = self.values[n].take() else { return Ok(None) };
        match &node.value {
            Json::Number(digits) => match digits.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => self.wrong(n, &node, "a whole number"),
            },
            _ => self.wrong(n, &node, "a whole number"),
        }
    }

    fn time(&mut self, n: usize) -> Result<Option<Stamp>, FileError> {
        let Some(node) = self.values[n].take() else { return Ok(None) };
        match &node.value {
            Json::Text(text) => match Stamp::parse(text) {
                Some(stamp) => Ok(Some(stamp)),
                None => {
                    damaged(node.line, format!("`{}` must be an RFC 3339 time, not {text:?}", self.keys[n]))
                }
            },
            _ => self.wrong(n, &node, "an RFC 3339 time"),
        }
    }
}

/// Reads a file that has something in it.
pub(super) fn file(bytes: &[u8]) -> Result<TaskFile, FileError> {
    let mut fields = Fields::of(Node::parse(bytes)?, FILE_KEYS)?;
    let version = match fields.integer(0)? {
        Some(version @ 1..=STINT_VERSION) => version,
        Some(version) if version > STINT_VERSION => return Err(FileError::Newer { version }),
        Some(version) => return damaged(fields.line, format!("`version` must be 1, 2 or 3, not {version}")),
        None => return damaged(fields.line, "`version` is missing".to_owned()),
    };
    let prefix = fields.text(1)?;
    if !prefix.is_empty()
        && (prefix.len() != 4 || !prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
    {
        return damaged(fields.line, format!("`prefix` must be 4 of a-z and 0-9, not {prefix:?}"));
    }
    let held = fields.flag(2)?;
    let items = match fields.values[3].take() {
        None => return damaged(fields.line, "`tasks` is missing".to_owned()),
        Some(Node { value: Json::Array(items), .. }) => items,
        Some(other) => return fields.wrong(3, &other, "a list"),
    };
    let mut warnings: Vec<String> = fields.extras.iter().map(unknown).collect();
    let mut entries = Vec::with_capacity(items.len());
    for (n, item) in items.into_iter().enumerate() {
        let mut entry = entry(item)?;
        if version == 1 {
            entry.order = i64::try_from(n + 1).unwrap_or(i64::MAX).saturating_mul(STEP);
        }
        warnings.extend(entry.extras.iter().map(unknown));
        entries.push(entry);
    }
    warnings.extend(repeated(&entries));
    entries.sort_by(order::canonical);
    Ok(TaskFile { version: version.max(NEW_VERSION), prefix, held, entries, warnings, extras: fields.extras })
}

fn unknown(extra: &Extra) -> String {
    format!("line {}: unknown key {:?} is kept", extra.value.line, extra.key)
}

fn repeated(entries: &[Entry]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> =
        entries.iter().map(|e| e.id.as_str()).filter(|id| !seen.insert(*id)).collect();
    twice
        .into_iter()
        .map(|id| format!("the id {id} stands more than once; give one of them another"))
        .collect()
}

fn entry(node: Node) -> Result<Entry, FileError> {
    let line = node.line;
    let mut fields = Fields::of(node, ENTRY_KEYS)?;
    let kind = match fields.text(0)?.as_str() {
        "" | "lap" => Kind::Lap,
        "stint" => Kind::Stint,
        other => return damaged(line, format!("`kind` must be \"lap\" or \"stint\", not {other:?}")),
    };
    Ok(Entry {
        kind,
        id: fields.text(1)?,
        stint: fields.text(2)?,
        title: fields.text(3)?,
        description: fields.text(4)?,
        assignee: fields.text(5)?,
        is_done: fields.flag(6)?,
        order: fields.integer(7)?.unwrap_or(0),
        created_at: fields.time(8)?.unwrap_or_else(Stamp::none),
        updated_at: fields.time(9)?.unwrap_or_else(Stamp::none),
        completed_at: fields.time(10)?,
        extras: fields.extras,
    })
}
