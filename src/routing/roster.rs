//! Who takes part in a relay: the lanes that a flag, the configured routes or a mix give.

use crate::config::suggest::closest;
use crate::model::Runner;

use super::entry::{Entry, Quota};
use super::label::{OVERRIDE, ROUTES};
use super::lane::{DEFAULT_LANE, Lane, Member, OVERRIDE_LANE, Slot};
use super::problem::{Place, RosterError};
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

impl Roster {
    /// The roster that `--agent` flags give, in their order. A value is a list of entries, unless
    /// none of its words names anybody and the value as a whole does: `agy:Gemini 3.5 Flash (High)`.
    /// The name of a route stands for its entries.
    ///
    /// # Errors
    ///
    /// See [`RosterError`]; nothing is guessed.
    pub fn from_flags(values: &[String], catalog: &Catalog<'_>) -> Result<Roster, RosterError> {
        let place = Place::unfiled("--agent");
        let reader = Reader { place: &place, catalog, roles: Some("") };
        let mut entries = Vec::new();
        for value in values {
            entries.extend(reader.value(value)?);
        }
        if entries.is_empty() {
            return Err(RosterError::Split { place, problem: SplitError::Empty });
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
                let place = Place::of_key(config, "defaults.mix", "[defaults].mix".to_owned());
                Reader { place: &place, catalog, roles: None }.value(mix)?
            }
            None => {
                let place = Place::unfiled("the built-in mix");
                Reader { place: &place, catalog, roles: None }.entries(&BUILT_IN)?
            }
        };
        Ok(Roster::single(Source::Mix, entries))
    }

    /// The roster of the configured routes; `None` when none of them can be used.
    pub fn from_routes(routes: &Routes) -> Option<Roster> {
        let lanes = routes.lanes.clone();
        (!lanes.is_empty()).then_some(Roster { source: Source::Routes, texts: Vec::new(), lanes })
    }

    /// The roster of a stored relay that is not one of routes: its label, and its entries as typed.
    /// Records of the earlier program have the label only.
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
        let rest = label.strip_prefix(OVERRIDE);
        let place = Place::unfiled("the mix of the unfinished relay");
        let roles = rest.map(|_| "; if it was a route, it is gone from [routes]");
        let reader = Reader { place: &place, catalog, roles };
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
            // Alone it is one entry as it stands, spaces and all.
            [only] if !only.contains(',') => only.clone(),
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
    place: &'a Place,
    catalog: &'a Catalog<'a>,
    /// Whether names of routes may stand here; then, what else there is to say of a name that means
    /// nothing.
    roles: Option<&'static str>,
}

/// Said where a model was typed in front of something that means nothing.
const QUOTES: &str = "; a label with spaces needs quotes inside a list";

/// Said of `SENIOR:opus`.
const ROLE_WITH_MODEL: &str = "; a route of that name takes no model, only a number, like NAME:2";

