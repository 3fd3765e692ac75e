//! `rally doctor`: is everything there that a relay needs, and did a crash leave anything behind?
//!
//! Each check is a file of its own: it gathers facts, and a pure function says what they mean. Nothing
//! is changed without `--reap`.

mod disk;
mod finding;
mod harnesses;
mod leftovers;
mod platform;
mod repository;
mod sandbox;
mod settings;
mod state;
mod version;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::error::CliError;
use super::{output, workspace};
use crate::config::Config;
use crate::store::{Layout, LockError, Reader, WorkspaceLock};
use crate::terminal::style::Palette;
use finding::{Count, Finding};

/// What can be typed after `rally doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is changed without --reap. The CLIs that are asked for their version may write to folders of
their own, as they do whenever they run; programs of your own ([harness.X].command) are not called.

Exit codes:
  0   no problem (there may be notes and warnings)
  1   at least one problem
  2   wrong command line
  75  --reap was refused, because a rally holds the workspace

Keys of --json:
  rally, workspace; count (problems, warnings, notes); findings (group, level, subject, text, way_out);
  and the facts behind them: harnesses, git, configuration (with file and line of every key), state,
  leftovers (orphans, scratch), reaped (null without --reap), disks, platform, sandbox

Examples:
  rally doctor
  rally doctor --reap
  rally doctor --json | jq -r '.findings[] | select(.level == \"problem\") | .text'
  rally doctor --json | jq '.configuration.keys'")]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// End the processes and remove the folders that cut tries of this workspace left behind
    #[arg(long)]
    reap: bool,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let here = std::env::current_dir().context("the current folder is gone; change to one that exists")?;
    let root = workspace::root()?;
    let layout = workspace::state_layout(&root)?;
    let reaped = if args.reap { Some(reap(&layout)?) } else { None };
    let report = Report::gather(&here, &root, layout, reaped);
    if args.json {
        output::json(&report)?;
    } else {
        let mut out = std::io::stdout();
        let text = finding::lines(&report.findings, Palette::of(&out)).join("\n") + "\n";
        out.write_all(text.as_bytes())?;
    }
    Ok(finding::exit_code(&report.findings))
}

/// Holds the workspace while it reaps, so that no relay begins in between.
fn reap(layout: &Layout) -> anyhow::Result<leftovers::Reaped> {
    if !layout.state_dir().is_dir() {
        return Ok(leftovers::Reaped::default());
    }
    let _lock = WorkspaceLock::acquire(layout).map_err(|error| match error {
        LockError::Held(_) => CliError::Held(error.to_string()).into(),
        error => anyhow::Error::from(error),
    })?;
    let mut reaped = leftovers::reap(layout)?;
    reaped.repaired = repair(layout.workspace());
    Ok(reaped)
}

/// Takes back what cut tries have left in files of the CLIs. Without a configuration there are the built-in harnesses.
fn repair(root: &Path) -> Vec<String> {
    let (_, config) = settings::gather(root);
    let config = config.unwrap_or_else(|| Config::with_data_dir(PathBuf::new()));
    super::relay::harnesses::registry(&config).repair()
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    /// The version of this program.
    rally: &'static str,
    /// Top of the work tree, or the current folder outside of any.
    workspace: PathBuf,
    count: Count,
    findings: Vec<Finding>,
    harnesses: Vec<harnesses::Harness>,
    git: repository::Repository,
    configuration: settings::Settings,
    state: state::State,
    leftovers: leftovers::Leftovers,
    reaped: Option<leftovers::Reaped>,
    disks: Vec<disk::Disk>,
    platform: platform::Platform,
    sandbox: sandbox::Sandbox,
}

impl Report {
    fn gather(here: &Path, root: &Path, layout: Layout, reaped: Option<leftovers::Reaped>) -> Report {
        let workspace = layout.workspace().to_owned();
        let git = repository::gather(here);
        let (configuration, config) = settings::gather(root);
        let data_dir = config.as_ref().map(|config| config.data_dir.clone());
        // Without a configuration the built-in harnesses are all that is known.
        let config = config.unwrap_or_else(|| Config::with_data_dir(PathBuf::new()));
        let harnesses = harnesses::gather(&config, root);
        let state = state::gather(&Reader::new(layout));
        let leftovers = leftovers::gather(&state.tries, state.held());
        let mut disks = vec![disk::gather("workspace", root)];
        disks.extend(data_dir.map(|folder| disk::gather("data", &folder)));
        let platform = platform::gather();
        let sandbox = sandbox::gather(&config.sandbox);

        let mut findings = harnesses::findings(&harnesses);
        findings.extend(repository::findings(&git));
        findings.extend(settings::findings(&configuration));
        findings.extend(state::findings(&state));
        findings.extend(leftovers::findings(&leftovers, reaped.as_ref()));
        findings.extend(disks.iter().map(disk::finding));
        findings.extend(platform::findings(&platform));
        findings.push(sandbox::finding(&sandbox));
        Report {
            rally: super::version::number(),
            workspace,
            count: finding::count(&findings),
            findings,
            harnesses,
            git,
            configuration,
            state,
            leftovers,
            reaped,
            disks,
            platform,
            sandbox,
        }
    }
}
