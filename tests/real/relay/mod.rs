//! rally drives the real CLIs: what every test of a relay needs.

mod handoff;
pub mod laps;
mod limits;
mod live;
pub mod refusals;
pub mod resume;
mod sandbox;
mod several;
pub mod stops;
mod trouble;
mod windows;
pub mod work;

use std::process::Command;

use serde_json::Value;

use super::cli::{Cli, subscribe};
use super::lab::{Done, Lab, Running, wait_until};

/// The word that agents are told, and asked for when they go on.
pub const WORD: &str = "zebra7";
/// A task that takes two tries of one session: the word is recalled only from an earlier message.
pub const TWO_STEPS: &str = "Remember CODEWORD=zebra7. Then MAKEFILE(word.txt|RECALL)";

/// A command that makes a file of its own in every run.
pub const UNIQUE: &str = "Create a unique file: RUN(mktemp ./made-XXXXXX)";

const TRIES: &str = ".rally/state/tries.jsonl";

/// Prepares the workspace, with a configuration in which a failed run ends its pass at once.
pub fn initialise(lab: &Lab, settings: &Settings) {
    lab.run(rally(lab, "ok", "init", &["init"])).expect_code(0);
    let models: String = Cli::ALL.iter().map(|cli| format!("{cli}_model = \"{}\"\n", cli.model())).collect();
    let Settings { tries, seconds, patience, failed_runs, more } = settings;
    let text = format!(
        "schema_version = 2\n\n[defaults]\n{models}\n[reliability]\nretry_budget = {tries}\n\
         retry_backoff_secs = 0\nmax_failed_runs = {failed_runs}\ntry_timeout_secs = {seconds}\n\
         retry_patience_secs = {patience}\n\n{more}\n"
    );
    lab.sandbox.write(".rally/config.toml", &text);
}

/// What tests vary in the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Tries of a run.
    pub tries: u32,
    /// Seconds of a try; 0 is the default.
    pub seconds: u32,
    /// Seconds that a CLI may retry by itself; 0 is the default.
    pub patience: u32,
    /// Failed runs that end a pass.
    pub failed_runs: u32,
    /// Further tables.
    pub more: &'static str,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { tries: 1, seconds: 0, patience: 0, failed_runs: 1, more: "" }
    }
}

/// Enough for a CLI to start and to ask, on a machine that is busy.
pub fn time_to_ask(cli: Cli) -> u32 {
    match cli {
        Cli::Claude | Cli::Codex => 10,
        Cli::Gemini => 20,
        Cli::Opencode => 45,
    }
}

pub fn rally(lab: &Lab, scenario: &str, id: &str, args: &[&str]) -> Command {
    let mut command = lab.command(env!("CARGO_BIN_EXE_rally"), scenario, id);
    command.args(args);
    command
}

/// `rally relay --new` for one run of a CLI; its requests come under the scenario's name.
pub fn new_relay(lab: &Lab, cli: Cli, scenario: &str, prompt: &str) -> Command {
    let args = ["relay", "--new", "--iterations", "1", "--agent", cli.alias(), prompt];
    rally(lab, scenario, scenario, &args)
}

/// `rally relay --new` for runs of a mix, each CLI in a scenario of its own, where its requests come under
/// its name. Claude is a subscriber.
pub fn mixed_relay(lab: &Lab, mix: &str, runs: u32, scenes: &[(Cli, &str)], prompt: &str) -> Command {
    let runs = runs.to_string();
    let args = ["relay", "--new", "--iterations", &runs, "--agent", mix, prompt];
    let mut command = rally(lab, "ok", "others", &args);
    for (cli, scenario) in scenes {
        lab.aim(*cli, scenario, &mut command);
    }
    subscribe(&mut command);
    command
}

/// `rally relay --resume`; its requests come as those of `resume`.
pub fn resumed_relay(lab: &Lab) -> Command {
    rally(lab, "ok", "resume", &["relay", "--resume"])
}

/// The records of a number of tries, with everything that rally said in the failure.
#[track_caller]
pub fn tries<const N: usize>(lab: &Lab, done: &Done) -> [Value; N] {
    let records = lab.sandbox.records(TRIES);
    records.try_into().unwrap_or_else(|records| panic!("{records:#?}\n{done:#?}"))
}

/// The logs of all relays, as operators read them.
pub fn relay_log(lab: &Lab) -> String {
    let mut show = Command::new("sh");
    show.args(["-c", "cat .local/share/rally/relays/*/relay-*.log"]).current_dir(lab.sandbox.home());
    String::from_utf8(show.output().unwrap().stdout).unwrap()
}

/// What happened to the health of runners.
pub fn status_events(lab: &Lab) -> Vec<Value> {
    lab.sandbox.records(".rally/state/agent_status.jsonl")
}

/// Who had the tries, and whether they were completed.
pub fn course(records: &[Value]) -> Vec<(&str, bool)> {
    let each = records.iter();
    each.map(|record| (record["agent_type"].as_str().unwrap(), record["completed"] == true)).collect()
}

/// The line of a footer between its rules.
#[track_caller]
pub fn footer<'a>(done: &'a Done, sign: &str) -> &'a str {
    let line = done.stdout.lines().find(|line| line.starts_with(sign));
    line.unwrap_or_else(|| panic!("no footer with {sign}: {done:#?}"))
}

pub fn wait_for_request(lab: &Lab, running: &Running, id: &str) {
    wait_until(|| !lab.mock.turns(id).is_empty(), || format!("nothing was asked: {}", running.story()));
}
