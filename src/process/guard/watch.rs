//! The guard's life after the agent was started.

use std::collections::HashSet;
use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{WaitOptions, WaitStatus, getpid, wait};

use super::channel::Channel;
use crate::model::{Exit, Leftover, ProcessIdentity};
use crate::process::Ladder;
use crate::process::protocol::{Command, Message, Target, TreeSignal};
use crate::process::tree::{self, Member};

/// How long the agent's children may take to follow it before they count as left behind: the last
/// process of a pipeline ends a little after the first.
const SETTLE: Duration = Duration::from_millis(100);

/// How often the tree is walked again while it is being killed or settles.
const REWALK: Duration = Duration::from_millis(5);

/// The same once KILL has not worked for [`STUBBORN`]: then something hangs in the kernel.
const REWALK_STUBBORN: Duration = Duration::from_millis(100);
const STUBBORN: Duration = Duration::from_secs(2);

/// The most walks for one stop, so that a crowd of forking processes cannot keep the guard from
/// hearing rally.
const MOST_STOP_WALKS: usize = 50;

/// The most leftovers that are named in a report.
const MOST_NAMED: usize = 100;

/// One agent and its tree. Times are measured from the start of the watch.
pub struct Watch {
    agent: ProcessIdentity,
    channel: Channel,
    wake: UnixStream,
    begun: Instant,
    /// Whether rally still holds its end of the channel.
    lifeline: bool,
    /// How and when the agent's main process ended.
    exit: Option<(Exit, Duration)>,
    told_exit: bool,
    ladder: Option<Ladder>,
    killing_since: Option<Duration>,
    /// Whether KILL came while the agent still ran: then what dies with it was not left behind.
    cut_short: bool,
    /// What was signalled after the agent's end.
    ended: Vec<(Member, Leftover)>,
}

impl Watch {
    /// A watch over an agent that was just started.
    pub fn new(agent: ProcessIdentity, channel: Channel, wake: UnixStream) -> Watch {
        Watch {
            agent,
            channel,
            wake,
            begun: Instant::now(),
            lifeline: true,
            exit: None,
            told_exit: false,
            ladder: None,
            killing_since: None,
            cut_short: false,
            ended: Vec::new(),
        }
    }

    /// Watches until nothing of the tree is left.
    pub fn run(mut self) {
        self.tell(Message::Started { agent: self.agent.clone() });
        loop {
            self.listen();
            let childless = self.collect();
            let now = self.begun.elapsed();
            self.tell_exit(now, childless);
            if childless {
                let leftovers = self.ended.drain(..).map(|(_, leftover)| leftover).take(MOST_NAMED).collect();
                return self.tell(Message::Gone { leftovers });
            }
            self.press(now);
            self.sleep(now);
        }
    }

