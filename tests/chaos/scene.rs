//! A repository with a user's unfinished work, an agent, and somebody else's process.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use fastrand::Rng;

use crate::agents;
use crate::fault::Fault;
use crate::support::{Sandbox, SmallDisk};

/// Runs that each relay is to do.
pub const TARGET: u64 = 3;

/// What belongs to the user, and what it must still be.
pub const USERS: [(&str, &str); 3] =
    [("README.txt", "hello\nand more\n"), ("staged.txt", "staged\n"), ("mine.txt", "the user's\n")];

/// Files that only grow.
pub const GROWING: [&str; 3] =
    [".rally/state/tries.jsonl", ".rally/state/relays.jsonl", ".rally/state/journal.jsonl"];

/// Everything of one round.
#[derive(Debug)]
pub struct Scene {
    pub sandbox: Sandbox,
    pub fault: Fault,
    pub dice: Rng,
    /// Whether the agent stages its work itself.
    pub agent_stages: bool,
    pub stranger: Child,
    /// The disk of the state, where it is a small one.
    pub disk: Option<SmallDisk>,
    pub relays: u64,
    pub strikes: BTreeMap<String, u64>,
    pub violations: Vec<String>,
    /// The growing files, as they were last seen.
    pub seen: BTreeMap<&'static str, String>,
    /// HEAD before the first relay.
    pub base: String,
}

impl Scene {
    pub fn new(seed: u64, number: u64, fault: Fault) -> Scene {
        let mut dice = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        let sandbox = Sandbox::initialised();
        sandbox.configure(fault.configuration());
        let agent = agents::draw(&mut dice);
        sandbox.claude(&agent);
        fault.prepare(&sandbox);
        sandbox.write("mine.txt", USERS[2].1);
        if !fault.leaves_the_index_in_conflict() {
            sandbox.write("staged.txt", USERS[1].1);
            sandbox.git(["add", "staged.txt"]);
            sandbox.write("README.txt", USERS[0].1);
        }
        let state = sandbox.repo().join(".rally/state");
        let disk = (fault == Fault::DiskFull).then(|| SmallDisk::mount(&state)).flatten();
        let base = sandbox.git(["rev-parse", "HEAD"]);
        // It has the agent's name, and stands in the same folder.
        let stranger = Command::new("sh")
            .args(["-c", "exec sleep 3600", "claude"])
            .current_dir(sandbox.repo())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Scene {
            sandbox,
            fault,
            dice,
            agent_stages: agent.contains("git add"),
            stranger,
            disk,
            relays: 0,
            strikes: BTreeMap::new(),
            violations: Vec::new(),
            seen: BTreeMap::new(),
            base,
        }
    }

    /// Counts something that was done to the relay.
    pub fn strike(&mut self, what: impl Into<String>) {
        *self.strikes.entry(what.into()).or_default() += 1;
    }

    /// Notes what must not be.
    pub fn violated(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// A span up to this many milliseconds.
    pub fn moment(&mut self, below: u64) -> std::time::Duration {
        std::time::Duration::from_millis(self.dice.u64(..below))
    }

    /// Whether the newest relay has reached its end.
    pub fn is_finished(&self) -> bool {
        let relays = self.sandbox.whole_or_bad(".rally/state/relays.jsonl");
        relays.last().is_some_and(|relay| !relay["ended_at"].is_null())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.stranger.kill();
        let _ = self.stranger.wait();
    }
}

impl Sandbox {
    /// The records of a file in which some lines may be bad.
    pub fn whole_or_bad(&self, path: &str) -> Vec<serde_json::Value> {
        let bytes = std::fs::read(self.repo().join(path)).unwrap_or_default();
        bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}
