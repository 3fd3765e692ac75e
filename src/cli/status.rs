//! `rally status`: what runs here now, and how the last relay and try went.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;

use super::{error, output, workspace};
use crate::laps::Queue;
use crate::model::time::{self, millis, millis_option};
use crate::model::{Outcome, Runner, Timestamp, text};
use crate::routing::label::display_label;
use crate::store::active::{ActiveSource, ActiveTry};
use crate::store::records::{RelayRecord, TryRecord};
use crate::store::{Holder, Layout, Reader};
use crate::terminal::sanitize;

/// Longest task line, in characters.
const TASK_LIMIT: usize = 100;

/// What can be typed after `rally status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rally status
  rally status --json | jq .last_try")]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let root = workspace::root()?;
    let reader = Reader::new(workspace::state_layout(&root)?);
    // Where the logs are stands in the configuration, which may be broken.
    let logs = workspace::layout(&root).ok();
    let status = Status::gather(&reader, logs.as_ref())?;
    if args.json {
        output::json(&status)?;
    } else {
        let text = sanitize::text(&status.lines(time::now()).join("\n")) + "\n";
        std::io::stdout().write_all(text.as_bytes())?;
    }
    Ok(error::SUCCESS)
}

/// What `--json` prints: `null` stands for nothing.
#[derive(Debug, Serialize)]
struct Status {
    workspace: String,
    holder: Option<Holder>,
    running: Option<Running>,
    /// What the relay that holds the workspace wrote last into its log, while no try runs: how long it waits, for whom.
    between_tries: Option<String>,
    relay: Option<Relay>,
    last_try: Option<LastTry>,
    /// The lap queue, where there is one.
    queue: Option<QueueView>,
}

/// The lap queue.
#[derive(Debug, Serialize)]
struct QueueView {
    /// Laps that wait; `null` when the queue cannot be read.
    waiting: Option<usize>,
    next: Option<NextLap>,
    /// Why it cannot be read.
    error: Option<String>,
}

/// The lap that is done next.
#[derive(Debug, Serialize)]
struct NextLap {
    id: String,
    title: String,
    assignee: Option<String>,
}

/// The try in flight.
#[derive(Debug, Serialize)]
struct Running {
    try_id: u64,
    run_id: Option<u64>,
    relay_id: Option<u64>,
    attempt: Option<u32>,
    runner: Option<Runner>,
    #[serde(with = "millis_option")]
    started_at: Option<Timestamp>,
    task: Option<String>,
    session_id: Option<String>,
    log_path: Option<String>,
    /// False when the rally that ran it is gone: the next relay records it as interrupted.
    alive: bool,
}

#[derive(Debug, Serialize)]
struct Relay {
    id: u64,
    completed_iterations: u64,
    target_iterations: u64,
    mix: String,
    open: bool,
    /// Whether the target follows what waits in the queue.
    until_empty: bool,
    #[serde(with = "millis")]
    started_at: Timestamp,
    #[serde(with = "millis_option")]
    ended_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct LastTry {
    id: u64,
    relay_id: u64,
    run_id: u64,
    runner: Runner,
    completed: bool,
    outcome: Option<Outcome>,
    fail_reason: Option<String>,
    #[serde(with = "millis")]
    ended_at: Timestamp,
    log_path: Option<String>,
}

impl Status {
    fn gather(reader: &Reader, logs: Option<&Layout>) -> anyhow::Result<Status> {
        let holder = reader.holder();
        let running = match reader.active()? {
            // A marker of the earlier program outlives its try.
            Some(active)
                if active.source == ActiveSource::RunState && reader.try_by_id(active.try_id)?.is_some() =>
            {
                None
            }
            Some(active) => Some(Running::new(active, holder.is_some(), reader)),
            None => None,
        };
        let last_relay = reader.last_relay()?;
        let between_tries = match (&running, &holder, &last_relay, logs) {
            (None, Some(_), Some(relay), Some(logs)) => last_line(&logs.relay_log(relay.id)),
            _ => None,
        };
        Ok(Status {
            between_tries,
            workspace: reader.layout().workspace().display().to_string(),
            running,
            holder,
            relay: last_relay.map(Relay::from),
            last_try: reader.last_try()?.map(LastTry::from),
            queue: QueueView::read(reader.layout().workspace()),
        })
    }

