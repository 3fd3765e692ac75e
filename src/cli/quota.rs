//! `rally quota`: how full the accounts' windows are, as their CLIs told it, and who is out for it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Serialize;

use super::relay::harnesses;
use super::{error, output, workspace};
use crate::config::{self, Config, Env};
use crate::git;
use crate::model::time::{self, millis, millis_option};
use crate::model::{Cli, Runner, Timestamp};
use crate::relay::ledger::{Known, Ledger};
use crate::relay::resilience::{Health, Healths};
use crate::routing::{Lane, Rules};
use crate::store::Reader;
use crate::store::records::{AgentStatusEvent, AgentStatusKind};
use crate::terminal::style::Palette;

mod text;

/// Version of the shape of `--json`.
const VERSION: u32 = 1;

/// What can be typed after `rally quota`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Claude Code tells its windows while it works on a subscription, Codex notes them in its session's file, which is
read when a try ends. Other CLIs tell only that a limit is met. Nothing is asked here: what is shown is what was
told last in this workspace, with its age.

A scope is what shares a limit: an account of a CLI, a provider of opencode, a group in [providers]. A relay never
gives a run to a scope that is used up, and where a route leaves it open who works, it takes the one whose unused
budget is lost soonest.

Keys of --json (v is 1; what is not known is null):
  v, workspace
  scopes: scope, used_up_until, windows (name, minutes, used from 0 to 1, resets_at, rejected, used_up, whole
    (false for a window that bounds some models only), begun_anew, told_by, told_at)
  limits: scope, until, since, relay_id, reason; what a refused request made of a scope
  untold: scope, tells (whether its CLI tells its windows at all); of the configured routes or mix

Examples:
  rally quota
  rally quota --json | jq -r '.scopes[] | \"\\(.scope): \\(.used_up_until)\"'
  rally relay --new --forget-limits \"...\"   forget windows and limits, and begin")]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let root = repository()?;
    let now = time::now();
    let report = Report::gather(&root, now)?;
    if args.json {
        output::json(&report)?;
        return Ok(error::SUCCESS);
    }
    let mut out = std::io::stdout();
    let lines = text::lines(&report, now, &TimeZone::system(), Palette::of(&out));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    out.write_all(text.as_bytes())?;
    Ok(error::SUCCESS)
}

/// The top of the work tree: windows are remembered by workspace.
fn repository() -> anyhow::Result<PathBuf> {
    let root = workspace::root()?;
    if matches!(git::discover(&root), Ok(None)) {
        anyhow::bail!("{} is not in a git repository; `rally init` makes one here", root.display());
    }
    Ok(root)
}

/// What is known; also what `--json` prints.
#[derive(Debug, PartialEq, Serialize)]
struct Report {
    v: u32,
    workspace: String,
    scopes: Vec<ScopeLine>,
    limits: Vec<LimitLine>,
    untold: Vec<UntoldLine>,
}

/// A scope with windows.
#[derive(Debug, PartialEq, Serialize)]
struct ScopeLine {
    scope: String,
    /// When it can be used again, if it cannot now.
    #[serde(with = "millis_option")]
    used_up_until: Option<Timestamp>,
    windows: Vec<WindowLine>,
}

/// A window.
#[derive(Debug, PartialEq, Serialize)]
struct WindowLine {
    name: String,
    minutes: Option<u64>,
    used: Option<f64>,
    #[serde(with = "millis_option")]
    resets_at: Option<Timestamp>,
    rejected: bool,
    /// Whether nothing was left when it was told, and it has not begun anew.
    used_up: bool,
    /// Whether it bounds everything that the account does.
    whole: bool,
    /// Whether its reset has passed: what was told is over.
    begun_anew: bool,
    told_by: String,
    #[serde(with = "millis")]
    told_at: Timestamp,
}

/// A usage limit that was met and still holds.
#[derive(Debug, PartialEq, Serialize)]
struct LimitLine {
    scope: String,
    #[serde(with = "millis")]
    until: Timestamp,
    #[serde(with = "millis")]
    since: Timestamp,
    relay_id: Option<u64>,
    reason: Option<String>,
}

/// A scope of the configured lanes of which nothing is known.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct UntoldLine {
    scope: String,
    tells: bool,
}

