//! Routes and mix as they stand in the configuration, with whom they name.

use serde::Serialize;

use super::complaint::place;
use super::programs::Programs;
use crate::config::Config;
use crate::model::Runner;
use crate::routing::lane::DEFAULT_LANE;
use crate::routing::{Catalog, Entry, Lane, Quota, Rules, routes};

/// A route, or the mix.
#[derive(Debug, Serialize)]
pub struct LaneLine {
    /// As spelled; `default` for a mix.
    pub name: String,
    /// Where it stands; `null` for the built-in mix.
    pub file: Option<String>,
    /// The line of its key.
    pub line: Option<usize>,
    /// Whether all of it can be used.
    pub valid: bool,
    /// In order; those of a mix that cannot be taken apart are missing.
    pub entries: Vec<EntryLine>,
    /// Its dotted key.
    #[serde(skip)]
    pub key: String,
    /// How messages name it: `[routes].default`.
    #[serde(skip)]
    pub label: String,
    /// What the scheduler works with; `None` when it is not valid.
    #[serde(skip)]
    pub lane: Option<Lane>,
}

/// `[defaults].mix`, or the built-in mix.
#[derive(Debug, Serialize)]
pub struct MixLine {
    /// `configured` or `built-in`.
    pub source: &'static str,
    /// Whether a relay without `--agent` uses it: not when there are routes.
    pub used: bool,
    /// The rest is as in a route.
    #[serde(flatten)]
    pub lane: LaneLine,
}

/// An entry, and whom it names. What is not known of a broken one is `null`.
#[derive(Debug, Serialize)]
pub struct EntryLine {
    /// As typed.
    pub text: String,
    /// Canonical name.
    pub harness: Option<String>,
    /// As passed to the CLI; `null` leaves it to the CLI.
    pub model: Option<String>,
    /// As passed to the CLI.
    pub effort: Option<String>,
    /// Runs in a row; `null` for as many as pass.
    pub quota: Option<QuotaLine>,
    /// Who shares one limit has the same scope.
    pub quota_scope: Option<String>,
    /// As configured.
    pub program: Option<String>,
    /// The file that would be run; `null` when there is none.
    pub found: Option<String>,
}

/// Runs in a row.
#[derive(Debug, Serialize)]
pub struct QuotaLine {
    /// At least.
    pub min: u32,
    /// At most: more than `min` only while nobody else can run.
    pub max: u32,
}

impl QuotaLine {
    fn of(quota: Quota) -> Option<QuotaLine> {
        match quota {
            Quota::Open => None,
            Quota::Exactly(runs) => Some(QuotaLine { min: runs, max: runs }),
            Quota::Range { min, max } => Some(QuotaLine { min, max }),
        }
    }
}

impl LaneLine {
    fn new(config: &Config, name: &str, key: String, label: String, lane: Option<Lane>) -> LaneLine {
        let (file, line) = place(config.origin(&key));
        LaneLine {
            name: name.to_owned(),
            file,
            line,
            valid: lane.is_some(),
            entries: Vec::new(),
            key,
            label,
            lane,
        }
    }

    /// The role whose tasks it gets; the default lane also gets those of other roles and of none.
    pub fn role(&self) -> Option<&str> {
        Some(self.name.as_str()).filter(|name| !name.eq_ignore_ascii_case(DEFAULT_LANE))
    }
}

/// Everything that is asked about entries.
#[derive(Debug)]
pub struct Entries<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What it says about who works.
    pub rules: &'a Rules,
    /// Where the programs are.
    pub programs: &'a Programs,
}

impl Entries<'_> {
    /// Every route, sorted by lower-case name.
    pub fn routes(&self) -> Vec<LaneLine> {
        let catalog = Catalog::new(self.config);
        let routes = self.config.routes.iter().map(|(key, route)| {
            let (path, label) = (format!("routes.{key}"), format!("[routes].{}", route.name));
            let routes = &self.rules.routes;
            let lane = routes.find(key).map(|lane| routes.lanes[lane].clone());
            let mut line = LaneLine::new(self.config, route.name.trim(), path, label, lane);
            line.entries = route.entries.iter().map(|text| self.entry(&catalog, text)).collect();
            line
        });
        routes.collect()
    }

    /// The mix.
    pub fn mix(&self) -> MixLine {
        let (source, label) = match self.config.defaults.mix {
            Some(_) => ("configured", "[defaults].mix"),
            None => ("built-in", "the built-in mix"),
        };
        let lane = self.rules.mix.as_ref().ok().and_then(|mix| mix.lanes.first().cloned());
        let entries = lane.iter().flat_map(|lane| &lane.slots).map(|slot| EntryLine {
            quota: QuotaLine::of(slot.quota),
            ..self.line(&slot.text, slot.members.first().map(|member| &member.runner))
        });
        let entries = entries.collect();
        let key = "defaults.mix".to_owned();
        let mut lane = LaneLine::new(self.config, DEFAULT_LANE, key, label.to_owned(), lane);
        lane.entries = entries;
        MixLine { source, used: self.config.routes.is_empty(), lane }
    }

    fn entry(&self, catalog: &Catalog<'_>, text: &str) -> EntryLine {
        let Ok(entry) = Entry::parse(text) else { return self.line(text, None) };
        if routes::several(catalog, text).is_some() {
            return self.line(text, None);
        }
        let runner = catalog.resolve(&entry.identifier).ok();
        EntryLine { quota: QuotaLine::of(entry.quota), ..self.line(text, runner.as_ref()) }
    }

    fn line(&self, text: &str, runner: Option<&Runner>) -> EntryLine {
        let program = runner.and_then(|runner| self.programs.of(&runner.harness));
        EntryLine {
            text: text.to_owned(),
            harness: runner.map(|runner| runner.harness.clone()),
            model: runner.and_then(|runner| runner.model.clone()),
            effort: runner.and_then(|runner| runner.effort.clone()),
            quota: None,
            quota_scope: runner.map(|runner| self.programs.scope(&self.rules.providers, runner)),
            program: program.map(|program| program.program.clone()),
            found: program.and_then(Programs::file),
        }
    }
}
