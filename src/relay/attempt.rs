//! One try: spawns the agent under a guard, reads it, watches the clock and the
//! operator, ends it, and says what was seen. The same driver serves every executor.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::Permit;

use super::capture::Transcript;
use super::event::{Event, Health, Sink, Tick};
use super::growing::Growing;
use super::life::{Action, Life, Limits, Stop};
use super::liveness::{Finding, Liveness};
use super::operator::{Operator, Order, Scene};
use super::record;
use super::tokens::Meter;
use super::watch::FileCount;
use crate::executor::{AgentEvent, Invocation, Parser, Report, Stderr, Stdin, Stream};
use crate::model::{CancelSource, Category, Evidence, Exit, Leftover, ProcessIdentity, QuotaWindow, time};
use crate::monitor::freeze::Freeze;
use crate::monitor::watch::Watch;
use crate::monitor::{freeze, memory};
use crate::process::{self, ActiveClock, Agent, Spawn, TreeSignal};

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
    /// The agent's working directory.
    pub workspace: &'a Path,
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

/// Everything of one running try.
struct Driver<'a> {
    agent: Agent,
    life: Life,
    clock: ActiveClock,
    parser: Box<dyn Parser>,
    events: Vec<AgentEvent>,
    witness: &'a mut dyn Witness,
    sink: &'a mut dyn Sink,
    session: Option<String>,
    leftovers: Vec<Leftover>,
    last_activity: Option<Duration>,
    note: Option<String>,
    wrote: bool,
    meter: Meter,
    tag: &'a str,
    oom_kills: Option<u64>,
}

/// Runs one try to its very end: when this returns, no process of it is left.
pub async fn drive(
    task: Task<'_>,
    operator: &mut Operator,
    files: &mut FileCount,
    witness: &mut dyn Witness,
    sink: &mut dyn Sink,
) -> Seen {
    let Task { invocation, parser, path, tag, log_path, workspace, limits, silence, meter, .. } = task;
    let (attempt, max_attempts) = (task.attempt, task.max_attempts);
    let transcript = match Transcript::open(log_path) {
        Ok(transcript) => transcript,
        Err(error) => {
            let why = format!("cannot write the transcript {}: {error}", log_path.display());
            return Seen::unborn(Evidence::new("transcript", Some(Category::HarnessLaunch), why));
        }
    };
    let log = invocation.log.clone();
    let spawned = process::spawn(spawn_spec(invocation, path, tag, workspace)).await;
    let mut agent = match spawned {
        Ok(agent) => agent,
        Err(error) => return Seen::unborn(record::spawn_evidence(&error)),
    };
    witness.spawned(agent.identity(), agent.guard_identity());
    let mut stdout = agent.take_stdout();
    let mut stderr = agent.take_stderr();
    let (mut out_chunk, mut err_chunk) = (vec![0; CHUNK], vec![0; if stderr.is_some() { CHUNK } else { 0 }]);
    let watch = Watch::new(agent.guard_identity().clone(), agent.identity().pid, silence.threshold);
    let mut liveness = Liveness::new(watch, silence, log_path);
    let mut driver = Driver {
        agent,
        life: Life::new(limits),
        clock: ActiveClock::start(Instant::now()),
        parser,
        events: Vec::new(),
        witness,
        sink,
        session: None,
        leftovers: Vec::new(),
        last_activity: None,
        note: None,
        wrote: false,
        meter,
        tag,
        oom_kills: memory::oom_kills(),
    };
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
        if driver.life.next_deadline().is_some_and(|at| at <= driver.now()) {
            let action = driver.life.tick(driver.now());
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
            report = driver.agent.report(), if !gone => driver.guard_says(report).await,
            // Deadlines stand before the pipes: an agent that never stops printing must not outrun them.
            () = until(deadline), if deadline.is_some() => {}
            () = until(drained), if drained.is_some() => break,
            _ = tick.tick() => {
                driver.witness.alive();
                log_due = log.is_some();
                liveness.look(driver.now(), driver.silent());
                if ticking {
                    let slowing = silence.is_slowing(driver.silent());
                    driver.show(files.poll(), attempt, max_attempts, slowing);
                }
            }
            finding = liveness.seen(), if liveness.is_looking() => match finding {
                Some(Finding::Frozen(freeze)) => driver.frozen(freeze),
                Some(Finding::Blind(why)) => driver.sink.event(&Event::Warning(format!(
                    "cannot watch the agent any more, a freeze in this try goes unnoticed: {why}"
                ))),
                None => {}
            },
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
        while driver.look(log, transcript.room().await) {}
    }
    driver.finish(transcript).await
}

