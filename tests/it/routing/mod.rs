//! From what people type, over a real configuration, to who runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod corners;
mod lists;
mod names;
mod providers;
mod reasoning;
mod rosters;
mod routes;

use std::fmt::Display;
use std::path::PathBuf;

use rally::config::{self, Config, ConfigError, Env};
use rally::model::Runner;
use rally::routing::scheduler::Seen;
use rally::routing::{
    Catalog, Entry, Health, Member, Pick, Roster, RosterError, Rules, Scheduler, Slot, Verdict,
};

const TABLES: &str = r#"
[defaults]
claude_model = "claude-haiku-4-5"
antigravity_model = "Gemini 3.5 Flash (High)"
[harness.cc.models]
opus = "claude-opus-4-7"
sonnet = "claude-sonnet-4-6"
[harness.claude.models]
opus = "opus-of-claude"
[harness.op.models]
z = "zai-coding-plan/glm-5.1"
gk = "openrouter/x:free"
[harness.ag.models]
flash = "Gemini 3.5 Flash (High)"
[harness.mycode]
command = ["mycode", "run"]
models = { kimi = "opencode-go/kimi-k2.6" }
[harness.droid]
command = ["droid"]
[harness.work]
base = "claude"
models = { fast = "claude-haiku-4-5" }
"#;

/// The user's and the repository's file, in a folder that messages leave out.
struct Files(tempfile::TempDir);

impl Files {
    fn new(user: &str, repository: &str) -> Files {
        let files = Files(tempfile::tempdir().unwrap());
        for (file, text) in [
            (files.env().user_file().unwrap(), user),
            (config::repository_file(&files.workspace()), repository),
        ] {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        files
    }

    fn workspace(&self) -> PathBuf {
        self.0.path().join("repo")
    }

    fn env(&self) -> Env {
        Env { home: Some(self.0.path().join("home")), ..Env::default() }
    }

    fn load(&self) -> Result<Config, ConfigError> {
        config::load(&self.workspace(), &self.env()).map(|loaded| loaded.config)
    }

    /// Without the folder of the test.
    fn plain(&self, text: impl Display) -> String {
        text.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }

    /// All errors and all warnings about who works, one a line.
    fn complaints(&self) -> (String, String) {
        match self.load() {
            Ok(config) => {
                let (errors, warnings) = Rules::of(&config).diagnostics();
                let lines = |list: Vec<config::Diagnostic>| {
                    list.iter().map(|diagnostic| self.plain(format!("{diagnostic}\n"))).collect()
                };
                (lines(errors), lines(warnings))
            }
            Err(error) => (self.plain(error), String::new()),
        }
    }
}

/// The configuration that a repository file gives.
fn config_with(text: &str) -> Config {
    Files::new("", text).load().unwrap()
}

fn errors(text: &str) -> String {
    Files::new("", text).complaints().0
}

fn warnings(text: &str) -> String {
    Files::new("", text).complaints().1
}

fn runner(text: &str, config: &Config) -> Runner {
    Catalog::new(config).resolve(&Entry::parse(text).unwrap().identifier).unwrap()
}

fn resolve(text: &str, config: &Config) -> Result<(String, String), String> {
    let identifier = Entry::parse(text).map_err(|error| error.to_string())?.identifier;
    let Runner { harness, model, .. } =
        Catalog::new(config).resolve(&identifier).map_err(|error| error.to_string())?;
    Ok((harness, model.unwrap_or_default()))
}

fn try_flags(values: &[&str], config: &Config) -> Result<Roster, RosterError> {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    Roster::from_flags(&values, &Catalog::new(config))
}

fn flags(values: &[&str], config: &Config) -> Result<Roster, String> {
    try_flags(values, config).map_err(|error| error.to_string())
}

fn texts(roster: &Roster) -> Vec<&str> {
    roster.texts.iter().map(String::as_str).collect()
}

/// To which harnesses the slots give the first runs.
fn order(slots: &[Slot], runs: usize) -> Vec<String> {
    turns(slots, runs, |member| member.runner.harness.clone())
}

/// What the slots' first runs are, if all pass.
fn turns<T>(slots: &[Slot], runs: usize, of: impl Fn(&Member) -> T) -> Vec<T> {
    let mut scheduler = Scheduler::new(slots.to_vec());
    let ready =
        |member: &Member| Seen { model: member.runner.model.clone(), health: Health::Ready, spare: None };
    (0..runs)
        .map(|_| {
            let Pick::Run(turn) = scheduler.next(ready) else { panic!("nobody") };
            scheduler.record(turn, Verdict::Passed);
            of(scheduler.member(turn))
        })
        .collect()
}
