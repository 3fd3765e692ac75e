//! Watches over one try: samples its process tree beside the event loop, keeps the try's netstat log,
//! and says when the agent is frozen.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;

use crate::model::{mask, time};
use crate::monitor::drought::{Drought, Droughts};
use crate::monitor::freeze::{Detector, Freeze, Limits};
use crate::monitor::sample::{Sample, Tool};
use crate::monitor::watch::Watch;
use crate::store::private;

/// One line of `try-N.netstat.jsonl`: the first five fields are those that readers know.
#[derive(Debug, Serialize)]
struct Line {
    ts: String,
    log_silent_s: f64,
    /// Null when unknown.
    connections: Option<usize>,
    io_bytes: u64,
    syscall_bytes: u64,
    /// Bytes that TCP sockets moved; null when unknown.
    network_bytes: Option<u64>,
    cpu_ms: u64,
    tool_cpu_ms: u64,
    young_cpu_ms: u64,
    processes: usize,
    /// What the descendants of the main process moved, and those of them that were started during the silence.
    tool_bytes: u64,
    young_bytes: u64,
    /// Since the youngest of them was first seen; null when there is none.
    youngest_s: Option<f64>,
    /// Why a descendant counts as working although nothing moves; null when none does.
    tool: Option<Tool>,
    /// Active time since the try began.
    at_s: f64,
}

/// Size of a netstat log, in bytes, up to which every sample gets its line: some seven hours of looks every five
/// seconds. Beyond it a line a minute does, unless the agent is silent beyond the threshold.
const WHOLE: u64 = 1 << 20;

/// The most that a netstat log may hold, bytes (20.39): weeks of lines a minute.
const MOST: u64 = 8 << 20;

/// From one line to the next in a log that has grown long.
const SELDOM: Duration = Duration::from_secs(60);

/// Nobody asks at the exact moment: a look that is due within half a second is due, or every other one would be missed.
const SLACK: Duration = Duration::from_millis(500);

/// A look takes milliseconds. On a machine that swaps it may take seconds.
const LATEST: Duration = Duration::from_secs(30);

/// The eyes of a try.
pub struct Liveness {
    eyes: Option<Eyes>,
    limits: Limits,
    detector: Detector,
    droughts: Droughts,
    drought: Option<Drought>,
    period: Duration,
    next: Duration,
    /// When the newest look began.
    begun: Duration,
    told_late: bool,
    looking: Option<JoinHandle<(Eyes, Sample)>>,
}

/// Takes one sample: now, and the silence.
type Sampler = Box<dyn FnMut(Duration, Duration) -> Sample + Send>;

/// What a look may have to tell.
#[derive(Debug)]
pub enum Finding {
    /// The agent is frozen.
    Frozen(Freeze),
    /// The look itself failed, for this reason: from now on nobody looks.
    Blind(String),
}

/// What goes to the thread that looks.
struct Eyes {
    sampler: Sampler,
    log: Option<File>,
    pace: Pace,
}

impl Liveness {
    /// Nothing is looked at yet. `log_path` is the transcript; the netstat log lies beside it.
    pub fn new(mut watch: Watch, limits: Limits, log_path: &Path) -> Liveness {
        Liveness::with(Box::new(move |now, silent| watch.sample(now, silent)), limits, log_path)
    }

    fn with(sampler: Sampler, limits: Limits, log_path: &Path) -> Liveness {
        let pace = Pace { threshold: limits.threshold, written: 0, newest: Duration::ZERO };
        let log = private::open(File::options().create(true).append(true), &netstat_path(log_path)).ok();
        Liveness {
            eyes: Some(Eyes { sampler, log, pace }),
            limits,
            detector: Detector::new(limits),
            droughts: Droughts::default(),
            drought: None,
            period: limits.period(),
            next: Duration::ZERO,
            begun: Duration::ZERO,
            told_late: false,
            looking: None,
        }
    }

    /// Begins to look, if it is time to; never waits. Says, once a try, how long a look has been out that hangs in the
    /// kernel, as one does that meets a process on a dead network disk: what was known is old by then.
    pub fn look(&mut self, now: Duration, silent: Duration) -> Option<Duration> {
        if self.looking.is_some() {
            let out = now.saturating_sub(self.begun);
            if out < LATEST.max(self.period * 12) {
                return None;
            }
            self.drought = None;
            return (!std::mem::replace(&mut self.told_late, true)).then_some(out);
        }
        if now + SLACK < self.next {
            return None;
        }
        if let Some(mut eyes) = self.eyes.take() {
            (self.begun, self.next) = (now, now + self.period);
            self.looking = Some(tokio::task::spawn_blocking(move || {
                let sample = (eyes.sampler)(now, silent);
                eyes.note(&sample);
                (eyes, sample)
            }));
        }
        None
    }

    /// What was seen so far says nothing any more: the machine slept.
    pub fn begin_anew(&mut self, now: Duration) {
        self.detector = Detector::new(self.limits);
        self.droughts = Droughts::since(now);
        self.drought = None;
    }

    /// What is suspicious about the agent's connections.
    pub fn drought(&self) -> Option<Drought> {
        self.drought
    }

    /// Whether [`Liveness::seen`] has something to wait for.
    pub fn is_looking(&self) -> bool {
        self.looking.is_some()
    }

