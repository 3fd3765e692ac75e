//! Who takes part in a relay: the lanes that a flag, the configured routes or a mix give.

use crate::config::{Config, Origin};

use super::entry::{Entry, EntryError, Quota};
use super::label::{OVERRIDE, ROUTES};
use super::lane::{DEFAULT_LANE, Lane, Member, OVERRIDE_LANE, Slot};
use super::resolve::{Catalog, ResolveError};
use super::routes::{self, Routes};
use super::split::{SplitError, join, split};

/// What runs when nobody said anything.
const BUILT_IN: [&str; 2] = ["cc", "cx:2"];

/// Where the lanes of a relay come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A flag: one lane, whatever the role.
    Override,
    /// `[routes]`: a lane for every role.
    Routes,
    /// `[defaults].mix` or the built-in mix: one lane.
    Mix,
}

/// The lanes of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Where they come from.
    pub source: Source,
    /// The entries as typed, for the relay's record; empty for routes.
    pub texts: Vec<String>,
    /// One, or those of the routes, sorted by name; never empty.
    pub lanes: Vec<Lane>,
}

/// Why there is no roster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The value as a whole cannot be read.
    #[error("{problem} for {place}")]
    Split {
        /// The flag, or the key with its file and line.
        place: String,
        /// What is wrong.
        problem: SplitError,
    },
    /// An entry is no entry.
    #[error("{place}: {problem}")]
    Entry {
        /// The flag, or the key with its file and line.
        place: String,
        /// What is wrong.
        problem: EntryError,
    },
    /// An entry names nobody.
    #[error("{place}: \"{}\": {problem}{advice}", entry.escape_debug())]
    Resolve {
        /// The flag, or the key with its file and line.
        place: String,
        /// The entry as typed.
        entry: String,
        /// What is wrong.
        problem: Box<ResolveError>,
        /// A further way out, or nothing.
        advice: &'static str,
    },
    /// A route without entries.
    #[error("{place}: the route is empty; list who works, like [\"cc:2\", \"cx\"], or remove it")]
    EmptyRoute {
        /// The key with its file and line.
        place: String,
    },
    /// `SENIOR:1-3`.
    #[error(
        "{place}: \"{entry}\": a role takes a single numeric quota, like {role}:2, or none: its entries have their own"
    )]
    RoleRange {
        /// The flag.
        place: String,
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

impl Roster {
    /// The roster that `--agent` flags give, in their order. A value is a list of entries, unless
    /// none of its words names anybody and the value as a whole does: `agy:Gemini 3.5 Flash (High)`.
    /// The name of a route stands for its entries.
    ///
    /// # Errors
    ///
    /// See [`RosterError`]; nothing is guessed.
    pub fn from_flags(values: &[String], catalog: &Catalog<'_>) -> Result<Roster, RosterError> {
        let reader = Reader { place: "--agent", catalog, roles: true };
        let mut entries = Vec::new();
        for value in values {
            entries.extend(reader.value(value)?);
        }
        if entries.is_empty() {
            return Err(RosterError::Split { place: "--agent".to_owned(), problem: SplitError::Empty });
        }
        Ok(Roster::single(Source::Override, entries))
    }

    /// The roster of `[defaults].mix`, or the built-in one. Routes do not count here: a mix cannot
    /// name a role.
    ///
    /// # Errors
    ///
    /// See [`RosterError`]; the message names file and line.
    pub fn from_config_mix(catalog: &Catalog<'_>) -> Result<Roster, RosterError> {
        let config = catalog.config();
        let entries = match &config.defaults.mix {
            Some(mix) => {
                let place = place(config, "defaults.mix", "[defaults].mix");
                Reader { place: &place, catalog, roles: false }.value(mix)?
            }
            None => Reader { place: "the built-in mix", catalog, roles: false }.entries(&BUILT_IN)?,
        };
        Ok(Roster::single(Source::Mix, entries))
    }

    /// The roster of the configured routes; `None` when none of them can be used.
    pub fn from_routes(routes: &Routes) -> Option<Roster> {
        let lanes = routes.lanes.clone();
        (!lanes.is_empty()).then_some(Roster { source: Source::Routes, texts: Vec::new(), lanes })
    }

    /// The roster of a stored relay: its label, and its entries as typed. Records of the earlier
    /// program have the label only.
    ///
    /// # Errors
    ///
    /// See [`RosterError`], for example when a harness is no longer configured.
    pub fn from_record(
        label: &str,
        entries: &[String],
        catalog: &Catalog<'_>,
    ) -> Result<Roster, RosterError> {
        let label = label.trim();
        if label == ROUTES {
            let routes = routes::resolve(catalog);
            let problem = routes.problems.first().cloned().unwrap_or(RosterError::NeedsRoutes);
            return Roster::from_routes(&routes).ok_or(problem);
        }
        let rest = label.strip_prefix(OVERRIDE);
        let reader = Reader { place: "the mix of the unfinished relay", catalog, roles: rest.is_some() };
        let entries = if entries.is_empty() {
            reader.value(rest.unwrap_or(label))?
        } else {
            reader.entries(entries)?
        };
        let source = if rest.is_some() { Source::Override } else { Source::Mix };
        Ok(Roster::single(source, entries))
    }

    fn single(source: Source, entries: Vec<Read>) -> Roster {
        let texts = entries.iter().map(|entry| entry.text.clone()).collect();
        let name = if source == Source::Override { OVERRIDE_LANE } else { DEFAULT_LANE };
        let slots = entries.into_iter().flat_map(|entry| entry.slots).collect();
        Roster { source, texts, lanes: vec![Lane { name: name.to_owned(), slots }] }
    }

    /// What the relay's record keeps as its mix.
    pub fn label(&self) -> String {
        let entries = match self.texts.as_slice() {
            // Alone it is one entry as it stands.
            [only] => only.clone(),
            texts => join(texts.iter().map(String::as_str)),
        };
        match self.source {
            Source::Override => format!("{OVERRIDE}{entries}"),
            Source::Routes => ROUTES.to_owned(),
            Source::Mix => entries,
        }
    }
}

/// What one typed entry stands for: itself, or the entries of a route.
struct Read {
    text: String,
    slots: Vec<Slot>,
}

/// Reads entries that stand in one place.
struct Reader<'a> {
    /// The flag, or the key with its file and line.
    place: &'a str,
    catalog: &'a Catalog<'a>,
    /// Whether names of routes may stand here.
    roles: bool,
}

