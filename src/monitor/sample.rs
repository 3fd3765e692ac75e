//! What is seen of an agent's process tree at one moment.

use std::time::Duration;

use serde::Serialize;

/// One look at the tree. Counters are sums since the watch began and never go back, also when
/// processes or sockets go. What could not be seen is unknown, which is not the same as silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// Active time since the try began.
    pub at: Duration,
    /// Since the agent's last byte, of output or of its own log.
    pub silent: Duration,
    /// Established TCP connections of all its processes.
    pub connections: Option<usize>,
    /// Bytes that all its TCP sockets have moved.
    pub network_bytes: Option<u64>,
    /// Processor time of all its processes.
    pub cpu: Duration,
    /// Of these, that of the descendants of the main process.
    pub tool_cpu: Duration,
    /// That of processes that were started during the silence, meanwhile.
    pub young_cpu: Duration,
    /// `read_bytes` and `write_bytes`: what reached the disk.
    pub io_bytes: u64,
    /// `rchar` and `wchar`: what went through `read` and `write`, files and pipes included.
    pub syscall_bytes: u64,
    /// What the descendants of the main process have moved of these: the larger of the two.
    pub tool_bytes: u64,
    /// What processes that were started during the silence have moved meanwhile: an idle server of the agent's is
    /// older than that, and the tool that the agent waits for is not.
    pub young_bytes: u64,
    /// Active time since the youngest living descendant of the main process was first seen.
    pub youngest: Option<Duration>,
    /// Processes of the tree.
    pub processes: usize,
    /// Whether the agent is waiting for a tool that is surely not stuck.
    pub tool: Option<Tool>,
}

/// Why a descendant counts as working although nothing moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// It was started during the silence.
    Young,
    /// It runs under an explicit `timeout`, and that is not over.
    Bounded,
}