    /// Waits for the end of a look, and says what it found. Dropping it loses nothing.
    pub async fn seen(&mut self) -> Option<Finding> {
        let looked = self.looking.as_mut()?.await;
        self.looking = None;
        match looked {
            Ok((eyes, sample)) => {
                self.eyes = Some(eyes);
                self.drought = self.droughts.assess(&sample);
                self.detector.assess(&sample).map(Finding::Frozen)
            }
            // A watch that broke down half-way would see differences that are none: it is not used again.
            Err(error) => {
                self.drought = None;
                Some(Finding::Blind(error.to_string()))
            }
        }
    }
}

impl Eyes {
    /// A log that cannot be written is no reason to stop looking.
    fn note(&mut self, sample: &Sample) {
        let line = Line {
            ts: time::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            log_silent_s: sample.silent.as_secs_f64().round(),
            connections: sample.connections,
            io_bytes: sample.io_bytes,
            syscall_bytes: sample.syscall_bytes,
            network_bytes: sample.network_bytes,
            cpu_ms: millis(sample.cpu),
            tool_cpu_ms: millis(sample.tool_cpu),
            young_cpu_ms: millis(sample.young_cpu),
            processes: sample.processes,
            tool_bytes: sample.tool_bytes,
            young_bytes: sample.young_bytes,
            youngest_s: sample.youngest.map(tenths),
            tool: sample.tool,
            at_s: tenths(sample.at),
        };
        if let (Some(log), Ok(mut text)) = (&mut self.log, serde_json::to_vec(&line)) {
            text.push(b'\n');
            let text = mask::shared().record(text);
            if self.pace.wants(sample, text.len() as u64) {
                let _ = log.write_all(&text);
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds, to a tenth.
fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

/// Bounds what is written.
#[derive(Debug)]
struct Pace {
    threshold: Duration,
    /// Bytes so far.
    written: u64,
    /// When the newest line was written.
    newest: Duration,
}

impl Pace {
    /// Whether a sample gets its line of this many bytes.
    fn wants(&mut self, sample: &Sample, bytes: u64) -> bool {
        let due = sample.at.saturating_sub(self.newest) >= SELDOM || sample.silent >= self.threshold;
        let wanted = self.written + bytes <= if due { MOST } else { WHOLE };
        if wanted {
            self.written += bytes;
            self.newest = sample.at;
        }
        wanted
    }
}

/// `try-7.log` → `try-7.netstat.jsonl`.
fn netstat_path(log: &Path) -> PathBuf {
    log.with_extension("netstat.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { threshold: Duration::from_secs(60), network: Duration::from_secs(60) };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn what_is_unknown_is_null_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("try-1.log");
        let mut connections = [Some(0), None, Some(2)].into_iter();
        let sampler = move |at, silent| Sample {
            at,
            silent,
            connections: connections.next().unwrap(),
            ..Sample::default()
        };
        let mut liveness = Liveness::with(Box::new(sampler), LIMITS, &log);
        for at in [0, 5, 10] {
            liveness.look(secs(at), secs(at));
            assert!(liveness.seen().await.is_none());
        }
        let text = std::fs::read_to_string(folder.path().join("try-1.netstat.jsonl")).unwrap();
        let seen: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["connections"].take())
            .collect();
        assert_eq!(seen, [serde_json::json!(0), serde_json::Value::Null, serde_json::json!(2)]);
    }

    // 20.39
    #[test]
    fn a_netstat_log_grows_slower_and_slower_and_has_an_end() {
        let mut pace = Pace { threshold: LIMITS.threshold, written: 0, newest: Duration::ZERO };
        let mut written = |at, silent| {
            let sample = Sample { at: secs(at), silent: secs(silent), ..Sample::default() };
            pace.wants(&sample, 200)
        };
        let dense = WHOLE / 200;
        assert!((0..dense).all(|at| written(at, 0)));
        assert!(!written(dense, 0));
        assert!(written(dense, 60), "the samples that a freeze is found by are never missed");
        assert!(!written(dense + 59, 0) && written(dense + 60, 0) && !written(dense + 61, 0));
        let more = (0..).take_while(|minute| written(2 * dense + minute * 60, 0)).count() as u64;
        assert!((dense + 2 + more) * 200 <= MOST && more > 7 * 24 * 60);
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_told_once_and_may_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (go, held) = std::sync::mpsc::channel::<()>();
        let sampler = move |at, silent| {
            let _ = held.recv();
            Sample { at, silent, ..Sample::default() }
        };
        let mut liveness = Liveness::with(Box::new(sampler), LIMITS, &folder.path().join("try-1.log"));
        let told: Vec<_> = (0..200).filter_map(|at| liveness.look(secs(at), secs(at))).collect();
        assert_eq!(told, [secs(36)], "twelve periods of three seconds");
        assert!(liveness.is_looking() && liveness.drought().is_none());
        drop(go);
        assert!(liveness.seen().await.is_none());
        assert_eq!(liveness.look(secs(200), secs(200)), None);
        assert!(liveness.is_looking(), "and looks on");
        assert!(liveness.seen().await.is_none());
    }

    #[tokio::test]
    async fn a_look_that_fails_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let sampler = |_, _| panic!("this panic belongs to a test");
        let mut liveness = Liveness::with(Box::new(sampler), LIMITS, &folder.path().join("try-1.log"));
        liveness.look(secs(0), secs(0));
        assert!(matches!(liveness.seen().await, Some(Finding::Blind(_))));
        liveness.look(secs(5), secs(5));
        assert!(!liveness.is_looking());
        assert!(liveness.seen().await.is_none());
    }
}
