//! The records, one JSON object per line. Unknown fields are ignored on read;
//! relay records keep them when a newer version supersedes an older.

use serde::{Deserialize, Deserializer, Serialize};

use super::run_state::LapAttempt;
use crate::model::evidence::SESSION_LOST;
use crate::model::time::{millis, millis_option};
use crate::model::{
    CancelSource, Category, Evidence, Exit, FailureClass, Leftover, Outcome, ProcessIdentity, QuotaWindow,
    Runner, Spent, Timestamp, Usage,
};

/// The version that every record carries.
pub const RECORD_VERSION: u32 = 1;

fn version() -> u32 {
    RECORD_VERSION
}

/// Older records hold `null` where a list is empty.
fn null_as_empty<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(d)?.unwrap_or_default())
}

/// Ids count up from 1. One beyond what other JSON readers can hold (2^53) is damage, and so is its line.
fn id<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    const LARGEST: u64 = 1 << 53;
    let id = u64::deserialize(d)?;
    if id > LARGEST {
        return Err(serde::de::Error::custom(format!("id {id} is out of range")));
    }
    Ok(id)
}

/// One finished try: a line of `tries.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TryRecord {
    /// Record version; 0 in lines of the earlier program.
    #[serde(default)]
    pub v: u32,
    /// Unique in this workspace.
    #[serde(deserialize_with = "id")]
    pub id: u64,
    /// Run number inside the relay, from 1.
    #[serde(deserialize_with = "id")]
    pub run_id: u64,
    /// The relay.
    #[serde(deserialize_with = "id")]
    pub relay_id: u64,
    /// Canonical harness name.
    pub agent_type: String,
    /// Whether the try did not fail.
    pub completed: bool,
    /// How it ended; absent in very old lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Who cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_source: Option<CancelSource>,
    /// `override` or `default` until routes are configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_route: Option<String>,
    /// Normalised final text.
    #[serde(default)]
    pub summary: String,
    /// What the agent says is left to do.
    #[serde(default)]
    pub remaining_work: String,
    /// Changed paths, without rally's own.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub files_changed: Vec<String>,
    /// The last commit of the try, or empty.
    #[serde(default)]
    pub commit_hash: String,
    /// Every commit of the try, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub commit_history: Vec<String>,
    /// When the try was allocated.
    #[serde(with = "millis")]
    pub started_at: Timestamp,
    /// When its process tree was gone.
    #[serde(with = "millis")]
    pub ended_at: Timestamp,
    /// From 1; grows over the tries of one run.
    pub attempt_number: u32,
    /// Whether the try was only to hand over, after the time of its run was used up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handoff_only: bool,
    /// Whether its run was over with it: passed, failed or skipped. What else the operator ends, or a crash, goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_run: bool,
    /// Absolute path of the transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_path: Option<String>,
    /// Why it failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_reason: Option<String>,
    /// Why it failed, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// A finer cause inside the category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Running time, pauses and suspension left out.
    #[serde(default)]
    pub runtime_ms: u64,
    /// Tool invocations seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<u64>,
    /// The CLI's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The model as passed to the CLI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The effort as passed to the CLI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Tokens of this try alone; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Cost of this try alone, US dollars; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// How the agent's main process ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Processes that were still there after the end and were reaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// What the verdict rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What concerns its lap; nothing in a free run.
    #[serde(flatten)]
    pub lap: LapFields,
}

/// What a try's record says of its lap.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LapFields {
    /// Which one.
    #[serde(flatten)]
    pub of: LapRef,
    /// Laps that were reported as done in the run so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub recorded_laps: Vec<String>,
    /// Every report of a lap as done or handed over, with its time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub laps_attempted: Vec<LapAttempt>,
    /// Whether it handed over and left changes of its own uncommitted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dirty_handoff: bool,
    /// Laps that its handoff created.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub handoff_created_lap_ids: Vec<String>,
    /// How a recovery run judged what it found: one of five words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_classification: Option<String>,
}

impl TryRecord {
    /// Whether the infrastructure is to blame: more than one such try in a run pauses the runner.
    pub fn is_infra_failure(&self) -> bool {
        self.class() == FailureClass::Infra
    }

    /// Who is to blame.
    pub fn class(&self) -> FailureClass {
        self.outcome.map_or(FailureClass::Agent, |outcome| outcome.class(self.category))
    }

    /// Whether nothing is left to do in its run but to end it.
    pub fn is_last(&self) -> bool {
        self.ends_run || self.outcome.is_some_and(Outcome::is_success)
    }

    /// Who did it.
    pub fn runner(&self) -> Runner {
        let (model, effort) = (self.model.clone(), self.effort.clone());
        Runner { model, effort, ..Runner::bare(&self.agent_type) }
    }

