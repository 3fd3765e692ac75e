//! Everything that a configuration says about who works, with every complaint about it.

use crate::config::{Config, Diagnostic};

use super::entry::Entry;
use super::problem::RosterError;
use super::providers::Providers;
use super::reasoning::Reasoning;
use super::resolve::Catalog;
use super::roster::Roster;
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
    /// What is wrong with providers and preferences, by file and line.
    pub errors: Vec<Diagnostic>,
    /// What is suspicious, by file and line.
    pub warnings: Vec<Diagnostic>,
    /// Whether a relay without flags takes the mix.
    mix_counts: bool,
}

/// The dotted name of the mix.
const MIX: &str = "defaults.mix";

impl Rules {
    /// Reads the rules of a configuration.
    pub fn of(config: &Config) -> Rules {
        let catalog = Catalog::new(config);
        let (providers, mut errors) = Providers::resolve(&catalog);
        let (reasoning, wrong, warnings) = Reasoning::compile(&catalog);
        errors.extend(wrong);
        let mut rules = Rules {
            providers,
            reasoning,
            routes: routes::resolve(&catalog),
            mix: Roster::from_config_mix(&catalog),
            errors,
            warnings,
            mix_counts: config.routes.is_empty(),
        };
        rules.warnings.extend(rules.doubts(&catalog));
        for list in [&mut rules.errors, &mut rules.warnings] {
            sort(list);
        }
        rules
    }

    /// The lanes of a relay without `--agent`: those of the routes, or the mix where there are no routes.
    /// `None` when they cannot be used.
    pub fn roster(&self) -> Option<Roster> {
        match self.mix_counts {
            true => self.mix.as_ref().ok().cloned(),
            false => Roster::from_routes(&self.routes),
        }
    }

    /// All that is wrong and all that is suspicious, by file and line: providers, preferences,
    /// routes and the mix. A mix that cannot be read is an error only where it counts, without routes.
    pub fn diagnostics(&self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let (mut errors, mut warnings) = (self.errors.clone(), self.warnings.clone());
        for route in &self.routes.broken {
            let key = format!("routes.{}", route.key);
            errors.extend(route.problems.iter().map(|problem| problem.diagnostic(&key)));
        }
        if let Err(problem) = &self.mix {
            let mut diagnostic = problem.diagnostic(MIX);
            if self.mix_counts {
                errors.push(diagnostic);
            } else {
                diagnostic.message.push_str("; it does not count while there are [routes]");
                warnings.push(diagnostic);
            }
        }
        sort(&mut errors);
        sort(&mut warnings);
        (errors, warnings)
    }

    /// Doubts about models: of the routes, of the mix while it counts, and of the defaults.
    fn doubts(&self, catalog: &Catalog<'_>) -> Vec<Diagnostic> {
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
            if catalog.aliases().any(|alias| alias == key) {
                let message = format!("a harness has this name, too: --agent {key} runs the route");
                found.push(complain(format!("routes.{key}"), &label, message));
            }
        }
        let mix = self.mix.iter().filter(|_| self.mix_counts && config.defaults.mix.is_some());
        for text in mix.flat_map(|mix| &mix.texts) {
            let doubt = doubt(text);
            found.extend(doubt.map(|message| complain(MIX.to_owned(), "[defaults].mix", message)));
        }
        found
    }
}

/// By file and line, each complaint once.
fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| (&a.origin, &a.key, &a.message).cmp(&(&b.origin, &b.key, &b.message)));
    diagnostics.dedup();
}
