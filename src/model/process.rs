//! Processes, as records and the process room name them.

use serde::{Deserialize, Serialize};

/// A process that can be told from a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot (`/proc/PID/stat` field 22).
    pub start_time: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
}

/// A process that outlived the agent's main process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its pid at the time.
    pub pid: i32,
    /// Its command line, cut to 200 characters.
    pub command: String,
}
