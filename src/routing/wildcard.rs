//! Wildcards of providers: `[harness:](*|prefix/*|*suffix)`.

use std::collections::BTreeSet;

use crate::config::is_name;
use crate::model::Runner;

use super::entry::Identifier;
use super::providers::{Key, canonical};
use super::resolve::Catalog;

/// Runners by a pattern of their models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    /// As typed; `None` for every harness.
    harness: Option<String>,
    pattern: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    All,
    /// With its slash.
    Prefix(String),
    Suffix(String),
}

impl Wildcard {
    /// `None` for a spec without `*`; an error for one that no rule allows.
    pub(super) fn parse(spec: &str) -> Result<Option<Wildcard>, String> {
        if !spec.contains('*') {
            return Ok(None);
        }
        let unsupported = || {
            format!(
                "unsupported wildcard \"{}\"; write harness:*, prefix/*, *suffix, harness:prefix/* or harness:*suffix",
                spec.escape_debug()
            )
        };
        let (harness, pattern) = match spec.split_once(':') {
            // A prefix may hold a colon itself, but no harness is called `openrouter/x`.
            Some((harness, pattern)) if is_name(harness) => (Some(harness.to_owned()), pattern),
            Some((harness, _)) if harness.trim().is_empty() => {
                return Err(format!("\"{spec}\" names no harness before the colon"));
            }
            _ => (None, spec),
        };
        let pattern = match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
            (Some(""), _) if harness.is_some() => Pattern::All,
            (Some(prefix), _) if prefix.len() > 1 && prefix.ends_with('/') && !prefix.contains('*') => {
                Pattern::Prefix(prefix.to_owned())
            }
            (_, Some(suffix)) if !suffix.is_empty() && !suffix.contains('*') => {
                Pattern::Suffix(suffix.to_owned())
            }
            _ => return Err(unsupported()),
        };
        Ok(Some(Wildcard { harness, pattern }))
    }

    /// The configured runners that it stands for.
    pub(super) fn expand(&self, catalog: &Catalog<'_>) -> Result<BTreeSet<Key>, String> {
        let models = match &self.harness {
            Some(alias) => {
                let identifier = Identifier { alias: alias.clone(), model: None };
                let harness = catalog.resolve(&identifier).map_err(|problem| problem.to_string())?.harness;
                catalog.models_of(&harness)
            }
            None => catalog.configured_models(),
        };
        Ok(models.into_iter().filter(|(_, model)| self.matches(Some(model))).collect())
    }

    /// Whether it takes a runner, configured or not.
    pub(super) fn takes(&self, runner: &Runner) -> bool {
        let harness = self.harness.as_deref().map(canonical);
        harness.is_none_or(|harness| harness == runner.harness) && self.matches(runner.model.as_deref())
    }

    fn matches(&self, model: Option<&str>) -> bool {
        match &self.pattern {
            Pattern::All => true,
            Pattern::Prefix(prefix) => model.is_some_and(|model| model.starts_with(prefix.as_str())),
            Pattern::Suffix(suffix) => model.is_some_and(|model| model.ends_with(suffix.as_str())),
        }
    }
}