    fn lines(&self, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        let mut row = |name: &str, value: String| lines.push(format!("{name:<10}{value}"));
        match &self.running {
            Some(running) => {
                row(if running.alive { "running" } else { "cut" }, running.line(now));
                let details = [
                    ("task", running.task.clone()),
                    ("session", running.session_id.clone()),
                    ("log", running.log_path.clone()),
                ];
                for (name, value) in details {
                    if let Some(value) = value {
                        row(name, text::one_line(&value));
                    }
                }
            }
            None => row("running", "nothing".to_owned()),
        }
        if let Some(said) = &self.between_tries {
            row("last word", text::one_line(said));
        }
        match &self.holder {
            Some(holder) => row("held by", holder.to_string()),
            None => row("held by", "nobody".to_owned()),
        }
        row("relay", self.relay.as_ref().map_or_else(|| "none yet".to_owned(), Relay::line));
        row("last try", self.last_try.as_ref().map_or_else(|| "none yet".to_owned(), LastTry::line));
        if let Some(queue) = &self.queue {
            row("queue", queue.line());
        }
        lines
    }
}

impl QueueView {
    /// A queue that cannot be read is told, and hides nothing else.
    fn read(workspace: &Path) -> Option<QueueView> {
        let queue = Queue::detect(workspace, std::env::var_os("PATH").as_deref())?;
        Some(match queue.waiting() {
            Ok(laps) => {
                let waiting = Some(laps.len());
                let next = laps.into_iter().next();
                let next = next.map(|lap| NextLap { id: lap.id, title: lap.title, assignee: lap.assignee });
                QueueView { waiting, next, error: None }
            }
            Err(error) => QueueView { waiting: None, next: None, error: Some(text::chain(&error)) },
        })
    }

    fn line(&self) -> String {
        let waiting = match (self.waiting, &self.error) {
            (Some(1), _) => "1 lap waits".to_owned(),
            (Some(waiting), _) => format!("{waiting} laps wait"),
            (None, error) => return text::one_line(error.as_deref().unwrap_or("cannot be read")),
        };
        let Some(next) = &self.next else { return waiting };
        let role = next.assignee.as_ref().map(|role| format!(" ({})", text::one_line(role)));
        let title = text::ellipsis(&text::one_line(&next.title), TASK_LIMIT);
        format!("{waiting}, next: {title}{}", role.unwrap_or_default())
    }
}

/// The last line of a log; its beginning does not matter, and it may be long.
fn last_line(log: &Path) -> Option<String> {
    /// More than any line of it, bytes.
    const WINDOW: i64 = 16 << 10;
    let mut file = File::open(log).ok()?;
    let length = i64::try_from(file.metadata().ok()?.len()).ok()?;
    file.seek(SeekFrom::End(-length.min(WINDOW))).ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    let end = String::from_utf8_lossy(&end);
    end.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
}

impl Running {
    fn new(active: ActiveTry, held: bool, reader: &Reader) -> Running {
        let prompt = std::fs::read(reader.layout().current_task()).unwrap_or_default();
        Running {
            try_id: active.try_id,
            run_id: active.run_id,
            relay_id: active.relay_id,
            attempt: active.attempt,
            runner: active.runner,
            started_at: active.started_at,
            task: task_line(&String::from_utf8_lossy(&prompt)),
            session_id: active.session_id,
            log_path: active.log_path.map(|path| path.display().to_string()),
            alive: held,
        }
    }

