//! What is wrong with entries, and where they stand.

use std::fmt;

use crate::config::{Config, Diagnostic, Origin};

use super::entry::EntryError;
use super::resolve::ResolveError;
use super::split::SplitError;

/// Where entries stand: a flag, or a key with its file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File and line; `None` for flags, records and what is built in.
    pub origin: Option<Origin>,
    /// `--agent`, `[defaults].mix`, `[routes].SENIOR`, …
    pub label: String,
}

impl Place {
    /// A place that no file has.
    pub fn unfiled(label: &str) -> Place {
        Place { origin: None, label: label.to_owned() }
    }

    /// A key of the configuration, by its dotted name, as a message calls it.
    pub fn of_key(config: &Config, key: &str, label: String) -> Place {
        Place { origin: config.origin(key).cloned(), label }
    }

    /// The same place, on a line of its own when it is known.
    pub fn on_line(&self, line: Option<usize>) -> Place {
        let origin = self.origin.clone().map(|origin| Origin { line: line.unwrap_or(origin.line), ..origin });
        Place { origin, label: self.label.clone() }
    }

    /// `FILE:LINE: `, or nothing.
    fn prefix(&self) -> String {
        self.origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix(), self.label)
    }
}

/// Why there is no roster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The value as a whole cannot be read.
    #[error("{}{problem} for {}", place.prefix(), place.label)]
    Split {
        /// Where it stands.
        place: Place,
        /// What is wrong.
        problem: SplitError,
    },
    /// An entry is no entry.
    #[error("{place}: {problem}")]
    Entry {
        /// Where it stands.
        place: Place,
        /// What is wrong.
        problem: EntryError,
    },
    /// An entry names nobody.
    #[error("{place}: \"{}\": {problem}{advice}", entry.escape_debug())]
    Resolve {
        /// Where it stands.
        place: Place,
        /// The entry as typed.
        entry: String,
        /// What is wrong.
        problem: Box<ResolveError>,
        /// A further way out, or nothing.
        advice: &'static str,
    },
    /// An item of a route that reads as a list: `"cc:2 cx"`.
    #[error("{place}: \"{}\" is a list in one item; {way_out}", entry.escape_debug())]
    Several {
        /// Where it stands.
        place: Place,
        /// The item as typed.
        entry: String,
        /// What to write instead.
        way_out: String,
    },
    /// A route without entries.
    #[error("{place}: the route is empty; list who works, like [\"cc:2\", \"cx\"], or remove it")]
    EmptyRoute {
        /// Where it stands.
        place: Place,
    },
    /// `SENIOR:1-3`.
    #[error(
        "{place}: \"{entry}\": a role takes a single numeric quota, like {role}:2, or none: its entries have their own"
    )]
    RoleRange {
        /// The flag.
        place: Place,
        /// The entry as typed.
        entry: String,
        /// The role as typed.
        role: String,
    },
    /// The stored relay was made for routes.
    #[error(
        "this relay requires configured routes, and there are none any more; \
         give --agent to replace them, or start with --new"
    )]
    NeedsRoutes,
}

impl RosterError {
    /// Where the mistake stands; nowhere when something is missing.
    pub fn place(&self) -> Option<&Place> {
        match self {
            RosterError::Split { place, .. }
            | RosterError::Entry { place, .. }
            | RosterError::Resolve { place, .. }
            | RosterError::Several { place, .. }
            | RosterError::EmptyRoute { place }
            | RosterError::RoleRange { place, .. } => Some(place),
            RosterError::NeedsRoutes => None,
        }
    }

    /// As a complaint about a key of the configuration, by its dotted name.
    pub fn diagnostic(&self, key: &str) -> Diagnostic {
        let (place, text) = (self.place(), self.to_string());
        // The diagnostic brings file and line itself.
        let message = place.and_then(|place| text.strip_prefix(&place.prefix())).unwrap_or(&text).to_owned();
        Diagnostic { origin: place.and_then(|place| place.origin.clone()), key: key.to_owned(), message }
    }
}