impl Driver<'_> {
    fn now(&self) -> Duration {
        self.clock.elapsed(Instant::now())
    }

    /// When the clock will show `at`, should it not be stopped meanwhile.
    fn instant(&self, at: Duration) -> tokio::time::Instant {
        tokio::time::Instant::now() + at.saturating_sub(self.now())
    }

    fn scene(&self) -> Scene {
        match self.life.stop() {
            _ if !self.life.is_ending() => Scene::Try,
            Some(Stop::Cancelled(_) | Stop::Paused) => Scene::Cancelling,
            Some(
                Stop::TryTimeout
                | Stop::RunTimeout
                | Stop::StartupHang
                | Stop::Frozen(_)
                | Stop::Retrying(_)
                | Stop::Linger,
            )
            | None => Scene::Draining,
        }
    }

    fn obey(&mut self, order: Order, operator: &mut Operator) {
        let now = self.now();
        let action = match order {
            Order::Cancel(halt) => self.life.end(Stop::Cancelled(halt.source), now),
            Order::Skip => self.life.end(Stop::Cancelled(CancelSource::Skip), now),
            Order::Pause => self.life.end(Stop::Paused, now),
            Order::Force => self.life.force(now),
            // What is at work may finish.
            Order::Finish | Order::Resume => None,
            Order::Suspend => {
                self.clock.pause(Instant::now());
                self.agent.signal(TreeSignal::Stop);
                operator.suspend(self.sink);
                self.agent.signal(TreeSignal::Continue);
                self.clock.resume(Instant::now());
                None
            }
        };
        self.act(action);
    }

    fn act(&mut self, action: Option<Action>) {
        match action {
            Some(Action::Signal(signal)) => {
                let reason = self.life.stop().map(Stop::describe).unwrap_or_default();
                self.note = Some(format!("{} ({reason})", name(signal)));
                self.sink.event(&Event::Stopping { signal: name(signal), reason });
                self.agent.signal(signal);
            }
            Some(Action::Reap) => self.agent.reap(),
            None => {}
        }
    }

    async fn guard_says(&mut self, report: process::Report) {
        match report {
            process::Report::Exited { exit, leftovers } => {
                let action = self.life.exited(exit, !leftovers.is_empty());
                self.act(action);
            }
            process::Report::Gone { leftovers } => {
                self.leftovers.extend(leftovers);
                self.life.gone();
            }
            process::Report::GuardLost => {
                self.sink.event(&Event::Warning("the agent's guard is gone; ending what it left".to_owned()));
                self.leftovers.extend(process::sweep_orphans(self.tag, &[]).await);
                self.life.gone();
            }
        }
    }

    fn heard(&mut self, stream: Stream, bytes: &[u8]) {
        let now = self.now();
        self.last_activity = Some(now);
        self.life.heard();
        self.meter.heard(bytes.len());
        self.parser.feed(stream, bytes, &mut self.events);
        for event in std::mem::take(&mut self.events) {
            self.understood(event, now);
        }
    }

    /// Reads on in the CLI's own log; says whether there was anything.
    fn look(&mut self, log: &mut Growing, room: Option<Permit<'_, Vec<u8>>>) -> bool {
        let new = log.look();
        if new.is_empty() {
            return false;
        }
        self.heard(Stream::Log, &new);
        if let Some(room) = room {
            room.send(new);
        }
        true
    }

    fn understood(&mut self, event: AgentEvent, now: Duration) {
        match event {
            AgentEvent::Session(id) => {
                if self.session.as_deref() != Some(&id) {
                    self.witness.session(&id);
                    self.session = Some(id);
                }
            }
            AgentEvent::ToolStarted(name) => {
                self.life.worked();
                self.note = Some(name);
            }
            AgentEvent::ToolEnded => {
                self.life.worked();
                self.note = None;
            }
            AgentEvent::Text => {
                self.wrote = true;
                self.life.worked();
            }
            AgentEvent::TurnStarted => self.life.worked(),
            AgentEvent::Retrying { evidence, attempt } => {
                self.note = Some(format!("retrying ({attempt}): {}", evidence.message));
                self.life.retrying(evidence, now);
            }
            AgentEvent::End => self.life.ended(now),
            AgentEvent::BackgroundTasks(tasks) => self.life.background(tasks, now),
            AgentEvent::Quota(windows) => self.witness.quota(windows),
        }
    }

    /// Since the agent's last byte.
    fn silent(&self) -> Duration {
        self.now().saturating_sub(self.last_activity.unwrap_or_default())
    }

    /// The look that found it may be older than its last byte.
    fn frozen(&mut self, freeze: Freeze) {
        if self.silent() < freeze.silent() || !self.life.is_working() {
            return;
        }
        self.sink.event(&Event::Frozen { how: freeze.describe() });
        let action = self.life.end(Stop::Frozen(freeze), self.now());
        self.act(action);
    }

    fn show(&mut self, files: usize, attempt: u32, max_attempts: u32, slowing: bool) {
        let elapsed = self.now();
        let last_activity = self.last_activity.map(|at| elapsed.saturating_sub(at));
        let note = self.note.clone();
        self.sink.event(&Event::Tick(Tick {
            elapsed,
            files,
            last_activity,
            attempt,
            max_attempts,
            note,
            health: if slowing { Health::Slowing } else { Health::Well },
            drought: None,
            tokens: self.meter.tokens(self.session.as_deref(), self.parser.usage()),
        }));
    }

    async fn finish(mut self, transcript: Transcript) -> Seen {
        let exit = self.life.exit();
        let runtime = self.now();
        let transcript_error = transcript.finish().await.err().map(|error| error.to_string());
        Seen {
            report: self.parser.finish(exit, time::now()),
            wrote: self.wrote,
            exit,
            stop: self.life.stop().cloned(),
            leftovers: self.leftovers,
            runtime,
            unborn: None,
            oom: memory::oom_kills() > self.oom_kills,
            transcript_error,
        }
    }
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

/// As the operator knows it.
fn name(signal: TreeSignal) -> &'static str {
    match signal {
        TreeSignal::Interrupt => "INT",
        TreeSignal::Terminate => "TERM",
        TreeSignal::Kill => "KILL",
        TreeSignal::Stop => "STOP",
        TreeSignal::Continue => "CONT",
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
