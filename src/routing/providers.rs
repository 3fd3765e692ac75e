//! `[providers]`: runners that share one limit, whatever harness they belong to.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::suggest::{closest, hint};
use crate::config::{Config, Diagnostic, ProviderConfig, builtin};
use crate::model::Runner;

use super::entry::Entry;
use super::resolve::{Catalog, ResolveError};
use super::wildcard::Wildcard;

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
    /// Its wildcards, which also hold for models that only an entry or a flag names.
    open: Vec<Wildcard>,
    /// What its list of exclusions keeps out of them.
    closed: Closed,
}

/// Who is excluded from a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Closed {
    wildcards: Vec<Wildcard>,
    runners: BTreeSet<Key>,
}

impl Provider {
    /// Whether a runner belongs to it that the configuration does not list.
    fn takes(&self, runner: &Runner) -> bool {
        let matches = |wildcards: &[Wildcard]| wildcards.iter().any(|wildcard| wildcard.takes(runner));
        let excluded = key(runner).is_some_and(|key| self.closed.runners.contains(&key));
        matches(&self.open) && !matches(&self.closed.wildcards) && !excluded
    }
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
    /// Resolves `[providers]`. What is wrong is left out and told, everything at once; a runner of
    /// two providers stays with the first.
    pub fn resolve(catalog: &Catalog<'_>) -> (Providers, Vec<Diagnostic>) {
        let config = catalog.config();
        let mut problems = Vec::new();
        let mut providers = Providers::default();
        for (key, provider) in &config.providers {
            let (members, wrong) = members(catalog, provider);
            let is_usable = wrong.is_empty();
            let complain = |problem| diagnostic(config, key, provider, problem);
            problems.extend(wrong.into_iter().map(complain));
            if !is_usable {
                continue;
            }
            let open = wildcards(&provider.models);
            let closed = Closed {
                wildcards: wildcards(&provider.exclude),
                runners: provider
                    .exclude
                    .iter()
                    .flat_map(|spec| expand(catalog, spec).unwrap_or_default())
                    .collect(),
            };
            let name = provider.name.clone();
            let found = Provider { name, members, disabled: provider.disabled, open, closed };
            for ((harness, model), other) in providers.add(found) {
                let message = format!(
                    "{harness}:{model} belongs to [providers].{other} already; a runner can have only one provider, \
                     exclude it from one of them"
                );
                problems.push(diagnostic(config, key, provider, Problem { list: List::Models, message }));
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

    /// The provider of a runner: the one that lists it, else the first whose wildcard takes it. A runner
    /// whose model is the CLI's choice can only belong to `harness:*`.
    pub fn of(&self, runner: &Runner) -> Option<&Provider> {
        match key(runner).and_then(|key| self.of.get(&key)) {
            Some(index) => Some(&self.list[*index]),
            None => self.list.iter().find(|provider| provider.takes(runner)),
        }
    }

    /// The quota scope that a runner has from its provider: `provider:NAME`.
    pub fn scope(&self, runner: &Runner) -> Option<String> {
        self.of(runner).map(|provider| format!("provider:{}", provider.name))
    }

    /// The quota that a runner draws from: its provider's, else what `of_harness` says.
    pub fn quota(&self, runner: &Runner, of_harness: ScopeOf<'_>) -> String {
        self.scope(runner).unwrap_or_else(|| of_harness(runner))
    }

    /// The disabled provider of a runner.
    pub fn disabled(&self, runner: &Runner) -> Option<&Provider> {
        self.of(runner).filter(|provider| provider.disabled)
    }
}

fn key(runner: &Runner) -> Option<Key> {
    Some((runner.harness.clone(), runner.model.clone()?))
}

/// The wildcards among some specs.
fn wildcards(specs: &[String]) -> Vec<Wildcard> {
    specs.iter().filter_map(|spec| Wildcard::parse(spec.trim()).ok().flatten()).collect()
}

/// Says from which quota a runner draws when no provider says it.
pub type ScopeOf<'a> = &'a dyn Fn(&Runner) -> String;

/// The list of a provider that is to blame.
#[derive(Debug, Clone, Copy)]
enum List {
    Models,
    Exclude,
}

struct Problem {
    list: List,
    message: String,
}

/// Who belongs to a provider, and every reason why that cannot be told.
fn members(catalog: &Catalog<'_>, provider: &ProviderConfig) -> (BTreeSet<Key>, Vec<Problem>) {
    let (mut members, mut problems) = (BTreeSet::new(), Vec::new());
    for spec in &provider.models {
        match expand(catalog, spec) {
            Ok(found) if found.is_empty() => {
                problems.push(Problem { list: List::Models, message: nobody(catalog, spec.trim()) });
            }
            Ok(found) => members.extend(found),
            Err(message) => problems.push(Problem { list: List::Models, message }),
        }
    }
    for spec in &provider.exclude {
        match expand(catalog, spec) {
            Ok(found) => members.retain(|key| !found.contains(key)),
            Err(message) => problems.push(Problem { list: List::Exclude, message }),
        }
    }
    if members.is_empty() && problems.is_empty() {
        let message =
            "no models remaining after exclusions; shorten exclude, or remove the provider".to_owned();
        problems.push(Problem { list: List::Exclude, message });
    }
    (members, problems)
}

/// The complaint about a spec that is right, and names nobody.
fn nobody(catalog: &Catalog<'_>, spec: &str) -> String {
    if spec.contains('*') {
        return format!("\"{spec}\" matched no configured models; name them in [harness.X.models]");
    }
    let alias = spec.split(':').next().unwrap_or(spec);
    let default = match catalog.config().builtin(alias) {
        Some(builtin) => format!(", or set [defaults].{}", builtin.model_key),
        None => String::new(),
    };
    format!("\"{spec}\" has no concrete model; write {alias}:MODEL{default}")
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
    let resolved = Entry::parse(spec)
        .map_err(|problem| problem.to_string())
        .map(|entry| catalog.resolve(&entry.identifier));
    match resolved {
        Ok(Ok(Runner { harness, model, .. })) => {
            Ok(model.map(|model| (harness, model)).into_iter().collect())
        }
        Ok(Err(ResolveError::Alias { .. })) if !spec.contains(':') => named(catalog, spec),
        // What is configured may be named as it is, also where the grammar of entries has no place
        // for it (`droid:llama3:8b`).
        Ok(Err(problem)) => catalog.configured(spec).map(one).ok_or_else(|| problem.to_string()),
        Err(problem) => catalog.configured(spec).map(one).ok_or(problem),
    }
}

fn one(key: Key) -> BTreeSet<Key> {
    BTreeSet::from([key])
}

/// A model name alone: the one runner that some harness calls so.
fn named(catalog: &Catalog<'_>, name: &str) -> Result<BTreeSet<Key>, String> {
    let found: BTreeSet<Key> = catalog
        .declared_models()
        .filter(|(_, alias, _)| *alias == name)
        .map(|(harness, _, model)| (harness.to_owned(), model.to_owned()))
        .collect();
    match found.len() {
        0 => {
            let models = catalog.declared_models().map(|(_, alias, _)| alias);
            Err(format!(
                "unknown model alias \"{}\"{}; it is neither a harness nor named in a [harness.X.models]",
                name.escape_debug(),
                hint(&closest(name, catalog.aliases().chain(models)))
            ))
        }
        1 => Ok(found),
        _ => {
            let candidates: Vec<String> =
                found.iter().map(|(harness, model)| format!("{harness}:{model}")).collect();
            Err(format!("ambiguous model alias \"{name}\": {}; write one of them", candidates.join(", ")))
        }
    }
}

fn diagnostic(config: &Config, key: &str, provider: &ProviderConfig, problem: Problem) -> Diagnostic {
    let path = format!("providers.{key}");
    let list = match problem.list {
        List::Models => "models",
        List::Exclude => "exclude",
    };
    let origin = config.origin(&format!("{path}.{list}")).or_else(|| config.origin(&path)).cloned();
    Diagnostic { origin, key: path, message: format!("[providers].{}: {}", provider.name, problem.message) }
}

/// Canonical name of a harness table.
pub(super) fn canonical(table: &str) -> &str {
    builtin::find(table).map_or(table, |builtin| builtin.name)
}
