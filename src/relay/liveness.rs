//! Watches over one try: samples its process tree beside the event loop, keeps the try's netstat log,
//! and says when the agent is frozen.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;

use crate::model::time;
use crate::monitor::freeze::{Detector, Freeze, Limits};
use crate::monitor::sample::Sample;
use crate::monitor::watch::Watch;

/// One line of `try-N.netstat.jsonl`: the first five fields are those that readers know.
#[derive(Debug, Serialize)]
struct Line {
    ts: String,
    log_silent_s: f64,
    connections: usize,
    io_bytes: u64,
    syscall_bytes: u64,
    /// Bytes that TCP sockets moved; null when unknown.
    network_bytes: Option<u64>,
    cpu_ms: u64,
    processes: usize,
}

/// The eyes of a try.
#[derive(Debug)]
pub struct Liveness {
    eyes: Option<Eyes>,
    detector: Detector,
    period: Duration,
    next: Duration,
    looking: Option<JoinHandle<(Eyes, Sample)>>,
}

/// What goes to the thread that looks.
#[derive(Debug)]
struct Eyes {
    watch: Watch,
    log: Option<File>,
}

impl Liveness {
    /// Nothing is looked at yet. `log_path` is the transcript; the netstat log lies beside it.
    pub fn new(watch: Watch, limits: Limits, log_path: &Path) -> Liveness {
        let log = File::options().create(true).append(true).mode(0o600).open(netstat_path(log_path)).ok();
        Liveness {
            eyes: Some(Eyes { watch, log }),
            detector: Detector::new(limits),
            period: limits.period(),
            next: Duration::ZERO,
            looking: None,
        }
    }

    /// Begins to look, if it is time to; never waits.
    pub fn look(&mut self, now: Duration, silent: Duration) {
        if now < self.next {
            return;
        }
        if let Some(mut eyes) = self.eyes.take() {
            self.next = now + self.period;
            self.looking = Some(tokio::task::spawn_blocking(move || {
                let sample = eyes.watch.sample(now, silent);
                eyes.note(&sample);
                (eyes, sample)
            }));
        }
    }

    /// Whether [`Liveness::seen`] has something to wait for.
    pub fn is_looking(&self) -> bool {
        self.looking.is_some()
    }

    /// Waits for the end of a look; says whether the agent is frozen. Dropping it loses nothing.
    pub async fn seen(&mut self) -> Option<Freeze> {
        let looked = self.looking.as_mut()?.await;
        self.looking = None;
        let (eyes, sample) = looked.ok()?;
        self.eyes = Some(eyes);
        self.detector.assess(&sample)
    }
}

impl Eyes {
    /// A log that cannot be written is no reason to stop looking.
    fn note(&mut self, sample: &Sample) {
        let line = Line {
            ts: time::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            log_silent_s: sample.silent.as_secs_f64().round(),
            connections: sample.connections.unwrap_or_default(),
            io_bytes: sample.io_bytes,
            syscall_bytes: sample.syscall_bytes,
            network_bytes: sample.network_bytes,
            cpu_ms: u64::try_from(sample.cpu.as_millis()).unwrap_or(u64::MAX),
            processes: sample.processes,
        };
        if let (Some(log), Ok(mut text)) = (&mut self.log, serde_json::to_vec(&line)) {
            text.push(b'\n');
            let _ = log.write_all(&text);
        }
    }
}

/// `try-7.log` → `try-7.netstat.jsonl`.
fn netstat_path(log: &Path) -> PathBuf {
    log.with_extension("netstat.jsonl")
}
