//! A running agent, as rally sees it.

use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::task::JoinSet;

use super::link::Link;
use super::protocol::{Command, Message, Target, TreeSignal};
use super::tree::Member;
use crate::model::{Exit, Leftover, ProcessIdentity};

/// The most processes that one command names, so that its line stays short: some 40 bytes for each.
const MOST_TARGETS: usize = 100;

/// What becomes of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Its main process ended. With leftovers, [`Agent::reap`] (or time) leads on to `Gone`;
    /// without, `Gone` follows by itself.
    Exited {
        /// How it ended.
        exit: Exit,
        /// What it left running, at most 100.
        leftovers: Vec<Leftover>,
    },
    /// Nothing of its tree is left. The last report.
    Gone {
        /// The processes that had to be ended after the agent's own end, at most 100.
        leftovers: Vec<Leftover>,
    },
    /// The guard was killed, and with it went the proof that the tree is ended: call
    /// [`super::sweep_orphans`]. The last report.
    GuardLost,
}

/// An agent and its guard. Dropping it ends the whole tree within 2 s, without waiting for it.
#[derive(Debug)]
pub struct Agent {
    identity: ProcessIdentity,
    guard_identity: ProcessIdentity,
    stdout: Option<Receiver>,
    stderr: Option<Receiver>,
    link: Link,
    guard: Child,
    /// The last report while the guard itself ends.
    last: Option<Report>,
    over: bool,
    /// Writes standard input; ends with the agent.
    _feeding: JoinSet<()>,
}

impl Agent {
    pub(super) fn new(
        identity: ProcessIdentity,
        guard_identity: ProcessIdentity,
        (stdout, stderr): (Receiver, Option<Receiver>),
        link: Link,
        guard: Child,
        feeding: JoinSet<()>,
    ) -> Agent {
        let (last, over) = (None, false);
        let stdout = Some(stdout);
        Agent { identity, guard_identity, stdout, stderr, link, guard, last, over, _feeding: feeding }
    }

    /// The agent's main process.
    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// Its guard.
    pub fn guard_identity(&self) -> &ProcessIdentity {
        &self.guard_identity
    }

    /// The read end of standard output (of both when merged); `None` when it was taken before.
    ///
    /// Its end of file says nothing about the agent's end: a leftover may hold it open, and an
    /// agent may close it early.
    pub fn take_stdout(&mut self) -> Option<Receiver> {
        self.stdout.take()
    }

    /// The read end of standard error; `None` when it is merged or was taken before.
    pub fn take_stderr(&mut self) -> Option<Receiver> {
        self.stderr.take()
    }

    /// Waits for the next report. Nothing is lost when the future is dropped. After the last
    /// report it waits for ever, so that a `select!` loop does not spin.
    pub async fn report(&mut self) -> Report {
        if self.over {
            std::future::pending::<()>().await;
        }
        if self.last.is_none() {
            match self.link.next().await {
                Ok(Some(Message::Exited { exit, leftovers })) => return Report::Exited { exit, leftovers },
                Ok(Some(Message::Gone { leftovers })) => self.last = Some(Report::Gone { leftovers }),
                Ok(None | Some(Message::Started { .. } | Message::Keeping | Message::Refused(_)))
                | Err(_) => self.give_up(),
            }
        }
        // The guard ends by itself now: once it has, nothing of this agent is left in the system.
        let _ = self.guard.wait().await;
        self.over = true;
        self.last.take().unwrap_or(Report::GuardLost)
    }

    /// Signals every process of the tree, without waiting. A tree that is gone is no error; a guard
    /// that is gone shows in [`report`](Agent::report).
    pub fn signal(&mut self, signal: TreeSignal) {
        self.say(Command::Signal(signal));
    }

    /// Signals these processes of the tree and no others, without waiting. Who is gone is no error, also when
    /// another process has the pid by now.
    pub fn signal_some(&mut self, signal: TreeSignal, members: &[Member]) {
        let target = |member: &Member| Target { pid: member.pid, start_time: member.start_time };
        for some in members.chunks(MOST_TARGETS) {
            self.say(Command::SignalSome { signal, targets: some.iter().map(target).collect() });
        }
    }

    /// Ends what the agent left behind, without waiting: TERM, and KILL a second later.
    pub fn reap(&mut self) {
        self.say(Command::Reap);
    }

    fn say(&mut self, command: Command) {
        // A closed socket is met again in `report`, after the messages that are still in it. A full
        // one belongs to a guard that no longer reads, which is as good as none.
        if let Err(error) = self.link.send_now(command)
            && error.kind() == std::io::ErrorKind::WouldBlock
        {
            self.give_up();
        }
    }

    /// Ends a guard that cannot be relied on, so that its tree falls to rally.
    fn give_up(&mut self) {
        let _ = self.guard.start_kill();
        self.last = Some(Report::GuardLost);
    }
}
