//! The configuration as the rest of rally sees it: plain values, every default filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::builtin;
use super::diagnostic::{Origin, dotted};
use super::harness::{HarnessConfig, Launch};
use super::logs::LogsConfig;
use super::reliability::Reliability;
use super::routes::{ProviderConfig, ReasoningConfig, RouteConfig};
use super::sandbox::SandboxConfig;

/// `[defaults]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Successful runs of a relay when no flag says otherwise; at least 1.
    pub iterations: Option<u64>,
    /// The mix when no flag says otherwise, unparsed.
    pub mix: Option<String>,
    /// Default models by canonical name of the built-in harness.
    pub models: BTreeMap<String, String>,
}

/// Everything the user asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// As written; 0 when absent.
    pub schema_version: i64,
    /// Where transcripts go, absolute.
    pub data_dir: PathBuf,
    /// Whether rally's own commits run git hooks.
    pub run_hooks_on_autocommit: bool,
    /// `[defaults]`.
    pub defaults: Defaults,
    /// `[laps].instructions_file`, absolute.
    pub laps_instructions_file: Option<PathBuf>,
    /// `[free_run].prompt_file`, absolute.
    pub free_run_prompt_file: Option<PathBuf>,
    /// `[reliability]`.
    pub reliability: Reliability,
    /// `[logs]`.
    pub logs: LogsConfig,
    /// `[sandbox]`.
    pub sandbox: SandboxConfig,
    /// `[harness.X]` by name as spelled, aliases of built-in harnesses included.
    pub harnesses: BTreeMap<String, HarnessConfig>,
    /// `[routes]` by lower-case name.
    pub routes: BTreeMap<String, RouteConfig>,
    /// `[providers]` by lower-case name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// `[reasoning]` by lower-case role.
    pub reasoning: BTreeMap<String, ReasoningConfig>,
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Config {
    /// What holds without any file.
    pub fn with_data_dir(data_dir: PathBuf) -> Config {
        Config {
            schema_version: 0,
            data_dir,
            run_hooks_on_autocommit: false,
            logs: LogsConfig::default(),
            defaults: Defaults::default(),
            laps_instructions_file: None,
            free_run_prompt_file: None,
            reliability: Reliability::default(),
            sandbox: SandboxConfig::default(),
            harnesses: BTreeMap::new(),
            routes: BTreeMap::new(),
            providers: BTreeMap::new(),
            reasoning: BTreeMap::new(),
            origins: BTreeMap::new(),
        }
    }

    /// Where the value of a dotted key stands, for example `reliability.retry_budget`; `None` when no
    /// file sets it. Deprecated spellings are found under the current key; names of routes,
    /// providers and roles are in lower case. Behind a table, a name may stand without the quotes that
    /// a file would want: `routes.über`.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key).or_else(|| {
            let (table, name) = key.split_once('.')?;
            self.origins.get(&dotted(&[table.to_owned(), name.to_owned()]))
        })
    }

    /// Every key that a file sets, by dotted key with quotes where a file would want them, and where it
    /// stands. The lines of tables are left out.
    pub fn origins(&self) -> impl Iterator<Item = (&str, &Origin)> {
        let is_table = |key: &str| {
            self.origins.keys().any(|other| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
        };
        self.origins.iter().filter(move |(key, _)| !is_table(key)).map(|(key, origin)| (key.as_str(), origin))
    }

    /// The `[harness.X]` tables that count for a harness typed as `alias`, in this order: the alias
    /// as typed, then the names of the built-in harness it stands for or is built on.
    pub fn harness_tables<'a>(
        &'a self,
        alias: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a HarnessConfig)> {
        let aliases = self.builtin(alias).map_or(&[][..], |builtin| builtin.aliases);
        std::iter::once(alias)
            .chain(aliases.iter().copied().filter(move |name| *name != alias))
            .filter_map(|name| Some((name, self.harnesses.get(name)?)))
    }

    /// The built-in harness that `alias` names or is built on.
    pub fn builtin(&self, alias: &str) -> Option<&'static builtin::Builtin> {
        builtin::find(alias).or_else(|| builtin::find(self.harnesses.get(alias)?.base.as_deref()?))
    }

    /// Bytes that a harness prints per token, by canonical name or a name of the user's own: as configured for the
    /// name, else for the built-in harness that it is built on, else that one's own. Harnesses with a command of their
    /// own are in it only when they are configured.
    pub fn chars_per_token(&self) -> BTreeMap<String, f64> {
        let configured = &self.reliability.chars_per_token;
        let names = builtin::BUILTINS.iter().map(|builtin| builtin.name);
        names
            .chain(self.harnesses.keys().map(String::as_str))
            .filter_map(|name| {
                let builtin = self.builtin(name);
                let aliases = builtin.map_or(&[][..], |builtin| builtin.aliases);
                let figure = std::iter::once(&name).chain(aliases).find_map(|alias| configured.get(*alias));
                let figure = figure.copied().or(builtin.map(builtin::Builtin::chars_per_token))?;
                Some((name.to_owned(), figure))
            })
            .collect()
    }

    /// What the tables add to the command line of a harness. Of several tables for one built-in
    /// harness, the first with arguments gives them, and the first with a variable sets it.
    pub fn launch(&self, harness: &str) -> Launch {
        let mut launch = Launch { builtin: self.builtin(harness), ..Launch::default() };
        let own = self.harnesses.get(harness).filter(|_| builtin::find(harness).is_none());
        let shared = launch.builtin.map_or(&[][..], |builtin| builtin.aliases);
        let shared: Vec<&HarnessConfig> =
            shared.iter().filter_map(|name| self.harnesses.get(*name)).collect();
        if let Some(table) = shared.iter().find(|table| !table.args.is_empty()) {
            launch.args.clone_from(&table.args);
        }
        launch.effort = own.into_iter().chain(shared.iter().copied()).find_map(|table| table.effort.clone());
        // Weakest first: later ones override.
        for table in shared.into_iter().rev().chain(own) {
            launch.env.extend(table.env.clone());
            launch.foreign.extend(table.foreign.clone());
        }
        launch.args.extend(own.map(|table| table.args.clone()).unwrap_or_default());
        launch
    }
}