    fn line(&self, now: Timestamp) -> String {
        let mut line = format!("try {}", self.try_id);
        if let Some(run) = self.run_id {
            line += &format!(", run {run}");
        }
        if let Some(attempt) = self.attempt.filter(|attempt| *attempt > 1) {
            line += &format!(" (attempt {attempt})");
        }
        if let Some(runner) = &self.runner {
            line += &format!(": {}", text::one_line(&runner.label()));
        }
        if let Some(at) = self.started_at {
            line += &format!(", since {}", time::rfc3339_millis(at));
            if self.alive {
                line += &format!(" ({})", text::duration(time::since(at, now)));
            }
        }
        if !self.alive {
            line += "; the rally that ran it is gone, `rally relay --resume` goes on";
        }
        line
    }
}

impl From<RelayRecord> for Relay {
    fn from(relay: RelayRecord) -> Relay {
        Relay {
            id: relay.id,
            completed_iterations: relay.completed_iterations,
            target_iterations: relay.target_iterations,
            mix: display_label(&relay.agent_mix).to_owned(),
            open: relay.is_open(),
            until_empty: relay.until_empty,
            started_at: relay.started_at,
            ended_at: relay.ended_at,
        }
    }
}

impl Relay {
    fn line(&self) -> String {
        let state = if self.open { "open" } else { "ended" };
        let goal = if self.open && self.until_empty { ", until the queue is empty" } else { "" };
        format!(
            "{} ({state}): {}/{} done{goal}, mix: {}",
            self.id,
            self.completed_iterations,
            self.target_iterations,
            text::one_line(&self.mix)
        )
    }
}

impl From<TryRecord> for LastTry {
    fn from(record: TryRecord) -> LastTry {
        LastTry {
            id: record.id,
            relay_id: record.relay_id,
            run_id: record.run_id,
            runner: Runner { harness: record.agent_type, model: record.model, effort: record.effort },
            completed: record.completed,
            outcome: record.outcome,
            fail_reason: record.fail_reason,
            ended_at: record.ended_at,
            log_path: record.log_path,
        }
    }
}

impl LastTry {
    fn line(&self) -> String {
        let outcome = match self.outcome {
            Some(Outcome::Completed) => "completed",
            Some(Outcome::HandoffRequested) => "handed over",
            Some(Outcome::Incomplete) => "incomplete",
            Some(Outcome::RunTimeout) => "timed out",
            Some(Outcome::HandoffTimeout) => "handoff timed out",
            Some(Outcome::Failed) => "failed",
            Some(Outcome::Interrupted) => "interrupted",
            Some(Outcome::Cancelled) => "cancelled",
            Some(Outcome::Paused) => "paused",
            None if self.completed => "completed",
            None => "failed",
        };
        let mut line = format!("{}: {}, {outcome}", self.id, text::one_line(&self.runner.label()));
        if let Some(reason) = &self.fail_reason {
            line += &format!(" ({})", text::ellipsis(&text::one_line(reason), TASK_LIMIT));
        }
        line + &format!(", ended {}", time::rfc3339_millis(self.ended_at))
    }
}

/// The first line of a prompt's task: below the heading `Task`, else after `Task:`, else
/// the first line at all.
fn task_line(prompt: &str) -> Option<String> {
    let lines = || prompt.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_heading = |line: &&str| line.starts_with('#') && line.trim_start_matches('#').trim() == "Task";
    let below_heading = lines().skip_while(|line| !is_heading(line)).nth(1);
    let labelled = || lines().find_map(|line| line.strip_prefix("Task:")).map(str::trim);
    let line = below_heading.or_else(labelled).or_else(|| lines().next())?;
    Some(text::ellipsis(&text::one_line(line), TASK_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_in_a_line() {
        let next = |assignee: Option<&str>| {
            let assignee = assignee.map(str::to_owned);
            Some(NextLap { id: "a-1".to_owned(), title: "Fix  it".to_owned(), assignee })
        };
        let cases = [
            (Some(0), None, None, "0 laps wait"),
            (Some(1), next(None), None, "1 lap waits, next: Fix it"),
            (Some(2), next(Some("ui")), None, "2 laps wait, next: Fix it (ui)"),
            (None, None, Some("broken\nfile".to_owned()), "broken file"),
        ];
        for (waiting, next, error, expected) in cases {
            assert_eq!(QueueView { waiting, next, error }.line(), expected);
        }
    }

    #[test]
    fn tasks_of_prompts() {
        let cases = [
            ("", None),
            ("\n \n", None),
            ("Persona: x\n\nTask: relay run\n## Task\n\nFix  it.\nMore.", Some("Fix it.")),
            ("Persona: x\nTask: relay run\n", Some("relay run")),
            ("Just do it\nnow", Some("Just do it")),
            ("# Task", Some("# Task")),
        ];
        for (prompt, expected) in cases {
            assert_eq!(task_line(prompt).as_deref(), expected, "{prompt}");
        }
    }
}