impl Reader<'_> {
    fn value(&self, value: &str) -> Result<Vec<Read>, RosterError> {
        let words =
            split(value).map_err(|problem| RosterError::Split { place: self.place.clone(), problem })?;
        if let Some(whole) = self.whole(value, &words) {
            return Ok(vec![whole?]);
        }
        let may_be_label = words.len() > 1 && words.iter().any(|word| word.contains(':'));
        self.entries(&words).map_err(|error| match error {
            RosterError::Resolve { place, entry, problem, advice: "" } if may_be_label => {
                RosterError::Resolve { place, entry, problem, advice: QUOTES }
            }
            other => other,
        })
    }

    /// The value as one entry with spaces in it, unless it looks like a list. A route and a model
    /// that are configured just so are recognised as long as some word means nothing by itself;
    /// other labels only if no word means anything.
    fn whole(&self, value: &str, words: &[String]) -> Option<Result<Read, RosterError>> {
        // Who writes a comma means a list.
        if words.len() < 2 || value.contains(',') {
            return None;
        }
        let value = value.trim();
        let entry = Entry::parse(value).ok()?;
        let is_configured = || self.catalog.configured(&entry.identifier.to_string()).is_some();
        if self.role(&entry).is_some() || is_configured() {
            let is_list = words.iter().all(|word| self.entry(word).is_ok());
            return (!is_list).then(|| self.entry(value));
        }
        let is_label = words.iter().all(|word| self.names_nobody(word));
        self.entry(value).ok().filter(|_| is_label).map(Ok)
    }

    /// Whether a word is nothing by itself, not even a slip of the pen for something.
    fn names_nobody(&self, word: &str) -> bool {
        /// Every shorter word is close to some alias.
        const TELLING: usize = 3;
        let Ok(entry) = Entry::parse(word) else { return true };
        if self.role(&entry).is_some() {
            return false;
        }
        match self.resolve(&entry) {
            Ok(_) => false,
            Err(ResolveError::Model { suggestions, .. }) => suggestions.is_empty(),
            Err(ResolveError::Alias { alias, suggestions, .. }) => {
                suggestions.is_empty() || alias.chars().count() < TELLING
            }
            Err(ResolveError::NoModels { .. }) => true,
        }
    }

    fn entries<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Read>, RosterError> {
        texts.iter().map(|text| self.entry(text.as_ref())).collect()
    }

    /// An entry that says no number runs once in a row: people who list names want them to take turns.
    fn entry(&self, text: &str) -> Result<Read, RosterError> {
        let entry = Entry::parse(text)
            .map_err(|problem| RosterError::Entry { place: self.place.clone(), problem })?;
        if let Some(key) = self.role(&entry) {
            let slots = self.walk(&entry, routes::lane(self.catalog, key)?)?;
            return Ok(Read { text: entry.text, slots });
        }
        let runner = self.resolve(&entry).map_err(|problem| {
            let advice = match problem {
                ResolveError::Alias { .. } if self.route(&entry).is_some() => ROLE_WITH_MODEL,
                ResolveError::Alias { .. } => self.roles.unwrap_or_default(),
                ResolveError::Model { .. } | ResolveError::NoModels { .. } => "",
            };
            unresolved(&entry, self.place, problem, advice)
        })?;
        let mut slot = slot(entry, runner);
        if slot.quota == Quota::Open {
            slot.quota = Quota::Exactly(1);
        }
        Ok(Read { text: slot.text.clone(), slots: vec![slot] })
    }

    /// The runner of an entry. Where routes may be named, they are among the names that are offered
    /// instead of one that means nothing.
    fn resolve(&self, entry: &Entry) -> Result<Runner, ResolveError> {
        self.catalog.resolve(&entry.identifier).map_err(|problem| match problem {
            ResolveError::Alias { alias, suggestions, known } if self.roles.is_some() => {
                let names = || self.catalog.config().routes.values().map(|route| route.name.trim());
                let near = suggestions.iter().map(String::as_str).chain(names());
                let suggestions = closest(&alias, near).into_iter().map(str::to_owned).collect();
                let is_alias = |name: &str| self.catalog.aliases().any(|alias| alias == name);
                let roles = names().filter(|name| !is_alias(name));
                let known = roles.fold(known, |known, name| format!("{known}, {name}"));
                ResolveError::Alias { alias, suggestions, known }
            }
            other => other,
        })
    }

    /// The key of the route that an entry names; a route has no models.
    fn role(&self, entry: &Entry) -> Option<&str> {
        self.route(entry).filter(|_| entry.identifier.model.is_none())
    }

    /// The key of the route whose name an entry begins with.
    fn route(&self, entry: &Entry) -> Option<&str> {
        let name = entry.identifier.alias.trim().to_lowercase();
        let found = self.roles.and_then(|_| self.catalog.config().routes.get_key_value(&name));
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
                place: self.place.clone(),
                entry: entry.text.clone(),
                role: entry.identifier.alias.clone(),
            }),
        }
    }
}

/// The slot of an entry that names a runner.
pub(super) fn slot(entry: Entry, runner: Runner) -> Slot {
    let explicit = entry.identifier.model.is_some();
    let member = Member { text: entry.text.clone(), runner, explicit };
    Slot { text: entry.text, members: vec![member], quota: entry.quota }
}

/// The complaint about an entry that names nobody.
pub(super) fn unresolved(
    entry: &Entry,
    place: &Place,
    problem: ResolveError,
    advice: &'static str,
) -> RosterError {
    RosterError::Resolve {
        place: place.clone(),
        entry: entry.text.clone(),
        problem: Box::new(problem),
        advice,
    }
}
