//! `[routes]`: a lane for every role.

use super::entry::Entry;
use super::lane::{DEFAULT_LANE, Lane, Slot};
use super::problem::{Place, RosterError};
use super::resolve::Catalog;
use super::roster::{slot, unresolved};
use super::split::split;

/// The configured routes, resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// Those that can be used, sorted by lower-case name.
    pub lanes: Vec<Lane>,
    /// The others, sorted in the same way.
    pub broken: Vec<Broken>,
}

/// A route that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its lower-case name.
    pub key: String,
    /// What is wrong with it: every bad entry; never empty.
    pub problems: Vec<RosterError>,
}

impl Routes {
    /// The lane of a role, letter case and spaces around it aside.
    pub fn find(&self, role: &str) -> Option<usize> {
        find(&self.lanes, role)
    }

    /// All that is wrong, route by route.
    pub fn problems(&self) -> impl Iterator<Item = &RosterError> {
        self.broken.iter().flat_map(|route| &route.problems)
    }

    /// Whether there is a lane for runs without a role.
    pub fn has_default(&self) -> bool {
        self.find(DEFAULT_LANE).is_some()
    }
}

/// The index of the lane of a role, letter case and spaces around it aside.
pub(super) fn find(lanes: &[Lane], role: &str) -> Option<usize> {
    let role = role.trim().to_lowercase();
    lanes.iter().position(|lane| lane.name.trim().to_lowercase() == role)
}

/// Every configured route.
pub fn resolve(catalog: &Catalog<'_>) -> Routes {
    let mut routes = Routes::default();
    for key in catalog.config().routes.keys() {
        match read(catalog, key) {
            Ok(lane) => routes.lanes.push(lane),
            Err(problems) => routes.broken.push(Broken { key: key.clone(), problems }),
        }
    }
    routes
}

/// The route under a key. Its entries keep what they say: one without a number stays until it fails.
///
/// # Errors
///
/// See [`RosterError`]; the message names file, line and route.
pub fn lane(catalog: &Catalog<'_>, key: &str) -> Result<Lane, RosterError> {
    read(catalog, key).map_err(|mut problems| problems.swap_remove(0))
}

/// The same with every problem, of which there is at least one.
fn read(catalog: &Catalog<'_>, key: &str) -> Result<Lane, Vec<RosterError>> {
    let config = catalog.config();
    let Some(route) = config.routes.get(key) else {
        return Err(vec![RosterError::EmptyRoute { place: Place::unfiled(&format!("[routes].{key}")) }]);
    };
    let place = Place::of_key(config, &format!("routes.{key}"), format!("[routes].{}", route.name));
    let (mut slots, mut problems) = (Vec::new(), Vec::new());
    for (index, text) in route.entries.iter().enumerate() {
        let line = route.lines.get(index).copied();
        match entry(text, &place.on_line(line), catalog) {
            Ok(slot) => slots.push(slot),
            Err(problem) => problems.push(problem),
        }
    }
    if route.entries.is_empty() {
        problems.push(RosterError::EmptyRoute { place });
    }
    let name = route.name.trim().to_owned();
    if problems.is_empty() { Ok(Lane { name, slots }) } else { Err(problems) }
}

fn entry(text: &str, place: &Place, catalog: &Catalog<'_>) -> Result<Slot, RosterError> {
    let parsed = Entry::parse(text);
    if let Some(entries) = several(catalog, text) {
        let items: Vec<String> =
            entries.iter().map(|entry| format!("\"{}\"", entry.escape_debug())).collect();
        let mut way_out = format!("write separate items: [{}]", items.join(", "));
        if let Some(whole) = parsed.ok().filter(|entry| catalog.resolve(&entry.identifier).is_ok()) {
            let alias = whole.identifier.alias;
            way_out += &format!("; or name it in [harness.{alias}.models], if it is one model");
        }
        return Err(RosterError::Several { place: place.clone(), entry: text.to_owned(), way_out });
    }
    let entry = parsed.map_err(|problem| RosterError::Entry { place: place.clone(), problem })?;
    let runner =
        catalog.resolve(&entry.identifier).map_err(|problem| unresolved(&entry, place, problem, ""))?;
    Ok(slot(entry, runner))
}

/// The entries that an item of a route holds if it reads as a list, although an item is one entry:
/// `cc:2 cx` would be the model `2 cx` of cc, which nobody means. A model that is configured just so
/// and a label none of whose words names anybody, like `agy:Gemini 3.5 Flash (High)`, are one entry.
pub fn several(catalog: &Catalog<'_>, text: &str) -> Option<Vec<String>> {
    let separates = |c: char| c == ',' || c.is_whitespace();
    if !text.contains(separates) {
        return None;
    }
    let whole = Entry::parse(text).ok();
    if whole.is_some_and(|whole| catalog.configured(&whole.identifier.to_string()).is_some()) {
        return None;
    }
    // Quotes hold words together in a mix, so whoever writes one here means the same by them.
    let words = split(text).unwrap_or_else(|_| {
        text.split(separates).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    });
    let names_somebody = |word: &String| {
        let entry = Entry::parse(word).ok();
        entry.is_some_and(|entry| catalog.resolve(&entry.identifier).is_ok())
    };
    words.iter().any(names_somebody).then_some(words)
}
