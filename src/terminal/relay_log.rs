//! The relay log: every event but the status line as one plain, sanitised line with its
//! time, for reading afterwards what happened in the night.

use std::io;
use std::path::Path;

use jiff::tz::TimeZone;

use super::{format, sanitize};
use crate::model::text::duration;
use crate::model::time::{now, rfc3339_millis};
use crate::relay::event::{Event, PassEnd, RunVerdict, Sink, Wait};
use crate::store::logs::RelayFile;
use crate::store::records::TryRecord;

/// Appends to a relay's log. A log that cannot be written never ends the relay.
#[derive(Debug)]
pub struct RelayLog {
    file: RelayFile,
    failure: Option<io::Error>,
}

impl RelayLog {
    /// Opens (or creates, with its folders) the log of a relay; a resumed relay appends. One of more than `most`
    /// bytes makes way for another.
    ///
    /// # Errors
    /// When a folder or the file cannot be made.
    pub fn open(path: &Path, most: Option<u64>) -> io::Result<RelayLog> {
        Ok(RelayLog { file: RelayFile::open(path, most)?, failure: None })
    }

    /// The first write that failed; nothing is written after it.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }
}

impl Sink for RelayLog {
    fn wants_ticks(&self) -> bool {
        false
    }

    fn event(&mut self, event: &Event) {
        let (None, Some(entry)) = (&self.failure, entry(event)) else { return };
        let line = format!("{} {}\n", rfc3339_millis(now()), sanitize::line(&entry));
        self.failure = self.file.append(line.as_bytes()).err();
    }
}

/// What the log says about an event; nothing about what only a live view needs.
fn entry(event: &Event) -> Option<String> {
    Some(match event {
        Event::RelayStarted { relay_id, target, completed, mix, resumed } => {
            let how = if *resumed { "resumed" } else { "started" };
            format!("relay {relay_id} {how}: target {target}, completed {completed}, mix {mix}")
        }
        Event::Warning(warning) => format!("warning: {warning}"),
        Event::Notice(notice) => notice.clone(),
        Event::RunStarted { run_id, iteration, target, runner, lap, .. } => {
            let lap = lap.as_ref().map(|lap| format!(", lap {}: {}", lap.id, lap.title)).unwrap_or_default();
            format!("run {run_id} started: [{iteration}/{target}] {}{lap}", runner.label())
        }
        Event::RunnerChanged { from, to } => format!("runner changed: {} -> {}", from.label(), to.label()),
        Event::TryStarted { try_id, attempt, max_attempts, log_path, resume } => {
            let resume = resume.as_ref().map(|session| format!(", resumes session {session}"));
            let resume = resume.unwrap_or_default();
            format!(
                "try {try_id} started: attempt {attempt}/{max_attempts}{resume}, log {}",
                log_path.display()
            )
        }
        Event::Frozen { how } => format!("freeze detected: {how}"),
        Event::StuckTool { pid, command, signal } => {
            format!("ending the stuck tool {pid} with {signal}: {command}")
        }
        Event::Recovered => "the agent works again".to_owned(),
        Event::Armed { key, .. } => format!("press {} again to {}", key.name(), key.action()),
        Event::Acting { key } => key.acting().to_owned(),
        Event::Paused => "paused by the operator".to_owned(),
        Event::Resumed => "resumed by the operator".to_owned(),
        Event::Suspending => "stopped by job control".to_owned(),
        Event::Stopping { signal, reason } => format!("stopping the agent with {signal}: {reason}"),
        Event::TryEnded { record, retry } => {
            let retry = retry.as_ref().map(|retry| format!("; next attempt in {}", duration(retry.wait)));
            format!("{}{}", try_facts(record), retry.unwrap_or_default())
        }
        Event::RunEnded(run) => {
            let how = match &run.verdict {
                RunVerdict::Passed { .. } => "passed".to_owned(),
                RunVerdict::Failed { reason } => format!("failed: {reason}"),
                RunVerdict::Cancelled { source } => format!("cancelled ({})", source.as_str()),
            };
            let (id, attempts, max) = (run.run_id, run.attempts, run.max_attempts);
            format!("run {id} {how}; attempts {attempts}/{max}, duration {}", duration(run.duration))
        }
        Event::Waiting { wait, remaining, first: true } => {
            let line = format::waiting(wait, *remaining, now(), &TimeZone::system());
            match wait {
                Wait::Runner { relay_id, .. } => format!("relay {relay_id} {line}"),
                Wait::Attempt { .. } | Wait::Cycle | Wait::Trouble { .. } => line,
            }
        }
        Event::Tick(_) | Event::Disarmed | Event::Waiting { first: false, .. } => return None,
        Event::WaitEnded => "wait ended".to_owned(),
        Event::StopRequested { source } => format!("stop requested ({})", source.as_str()),
        Event::RelayEnded { relay_id, end } => {
            let how = match end {
                PassEnd::Completed => "completed".to_owned(),
                PassEnd::QueueEmpty => "completed: the queue is empty".to_owned(),
                PassEnd::Stopped => "stopped gracefully".to_owned(),
                PassEnd::QuitNow => "quit".to_owned(),
                PassEnd::Signalled(signal) => format!("ended by signal {signal}"),
                PassEnd::Failed { reason } => format!("failed: {reason}"),
            };
            format!("relay {relay_id} {how}")
        }
        Event::Summary(tally) => format!(
            "{}: {} passed, {} failed, {} cancelled, total {}",
            format::summary_runs(tally),
            tally.passed,
            tally.failed,
            tally.cancelled,
            duration(tally.duration),
        ),
    })
}

/// Fields of a try's record that the log repeats under their own names.
const FACTS: [&str; 13] = [
    "run_id",
    "attempt_number",
    "handoff_only",
    "outcome",
    "completed",
    "cancellation_source",
    "fail_reason",
    "category",
    "cause",
    "exit",
    "runtime_ms",
    "tool_calls",
    "commit_hash",
];

/// `try 7 ended: run_id=1 … outcome="failed" …`, with the facts that are known.
fn try_facts(record: &TryRecord) -> String {
    let mut line = format!("try {} ended:", record.id);
    let fields = serde_json::to_value(record).unwrap_or_default();
    for name in FACTS {
        match &fields[name] {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) if text.is_empty() => {}
            serde_json::Value::String(text) => line += &format!(" {name}={:?}", sanitize::line(text)),
            value => line += &format!(" {name}={value}"),
        }
    }
    line += &format!(" files_changed={}", record.files_changed.len());
    if !record.leftovers.is_empty() {
        line += &format!(" leftovers={}", record.leftovers.len());
    }
    line
}
