//! `[providers]`: runners that share one limit, whatever harness they belong to.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, Diagnostic, ProviderConfig, builtin, is_name};
use crate::model::Runner;

use super::entry::Identifier;
use super::resolve::{Catalog, ResolveError};

/// A runner as far as limits are concerned: harness and model.
pub type Key = (String, String);

/// A group of runners with one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// As spelled.
    pub name: String,
    /// Who belongs to it; never empty.
    pub members: BTreeSet<Key>,
    /// Whether the operator has taken it out of service.
    pub disabled: bool,
}

/// All providers, and whose each runner is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Providers {
    /// By name.
    pub list: Vec<Provider>,
    /// Index in the list.
    of: BTreeMap<Key, usize>,
}

impl Providers {
    /// Resolves `[providers]`. What is wrong is left out and told; a runner of two providers stays
    /// with the first.
    pub fn resolve(catalog: &Catalog<'_>) -> (Providers, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let mut providers = Providers::default();
        for (key, provider) in &catalog.config().providers {
            match members(catalog, provider) {
                Ok(members) => {
                    let found =
                        Provider { name: provider.name.clone(), members, disabled: provider.disabled };
                    for (runner, other) in providers.add(found) {
                        let message = format!(
                            "{}:{} belongs to {other} already; a runner can have only one provider, \
                             exclude it from one of them",
                            runner.0, runner.1
                        );
                        problems.push(diagnostic(catalog.config(), key, provider, message));
                    }
                }
                Err(message) => problems.push(diagnostic(catalog.config(), key, provider, message)),
            }
        }
        (providers, problems)
    }

    /// Adds a provider; returns the runners that another one had before, with its name.
    fn add(&mut self, provider: Provider) -> Vec<(Key, String)> {
        let index = self.list.len();
        let mut taken = Vec::new();
        for key in &provider.members {
            match self.of.get(key) {
                Some(other) => taken.push((key.clone(), self.list[*other].name.clone())),
                None => drop(self.of.insert(key.clone(), index)),
            }
        }
        self.list.push(provider);
        taken
    }

    /// The provider of a runner. A runner whose model is the CLI's choice has none.
    pub fn of(&self, runner: &Runner) -> Option<&Provider> {
        let key = (runner.harness.clone(), runner.model.clone()?);
        self.of.get(&key).map(|index| &self.list[*index])
    }

    /// The quota scope that a runner has from its provider: `provider:NAME`.
    pub fn scope(&self, runner: &Runner) -> Option<String> {
        self.of(runner).map(|provider| format!("provider:{}", provider.name))
    }

    /// The disabled provider of a runner.
    pub fn disabled(&self, runner: &Runner) -> Option<&Provider> {
        self.of(runner).filter(|provider| provider.disabled)
    }
}

fn members(catalog: &Catalog<'_>, provider: &ProviderConfig) -> Result<BTreeSet<Key>, String> {
    let mut members = BTreeSet::new();
    for spec in &provider.models {
        let found = expand(catalog, spec)?;
        if found.is_empty() {
            return Err(match Wildcard::parse(spec)? {
                Some(_) => {
                    format!("\"{spec}\" matched no configured models; name them in [harness.X.models]")
                }
                None => {
                    format!("\"{spec}\" has no concrete model; write {spec}:MODEL, or set its default model")
                }
            });
        }
        members.extend(found);
    }
    for spec in &provider.exclude {
        for key in expand(catalog, spec)? {
            members.remove(&key);
        }
    }
    if members.is_empty() {
        return Err(
            "no models remaining after exclusions; shorten exclude, or remove the provider".to_owned()
        );
    }
    Ok(members)
}

