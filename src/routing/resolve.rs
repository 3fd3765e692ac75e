//! From a name to a runner: aliases, model names, raw models.

use std::collections::BTreeSet;

use crate::config::suggest::{closest, hint};
use crate::config::{Config, HarnessConfig, builtin, is_name};
use crate::model::Runner;

use super::entry::Identifier;
use super::providers::canonical;

/// What names mean under a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Catalog<'a> {
    config: &'a Config,
}

/// Why a name means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No harness has this name.
    #[error("unknown agent alias \"{}\"{}; known are {known}", alias.escape_debug(), or_hint(suggestions))]
    Alias {
        /// As typed.
        alias: String,
        /// Names that are close to it.
        suggestions: Vec<String>,
        /// The short names and those that are configured.
        known: String,
    },
    /// The harness names models, but not this one.
    #[error(
        "unknown model \"{model}\" of {alias}{}{}; name it in [harness.{alias}.models]",
        or_hint(suggestions),
        or_quota(model)
    )]
    Model {
        /// The harness as typed.
        alias: String,
        /// As typed.
        model: String,
        /// Names that are close to it.
        suggestions: Vec<String>,
    },
    /// The harness names no models at all.
    #[error(
        "unknown model \"{model}\" of {alias}: no models defined{}; name it in [harness.{alias}.models]",
        or_quota(model)
    )]
    NoModels {
        /// The harness as typed.
        alias: String,
        /// As typed.
        model: String,
    },
}

fn or_hint(suggestions: &[String]) -> String {
    hint(&suggestions.iter().map(String::as_str).collect::<Vec<_>>())
}

