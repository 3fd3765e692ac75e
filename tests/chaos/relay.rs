//! A relay under way, and what can be done to its processes.

use std::fs::File;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Sandbox;

/// Longest wait for anything: a safety net, never a measurement.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// `rally relay`, which writes to a file; dropping it kills it.
#[derive(Debug)]
pub struct Relay {
    child: Child,
}

impl Relay {
    pub fn start(sandbox: &Sandbox, arguments: &[&str], number: u64) -> Relay {
        let out = File::create(sandbox.root().join(format!("out.{number}"))).unwrap();
        let mut command = sandbox.rally(["relay"]);
        command.args(arguments).stdout(out.try_clone().unwrap()).stderr(Stdio::from(out));
        Relay { child: command.spawn().unwrap() }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Whether it is still there after this time, or as soon as `until` holds.
    pub fn lives(&mut self, time: Duration, mut until: impl FnMut() -> bool) -> bool {
        let end = Instant::now() + time;
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if until() || Instant::now() >= end {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// How it ended, if it did within our patience.
    pub fn end(&mut self) -> Option<ExitStatus> {
        if self.lives(PATIENCE, || false) { None } else { self.child.try_wait().unwrap() }
    }

    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// The guard of its try, if one runs.
    pub fn guard(&self) -> Option<i32> {
        guard_of(self.pid())
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal; a process that is gone is no failure.
pub fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// The child of a rally that is a guard.
pub fn guard_of(rally: i32) -> Option<i32> {
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid: i32 = entry.file_name().to_string_lossy().parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent: i32 = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        let is_guard = command.split(|byte| *byte == 0).nth(1) == Some(b"guard");
        (parent == rally && is_guard).then_some(pid)
    })
}
