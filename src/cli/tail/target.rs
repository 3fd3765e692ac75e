//! Which try is shown, and when it is over.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

use super::follow;
use crate::model::Timestamp;
use crate::model::time::since;
use crate::store::active::{ActiveSource, ActiveTry};
use crate::store::records::TryRecord;
use crate::store::{Reader, run_state};

/// A try that only `run-state.json` knows is not believed to run for longer.
const STALE_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The try to show.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) try_id: u64,
    pub(super) log: PathBuf,
    /// Whose output it is; the earlier program's marker does not tell.
    pub(super) harness: Option<String>,
    until: Until,
}

/// How long its log is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// It is over.
    Now,
    /// Until it has a record, or the rally that runs it is gone.
    Released,
    /// Until it has a record, or `run-state.json` does not name it any more.
    Unmarked,
}

/// The life of the try, as the one who follows it sees it.
#[derive(Debug)]
pub(super) struct Life<'a> {
    reader: &'a Reader,
    try_id: u64,
    runs: bool,
    until: Until,
}

impl Life<'_> {
    /// With `no_follow` it is over at once.
    pub(super) fn new<'a>(reader: &'a Reader, target: &Target, no_follow: bool) -> Life<'a> {
        let until = if no_follow { Until::Now } else { target.until };
        Life { reader, try_id: target.try_id, runs: target.until != Until::Now, until }
    }

    /// Whether it was not over from the start.
    pub(super) fn was_followed(&self) -> bool {
        self.until != Until::Now
    }
}

impl follow::Life for Life<'_> {
    fn is_over(&mut self) -> anyhow::Result<bool> {
        let marker_gone = match self.until {
            Until::Now => return Ok(true),
            Until::Released => self.reader.holder().is_none(),
            Until::Unmarked => run_state::read(self.reader.layout())
                .is_ok_and(|state| state.and_then(|s| s.active_try_id) != Some(self.try_id)),
        };
        Ok(marker_gone || self.reader.try_by_id(self.try_id)?.is_some())
    }

    fn may_begin(&self) -> bool {
        self.runs
    }
}

/// The try with this id, else the one on this line of the history.
pub(super) fn by_number(reader: &Reader, wanted: u64) -> anyhow::Result<Target> {
    if let Some(record) = reader.try_by_id(wanted)? {
        return finished(record);
    }
    if let Some(active) = reader.active()?.filter(|active| active.try_id == wanted)
        && let Some(log) = active.log_path.clone()
    {
        return Ok(running(reader, &active, log));
    }
    if let Some(record) = reader.try_by_position(wanted)? {
        return finished(record);
    }
    match reader.count_tries()? {
        0 => bail!("no tries recorded in {}", reader.layout().tries().display()),
        count => bail!("there is no try {wanted} (valid range: 1-{count})"),
    }
}

/// The try that runs, else the newest completed one, else the newest; and a remark for
/// the operator.
pub(super) fn newest(reader: &Reader, now: Timestamp) -> anyhow::Result<(Target, Option<String>)> {
    let mut remark = None;
    if let Some(active) = reader.active()? {
        match current_log(reader, &active, now)? {
            Ok(log) => {
                let target = running(reader, &active, log);
                if target.until == Until::Now {
                    remark = Some(format!(
                        "warning: try {} was cut: the rally that ran it is gone",
                        active.try_id
                    ));
                }
                return Ok((target, remark));
            }
            Err(reason) => {
                remark = Some(format!(
                    "warning: try {} is marked as running, but is not ({reason}); showing the newest completed try",
                    active.try_id
                ));
            }
        }
    }
    let record = match reader.last_completed_try()? {
        Some(record) => Some(record),
        None => reader.last_try()?,
    };
    let record =
        record.with_context(|| format!("no tries recorded in {}", reader.layout().tries().display()))?;
    if remark.is_none() && reader.holder().is_some() {
        remark =
            Some(format!("note: no try runs right now; this is try {}, of {}", record.id, record.agent_type));
    }
    Ok((finished(record)?, remark))
}

fn finished(record: TryRecord) -> anyhow::Result<Target> {
    let log = record.log_path.with_context(|| format!("the record of try {} names no log", record.id))?;
    Ok(Target { try_id: record.id, log: log.into(), harness: Some(record.agent_type), until: Until::Now })
}

fn running(reader: &Reader, active: &ActiveTry, log: PathBuf) -> Target {
    let until = match active.source {
        ActiveSource::Journal if reader.holder().is_none() => Until::Now,
        ActiveSource::Journal => Until::Released,
        ActiveSource::RunState => Until::Unmarked,
    };
    let harness = active.runner.as_ref().map(|runner| runner.harness.clone());
    Target { try_id: active.try_id, log, harness, until }
}

/// The log of a try that is marked as running, or why the marker is stale.
fn current_log(
    reader: &Reader,
    active: &ActiveTry,
    now: Timestamp,
) -> anyhow::Result<Result<PathBuf, &'static str>> {
    let runs = active.source == ActiveSource::Journal && reader.holder().is_some();
    // The log of a try that has just begun is still to come.
    let Some(log) = active.log_path.clone().filter(|log| runs || log.is_file()) else {
        return Ok(Err("its log is missing"));
    };
    // What the journal knows is current for as long as somebody holds the workspace.
    if active.source == ActiveSource::RunState {
        if active.started_at.is_some_and(|at| since(at, now) > STALE_AFTER) {
            return Ok(Err("it started more than 24 hours ago"));
        }
        if reader.try_by_id(active.try_id)?.is_some() {
            return Ok(Err("it is already recorded"));
        }
    }
    let relay = match active.relay_id {
        Some(id) => reader.relay(id)?,
        None => None,
    };
    Ok(match relay {
        None => Err("its relay is unknown"),
        Some(relay) if relay.ended_at.is_some() => Err("its relay has ended"),
        Some(_) => Ok(log),
    })
}