impl<'a> Catalog<'a> {
    /// The names of a configuration, built-in ones included.
    pub fn new(config: &'a Config) -> Catalog<'a> {
        Catalog { config }
    }

    /// The configuration behind it.
    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// The runner that an identifier names.
    ///
    /// A known model name stands for its model. Any other name is a mistake, unless it has a digit and
    /// a hyphen behind a letter, like `claude-haiku-4-5`. What holds a `.`, a `/` or another character
    /// that models have and names do not, is passed to the CLI as it is.
    ///
    /// # Errors
    ///
    /// See [`ResolveError`].
    pub fn resolve(&self, identifier: &Identifier) -> Result<Runner, ResolveError> {
        let alias = identifier.alias.as_str();
        let harness = self.harness(alias)?;
        let model = match &identifier.model {
            None => self.default_model(alias),
            Some(name) => Some(self.model(alias, name)?),
        };
        Ok(Runner { harness: harness.to_owned(), model, effort: self.config.launch(harness).effort })
    }

    /// Every name that a harness answers to.
    pub fn aliases(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let builtins = builtin::BUILTINS.iter().flat_map(|builtin| builtin.aliases.iter().copied());
        builtins.chain(self.config.harnesses.keys().map(String::as_str))
    }

    /// The canonical name of a harness.
    fn harness<'n>(&self, alias: &'n str) -> Result<&'n str, ResolveError> {
        if let Some(builtin) = builtin::find(alias) {
            return Ok(builtin.name);
        }
        if self.config.harnesses.contains_key(alias) {
            return Ok(alias);
        }
        let suggestions = closest(alias, self.aliases());
        let own = self.config.harnesses.keys().map(String::as_str);
        let own = own.filter(|name| builtin::find(name).is_none());
        let known: Vec<&str> = ["ag", "cc", "cx", "ge", "op"].into_iter().chain(own).collect();
        Err(ResolveError::Alias {
            alias: alias.to_owned(),
            suggestions: suggestions.into_iter().map(str::to_owned).collect(),
            known: known.join(", "),
        })
    }

    /// `[defaults]` of the built-in harness that `alias` names or is built on.
    fn default_model(&self, alias: &str) -> Option<String> {
        let builtin = self.config.builtin(alias)?;
        self.config.defaults.models.get(builtin.name).cloned()
    }

    fn model(&self, alias: &str, name: &str) -> Result<String, ResolveError> {
        if let Some(model) = self.named_model(alias, name) {
            return Ok(model.to_owned());
        }
        if is_raw(name) {
            return Ok(name.to_owned());
        }
        let names: Vec<&str> = self.model_names(alias).collect();
        let (alias, model) = (alias.to_owned(), name.to_owned());
        if names.is_empty() {
            return Err(ResolveError::NoModels { alias, model });
        }
        let suggestions = closest(name, names).into_iter().map(str::to_owned).collect();
        Err(ResolveError::Model { alias, model, suggestions })
    }

    /// The model that a harness, typed as `alias`, calls so.
    pub fn named_model(&self, alias: &str, name: &str) -> Option<&'a str> {
        let config = self.config;
        tables(config, alias).into_iter().find_map(|table| table.models.get(name)).map(String::as_str)
    }

    /// The model names that a harness, typed as `alias`, knows.
    pub fn model_names(&self, alias: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        tables(self.config, alias).into_iter().flat_map(|table| table.models.keys().map(String::as_str))
    }

    /// Every harness by its canonical name: the built-in ones, then those of the user's own.
    pub fn harnesses(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let own = self.config.harnesses.keys().map(String::as_str);
        let own = own.filter(|name| builtin::find(name).is_none());
        builtin::BUILTINS.iter().map(|builtin| builtin.name).chain(own)
    }

    /// Every named model where it stands: canonical harness of the table, name, model.
    pub fn declared_models(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> + use<'a> {
        self.config.harnesses.iter().flat_map(|(table, harness)| {
            let models = harness.models.iter();
            models.map(|(name, model)| (canonical(table), name.as_str(), model.as_str()))
        })
    }

    /// The models that a harness, by its canonical name, is configured with, those of its base included.
    pub fn models_of(&self, harness: &str) -> BTreeSet<(String, String)> {
        let named = tables(self.config, harness).into_iter().flat_map(|table| table.models.values().cloned());
        named.chain(self.default_model(harness)).map(|model| (harness.to_owned(), model)).collect()
    }

    /// The runner of `harness:model`, when the harness is configured with exactly this model.
    pub fn configured(&self, spec: &str) -> Option<(String, String)> {
        let (alias, model) = spec.split_once(':')?;
        let key = (self.harness(alias).ok()?.to_owned(), model.to_owned());
        self.models_of(&key.0).contains(&key).then_some(key)
    }

    /// The models of all harnesses. A harness built on another counts with those that stand in its own
    /// table: an account of its own does not share a limit by mere inheritance.
    pub fn configured_models(&self) -> BTreeSet<(String, String)> {
        let declared =
            self.declared_models().map(|(harness, _, model)| (harness.to_owned(), model.to_owned()));
        let defaults = self.config.defaults.models.clone();
        declared.chain(defaults).collect()
    }

    /// What is suspicious about an identifier that resolves: a model that nobody defined and that
    /// may be a slip, or a `*`, which no CLI expands.
    pub fn doubt(&self, identifier: &Identifier) -> Option<String> {
        let model = self.resolve(identifier).ok()?.model?;
        if model.contains('*') {
            return Some(format!(
                "the model \"{model}\" holds a *, which is passed as it is; no CLI expands it"
            ));
        }
        let typed = identifier.model.as_deref()?;
        let alias = &identifier.alias;
        if !is_name(typed) || self.named_model(alias, typed).is_some() {
            return None;
        }
        let near = closest(typed, self.model_names(alias));
        Some(format!("{alias} has no model named \"{typed}\"; it is passed as it is{}", hint(&near)))
    }
}

/// The tables of a harness typed as `alias`, in the order in which they are consulted.
fn tables<'a>(config: &'a Config, alias: &str) -> Vec<&'a HarnessConfig> {
    let aliases = config.builtin(alias).map_or(&[][..], |builtin| builtin.aliases);
    let others = aliases.iter().copied().filter(|name| *name != alias);
    std::iter::once(alias).chain(others).filter_map(|name| config.harnesses.get(name)).collect()
}

/// Whether a text that names no model is passed to the CLI as it is: it holds what no name does, or it
/// looks like `claude-haiku-4-5`. A slip such as `2-` or `fast'` is neither.
fn is_raw(text: &str) -> bool {
    let hyphen = text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_alphabetic() && pair[1] == b'-');
    text.contains(['.', '/', '*', ' ', '[', '@', ':'])
        || (is_name(text) && hyphen && text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// What somebody may have meant who wrote digits where a model stands.
fn or_quota(model: &str) -> &'static str {
    match model.chars().next() {
        Some(first) if first.is_numeric() => "; a quota is :N or :N-M, at the end",
        _ => "",
    }
}
