//! `rally runners`: who can be given a run, who cannot and why; and the end of a pause, freeze or bench.

mod clear;
mod line;
mod names;
mod roll;
mod text;

use std::io::Write;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{error, output};
use crate::model::time;
use crate::terminal::sanitize;
use crate::terminal::style::Palette;
use line::Line;
use roll::Roll;

/// Version of the shape of `--json`.
const VERSION: u32 = 1;

/// What can be typed after `rally runners`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
A runner is a harness with a model. It is
  active        and can be given a run
  paused        for an hour, since the infrastructure failed repeatedly in a run
  retry due     its pause is over: its next run tells whether the trouble is
  frozen        for five hours, since five hourly retries failed
  on probation  its freeze is over: its next run decides
  benched       until its quota comes back
  disabled      its provider is: set disabled = false in [providers]

Shown are the runners of the configured routes or mix and of an unfinished relay, and everybody whom rally
remembers.

Keys of --json (v is 1; what is not known is null):
  v, runners: entries (as typed), harness, model, quota_scope, state (active, paused, retry_due, frozen,
    on_probation, benched, disabled), until, why, since, relay_id, run_id, try_id,
    failed_retries, retries_until_freeze, also (state, until, why)

Examples:
  rally runners
  rally runners --json | jq -r '.runners[] | select(.until) | \"\\(.harness) \\(.until)\"'
  rally runners clear cc:opus")]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// End a pause, freeze or bench, also beside a running relay
    Clear(clear::Args),
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    if let Some(Action::Clear(args)) = args.action {
        return clear::run(args);
    }
    let roll = Roll::read(&[])?;
    let now = time::now();
    let lines = roll.lines(&roll.healths()?, now);
    if args.json {
        let shown = Shown { v: VERSION, runners: &lines };
        output::json(&shown)?;
        return Ok(error::SUCCESS);
    }
    let mut out = std::io::stdout();
    let palette = Palette::of(&out);
    for line in text::table(&lines, now, &TimeZone::system(), palette) {
        writeln!(out, "{line}")?;
    }
    for warning in roll.warnings() {
        let _ = writeln!(std::io::stderr(), "warning: {}", sanitize::line(warning));
    }
    Ok(error::SUCCESS)
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    v: u32,
    runners: &'a [Line],
}
