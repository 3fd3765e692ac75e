//! `run-state.json`: the current run as a view for readers, and what hooks report about
//! it. What must survive a crash stands in the journal, not here.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Layout, StoreError, files};
use crate::model::Timestamp;
use crate::model::time::{millis, rfc3339_millis};

/// Content of `run-state.json`. A missing file is [`RunState::default`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// `relay-<R>-run-<N>`.
    #[serde(default)]
    pub run_id: String,
    /// 1 after the agent asked for a handoff, else 0.
    #[serde(default)]
    pub handoff_state: u8,
    /// Laps reported as done, in order; one may come twice.
    #[serde(default)]
    pub recorded_laps: Vec<String>,
    /// The lap claimed for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_lap_id: Option<String>,
    /// Every report of a lap, with its time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub laps_attempted: Vec<LapAttempt>,
    /// The session that the next attempt resumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Relay of the try in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_relay_id: Option<u64>,
    /// Run of the try in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_run_id: Option<u64>,
    /// The try in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_try_id: Option<u64>,
    /// Its transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_log_path: Option<String>,
    /// When it was allocated: RFC 3339, but not trusted to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_started_at: Option<String>,
    /// Fields that this version does not know; they survive.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// A lap that the agent reported, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LapAttempt {
    /// The lap.
    pub lap_id: String,
    /// When it was reported.
    #[serde(with = "millis")]
    pub timestamp: Timestamp,
}

impl RunState {
    /// Names the try in flight.
    pub fn set_active(&mut self, relay: u64, run: u64, try_id: u64, log_path: &str, started: Timestamp) {
        self.active_relay_id = Some(relay);
        self.active_run_id = Some(run);
        self.active_try_id = Some(try_id);
        self.active_log_path = Some(log_path.to_owned());
        self.active_started_at = Some(rfc3339_millis(started));
    }

    /// Forgets the try in flight, and nothing else.
    pub fn clear_active(&mut self) {
        self.active_relay_id = None;
        self.active_run_id = None;
        self.active_try_id = None;
        self.active_log_path = None;
        self.active_started_at = None;
    }

    /// Whether a try in flight is named.
    pub fn has_active(&self) -> bool {
        self.active_try_id.is_some()
    }

    /// The agent reported a lap as done.
    pub fn record_lap(&mut self, lap: &str, now: Timestamp) {
        self.recorded_laps.push(lap.to_owned());
        self.laps_attempted.push(LapAttempt { lap_id: lap.to_owned(), timestamp: now });
    }

    /// The agent asked for a handoff of the claimed lap.
    pub fn set_handoff(&mut self, now: Timestamp) {
        self.handoff_state = 1;
        if let Some(lap) = &self.pinned_lap_id {
            self.laps_attempted.push(LapAttempt { lap_id: lap.clone(), timestamp: now });
        }
    }

    /// The run was finalised: what was reported for it is used up. Says whether
    /// anything is left that is worth keeping, namely a try in flight.
    pub(super) fn finalise(&mut self) -> bool {
        self.handoff_state = 0;
        self.recorded_laps.clear();
        self.laps_attempted.clear();
        self.has_active()
    }
}

/// Reads the view; `None` when there is none.
pub fn read(layout: &Layout) -> Result<Option<RunState>, StoreError> {
    let path = layout.run_state();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("read", &path, e)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| StoreError::Corrupt { path, source })
}

/// Writes the view; the caller holds [`super::Shared`].
pub(super) fn write(path: &Path, state: &RunState) -> Result<(), StoreError> {
    let mut bytes = serde_json::to_vec_pretty(state)
        .map_err(|source| StoreError::Encode { path: path.to_owned(), source })?;
    bytes.push(b'\n');
    files::replace(path, &bytes)
}
