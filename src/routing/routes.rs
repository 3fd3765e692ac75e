//! `[routes]`: a lane for every role.

use super::entry::Entry;
use super::lane::{DEFAULT_LANE, Lane};
use super::resolve::Catalog;
use super::roster::{RosterError, place, slot};

/// The configured routes, resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// Those that can be used, sorted by lower-case name.
    pub lanes: Vec<Lane>,
    /// What is wrong with the others; at most one problem of each route.
    pub problems: Vec<RosterError>,
}

impl Routes {
    /// The lane of a role, letter case and spaces around it aside.
    pub fn find(&self, role: &str) -> Option<usize> {
        find(&self.lanes, role)
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
        match lane(catalog, key) {
            Ok(lane) => routes.lanes.push(lane),
            Err(problem) => routes.problems.push(problem),
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
    let config = catalog.config();
    let (name, entries) = match config.routes.get(key) {
        Some(route) => (route.name.as_str(), route.entries.as_slice()),
        None => (key, &[][..]),
    };
    let place = place(config, &format!("routes.{key}"), &format!("[routes].{name}"));
    if entries.is_empty() {
        return Err(RosterError::EmptyRoute { place });
    }
    let read = |text: &String| {
        let entry =
            Entry::parse(text).map_err(|problem| RosterError::Entry { place: place.clone(), problem })?;
        slot(entry, &place, catalog)
    };
    let slots = entries.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Lane { name: name.trim().to_owned(), slots })
}
