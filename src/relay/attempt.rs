//! One try: spawns the agent under a guard, reads it, watches the clock and the
//! operator, ends it, and says what was seen. The same driver serves every executor.

mod driver;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::capture::Transcript;
use super::event::{Event, Sink};
use super::growing::Growing;
use super::life::{Limits, Stop};
use super::liveness::{Finding, Liveness};
use super::operator::interpret::Urgency;
use super::operator::{Operator, Wish};
use super::record;
use super::tokens::Meter;
use super::watch::FileCount;
use crate::executor::{Invocation, Parser, Report, Stderr, Stdin, Stream};
use crate::model::mask;
use crate::model::text::duration;
use crate::model::{CancelSource, Category, Evidence, Exit, Leftover, ProcessIdentity, QuotaWindow};
use crate::monitor::freeze;
use crate::monitor::watch::Watch;
use crate::process::{self, Spawn};
use driver::{Driver, searched, swept};

/// Bytes read at once, per pipe.
const CHUNK: usize = 64 * 1024;

/// How long output may still come after the last process is gone.
const DRAIN: Duration = Duration::from_secs(2);

/// What the driver is given.
pub struct Task<'a> {
    /// The command line.
    pub invocation: Invocation,
    /// Reads the output.
    pub parser: Box<dyn Parser>,
    /// PATH of the agent: this very binary comes first, under its own name.
    pub path: OsString,
    /// Value of `RALLY_TRY`.
    pub tag: &'a str,
    /// The transcript.
    pub log_path: &'a Path,
    /// Whether secrets are masked in it.
    pub mask_transcript: bool,
    /// Of a larger transcript the middle is left out.
    pub try_max_bytes: Option<u64>,
    /// The agent's working directory.
    pub workspace: &'a Path,
    /// The only places that it may write to; `None` confines it to nothing.
    pub confined: Option<Vec<PathBuf>>,
    /// Bounds.
    pub limits: Limits,
    /// How long the agent may be silent.
    pub silence: freeze::Limits,
    /// Counts its tokens, for the status line.
    pub meter: Meter,
    /// From 1, for the status line.
    pub attempt: u32,
    /// Attempts allowed, for the status line.
    pub max_attempts: u32,
}

/// Facts that must be durable while the try runs.
pub trait Witness {
    /// The agent runs.
    fn spawned(&mut self, agent: &ProcessIdentity, guard: &ProcessIdentity);
    /// The CLI told its session.
    fn session(&mut self, session_id: &str);
    /// The CLI told how full its account's windows are.
    fn quota(&mut self, windows: Vec<QuotaWindow>);
    /// About once a second: the agent is being watched.
    fn alive(&mut self);
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// What the output says.
    pub report: Report,
    /// Whether the agent wrote anything while it worked.
    pub wrote: bool,
    /// How the main process ended; `None` when it never ran or its guard was lost.
    pub exit: Option<Exit>,
    /// Why it was ended, if it did not end by itself.
    pub stop: Option<Stop>,
    /// Processes that outlived it and were reaped.
    pub leftovers: Vec<Leftover>,
    /// Active time.
    pub runtime: Duration,
    /// Why nothing was spawned.
    pub unborn: Option<Evidence>,
    /// Whether the kernel killed something for lack of memory meanwhile.
    pub oom: bool,
    /// Why the transcript is not whole.
    pub transcript_error: Option<String>,
}

impl Seen {
    /// A request that never became a process.
    pub fn unborn(why: Evidence) -> Seen {
        Seen { unborn: Some(why), ..Seen::nothing(Report::default()) }
    }

    /// A try that the operator ended before its agent could be started.
    pub fn stopped(stop: Stop) -> Seen {
        Seen { stop: Some(stop), ..Seen::nothing(Report::default()) }
    }

    fn nothing(report: Report) -> Seen {
        Seen {
            report,
            wrote: false,
            exit: None,
            stop: None,
            leftovers: Vec::new(),
            runtime: Duration::ZERO,
            unborn: None,
            oom: false,
            transcript_error: None,
        }
    }
}