    /// Whether the try used up one attempt of its run's retry budget. A session that the CLI
    /// no longer had was none.
    pub fn costs_attempt(&self) -> bool {
        self.outcome.is_none_or(Outcome::costs_attempt) && self.cause.as_deref() != Some(SESSION_LOST)
    }
}

/// One relay: a line of `relays.jsonl`. A newer line with the same id supersedes the older.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelayRecord {
    /// Record version; 0 in lines of the earlier program.
    #[serde(default)]
    pub v: u32,
    /// Unique in this workspace.
    #[serde(deserialize_with = "id")]
    pub id: u64,
    /// Successful runs wanted.
    pub target_iterations: u64,
    /// Successful runs so far.
    pub completed_iterations: u64,
    /// The mix as typed, behind `__override__:` when it came from a flag.
    pub agent_mix: String,
    /// The entries of the mix, one string each, as typed (labels may hold spaces).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<String>,
    /// The task; absent when the built-in one is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Whether the task is too large for this record and stands in `state/aside/task-<id>.md`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prompt_aside: bool,
    /// Whether it works off a lap queue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub laps_backed: bool,
    /// Whether it goes on until the queue is empty: then the target follows the queue's length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_empty: bool,
    /// Messages that its agents have dealt with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumed_message_ids: Vec<u64>,
    /// When it began.
    #[serde(with = "millis")]
    pub started_at: Timestamp,
    /// When it ended; absent while it can be resumed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "millis_option")]
    pub ended_at: Option<Timestamp>,
    /// Its first try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_try_id: Option<u64>,
    /// Its newest try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_try_id: Option<u64>,
    /// Where the rotation stands: opaque to the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<serde_json::Value>,
    /// Fields that this version does not know; they survive.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl RelayRecord {
    /// Whether the relay can be resumed. Only the queue knows when one is complete that goes on until that is empty.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none() && (self.until_empty || self.completed_iterations < self.target_iterations)
    }
}

/// One line of `summary.jsonl`, the only state file that git tracks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryEntry {
    /// `relay-<R>-run-<N>`, or a unique id outside a run.
    pub run_id: String,
    /// What happened.
    #[serde(default)]
    pub summary: String,
    /// Recovery classification, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// When it was written.
    #[serde(with = "millis")]
    pub updated_at: Timestamp,
    /// `"none"` or a list of lap ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub laps_completed: Option<serde_json::Value>,
    /// What is left to do, outside a handoff.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followups: Vec<String>,
    /// Laps made from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created_lap_ids: Vec<String>,
    /// A durable handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<Handoff>,
}

impl SummaryEntry {
    /// What is left to do, in a handoff or outside of one.
    pub fn left_to_do(&self) -> &[String] {
        self.handoff.as_ref().map_or(&self.followups, |handoff| &handoff.followups)
    }

    /// Says which laps that became.
    pub fn set_created(&mut self, ids: Vec<String>) {
        match &mut self.handoff {
            Some(handoff) => handoff.created_lap_ids = ids,
            None => self.created_lap_ids = ids,
        }
    }
}

/// A durable handoff inside a [`SummaryEntry`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handoff {
    /// Why and where the work stands.
    pub summary: String,
    /// What is left to do.
    #[serde(default)]
    pub followups: Vec<String>,
    /// Laps made from the follow-ups.
    #[serde(default)]
    pub created_lap_ids: Vec<String>,
}

/// One line of `agent_status.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentStatusEvent {
    /// Record version; 0 in lines of the earlier program.
    #[serde(default)]
    pub v: u32,
    /// Harness.
    pub agent_type: String,
    /// Model; absent for the CLI's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What happened to the runner's health.
    pub event_type: AgentStatusKind,
    /// When.
    #[serde(with = "millis")]
    pub timestamp: Timestamp,
    /// In which relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_id: Option<u64>,
    /// In which run of the relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<u64>,
    /// The newest try of that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub try_id: Option<u64>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When a bench ends. What is no time counts as unknown.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis_option::serialize",
        deserialize_with = "millis_option::lenient"
    )]
    pub reset_at: Option<Timestamp>,
    /// Which accounts share the bench; for `active`, whose bench is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_scope: Option<String>,
}

/// Failed hourly retries that freeze a runner; more of them say no more.
pub const RETRIES_UNTIL_FREEZE: u32 = 5;

/// Kinds of [`AgentStatusEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatusKind {
    /// Repeated infra failures.
    Paused,
    /// The retry after a pause failed.
    RetryFailed,
    /// Too many failed retries.
    Frozen,
    /// A freeze decayed; one run decides.
    Probation,
    /// Quota exhausted until `reset_at`.
    Benched,
    /// Healthy again.
    Active,
    /// Healthy again, in files of older versions.
    Unfrozen,
}

