//! The mask of this process.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::Mask;

/// The mask, and the variables that it was made from.
struct Known {
    variables: Vec<(String, String)>,
    mask: Arc<Mask>,
}

static KNOWN: RwLock<Option<Known>> = RwLock::new(None);

/// The mask of everything that rally writes and shows, made from its environment and from what it has [`learn`]ed.
pub fn shared() -> Arc<Mask> {
    if let Some(known) = &*KNOWN.read().unwrap_or_else(PoisonError::into_inner) {
        return Arc::clone(&known.mask);
    }
    learn([])
}

/// Adds variables that agents get beside rally's environment.
pub fn learn(more: impl IntoIterator<Item = (String, String)>) -> Arc<Mask> {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let mut variables = match known.take() {
        Some(known) => known.variables,
        None => {
            let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
            std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect()
        }
    };
    variables.extend(more);
    variables.sort();
    variables.dedup();
    let pairs = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mask = Arc::new(Mask::of(pairs, |value| Path::new(value).is_absolute() && Path::new(value).exists()));
    *known = Some(Known { variables, mask: Arc::clone(&mask) });
    mask
}

/// A text with every secret masked.
pub fn text(raw: &str) -> String {
    shared().text(raw).into_owned()
}
