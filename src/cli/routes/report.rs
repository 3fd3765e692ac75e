//! Everything that `rally routes check` finds out. Gathering only looks.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::complaint::{self, Complaint, place};
use super::doubts::Doubts;
use super::lanes::{Entries, LaneLine, MixLine};
use super::preview::{LanePreview, Memory, Outlook};
use super::programs::Programs;
use super::queue::Queue;
use super::roles::{RoleLine, roles};
use crate::cli::workspace;
use crate::config::{self, Config, ConfigError, Env, Loaded};
use crate::model::Timestamp;
use crate::routing::{Roster, Rules};
use crate::store::Reader;

/// Version of the shape of `--json`.
const VERSION: u32 = 1;

/// What is known; also what `--json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    v: u32,
    /// Top of the work tree, or the current folder outside of any.
    pub workspace: String,
    /// Whether the configuration could be loaded: else nothing is known but errors.
    pub loaded: bool,
    /// `[routes]`, by lower-case name.
    pub routes: Vec<LaneLine>,
    /// The mix; `null` only when the configuration could not be loaded.
    pub mix: Option<MixLine>,
    /// `[providers]`, by name; broken ones are missing.
    pub providers: Vec<ProviderLine>,
    /// `[reasoning]`, by lower-case role.
    pub reasoning: Vec<ReasoningLine>,
    /// The prompts of roles.
    pub roles: Vec<RoleLine>,
    /// What keeps a relay from running as configured.
    pub errors: Vec<Complaint>,
    /// What will probably go otherwise than meant.
    pub warnings: Vec<Complaint>,
    /// What is worth knowing.
    pub infos: Vec<Complaint>,
    /// The next runs, if they were asked for.
    pub preview: Option<Vec<LanePreview>>,
}

/// Runners that share one limit.
#[derive(Debug, Serialize)]
pub struct ProviderLine {
    /// As spelled.
    pub name: String,
    /// Where it stands.
    pub file: Option<String>,
    /// The line of its key.
    pub line: Option<usize>,
    /// Whether it is out of service.
    pub disabled: bool,
    /// Who belongs to it.
    pub members: Vec<MemberLine>,
}

/// A runner of a provider.
#[derive(Debug, Serialize)]
pub struct MemberLine {
    harness: String,
    model: String,
}

/// What a role prefers.
#[derive(Debug, Serialize)]
pub struct ReasoningLine {
    /// As spelled.
    pub role: String,
    /// As written.
    pub preference: String,
    /// Where it stands.
    pub file: Option<String>,
    /// The line of its key.
    pub line: Option<usize>,
}

impl Report {
    /// Looks at a workspace; `preview` is how many runs of every lane are wanted.
    pub fn gather(workspace: &Path, env: &Env, preview: Option<usize>, now: Timestamp) -> Report {
        let mut report = Report {
            v: VERSION,
            workspace: workspace.display().to_string(),
            loaded: false,
            routes: Vec::new(),
            mix: None,
            providers: Vec::new(),
            reasoning: Vec::new(),
            roles: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            infos: Vec::new(),
            preview: None,
        };
        match config::load(workspace, env) {
            Ok(loaded) => report.examine(loaded, workspace, preview, now),
            Err(ConfigError::Invalid(errors)) => {
                report.errors.extend(errors.into_iter().map(Complaint::from));
            }
            Err(ConfigError::Unreadable { file, source }) => {
                let message = format!("cannot be read: {source}; make it readable, or move it away");
                report.errors.push(Complaint::of_file(&file, None, message));
            }
            Err(error) => report.errors.push(Complaint::plain(error.to_string())),
        }
        let files: Vec<PathBuf> =
            env.user_file().into_iter().chain([config::repository_file(workspace)]).collect();
        for complaints in [&mut report.errors, &mut report.warnings, &mut report.infos] {
            complaint::sort(complaints, &files);
        }
        report
    }

    fn examine(&mut self, loaded: Loaded, workspace: &Path, preview: Option<usize>, now: Timestamp) {
        let Loaded { config, warnings } = loaded;
        self.loaded = true;
        self.warnings.extend(warnings.into_iter().map(Complaint::from));
        let rules = Rules::of(&config);
        let (errors, warnings) = rules.diagnostics();
        self.errors.extend(errors.into_iter().map(Complaint::from));
        self.warnings.extend(warnings.into_iter().map(Complaint::from));
        let programs = Programs::look_up(&config, workspace);
        let entries = Entries { config: &config, rules: &rules, programs: &programs };
        let (routes, mix) = (entries.routes(), entries.mix());
        self.providers = providers(&config, &rules);
        self.reasoning = reasoning(&config);
        let roles = roles(workspace).map_err(|error| self.errors.push(error)).ok();

        let used: Vec<&LaneLine> = if mix.used { vec![&mix.lane] } else { routes.iter().collect() };
        self.add(Doubts::of_lanes(&config, &rules, &used, &|harness| programs.trouble(harness)));
        match Queue::read(workspace) {
            Ok(Some(queue)) => self.add(Doubts::of_queue(&config, &queue, &routes, roles.as_deref())),
            Ok(None) => {}
            Err(error) => self.errors.push(error),
        }
        (self.routes, self.mix) = (routes, Some(mix));
        self.roles = roles.unwrap_or_default();
        if let Some(n) = preview {
            let memory = self.memory(workspace);
            let roster = rules.roster();
            let other = roster.as_ref().and_then(|roster| memory.other_mix(roster));
            self.infos.extend(other.map(Complaint::plain));
            let ahead = |roster: &Roster| {
                let outlook = Outlook { roster, rules: &rules, programs: &programs, memory: &memory, now };
                outlook.lanes(&config, n)
            };
            self.preview = Some(roster.as_ref().map(ahead).unwrap_or_default());
        }
    }

    fn add(&mut self, doubts: Doubts) {
        self.errors.extend(doubts.errors);
        self.warnings.extend(doubts.warnings);
        self.infos.extend(doubts.infos);
    }

    /// What is remembered; what cannot be read is an error, and counts as nothing.
    fn memory(&mut self, workspace: &Path) -> Memory {
        let read =
            workspace::state_layout(workspace).and_then(|layout| Ok(Memory::read(&Reader::new(layout))?));
        read.unwrap_or_else(|error| {
            self.errors.push(Complaint::plain(format!("{error:#}")));
            Memory::default()
        })
    }
}

fn providers(config: &Config, rules: &Rules) -> Vec<ProviderLine> {
    let line = |provider: &crate::routing::Provider| {
        let (file, line) = place(config.origin(&format!("providers.{}", provider.name.to_lowercase())));
        let member = |(harness, model): &(String, String)| MemberLine {
            harness: harness.clone(),
            model: model.clone(),
        };
        let members = provider.members.iter().map(member).collect();
        ProviderLine { name: provider.name.clone(), file, line, disabled: provider.disabled, members }
    };
    rules.providers.list.iter().map(line).collect()
}

fn reasoning(config: &Config) -> Vec<ReasoningLine> {
    let line = |(key, wish): (&String, &config::ReasoningConfig)| {
        let (file, line) = place(config.origin(&format!("reasoning.{key}")));
        ReasoningLine { role: wish.role.clone(), preference: wish.preference.clone(), file, line }
    };
    config.reasoning.iter().map(line).collect()
}
