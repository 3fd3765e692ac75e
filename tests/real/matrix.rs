//! What holds for each CLI under rally, cell by cell. Every cell is a test; what came out of it is kept
//! below `matrix/` beside the installed CLIs, and `table` makes `docs/real-agents.md` of that.

use std::path::PathBuf;

use super::cli::Cli;
use super::install;
use super::lab::{Lab, lab};
use super::relay::{laps, refusals, resume, stops, work};

/// What came out of a cell that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It holds.
    Works,
    /// It holds, with a remark.
    WorksSo(&'static str),
    /// The CLI makes it impossible, for this reason; what happens instead was asserted.
    Impossible(&'static str),
}

/// Where the result of a cell is kept: for this version alone.
pub fn place(cli: Cli, cell: &str) -> PathBuf {
    install::cache().join("matrix").join(format!("{cli}.{cell}.{}", install::pin(cli).version))
}

/// Runs the test of a cell. Its result is there only if nothing failed.
fn cell(lab: &Lab, cli: Cli, cell: &str, test: fn(&Lab, Cli) -> Found) {
    let place = place(cli, cell);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(&place);
    let found = test(lab, cli);
    lab.expect_no_process();
    let text = match found {
        Found::Works => "ok".to_owned(),
        Found::WorksSo(remark) => format!("ok: {remark}"),
        Found::Impossible(reason) => format!("impossible: {reason}"),
    };
    std::fs::write(place, text).unwrap();
}

macro_rules! cells {
    ($($name:ident: $test:path, $title:literal;)*) => {
        /// Every cell of a CLI: its name and what it claims.
        pub const CELLS: &[(&str, &str)] = &[$((stringify!($name), $title)),*];

        mod claude {
            use super::*;
            $(#[test] fn $name() { lab(&[Cli::Claude], |lab| cell(lab, Cli::Claude, stringify!($name), $test)); })*
        }
        mod codex {
            use super::*;
            $(#[test] fn $name() { lab(&[Cli::Codex], |lab| cell(lab, Cli::Codex, stringify!($name), $test)); })*
        }
        mod gemini {
            use super::*;
            $(#[test] fn $name() { lab(&[Cli::Gemini], |lab| cell(lab, Cli::Gemini, stringify!($name), $test)); })*
        }
        mod opencode {
            use super::*;
            $(#[test] fn $name() { lab(&[Cli::Opencode], |lab| cell(lab, Cli::Opencode, stringify!($name), $test)); })*
        }
    };
}

cells! {
    file: work::file, "makes a file, which rally commits";
    model: work::model, "the model reaches the provider";
    effort: work::effort, "the effort reaches the provider";
    usage: work::usage, "tokens are recorded, each try its own share of a session";
    progress: work::progress, "what the agent tells with `rally progress` is in the record of its try";
    laps_done: laps::done, "laps that it finalises with `laps done` and `laps wrapup` are done, one a run";
    lap_handed_off: laps::handed_off, "a lap that it hands off waits behind its follow-ups";
    lap_in_words: laps::in_words, "a lap of which it only writes `laps done` is not done";
    large_prompt: work::large_prompt, "a prompt of 300 KB arrives whole";
    resumed_after_kill: resume::after_kill, "rally is killed in mid-turn: the next start resumes the session";
    resumed_after_failure: resume::after_failure, "a try that failed is resumed by the next";
    resumed_after_timeout: resume::after_timeout, "a try that was cut for its time is resumed by the next";
    resumed_after_cancel: resume::after_cancel, "a try that the operator cancelled is resumed by `--resume`";
    rate_limit: refusals::rate_limit, "429: `short_rate_limit`";
    usage_limit: refusals::usage_limit, "used-up quota: `usage_limit`, until the time that the provider names";
    not_authenticated: refusals::not_authenticated, "401: `auth_or_proxy`, after one attempt; the relay can go on";
    no_such_model: refusals::no_such_model, "unknown model: `invalid_model`";
    server_error: refusals::server_error, "500: `transient_infra`";
    overloaded: refusals::overloaded, "529: `provider_overloaded`";
    server_down: refusals::server_down, "connection refused: `transient_infra`";
    hang: stops::hang, "no answer, nothing moves on the connection: `freeze`, and the session goes on";
    cancel: stops::cancel, "a signal in the middle of a tool call leaves no process";
}
