//! Whom a name means: an entry, a harness with all its models, or a quota. Pure.

use crate::config::Config;
use crate::config::suggest::{closest, hint};
use crate::relay::resilience::Healths;
use crate::routing::{Catalog, Entry};

use super::roll::Listed;

/// Indices of those in the list whom a name means; none, when it is a good name of somebody who is not listed.
///
/// # Errors
///
/// What to say about a name that means nothing.
pub fn find(name: &str, listed: &[Listed], config: &Config, healths: &Healths) -> Result<Vec<usize>, String> {
    let catalog = Catalog::new(config);
    let identifier = Entry::parse(name).ok().map(|entry| entry.identifier);
    let named = identifier.as_ref().and_then(|identifier| catalog.resolve(identifier).ok());
    // Without a model a harness is meant, under whatever name.
    let is_harness = identifier.as_ref().is_some_and(|identifier| identifier.model.is_none());
    let means = |one: &Listed| {
        let runner = &one.runner;
        let whole = named.as_ref().is_some_and(|named| is_harness && named.harness == runner.harness);
        let exact = named.as_ref().is_some_and(|named| !is_harness && named.model == runner.model);
        let exact = exact && named.as_ref().is_some_and(|named| named.harness == runner.harness);
        let spelled = name == runner.harness || name == spelled(one) || name == runner.label();
        let quota = name == one.scope || healths.has_met(runner, name);
        whole || exact || spelled || quota || one.entries.iter().any(|entry| entry == name)
    };
    let found: Vec<usize> = (0..listed.len()).filter(|index| means(&listed[*index])).collect();
    if !found.is_empty() || named.is_some() || healths.scopes().any(|scope| scope == name) {
        return Ok(found);
    }
    let mut known: Vec<String> = listed
        .iter()
        .flat_map(|one| {
            one.entries.iter().cloned().chain([spelled(one), one.runner.harness.clone(), one.scope.clone()])
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    let near = closest(name, known.iter().map(String::as_str));
    Err(format!(
        "no runner, harness or quota is called \"{name}\"{}; known are {}",
        hint(&near),
        known.join(", ")
    ))
}

/// `claude:opus`, or `claude`.
fn spelled(one: &Listed) -> String {
    match &one.runner.model {
        Some(model) => format!("{}:{model}", one.runner.harness),
        None => one.runner.harness.clone(),
    }
}
