//! `rally gc`: deletes logs of tries and relays that are too old or too many.

use std::collections::BTreeMap;
use std::io::Write;

use bytesize::ByteSize;

use super::{error, workspace};
use crate::config::{self, Env, LogsConfig, schema};
use crate::model::time::{self, since};
use crate::model::{Timestamp, text};
use crate::store::Layout;
use crate::store::logs::{self, Collection, Ended, Held, Kind, Limits, Log, Scope};
use crate::terminal::sanitize;

/// What can be typed after `rally gc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Deletes transcripts of tries (with their samples of liveness) and logs of relays: first those that are too old, then
the oldest until the rest is small enough. Logs of running tries and relays stay, the newest of a relay that can be
resumed, all records in .rally/, and whatever rally did not make.

Without the options the limits of [logs] in your own configuration hold, which a relay also applies by itself when it
starts and after each of its runs. An option counts instead of its key. With --all the size is that of all workspaces
together, and the newest logs of every other workspace stay.

Exits with 0 when everything that was to go is gone, also when that is nothing or no limit is set; with 1 when
something could not be deleted or the logs cannot be read; with 2 for a wrong command line.

Examples:
  rally gc --dry-run --keep-days 30      what would go
  rally gc --keep-days 30 --keep-bytes 2GiB
  rally gc --all --keep-bytes 500MB      the logs of all workspaces
  rally config set logs.keep_days 30")]
pub struct Args {
    /// Only say what would be deleted
    #[arg(long)]
    dry_run: bool,

    /// Delete logs that were not written to for more than N days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=36_500))]
    keep_days: Option<u64>,

    /// Delete the oldest logs until the rest is no larger, like 500MB or 2GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    keep_bytes: Option<u64>,

    /// The logs of all workspaces, not only of this one
    #[arg(long)]
    all: bool,
}

fn size(text: &str) -> Result<u64, String> {
    schema::size(text).ok_or_else(|| "not a size like 500MB or 2GiB".to_owned())
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let root = workspace::root()?;
    let config = config::load(&root, &Env::from_process())?.config;
    let layout = Layout::new(&root, &config.data_dir)?;
    let configured = Limits::from(&config.logs);
    let limits = Limits {
        keep: args.keep_days.map(LogsConfig::days).or(configured.keep),
        bytes: args.keep_bytes.or(configured.bytes),
    };
    let scope = if args.all { Scope::All } else { Scope::Workspace };
    let now = time::now();
    let found = logs::collect(&layout, scope, limits, now, args.dry_run)?;
    let mut lines = lines(&found, args.dry_run, now);
    if limits.is_unlimited() {
        lines.push(
            "no limit is set: nothing is ever deleted; see `rally gc --help`, or keep 30 days with"
                .to_owned(),
        );
        lines.push("`rally config set logs.keep_days 30`".to_owned());
    }
    let text: String = lines.iter().map(|line| format!("{}\n", sanitize::line(line))).collect();
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if found.failures().next().is_some() { error::FAILURE } else { error::SUCCESS })
}

/// The report.
fn lines(found: &Collection, dry: bool, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut deleted, mut freed) = (0, 0u64);
    for (log, ended) in &found.gone {
        let what = match ended {
            Ended::Deleted => {
                deleted += 1;
                freed = freed.saturating_add(log.bytes);
                if dry { "would delete".to_owned() } else { "deleted".to_owned() }
            }
            Ended::Changed => "left, it was written to meanwhile:".to_owned(),
            Ended::Failed(error) => format!("cannot delete ({error})"),
        };
        lines.push(format!("{what} {}", told(log, now)));
    }
    for (path, what) in &found.strange {
        lines.push(format!("left {}: {what}", path.display()));
    }
    let verb = if dry { "would delete" } else { "deleted" };
    lines.push(format!("{verb} {}", sum(deleted, freed)));
    let size = found.stays.iter().fold(0, |sum: u64, log| sum.saturating_add(log.bytes));
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    found.stays.iter().filter_map(|log| log.held).for_each(|why| *held.entry(word(why)).or_default() += 1);
    let held: Vec<String> = held.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    let held = if held.is_empty() { String::new() } else { format!(" ({})", held.join(", ")) };
    lines.push(format!("left {}{held}", sum(found.stays.len(), size)));
    lines
}

fn sum(logs: usize, bytes: u64) -> String {
    format!("{}, {}", text::count(logs, "log"), ByteSize(bytes))
}

fn word(held: Held) -> &'static str {
    match held {
        Held::Running => "in use",
        Held::Resumable => "of what can be resumed",
        Held::Newest => "the newest of another workspace",
    }
}

fn told(log: &Log, now: Timestamp) -> String {
    let whose = match log.kind {
        Kind::Try => "try",
        Kind::Relay => "relay",
    };
    let days = since(log.modified, now).as_secs() / (24 * 3600);
    let days = text::count(usize::try_from(days).unwrap_or(usize::MAX), "day");
    format!("{whose} {}: {}, {days} old: {}", log.id, ByteSize(log.bytes), log.path.display())
}