impl Report {
    /// Reads the workspace, takes no lock, and changes nothing.
    fn gather(root: &Path, now: Timestamp) -> anyhow::Result<Report> {
        let reader = Reader::new(workspace::state_layout(root)?);
        let ledger = Ledger::of(&reader.quota_records()?);
        let scopes = scopes(&ledger, now);
        let limits = limits(&reader.status_events()?, now);
        // A configuration that cannot be read has its own commands.
        let configured = config::load(root, &Env::from_process()).map(|loaded| configured(&loaded.config));
        let mut untold = configured.unwrap_or_default();
        untold.retain(|line| {
            let is_known = scopes.iter().any(|known| known.scope == line.scope);
            !is_known && !limits.iter().any(|known| known.scope == line.scope)
        });
        Ok(Report { v: VERSION, workspace: root.display().to_string(), scopes, limits, untold })
    }
}

fn scopes(ledger: &Ledger, now: Timestamp) -> Vec<ScopeLine> {
    let line = |(scope, windows): (&str, _)| ScopeLine {
        scope: scope.to_owned(),
        used_up_until: ledger.exhausted_until(scope, now),
        windows: sorted(windows, now),
    };
    ledger.scopes().map(|(scope, windows)| line((scope, windows.collect()))).collect()
}

/// The windows of a scope, short ones first, those of some models only last.
fn sorted(windows: Vec<&Known>, now: Timestamp) -> Vec<WindowLine> {
    let mut lines: Vec<WindowLine> = windows.into_iter().map(|known| WindowLine::new(known, now)).collect();
    lines.sort_by_key(|line| (!line.whole, line.minutes.unwrap_or(u64::MAX)));
    lines
}

impl WindowLine {
    fn new(known: &Known, now: Timestamp) -> WindowLine {
        let window = &known.window;
        let begun_anew = window.resets_at.is_some_and(|at| at <= now);
        WindowLine {
            name: window.name.clone(),
            minutes: window.minutes,
            used: window.used,
            resets_at: window.resets_at,
            rejected: window.rejected,
            used_up: window.is_exhausted() && !begun_anew,
            whole: window.is_whole(),
            begun_anew,
            told_by: known.source.clone(),
            told_at: known.at,
        }
    }
}

/// Limits that hold, as a runner would find them that has no history of its own.
fn limits(events: &[AgentStatusEvent], now: Timestamp) -> Vec<LimitLine> {
    let healths = Healths::replay(events);
    let nobody = Runner::bare("");
    let mut newest: BTreeMap<&str, &AgentStatusEvent> = BTreeMap::new();
    for event in events.iter().filter(|event| event.event_type == AgentStatusKind::Benched) {
        newest.extend(event.quota_scope.as_deref().map(|scope| (scope, event)));
    }
    let line = |(scope, event): (&str, &AgentStatusEvent)| match healths.of(&nobody, scope, now) {
        Health::Benched { until } => Some(LimitLine {
            scope: scope.to_owned(),
            until,
            since: event.timestamp,
            relay_id: event.relay_id,
            reason: event.reason.clone(),
        }),
        Health::Active | Health::Paused { .. } | Health::Frozen { .. } => None,
    };
    newest.into_iter().filter_map(line).collect()
}

/// The scopes of the configured routes, or of the mix.
fn configured(config: &Config) -> Vec<UntoldLine> {
    let rules = Rules::of(config);
    let registry = harnesses::registry(config);
    let mut scopes: BTreeMap<String, bool> = BTreeMap::new();
    for member in rules.roster().iter().flat_map(|roster| &roster.lanes).flat_map(Lane::members) {
        let runner = &member.runner;
        if rules.providers.disabled(runner).is_none() {
            let scope = rules.providers.quota(runner, &|runner| registry.quota_scope(runner));
            *scopes.entry(scope).or_default() |= tells(config, &runner.harness);
        }
    }
    scopes.into_iter().map(|(scope, tells)| UntoldLine { scope, tells }).collect()
}

/// Whether the CLI of a harness tells its windows.
fn tells(config: &Config, harness: &str) -> bool {
    config.builtin(harness).is_some_and(|builtin| match builtin.cli {
        Cli::Claude | Cli::Codex => true,
        Cli::Gemini | Cli::Opencode | Cli::Antigravity => false,
    })
}
