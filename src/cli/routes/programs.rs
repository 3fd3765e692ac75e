//! The programs of the harnesses: where they are, and whose limit a runner draws from. None is run.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::program::{Found, Located};
use crate::cli::relay::harnesses;
use crate::config::Config;
use crate::executor::Registry;
use crate::model::Runner;
use crate::routing::Providers;

/// Every harness of a configuration.
#[derive(Debug)]
pub struct Programs {
    registry: Registry,
    located: BTreeMap<String, Located>,
}

impl Programs {
    /// Looks all of them up.
    pub fn look_up(config: &Config, workspace: &Path) -> Programs {
        let registry = harnesses::registry(config);
        let locate = |name: &str| Some((name.to_owned(), Located::of(registry.get(name)?.spec(), workspace)));
        let located = registry.names().filter_map(locate).collect();
        Programs { registry, located }
    }

    /// The program of a harness.
    pub fn of(&self, harness: &str) -> Option<&Located> {
        self.located.get(harness)
    }

    /// The file that would be run.
    pub fn file(program: &Located) -> Option<String> {
        match &program.found {
            Found::At(file) => Some(file.display().to_string()),
            Found::NotExecutable(_) | Found::Nowhere => None,
        }
    }

    /// Why a harness cannot be run, and the way out.
    pub fn trouble(&self, harness: &str) -> Option<(String, String)> {
        let Located { program, found, own_path } = self.of(harness)?;
        match found {
            Found::At(_) => None,
            Found::NotExecutable(file) => {
                let file = file.display();
                Some((format!("{file}, which may not be executed"), format!("chmod +x {file}")))
            }
            Found::Nowhere => {
                let missing = Located::missing(program, *own_path);
                let rest = missing.strip_prefix(program.as_str()).unwrap_or(&missing);
                Some((format!("{program}, which{rest}"), "install it, or take the entry out".to_owned()))
            }
        }
    }

    /// The quota that a runner draws from when no provider says it.
    pub fn scope_of_harness(&self, runner: &Runner) -> String {
        self.registry.quota_scope(runner)
    }

    /// The quota that a runner draws from.
    pub fn scope(&self, providers: &Providers, runner: &Runner) -> String {
        providers.quota(runner, &|runner| self.scope_of_harness(runner))
    }
}
