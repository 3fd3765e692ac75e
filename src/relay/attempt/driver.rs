//! One running try: what is known of it, and what it makes of everything that happens. The loop in `attempt.rs` listens
//! and calls; what follows for the agent is decided by its [`Life`].

use std::time::{Duration, Instant};

use tokio::sync::mpsc::Permit;
use tokio::task::JoinHandle;

use super::{Seen, Witness};
use crate::executor::{AgentEvent, Parser, Stream};
use crate::model::text::duration;
use crate::model::{CancelSource, Leftover, time};
use crate::monitor::freeze::Freeze;
use crate::monitor::memory;
use crate::monitor::tools::{self, StuckTool};
use crate::process::clock::{Reading, SleepWatch};
use crate::process::{self, ActiveClock, Agent, TreeSignal};
use crate::relay::event::{Drought, Event, Health, Sink, Tick};
use crate::relay::growing::Growing;
use crate::relay::life::{Action, Life, Limits, Stop};
use crate::relay::operator::{Operator, Order, Scene};
use crate::relay::tokens::Meter;

/// Everything of one running try.
pub(super) struct Driver<'a> {
    pub(super) agent: Agent,
    pub(super) life: Life,
    clock: ActiveClock,
    sleep: SleepWatch,
    parser: Box<dyn Parser>,
    events: Vec<AgentEvent>,
    pub(super) witness: &'a mut dyn Witness,
    pub(super) sink: &'a mut dyn Sink,
    session: Option<String>,
    leftovers: Vec<Leftover>,
    last_activity: Option<Duration>,
    /// From when on silence counts: the start, or the end of the machine's sleep.
    listening_since: Duration,
    /// The look for the stuck tool, and what it is to be sent.
    pub(super) search: Option<Search>,
    /// The end of what a lost guard left.
    pub(super) sweep: Option<JoinHandle<Vec<Leftover>>>,
    /// Whether the agent was frozen and works again, and that was not shown yet.
    recovered: bool,
    note: Option<String>,
    wrote: bool,
    meter: Meter,
    tag: &'a str,
    oom_kills: Option<u64>,
}

/// A look for the stuck tool, beside the loop.
pub(super) struct Search {
    signal: TreeSignal,
    looking: JoinHandle<StuckTool>,
}

impl<'a> Driver<'a> {
    /// Of an agent that was just spawned.
    pub(super) fn new(
        agent: Agent,
        limits: Limits,
        parser: Box<dyn Parser>,
        meter: Meter,
        tag: &'a str,
        witness: &'a mut dyn Witness,
        sink: &'a mut dyn Sink,
    ) -> Driver<'a> {
        Driver {
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
            sweep: None,
            recovered: false,
            note: None,
            wrote: false,
            meter,
            tag,
            oom_kills: memory::oom_kills(),
        }
    }

    pub(super) fn now(&mut self) -> Duration {
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
    pub(super) fn slept(&mut self) -> bool {
        let Some(slept) = self.sleep.look(Reading::now()) else { return false };
        self.listening_since = self.now();
        self.life.woke(self.listening_since);
        let text = duration(slept);
        let what = format!("the machine slept for {text}: the agent's silence counts from now on");
        self.sink.event(&Event::Notice(what));
        true
    }

    /// When the clock will show `at`, should it not be stopped meanwhile.
    pub(super) fn instant(&mut self, at: Duration) -> tokio::time::Instant {
        tokio::time::Instant::now() + at.saturating_sub(self.now())
    }

    pub(super) fn scene(&self) -> Scene {
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

    pub(super) fn obey(&mut self, order: Order, operator: &mut Operator) {
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

    pub(super) fn act(&mut self, action: Option<Action>) {
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

    pub(super) fn guard_says(&mut self, report: process::Report) {
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
                let tag = self.tag.to_owned();
                self.sweep = Some(tokio::spawn(async move { process::sweep_orphans(&tag, &[]).await }));
            }
        }
    }

    /// What a lost guard left is ended.
    pub(super) fn swept(&mut self, leftovers: Vec<Leftover>) {
        self.sweep = None;
        self.leftovers.extend(leftovers);
        self.life.gone();
    }

    pub(super) fn heard(&mut self, stream: Stream, bytes: &[u8]) {
        let now = self.now();
        self.last_activity = Some(now);
        self.life.heard();
        self.meter.heard(bytes.len());
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
    pub(super) fn look(&mut self, log: &mut Growing, room: Option<Permit<'_, Vec<u8>>>) -> bool {
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
    pub(super) fn silent(&mut self) -> Duration {
        let since = self.last_activity.unwrap_or_default().max(self.listening_since);
        self.now().saturating_sub(since)
    }

    /// The look that found it may be older than its last byte.
    pub(super) fn frozen(&mut self, freeze: Freeze) {
        if self.silent() < freeze.silent() || !self.life.is_working() {
            return;
        }
        self.sink.event(&Event::Frozen { how: freeze.describe() });
        let now = self.now();
        let action = self.life.frozen(freeze, now);
        self.act(action);
    }

    /// What there is of the stuck tool. The agent may have begun to work again meanwhile.
    pub(super) fn found(&mut self, (signal, tool): (TreeSignal, StuckTool)) {
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

    pub(super) fn show(
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
            tokens: self.meter.tokens(self.session.as_deref(), self.parser.usage()),
        }));
    }

    /// What was seen. `transcript_error` tells why the transcript is not whole.
    pub(super) fn finish(mut self, transcript_error: Option<String>) -> Seen {
        let exit = self.life.exit();
        let runtime = self.now();
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

/// The end of a search. Dropping it loses nothing; without a search it never ends.
pub(super) async fn searched(search: &mut Option<Search>) -> (TreeSignal, StuckTool) {
    match search {
        Some(Search { signal, looking }) => (*signal, looking.await.unwrap_or_default()),
        None => std::future::pending().await,
    }
}

/// The end of a sweep, in the same way.
pub(super) async fn swept(sweep: &mut Option<JoinHandle<Vec<Leftover>>>) -> Vec<Leftover> {
    match sweep {
        Some(sweeping) => sweeping.await.unwrap_or_default(),
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
