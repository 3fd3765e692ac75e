//! Everything that a configuration says about who works, with every complaint about it.

use crate::config::{Config, Diagnostic};

use super::entry::Entry;
use super::providers::Providers;
use super::reasoning::Reasoning;
use super::resolve::Catalog;
use super::roster::{Roster, RosterError};
use super::routes::{self, Routes};

/// What a configuration says about who works.
#[derive(Debug)]
pub struct Rules {
    /// Who shares a limit.
    pub providers: Providers,
    /// What roles want.
    pub reasoning: Reasoning,
    /// The lanes of roles, and what is wrong with them.
    pub routes: Routes,
    /// The mix of relays without routes and flags.
    pub mix: Result<Roster, RosterError>,
    /// What is wrong with providers and preferences.
    pub errors: Vec<Diagnostic>,
    /// What is suspicious.
    pub warnings: Vec<Diagnostic>,
}

impl Rules {
    /// Reads the rules of a configuration.
    pub fn of(config: &Config) -> Rules {
        let catalog = Catalog::new(config);
        let (providers, mut errors) = Providers::resolve(&catalog);
        let (reasoning, wrong, warnings) = Reasoning::compile(&catalog);
        errors.extend(wrong);
        let (routes, mix) = (routes::resolve(&catalog), Roster::from_config_mix(&catalog));
        let mut rules = Rules { providers, reasoning, routes, mix, errors, warnings };
        rules.doubts(&catalog);
        rules
    }

    /// Doubts about models: of the routes, of the mix while it counts, and of the defaults.
    fn doubts(&mut self, catalog: &Catalog<'_>) {
        let config = catalog.config();
        let complain = |key: String, label: &str, message: String| {
            let origin = config.origin(&key).cloned();
            Diagnostic { origin, key, message: format!("{label}: {message}") }
        };
        let mut found = Vec::new();
        for (harness, model) in &config.defaults.models {
            if model.contains('*') {
                let key = format!("{harness}_model");
                let message = format!("\"{model}\" holds a *, which is passed as it is; no CLI expands it");
                found.push(complain(format!("defaults.{key}"), &format!("[defaults].{key}"), message));
            }
        }
        let doubt = |text: &str| {
            let identifier = Entry::parse(text).ok()?.identifier;
            identifier.model.as_ref()?;
            catalog.doubt(&identifier)
        };
        for (key, route) in &config.routes {
            let doubts = route.entries.iter().filter_map(|entry| doubt(entry));
            let label = format!("[routes].{}", route.name);
            found.extend(doubts.map(|message| complain(format!("routes.{key}"), &label, message)));
        }
        let mix = self.mix.iter().filter(|_| config.routes.is_empty() && config.defaults.mix.is_some());
        for text in mix.flat_map(|mix| &mix.texts) {
            let doubt = doubt(text);
            found.extend(doubt.map(|message| complain("defaults.mix".to_owned(), "[defaults].mix", message)));
        }
        self.warnings.extend(found);
    }
}