/// The runners that a spec names; none for a harness without a default model and for a wildcard
/// that matches nothing.
fn expand(catalog: &Catalog<'_>, spec: &str) -> Result<BTreeSet<Key>, String> {
    let spec = spec.trim();
    if spec.is_empty() {
        return Err("a spec is blank; write harness:model, harness, a model name or a wildcard".to_owned());
    }
    if let Some(wildcard) = Wildcard::parse(spec)? {
        return wildcard.expand(catalog);
    }
    let (alias, model) = match spec.split_once(':') {
        Some((alias, model)) => (alias, Some(model)),
        None => (spec, None),
    };
    // Digits are a quota in entries; here they mean the harness as it is.
    let model = model.filter(|model| !model.bytes().all(|byte| byte.is_ascii_digit()));
    if spec.ends_with(':') {
        return Err(format!("\"{spec}\" has nothing behind the colon"));
    }
    let identifier = Identifier { alias: alias.to_owned(), model: model.map(str::to_owned) };
    match catalog.resolve(&identifier) {
        Ok(Runner { harness, model, .. }) => Ok(model.map(|model| (harness, model)).into_iter().collect()),
        Err(ResolveError::Alias { .. }) if !spec.contains(':') => named(catalog, spec),
        Err(problem) => Err(problem.to_string()),
    }
}

/// A model name alone: the one runner that some harness calls so.
fn named(catalog: &Catalog<'_>, name: &str) -> Result<BTreeSet<Key>, String> {
    let found: BTreeSet<Key> = catalog
        .declared_models()
        .filter(|(_, alias, _)| *alias == name)
        .map(|(harness, _, model)| (harness.to_owned(), model.to_owned()))
        .collect();
    match found.len() {
        0 => Err(format!(
            "unknown model alias \"{}\": neither a harness nor a name in a [harness.X.models]",
            name.escape_debug()
        )),
        1 => Ok(found),
        _ => {
            let candidates: Vec<String> =
                found.iter().map(|(harness, model)| format!("{harness}:{model}")).collect();
            Err(format!("ambiguous model alias \"{name}\": {}; write one of them", candidates.join(", ")))
        }
    }
}

/// `[harness:](*|prefix/*|*suffix)`.
struct Wildcard<'s> {
    harness: Option<&'s str>,
    pattern: Pattern<'s>,
}

enum Pattern<'s> {
    All,
    /// With its slash.
    Prefix(&'s str),
    Suffix(&'s str),
}

impl<'s> Wildcard<'s> {
    /// `None` for a spec without `*`.
    fn parse(spec: &'s str) -> Result<Option<Wildcard<'s>>, String> {
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
            Some((harness, pattern)) if is_name(harness) => (Some(harness), pattern),
            Some((harness, _)) if harness.trim().is_empty() => {
                return Err(format!("\"{spec}\" names no harness before the colon"));
            }
            _ => (None, spec),
        };
        let pattern = match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
            (Some(""), _) if harness.is_some() => Pattern::All,
            (Some(prefix), _) if prefix.len() > 1 && prefix.ends_with('/') && !prefix.contains('*') => {
                Pattern::Prefix(prefix)
            }
            (_, Some(suffix)) if !suffix.is_empty() && !suffix.contains('*') => Pattern::Suffix(suffix),
            _ => return Err(unsupported()),
        };
        Ok(Some(Wildcard { harness, pattern }))
    }

    fn expand(&self, catalog: &Catalog<'_>) -> Result<BTreeSet<Key>, String> {
        let of_one = match self.harness {
            Some(alias) => {
                let identifier = Identifier { alias: alias.to_owned(), model: None };
                let harness = catalog.resolve(&identifier).map_err(|problem| problem.to_string())?.harness;
                Some(catalog.models_of(&harness))
            }
            None => None,
        };
        let models = of_one.unwrap_or_else(|| catalog.configured_models());
        Ok(models.into_iter().filter(|(_, model)| self.matches(model)).collect())
    }

    fn matches(&self, model: &str) -> bool {
        match self.pattern {
            Pattern::All => true,
            Pattern::Prefix(prefix) => model.starts_with(prefix),
            Pattern::Suffix(suffix) => model.ends_with(suffix),
        }
    }
}

fn diagnostic(config: &Config, key: &str, provider: &ProviderConfig, message: String) -> Diagnostic {
    let path = format!("providers.{key}");
    let origin = config.origin(&format!("{path}.models")).or_else(|| config.origin(&path)).cloned();
    Diagnostic { origin, key: path, message: format!("[providers].{}: {message}", provider.name) }
}

/// Canonical name of a harness table.
pub(super) fn canonical(table: &str) -> &str {
    builtin::find(table).map_or(table, |builtin| builtin.name)
}
