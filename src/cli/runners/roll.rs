//! Who there is: the runners of the configured lanes, and everybody whom rally remembers.

use std::collections::BTreeSet;

use super::line::Line;
use crate::cli::relay::harnesses;
use crate::cli::workspace;
use crate::config::{self, Config, Env};
use crate::model::{Runner, Timestamp};
use crate::relay::resilience::Healths;
use crate::routing::{Catalog, Entry, Lane, Roster, Rules};
use crate::store::status::Key;
use crate::store::{Layout, Reader};

/// A runner, and who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Harness and model.
    pub runner: Runner,
    /// The quota that it draws from.
    pub scope: String,
    /// The entries that name it, as typed.
    pub entries: Vec<String>,
    /// The disabled provider that it belongs to.
    pub disabled: Option<String>,
}

/// The runners of a workspace.
#[derive(Debug)]
pub struct Roll {
    /// What the user asked for.
    pub config: Config,
    /// The lanes' runners in their order, then those of an unfinished relay, then the others by name.
    pub listed: Vec<Listed>,
    reader: Reader,
    warnings: Vec<String>,
}

impl Roll {
    /// Reads configuration and state, and changes nothing. `named` are entries that somebody asks about: they
    /// draw from a quota, too, whether or not anybody has worked so.
    pub fn read(named: &[String]) -> anyhow::Result<Roll> {
        let root = workspace::root()?;
        let config = config::load(&root, &Env::from_process())?.config;
        let reader = Reader::new(workspace::state_layout(&root)?);
        let rules = Rules::of(&config);
        let registry = harnesses::registry(&config);
        let mut warnings = Vec::new();
        if !rules.diagnostics().0.is_empty() {
            warnings
                .push("the configuration has errors, so runners may be missing: `rally routes check`".into());
        }
        let mut roll: Vec<(Key, Listed)> = Vec::new();
        let mut add = |runner: Runner, entry: Option<&str>| {
            let key = (runner.harness.clone(), runner.model.clone());
            let index = roll.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                let listed = Listed {
                    scope: rules.providers.quota(&runner, &|runner| registry.quota_scope(runner)),
                    disabled: rules.providers.disabled(&runner).map(|provider| provider.name.clone()),
                    entries: Vec::new(),
                    runner,
                };
                roll.push((key, listed));
                roll.len() - 1
            });
            let entries = &mut roll[index].1.entries;
            if let Some(entry) = entry.filter(|entry| !entries.iter().any(|known| known == entry)) {
                entries.push(entry.to_owned());
            }
        };
        if let Some(roster) = rules.roster() {
            for (lane, role) in roster.tasks(&config) {
                for member in roster.lanes[lane].members() {
                    let runner = rules.reasoning.apply(role, member);
                    add(Runner { effort: None, ..runner }, Some(&member.text));
                }
            }
        }
        // A relay may have agents of its own.
        if let Some(relay) = reader.survey()?.resumable
            && let Ok(roster) = Roster::from_flags(&relay.entries, &Catalog::new(&config))
        {
            for member in roster.lanes.iter().flat_map(Lane::members) {
                add(Runner { effort: None, ..member.runner.clone() }, Some(&member.text));
            }
        }
        let remembered: BTreeSet<Key> = reader.status_events()?.iter().map(|event| event.key()).collect();
        for (harness, model) in remembered {
            add(Runner { harness, model, effort: None }, None);
        }
        let catalog = Catalog::new(&config);
        for name in named {
            let runner = Entry::parse(name).ok().and_then(|entry| catalog.resolve(&entry.identifier).ok());
            if let Some(runner) = runner.filter(|runner| runner.model.is_some()) {
                add(Runner { effort: None, ..runner }, None);
            }
        }
        let listed = roll.into_iter().map(|(_, listed)| listed).collect();
        Ok(Roll { listed, reader, warnings, config })
    }

    /// Where the state is.
    pub fn layout(&self) -> &Layout {
        self.reader.layout()
    }

    /// Whether a relay runs here now.
    pub fn is_at_work(&self) -> bool {
        self.reader.holder().is_some()
    }

    /// What to know about the list.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Everybody's health, as it is stored now.
    pub fn healths(&self) -> anyhow::Result<Healths> {
        Ok(Healths::remembered(&self.reader.status_events()?, &self.reader.quota_records()?))
    }

    /// What is known of everybody.
    pub fn lines(&self, healths: &Healths, now: Timestamp) -> Vec<Line> {
        self.listed.iter().map(|listed| Line::of(listed, healths, now)).collect()
    }
}
