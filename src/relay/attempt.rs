//! One try: spawns the agent under a guard, reads it, watches the clock and the
//! operator, ends it, and says what was seen. The same driver serves every executor.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::Permit;
use tokio::task::JoinHandle;

use super::capture::Transcript;
use super::event::{Drought, Event, Health, Sink, Tick};
use super::growing::Growing;
use super::life::{Action, Life, Limits, Stop};
use super::liveness::{Finding, Liveness};
use super::operator::{Operator, Order, arm_hint};
use super::record;
use super::watch::FileCount;
use crate::executor::{AgentEvent, Invocation, Parser, Report, Stderr, Stdin, Stream};
use crate::model::text::duration;
use crate::model::{CancelSource, Category, Evidence, Exit, Leftover, ProcessIdentity, QuotaWindow, time};
use crate::monitor::freeze::Freeze;
use crate::monitor::tools::{self, StuckTool};
use crate::monitor::watch::Watch;
use crate::monitor::{freeze, memory};
use crate::process::clock::{Reading, SleepWatch};
use crate::process::{self, ActiveClock, Agent, Spawn, TreeSignal, signals};

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
    pub fn cancelled(source: CancelSource) -> Seen {
        Seen { stop: Some(Stop::Cancelled(source)), ..Seen::nothing(Report::default()) }
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
    sleep: SleepWatch,
    parser: Box<dyn Parser>,
    events: Vec<AgentEvent>,
    witness: &'a mut dyn Witness,
    sink: &'a mut dyn Sink,
    session: Option<String>,
    leftovers: Vec<Leftover>,
    last_activity: Option<Duration>,
    /// From when on silence counts: the start, or the end of the machine's sleep.
    listening_since: Duration,
    /// The look for the stuck tool, and what it is to be sent.
    search: Option<Search>,
    /// Whether the agent was frozen and works again, and that was not shown yet.
    recovered: bool,
    note: Option<String>,
    wrote: bool,
    tag: &'a str,
    oom_kills: Option<u64>,
}

/// A look for the stuck tool, beside the loop.
struct Search {
    signal: TreeSignal,
    looking: JoinHandle<StuckTool>,
}