impl Reader<'_> {
    fn value(&self, value: &str) -> Result<Vec<Read>, RosterError> {
        let words =
            split(value).map_err(|problem| RosterError::Split { place: self.place.to_owned(), problem })?;
        if words.len() > 1
            && words.iter().all(|word| self.names_nobody(word))
            && let Ok(whole) = self.entry(value.trim())
        {
            return Ok(vec![whole]);
        }
        let several = words.len() > 1;
        self.entries(&words).map_err(|error| match error {
            RosterError::Resolve { place, entry, problem, .. } if several => {
                let advice = "; a label with spaces needs quotes inside a list";
                RosterError::Resolve { place, entry, problem, advice }
            }
            other => other,
        })
    }

    /// Whether a word is nothing by itself, not even a slip of the pen for something.
    fn names_nobody(&self, word: &str) -> bool {
        let Ok(entry) = Entry::parse(word) else { return true };
        if self.role(&entry).is_some() {
            return false;
        }
        match self.catalog.resolve(&entry.identifier) {
            Ok(_) => false,
            Err(ResolveError::Model { suggestions, .. }) => suggestions.is_empty(),
            Err(_) => true,
        }
    }

    fn entries<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Read>, RosterError> {
        texts.iter().map(|text| self.entry(text.as_ref())).collect()
    }

    /// An entry that says no number runs once in a row: people who list names want them to take turns.
    fn entry(&self, text: &str) -> Result<Read, RosterError> {
        let entry = Entry::parse(text)
            .map_err(|problem| RosterError::Entry { place: self.place.to_owned(), problem })?;
        if let Some(key) = self.role(&entry) {
            let slots = self.walk(&entry, routes::lane(self.catalog, key)?)?;
            return Ok(Read { text: entry.text, slots });
        }
        let mut slot = slot(entry, self.place, self.catalog)?;
        if slot.quota == Quota::Open {
            slot.quota = Quota::Exactly(1);
        }
        Ok(Read { text: slot.text.clone(), slots: vec![slot] })
    }

    /// The route that an entry names, by its key.
    fn role(&self, entry: &Entry) -> Option<&str> {
        let name = entry.identifier.alias.to_lowercase();
        let names_role = self.roles && entry.identifier.model.is_none();
        let found = names_role.then(|| self.catalog.config().routes.get_key_value(&name)).flatten();
        found.map(|(key, _)| key.as_str())
    }

    /// A role without a number brings its entries as they are; with one it is walked, so many runs
    /// in a turn.
    fn walk(&self, entry: &Entry, lane: Lane) -> Result<Vec<Slot>, RosterError> {
        match entry.quota {
            Quota::Open => Ok(lane.slots),
            quota @ Quota::Exactly(_) => {
                let members = lane.slots.into_iter().flat_map(|slot| slot.members).collect();
                Ok(vec![Slot { text: entry.text.clone(), members, quota }])
            }
            Quota::Range { .. } => Err(RosterError::RoleRange {
                place: self.place.to_owned(),
                entry: entry.text.clone(),
                role: entry.identifier.alias.clone(),
            }),
        }
    }
}

/// The slot of an entry that names a runner.
pub(super) fn slot(entry: Entry, place: &str, catalog: &Catalog<'_>) -> Result<Slot, RosterError> {
    let runner = catalog.resolve(&entry.identifier).map_err(|problem| RosterError::Resolve {
        place: place.to_owned(),
        entry: entry.text.clone(),
        problem: Box::new(problem),
        advice: "",
    })?;
    let explicit = entry.identifier.model.is_some();
    let member = Member { text: entry.text.clone(), runner, explicit };
    Ok(Slot { text: entry.text, members: vec![member], quota: entry.quota })
}

/// Where a key stands, for messages: `FILE:LINE: [table].key`.
pub(super) fn place(config: &Config, key: &str, label: &str) -> String {
    match config.origin(key) {
        Some(Origin { file, line }) => format!("{}:{line}: {label}", file.display()),
        None => label.to_owned(),
    }
}
