//! From a name to a runner: aliases, model names, raw models.

use crate::config::suggest::{closest, hint};
use crate::config::{Config, builtin, is_name};
use crate::model::Runner;

use super::entry::Identifier;

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
        "unknown model \"{model}\" of {alias}{}; name it in [harness.{alias}.models]",
        or_hint(suggestions)
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
    #[error("unknown model \"{model}\" of {alias}: no models defined; name it in [harness.{alias}.models]")]
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
    /// A known model name stands for its model. Any other text that could be a model name is a
    /// mistake, unless it has a hyphen behind a letter and a digit, like `claude-haiku-4-5`.
    /// Everything else (`.`, `/`, `*`, spaces, …) is passed to the CLI as it is.
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

    /// The canonical name of a harness.
    fn harness<'n>(&self, alias: &'n str) -> Result<&'n str, ResolveError> {
        if let Some(builtin) = builtin::find(alias) {
            return Ok(builtin.name);
        }
        if self.config.harnesses.contains_key(alias) {
            return Ok(alias);
        }
        let configured = || self.config.harnesses.keys().map(String::as_str);
        let builtins = builtin::BUILTINS.iter().flat_map(|builtin| builtin.aliases.iter().copied());
        let suggestions = closest(alias, builtins.chain(configured()));
        let short = ["ag", "cc", "cx", "ge", "op"].into_iter();
        let known: Vec<&str> =
            short.chain(configured().filter(|name| builtin::find(name).is_none())).collect();
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
        let mut names: Vec<&str> = Vec::new();
        for (_, table) in self.config.harness_tables(alias) {
            if let Some(model) = table.models.get(name) {
                return Ok(model.clone());
            }
            names.extend(table.models.keys().map(String::as_str));
        }
        if is_raw(name) {
            return Ok(name.to_owned());
        }
        let (alias, model) = (alias.to_owned(), name.to_owned());
        if names.is_empty() {
            return Err(ResolveError::NoModels { alias, model });
        }
        let suggestions = closest(name, names).into_iter().map(str::to_owned).collect();
        Err(ResolveError::Model { alias, model, suggestions })
    }
}

/// Whether a text that names no model is passed to the CLI as it is.
fn is_raw(text: &str) -> bool {
    let hyphen = text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_alphabetic() && pair[1] == b'-');
    !is_name(text) || (hyphen && text.bytes().any(|byte| byte.is_ascii_digit()))
}