/// Runs one try to its very end: when this returns, no process of it is left.
pub async fn drive(
    task: Task<'_>,
    operator: &mut Operator,
    files: &mut FileCount,
    witness: &mut dyn Witness,
    sink: &mut dyn Sink,
) -> Seen {
    let Task { invocation, parser, path, tag, log_path, workspace, limits, silence, attempt, max_attempts } =
        task;
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
        sleep: SleepWatch::new(Reading::now()),
        parser,
        events: Vec::new(),
        witness,
        sink,
        session: None,
        leftovers: Vec::new(),
        last_activity: None,
        listening_since: Duration::ZERO,
        search: None,
        recovered: false,
        note: None,
        wrote: false,
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
        tokio::select! {
            biased;
            order = operator.next() => driver.obey(order),
            report = driver.agent.report(), if !gone => driver.guard_says(report).await,
            // Deadlines stand before the pipes: an agent that never stops printing must not outrun them.
            () = until(deadline), if deadline.is_some() => {}
            () = until(drained), if drained.is_some() => break,
            _ = tick.tick() => {
                driver.witness.alive();
                log_due = log.is_some();
                if driver.slept() {
                    liveness.begin_anew(driver.now());
                }
                liveness.look(driver.now(), driver.silent());
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
    fn now(&mut self) -> Duration {
        let now = self.clock.elapsed(Instant::now());
        if let Some(lost) = self.clock.lost() {
            let text = duration(lost);
            let what = format!(
                "rally did not run for {text} (it was stopped, or its machine was): that counts for no time limit"
            );
            self.sink.event(&Event::Notice(what));
        }
        now
    }

    /// Whether the machine slept since this was last asked.
    fn slept(&mut self) -> bool {
        let Some(slept) = self.sleep.look(Reading::now()) else { return false };
        self.listening_since = self.now();
        self.life.woke(self.listening_since);
        let text = duration(slept);
        let what = format!("the machine slept for {text}: the agent's silence counts from now on");
        self.sink.event(&Event::Notice(what));
        true
    }

    /// When the clock will show `at`, should it not be stopped meanwhile.
    fn instant(&mut self, at: Duration) -> tokio::time::Instant {
        tokio::time::Instant::now() + at.saturating_sub(self.now())
    }

    fn obey(&mut self, order: Order) {
        let now = self.now();
        match order {
            Order::Cancel(halt) => {
                self.sink.event(&Event::StopRequested { source: halt.source });
                let action = self.life.end(Stop::Cancelled(halt.source), now);
                self.act(action);
            }
            Order::Force => {
                let action = self.life.force(now);
                self.act(action);
            }
            Order::Arm => self.sink.event(&arm_hint()),
            Order::Suspend => {
                self.clock.pause(Instant::now());
                self.agent.signal(TreeSignal::Stop);
                let stopping = signals::stop_self();
                self.agent.signal(TreeSignal::Continue);
                if let Err(error) = stopping {
                    self.sink.event(&Event::Warning(format!("cannot stop: {error}")));
                }
                self.clock.resume(Instant::now());
            }
        }
    }

    fn act(&mut self, action: Option<Action>) {
        match action {
            Some(Action::Signal(signal)) => {
                let reason = self.life.stop().map(Stop::describe).unwrap_or_default();
                self.note = Some(format!("{} ({reason})", name(signal)));
                self.sink.event(&Event::Stopping { signal: name(signal), reason });
                self.agent.signal(signal);
            }
            Some(Action::Rescue(signal, since)) => {
                let (guard, agent) = (self.agent.guard_identity().clone(), self.agent.identity().pid);
                let looking = tokio::task::spawn_blocking(move || tools::find(&guard, agent, since));
                self.search = Some(Search { signal, looking });
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
        if self.life.has_recovered() {
            self.recovered = true;
            self.note = None;
            self.sink.event(&Event::Recovered);
        }
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
                self.life.tool_started(Reading::now().boot);
                self.note = Some(name);
            }
            AgentEvent::ToolEnded => {
                self.life.tool_ended();
                self.note = None;
            }
            AgentEvent::Text => {
                self.wrote = true;
                self.life.worked();
            }
            AgentEvent::TurnStarted => self.life.turn_started(),
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
    fn silent(&mut self) -> Duration {
        let since = self.last_activity.unwrap_or_default().max(self.listening_since);
        self.now().saturating_sub(since)
    }

    /// The look that found it may be older than its last byte.
    fn frozen(&mut self, freeze: Freeze) {
        if self.silent() < freeze.silent() || !self.life.is_working() {
            return;
        }
        self.sink.event(&Event::Frozen { how: freeze.describe() });
        let now = self.now();
        let action = self.life.frozen(freeze, now);
        self.act(action);
    }

    /// What there is of the stuck tool. The agent may have begun to work again meanwhile.
    fn found(&mut self, (signal, tool): (TreeSignal, StuckTool)) {
        self.search = None;
        if !self.life.is_helping() {
            return;
        }
        if !tool.members.is_empty() {
            for Leftover { pid, command } in tool.named {
                self.note = Some(format!("{} {command}", name(signal)));
                self.sink.event(&Event::StuckTool { pid, command, signal: name(signal) });
            }
            self.agent.signal_some(signal, &tool.members);
        } else if signal == TreeSignal::Terminate {
            let now = self.now();
            let action = self.life.no_tool(now);
            self.act(action);
        }
    }

    fn show(
        &mut self,
        files: usize,
        attempt: u32,
        max_attempts: u32,
        slowing: bool,
        drought: Option<Drought>,
    ) {
        let elapsed = self.now();
        let last_activity = self.last_activity.map(|at| elapsed.saturating_sub(at));
        let note = self.note.clone();
        let health = match self.life.health() {
            Health::Well if std::mem::take(&mut self.recovered) => Health::Recovered,
            Health::Well if slowing => Health::Slowing,
            health => health,
        };
        self.sink.event(&Event::Tick(Tick {
            elapsed,
            files,
            last_activity,
            attempt,
            max_attempts,
            note,
            health,
            drought,
            tokens: None,
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

/// The end of a search. Dropping it loses nothing; without a search it never ends.
async fn searched(search: &mut Option<Search>) -> (TreeSignal, StuckTool) {
    match search {
        Some(Search { signal, looking }) => (*signal, looking.await.unwrap_or_default()),
        None => std::future::pending().await,
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
