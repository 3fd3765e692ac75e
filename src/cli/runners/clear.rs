//! `rally runners clear`: the end of a pause, freeze or bench. It takes no workspace lock, so that it works
//! beside a relay, which notices while it waits.

use std::collections::BTreeSet;
use std::io::Write;

use jiff::tz::TimeZone;

use super::line::{Condition, Line};
use super::names;
use super::roll::{Listed, Roll};
use super::text;
use crate::cli::error::{self, CliError};
use crate::model::{Timestamp, time};
use crate::relay::clearing;
use crate::relay::resilience::Healths;
use crate::store::{Shared, StoreError};
use crate::terminal::sanitize;

/// Why, in the events.
const REASON: &str = "cleared by the operator";

/// Who, in the ledger.
const SOURCE: &str = "rally runners clear";

/// What can be typed after `rally runners clear`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
NAME is an entry (cc:opus, op:z), a harness, which means all its models (cc, claude), or a quota as
`rally runners` shows it (opencode:zai, provider:plan). Runners that share a quota with a benched one come
back with it. A relay that waits for one of them goes on at once, also before another attempt. What is
configured as disabled stays so.

Exit codes:
  0  cleared, or there was nothing to clear
  1  the configuration or the state cannot be read or written
  2  a name that means nobody

Examples:
  rally runners clear cc:opus
  rally runners clear opencode:zai provider:plan
  rally runners clear --all")]
pub struct Args {
    /// Entries, harnesses or quotas
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    names: Vec<String>,

    /// Everybody
    #[arg(long)]
    all: bool,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let roll = Roll::read(&args.names)?;
    let now = time::now();
    if Work::of(&args, &roll, &roll.healths()?, now)?.is_empty() {
        return say(&["nothing to clear".to_owned()]);
    }
    let shared = Shared::lock(roll.layout())?;
    // A relay may have written meanwhile.
    let before = roll.healths()?;
    let work = Work::of(&args, &roll, &before, now)?;
    work.write_down(&shared, now)?;
    drop(shared);
    say(&work.told(&roll, &before, &roll.healths()?, now))
}

/// What is to be cleared.
#[derive(Debug)]
struct Work<'a> {
    runners: Vec<&'a Listed>,
    /// Quotas with a window that is used up.
    spent: BTreeSet<String>,
}

impl<'a> Work<'a> {
    fn of(args: &Args, roll: &'a Roll, healths: &Healths, now: Timestamp) -> Result<Work<'a>, CliError> {
        let mut chosen = BTreeSet::new();
        for name in &args.names {
            let found = names::find(name, &roll.listed, &roll.config, healths);
            chosen.extend(found.map_err(CliError::Usage)?);
        }
        let listed = roll.listed.iter().enumerate();
        // A running relay may be about to try a healthy one again, and need not wait for it any longer.
        let is_awaited = |index: &usize| roll.is_at_work() && (args.all || chosen.contains(index));
        let runners: Vec<&Listed> = listed
            .filter(|(index, one)| {
                is_awaited(index)
                    || (args.all || chosen.contains(index))
                        && clearing::is_ill(healths, &one.runner, &one.scope, now)
            })
            .map(|(_, one)| one)
            .collect();
        let meant = |scope: &str| {
            args.all
                || args.names.iter().any(|name| name == scope)
                || runners.iter().any(|one| one.scope == scope)
        };
        let is_spent = |scope: &str| clearing::is_spent(healths, scope, now);
        let spent =
            healths.scopes().filter(|scope| meant(scope) && is_spent(scope)).map(str::to_owned).collect();
        Ok(Work { runners, spent })
    }

    fn is_empty(&self) -> bool {
        self.runners.is_empty() && self.spent.is_empty()
    }

    fn write_down(&self, shared: &Shared<'_>, now: Timestamp) -> Result<(), StoreError> {
        for one in &self.runners {
            shared.append_status(clearing::healthy(&one.runner, &one.scope, REASON, now))?;
        }
        for scope in &self.spent {
            shared.append_quota(clearing::forgotten(scope, SOURCE, now))?;
        }
        Ok(())
    }

    /// What it came to, for people.
    fn told(&self, roll: &Roll, before: &Healths, after: &Healths, now: Timestamp) -> Vec<String> {
        let zone = TimeZone::system();
        let mut told = Vec::new();
        for one in &roll.listed {
            let (was, is) = (Line::of(one, before, now), Line::of(one, after, now));
            let label = one.runner.label();
            let change =
                format!("was {}, now {}", text::state(&was, now, &zone), text::state(&is, now, &zone));
            let cleared = self.runners.contains(&one);
            match (&is.why, is.state) {
                (Some(why), Condition::Disabled) if cleared => {
                    told.push(format!("{label}: cleared, but it {why}"));
                }
                _ if cleared && was.state == Condition::Active => {
                    told.push(format!(
                        "{label}: was healthy; should the relay wait to try it again, it goes on"
                    ));
                }
                _ if cleared => told.push(format!("{label}: {change}")),
                _ if was.until != is.until => told.push(format!("{label}: {change} (same quota)")),
                _ => {}
            }
        }
        let forgotten = self
            .spent
            .iter()
            .map(|scope| format!("quota {scope}: what was known of its windows is forgotten"));
        told.extend(forgotten);
        told
    }
}

fn say(lines: &[String]) -> anyhow::Result<u8> {
    let mut out = std::io::stdout();
    for line in lines {
        writeln!(out, "{}", sanitize::line(line))?;
    }
    Ok(error::SUCCESS)
}