/// Runs one try to its very end: when this returns, no process of it is left.
pub async fn drive(
    task: Task<'_>,
    operator: &mut Operator,
    files: &mut FileCount,
    witness: &mut dyn Witness,
    sink: &mut dyn Sink,
) -> Seen {
    let Task { invocation, parser, path, tag, log_path, workspace, confined, .. } = task;
    let Task { limits, silence, meter, .. } = task;
    let (attempt, max_attempts) = (task.attempt, task.max_attempts);
    let transcript =
        match Transcript::open(log_path, task.mask_transcript.then(mask::shared), task.try_max_bytes) {
            Ok(transcript) => transcript,
            Err(error) => {
                let why = format!("cannot write the transcript {}: {error}", log_path.display());
                return Seen::unborn(Evidence::new("transcript", Some(Category::HarnessLaunch), why));
            }
        };
    let log = invocation.log.clone();
    // A program on a disk that hangs keeps its guard waiting: whoever wants out does not wait for it.
    let spawning = process::spawn(Spawn { confined, ..spawn_spec(invocation, path, tag, workspace) });
    let mut agent = match operator.unless_forced(spawning, sink).await {
        Some(Ok(agent)) => agent,
        Some(Err(error)) => return Seen::unborn(record::spawn_evidence(&error)),
        None => {
            return Seen::stopped(operator.wish().map_or(Stop::Cancelled(CancelSource::QuitNow), Wish::stop));
        }
    };
    witness.spawned(agent.identity(), agent.guard_identity());
    let mut stdout = agent.take_stdout();
    let mut stderr = agent.take_stderr();
    let (mut out_chunk, mut err_chunk) = (vec![0; CHUNK], vec![0; if stderr.is_some() { CHUNK } else { 0 }]);
    let watch = Watch::new(agent.guard_identity().clone(), agent.identity().pid, silence.threshold);
    let mut liveness = Liveness::new(watch, silence, log_path);
    let mut driver = Driver::new(agent, limits, parser, meter, tag, witness, sink);
    // What was ordered while it was started. A graceful stop lets it finish.
    if let Some(wish) = operator.wish().filter(|_| operator.urgency() != Urgency::Graceful) {
        let now = driver.now();
        let action = driver.life.end(wish.stop(), now);
        driver.act(action);
    }
    let mut log = log.map(Growing::new);
    let mut log_due = false;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let ticking = driver.sink.wants_ticks();
    let mut drained: Option<tokio::time::Instant> = None;

    let mut busy = false;
    loop {
        if std::mem::take(&mut busy) {
            // Lets clock and signals catch up: a pipe that is never empty would keep them waiting.
            tokio::task::yield_now().await;
        }
        // Asked of the clock itself: a timer needs a moment that a full pipe never leaves.
        let now = driver.now();
        if driver.life.next_deadline().is_some_and(|at| at <= now) {
            let action = driver.life.tick(now);
            driver.act(action);
        }
        let gone = driver.life.is_done();
        if gone && stdout.is_none() && stderr.is_none() {
            break;
        }
        if gone && drained.is_none() {
            drained = Some(tokio::time::Instant::now() + DRAIN);
        }
        let deadline = driver.life.next_deadline().map(|at| driver.instant(at));
        let scene = driver.scene();
        tokio::select! {
            biased;
            order = operator.next(scene, &mut *driver.sink) => driver.obey(order, operator),
            report = driver.agent.report(), if !gone => driver.guard_says(report),
            // Deadlines stand before the pipes: an agent that never stops printing must not outrun them.
            () = until(deadline), if deadline.is_some() => {}
            () = until(drained), if drained.is_some() => break,
            _ = tick.tick() => {
                driver.witness.alive();
                log_due = log.is_some();
                if driver.slept() {
                    liveness.begin_anew(driver.now());
                }
                if let Some(out) = liveness.look(driver.now(), driver.silent()) {
                    let text = duration(out);
                    driver.sink.event(&Event::Warning(format!(
                        "a look at the agent's processes has not come back for {text}: until it does, a freeze goes unnoticed"
                    )));
                }
                if ticking {
                    let slowing = silence.is_slowing(driver.silent());
                    driver.show(files.poll(), attempt, max_attempts, slowing, liveness.drought());
                }
            }
            finding = liveness.seen(), if liveness.is_looking() => match finding {
                Some(Finding::Frozen(freeze)) => driver.frozen(freeze),
                Some(Finding::Blind(why)) => driver.sink.event(&Event::Warning(format!(
                    "cannot watch the agent any more, a freeze in this try goes unnoticed: {why}"
                ))),
                None => {}
            },
            found = searched(&mut driver.search), if driver.search.is_some() => driver.found(found),
            left = swept(&mut driver.sweep), if driver.sweep.is_some() => driver.swept(left),
            room = transcript.room(), if log_due => {
                log_due = log.as_mut().is_some_and(|log| driver.look(log, room));
            }
            read = pump(&mut stdout, &transcript, &mut out_chunk), if stdout.is_some() => {
                match read {
                    Some(n) => {
                        busy = true;
                        driver.heard(Stream::Stdout, &out_chunk[..n]);
                    }
                    None => stdout = None,
                }
            }
            read = pump(&mut stderr, &transcript, &mut err_chunk), if stderr.is_some() => {
                match read {
                    Some(n) => {
                        busy = true;
                        driver.heard(Stream::Stderr, &err_chunk[..n]);
                    }
                    None => stderr = None,
                }
            }
        }
    }
    if let Some(log) = &mut log {
        while let Some(room) = operator.unless_forced(transcript.room(), &mut *driver.sink).await
            && driver.look(log, room)
        {}
    }
    let written = operator.unless_forced(transcript.finish(), &mut *driver.sink).await;
    let transcript_error = match written {
        Some(written) => written.err().map(|error| error.to_string()),
        None => Some("the operator did not wait until it was written".to_owned()),
    };
    driver.finish(transcript_error)
}

fn spawn_spec(invocation: Invocation, path: OsString, tag: &str, workspace: &Path) -> Spawn {
    let mut env = vec![(OsString::from("PATH"), path)];
    env.extend(invocation.env);
    Spawn {
        program: invocation.program,
        args: invocation.args,
        env,
        cwd: workspace.to_owned(),
        stdin: match invocation.stdin {
            Stdin::Null => None,
            Stdin::Bytes(bytes) => Some(bytes),
        },
        separate_stderr: invocation.stderr == Stderr::Separate,
        tag: tag.to_owned(),
        confined: None,
    }
}

/// Reads the next chunk into `buffer` and hands it to the transcript; `None` at the end.
/// Room in the transcript is taken first, so dropping this future loses nothing.
async fn pump(pipe: &mut Option<Receiver>, transcript: &Transcript, buffer: &mut [u8]) -> Option<usize> {
    let pipe = pipe.as_mut()?;
    let room = transcript.room().await?;
    match pipe.read(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(n) => {
            room.send(buffer[..n].to_vec());
            Some(n)
        }
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