/// How full the windows of a quota scope are: a line of `quota.jsonl`. A newer line for a scope supersedes the
/// windows that it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuotaRecord {
    /// [`RECORD_VERSION`].
    #[serde(default = "version")]
    pub v: u32,
    /// The quota scope: `claude`, `opencode:zai`, `provider:plan`.
    pub scope: String,
    /// Who told it: `claude`, `codex`; `rally runners clear` for a record that forgets.
    pub source: String,
    /// When it was told.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// The try that told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub try_id: Option<u64>,
    /// The windows that were named. None at all: everything known of this scope is void.
    #[serde(default)]
    pub windows: Vec<QuotaWindow>,
}

/// One inbox message: a line of `messages.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Unique in this workspace.
    #[serde(deserialize_with = "id")]
    pub id: u64,
    /// The text.
    pub body: String,
    /// `pending`, `addressed` or `cancelled`.
    pub status: String,
    /// FIFO order.
    pub position: i64,
    /// `run` (or absent) or `relay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When it was added.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "millis")]
    pub updated_at: Timestamp,
    /// The run that read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_by_run_id: Option<u64>,
    /// The relay that read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_by_relay_id: Option<u64>,
    /// Fields that this version does not know; they survive.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// One line of `journal.jsonl`: facts that must survive a crash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Record version.
    #[serde(default = "version")]
    pub v: u32,
    /// When the fact was written.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// The fact.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What the journal knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// Ids below these are taken; first line of a compacted journal.
    Checkpoint {
        /// The next try id.
        next_try: u64,
        /// The next relay id.
        next_relay: u64,
    },
    /// A run began (or began again after a crash: same ids, same snapshot).
    RunStarted {
        /// The relay.
        relay_id: u64,
        /// The run.
        run_id: u64,
        /// The mix entry it was given to, as typed.
        entry: String,
        /// What was dirty before the run: opaque to the store.
        snapshot: serde_json::Value,
        /// The lap that was claimed for it; none in a free run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lap: Option<String>,
    },
    /// A run is over.
    RunEnded {
        /// The relay.
        relay_id: u64,
        /// The run.
        run_id: u64,
    },
    /// A try was allocated; nothing has been spawned yet.
    TryStarted(TryStarted),
    /// The try's agent runs.
    TrySpawned {
        /// The try.
        try_id: u64,
        /// The agent's main process.
        agent: ProcessIdentity,
        /// Its guard.
        guard: ProcessIdentity,
    },
    /// The verdict on a try is made, its work is being committed: after a crash this
    /// record counts, and the commit is completed.
    TryResolved {
        /// The record, commits made by rally still left out.
        record: Box<TryRecord>,
    },
    /// The CLI told its session.
    Session {
        /// The try.
        try_id: u64,
        /// The session.
        session_id: String,
        /// What the session had used up when the try ended.
        #[serde(flatten)]
        spent: Spent,
    },
    /// A hook or `rally progress` reported something.
    Progress {
        /// `relay-<R>-run-<N>`, or a unique id outside a run.
        run_id: String,
        /// The entry that `summary.jsonl` got.
        summary: SummaryEntry,
    },
    /// An agent reported a lap as done, or that it hands its lap over.
    LapReported {
        /// `relay-<R>-run-<N>`.
        run_id: String,
        /// The lap.
        lap: String,
        /// What was said of it.
        said: LapWord,
    },
    /// Follow-ups of a report became laps.
    LapsCreated {
        /// `relay-<R>-run-<N>`, or the id of a report outside a run.
        run_id: String,
        /// The laps, in the order of the follow-ups.
        ids: Vec<String>,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// What an agent says of a lap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LapWord {
    /// It is done.
    Done,
    /// It is handed over.
    Handoff,
}

/// A try as allocated: everything that reconciliation needs if rally dies now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TryStarted {
    /// Unique in this workspace.
    #[serde(deserialize_with = "id")]
    pub try_id: u64,
    /// The relay.
    pub relay_id: u64,
    /// The run.
    pub run_id: u64,
    /// From 1.
    pub attempt: u32,
    /// Whether it is only to hand over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handoff_only: bool,
    /// Value of `RALLY_TRY` in the environment of the agent and all its children.
    pub tag: String,
    /// Canonical harness name.
    pub harness: String,
    /// The model as passed to the CLI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The effort as passed to the CLI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// The session that the try resumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// The id that a new session was given beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The try's own folder for what is worth nothing after it; absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<String>,
    /// Absolute path of the transcript.
    pub log_path: String,
    /// HEAD before the try; absent in a repository without commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_before: Option<String>,
    /// Same as in the try's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_route: Option<String>,
    /// Its lap.
    #[serde(flatten)]
    pub lap: LapRef,
}

/// The lap of a try; nothing in a free run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LapRef {
    /// The lap that was claimed for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lap_id: Option<String>,
    /// Its title then, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lap_title: Option<String>,
    /// Its assignee as the queue has it, never the role that recovery puts in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lap_assignee: Option<String>,
    /// The role that the agent is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}