    /// Waits for every child that has ended; `true` when none is left, which proves that the tree
    /// is empty, because every orphan of it became a child of the guard.
    fn collect(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid.as_raw_pid() == self.agent.pid => {
                    self.exit = exit_of(status).map(|exit| (exit, self.begun.elapsed()));
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Reports the agent's end, as soon as it is clear what it left behind.
    fn tell_exit(&mut self, now: Duration, childless: bool) {
        let Some((exit, at)) = self.exit.filter(|_| !self.told_exit) else { return };
        let leftovers: Vec<Leftover> = if childless || self.killing_since.is_some() {
            Vec::new()
        } else {
            let living = if now >= at + SETTLE { tree::living(own_pid()) } else { Vec::new() };
            if living.is_empty() {
                return;
            }
            living.iter().take(MOST_NAMED).map(Member::describe).collect()
        };
        self.told_exit = true;
        self.tell(Message::Exited { exit, leftovers });
    }

    /// Sends what is due.
    fn press(&mut self, now: Duration) {
        if let Some(signal) = self.ladder.as_mut().and_then(|ladder| ladder.due(now)) {
            self.signal(signal, now);
        } else if self.killing_since.is_some() {
            self.send_to_all(TreeSignal::Kill);
        }
    }

    /// Waits for a line, a child's end, or the next thing to do.
    fn sleep(&mut self, now: Duration) {
        let ladder = self.ladder.as_ref().and_then(Ladder::next_deadline).map(|at| at.saturating_sub(now));
        let killing =
            self.killing_since.map(|since| if now < since + STUBBORN { REWALK } else { REWALK_STUBBORN });
        let settling = self
            .exit
            .filter(|_| !self.told_exit)
            .map(|(_, at)| (at + SETTLE).saturating_sub(now).max(REWALK));
        let timeout = [ladder, killing, settling].into_iter().flatten().min();
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        let mut sources = vec![PollFd::new(&self.wake, PollFlags::IN)];
        if self.lifeline {
            sources.push(PollFd::new(&self.channel, PollFlags::IN));
        }
        // Interrupted or not: the loop looks at everything again.
        let _ = poll(&mut sources, timeout.as_ref());
    }

    /// Takes in what has come.
    fn listen(&mut self) {
        let mut drain = [0; 64];
        while self.wake.read(&mut drain).is_ok_and(|count| count > 0) {}
        if self.lifeline {
            match self.obey() {
                Ok(true) => {}
                Ok(false) | Err(_) => self.abandoned(),
            }
        }
    }

    /// Carries out the commands that have come; `false` when rally closed its end.
    fn obey(&mut self) -> std::io::Result<bool> {
        match self.channel.try_receive() {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        while let Some(command) = self.channel.next_command()? {
            let now = self.begun.elapsed();
            match command {
                Command::Signal(signal) => self.signal(signal, now),
                Command::SignalSome { signal, targets } => self.send_to_some(signal, &targets),
                Command::Reap => {
                    self.ladder.get_or_insert_with(|| Ladder::reap(now));
                }
                Command::Start(_) | Command::Keep => return Err(ErrorKind::InvalidData.into()),
            }
        }
        Ok(true)
    }

    /// rally is gone, or talks nonsense: end the tree.
    fn abandoned(&mut self) {
        self.lifeline = false;
        self.ladder = Some(Ladder::abandoned(self.begun.elapsed()));
    }

    fn signal(&mut self, signal: TreeSignal, now: Duration) {
        if signal == TreeSignal::Kill {
            self.killing_since.get_or_insert(now);
            self.cut_short |= self.exit.is_none();
        }
        self.send_to_all(signal);
    }

    /// Sends to every living process of the tree.
    fn send_to_all(&mut self, signal: TreeSignal) {
        match signal {
            // First all are found, then all are told: one that ends at once would hide its children.
            TreeSignal::Interrupt | TreeSignal::Terminate | TreeSignal::Continue => {
                for member in tree::living(own_pid()) {
                    self.note(member, signal);
                    member.send(signal);
                }
            }
            // Each is struck as soon as it is found, before it can fork and end. The next walks find
            // the children that this hid.
            TreeSignal::Kill => tree::walk(own_pid(), |member| {
                if member.alive {
                    self.note(member, signal);
                    member.send(signal);
                }
            }),
            // Until nobody new is found: what was not stopped yet may fork meanwhile.
            TreeSignal::Stop => {
                let mut stopped = HashSet::new();
                for _ in 0..MOST_STOP_WALKS {
                    let before = stopped.len();
                    tree::walk(own_pid(), |member| {
                        if member.alive && stopped.insert((member.pid, member.start_time)) {
                            member.send(signal);
                        }
                    });
                    if stopped.len() == before {
                        return;
                    }
                }
            }
        }
    }

    /// Sends to those of the tree that are meant: pid and start time must both be right.
    fn send_to_some(&mut self, signal: TreeSignal, targets: &[Target]) {
        for member in tree::living(own_pid()) {
            let meant = Target { pid: member.pid, start_time: member.start_time };
            if member.pid != self.agent.pid && targets.contains(&meant) {
                self.note(member, signal);
                member.send(signal);
            }
        }
    }

    /// Remembers what has to be ended after the agent's end.
    fn note(&mut self, member: Member, signal: TreeSignal) {
        let ends = !matches!(signal, TreeSignal::Stop | TreeSignal::Continue);
        let new = self.ended.iter().all(|(known, _)| !known.is(&member));
        if ends && new && self.exit.is_some() && !self.cut_short {
            self.ended.push((member, member.describe()));
        }
    }

    /// A report that nobody can read any more is not missed: the lifeline tells the rest.
    fn tell(&mut self, message: Message) {
        let _ = self.channel.send(message);
    }
}

fn own_pid() -> i32 {
    getpid().as_raw_pid()
}

/// `None` for a status that is no end.
fn exit_of(status: WaitStatus) -> Option<Exit> {
    status.exit_status().map(Exit::Code).or_else(|| status.terminating_signal().map(Exit::Signal))
}
