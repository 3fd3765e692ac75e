//! Who takes part in a relay, in which order and how often.

use crate::config::Origin;
use crate::model::Runner;

use super::entry::{Entry, EntryError, Quota};
use super::label::{OVERRIDE, ROUTES};
use super::resolve::{Catalog, ResolveError};
use super::split::{SplitError, join, split};

/// What runs when nobody said anything.
const BUILT_IN: [&str; 2] = ["cc", "cx:2"];

/// One entry of a roster, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneEntry {
    /// As typed.
    pub text: String,
    /// Who.
    pub runner: Runner,
    /// How often in a row.
    pub quota: Quota,
}

/// The entries of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// In the order in which they take turns; never empty.
    pub entries: Vec<LaneEntry>,
    /// Whether a flag gave them, so that they replace every route.
    pub is_override: bool,
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
    #[error("{place}: \"{entry}\": {problem}{advice}")]
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
    /// The stored relay was made for routes.
    #[error("this relay requires configured routes; give --agent to replace them, or start with --new")]
    NeedsRoutes,
}

impl Roster {
    /// The roster that `--agent` flags give, in their order. A value is a list of entries, unless
    /// none of its words names anybody and the value as a whole does: `agy:Gemini 3.5 Flash (High)`.
    ///
    /// # Errors
    ///
    /// See [`RosterError`]; nothing is guessed.
    pub fn from_flags(values: &[String], catalog: &Catalog<'_>) -> Result<Roster, RosterError> {
        let mut entries = Vec::new();
        for value in values {
            entries.extend(parse_value(value, "--agent", catalog)?);
        }
        if entries.is_empty() {
            return Err(RosterError::Split { place: "--agent".to_owned(), problem: SplitError::Empty });
        }
        Ok(Roster { entries, is_override: true })
    }

    /// The roster of `[defaults].mix`, or the built-in one: claude alone, while it is the only built-in
    /// harness that can be driven.
    ///
    /// # Errors
    ///
    /// See [`RosterError`]; the message names file and line.
    pub fn from_config_mix(catalog: &Catalog<'_>) -> Result<Roster, RosterError> {
        let config = catalog.config();
        let place = match config.origin("defaults.mix") {
            Some(Origin { file, line }) => format!("{}:{line}: [defaults].mix", file.display()),
            None => "[defaults].mix".to_owned(),
        };
        let entries = match &config.defaults.mix {
            Some(mix) => parse_value(mix, &place, catalog)?,
            None => parse_entries(&BUILT_IN, "the built-in mix", catalog)?,
        };
        Ok(Roster { entries, is_override: false })
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
            return Err(RosterError::NeedsRoutes);
        }
        let place = "the mix of the unfinished relay";
        let rest = label.strip_prefix(OVERRIDE);
        let entries = if entries.is_empty() {
            parse_value(rest.unwrap_or(label), place, catalog)?
        } else {
            parse_entries(entries, place, catalog)?
        };
        Ok(Roster { entries, is_override: rest.is_some() })
    }

    /// What the relay's record keeps as its mix.
    pub fn label(&self) -> String {
        let entries = match self.entries.as_slice() {
            // Alone it is one entry as it stands.
            [only] => only.text.clone(),
            entries => join(entries.iter().map(|entry| entry.text.as_str())),
        };
        if self.is_override { format!("{OVERRIDE}{entries}") } else { entries }
    }

    /// The entries as typed, for the relay's record.
    pub fn texts(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.text.clone()).collect()
    }
}

fn parse_value(value: &str, place: &str, catalog: &Catalog<'_>) -> Result<Vec<LaneEntry>, RosterError> {
    let words = split(value).map_err(|problem| RosterError::Split { place: place.to_owned(), problem })?;
    if words.len() > 1
        && words.iter().all(|word| names_nobody(word, catalog))
        && let Ok(whole) = parse_entry(value.trim(), place, catalog)
    {
        return Ok(vec![whole]);
    }
    let several = words.len() > 1;
    parse_entries(&words, place, catalog).map_err(|error| match error {
        RosterError::Resolve { place, entry, problem, .. } if several => {
            let advice = "; a label with spaces needs quotes inside a list";
            RosterError::Resolve { place, entry, problem, advice }
        }
        other => other,
    })
}

/// Whether a word is nothing by itself, not even a slip of the pen for something.
fn names_nobody(word: &str, catalog: &Catalog<'_>) -> bool {
    match Entry::parse(word).map(|entry| catalog.resolve(&entry.identifier)) {
        Ok(Ok(_)) => false,
        Ok(Err(ResolveError::Model { suggestions, .. })) => suggestions.is_empty(),
        Ok(Err(_)) | Err(_) => true,
    }
}

fn parse_entries<S: AsRef<str>>(
    texts: &[S],
    place: &str,
    catalog: &Catalog<'_>,
) -> Result<Vec<LaneEntry>, RosterError> {
    texts.iter().map(|text| parse_entry(text.as_ref(), place, catalog)).collect()
}

/// An entry that says no number runs once in a row: people who list names want them to take turns.
fn parse_entry(text: &str, place: &str, catalog: &Catalog<'_>) -> Result<LaneEntry, RosterError> {
    let entry =
        Entry::parse(text).map_err(|problem| RosterError::Entry { place: place.to_owned(), problem })?;
    let runner = catalog.resolve(&entry.identifier).map_err(|problem| RosterError::Resolve {
        place: place.to_owned(),
        entry: text.to_owned(),
        problem: Box::new(problem),
        advice: "",
    })?;
    let quota = if entry.quota == Quota::Open { Quota::Exactly(1) } else { entry.quota };
    Ok(LaneEntry { text: entry.text, runner, quota })
}
