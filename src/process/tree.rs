//! Walking a process tree, and signalling a process that is surely the one that was meant.

use std::collections::{HashSet, VecDeque};

use procfs::process::Process;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::identity;
use super::protocol::TreeSignal;
use crate::model::{Leftover, text};

/// Longest command line in a [`Leftover`], in characters.
const COMMAND_LIMIT: usize = 200;

/// A process as the walk found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its pid.
    pub pid: i32,
    /// Pid of its parent, as the walk found it.
    pub parent: i32,
    /// Its start time in clock ticks since boot: with the pid, its identity in this boot.
    pub start_time: u64,
    /// Its session.
    pub session: i32,
    /// Whether it is more than a zombie.
    pub alive: bool,
}

impl Member {
    /// The process that has this pid now, if `parent` accepts its parent's pid.
    pub(super) fn of(pid: i32, parent: impl Fn(i32) -> bool) -> Option<Member> {
        let stat = identity::stat(pid)?;
        parent(stat.ppid).then(|| Member {
            pid,
            parent: stat.ppid,
            start_time: stat.starttime,
            session: stat.session,
            alive: identity::runs(&stat),
        })
    }

    /// Whether both are the same process, whatever became of it in between.
    pub fn is(&self, other: &Member) -> bool {
        self.pid == other.pid && self.start_time == other.start_time
    }

    /// How records name it.
    pub fn describe(&self) -> Leftover {
        Leftover { pid: self.pid, command: command(self.pid) }
    }

    /// Sends a signal to this very process; `false` when it is gone, even if its pid lives on.
    ///
    /// The pidfd pins whatever has the pid, then the start time tells whether that is the process
    /// that was meant: between the two no reuse can slip in.
    pub fn send(&self, signal: TreeSignal) -> bool {
        let Some(pid) = Some(self.pid).filter(|pid| *pid > 0).and_then(Pid::from_raw) else { return false };
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        if identity::stat(self.pid).is_none_or(|stat| stat.starttime != self.start_time) {
            return false;
        }
        let send = |signal| pidfd_send_signal(&pidfd, signal).is_ok();
        match signal {
            TreeSignal::Interrupt => send(Signal::INT) && send(Signal::CONT),
            TreeSignal::Terminate => send(Signal::TERM) && send(Signal::CONT),
            TreeSignal::Kill => send(Signal::KILL),
            TreeSignal::Stop => send(Signal::STOP),
            TreeSignal::Continue => send(Signal::CONT),
        }
    }
}

/// The children of a process now, zombies included.
pub fn children(pid: i32) -> Vec<Member> {
    child_pids(pid).into_iter().filter_map(|child| Member::of(child, |parent| parent == pid)).collect()
}

/// Visits the descendants of a process, parents before their children, zombies included. What is
/// forked or loses its parent during the walk can be missing: walk again.
pub fn walk(root: i32, mut visit: impl FnMut(Member)) {
    let mut seen = HashSet::from([root]);
    let mut parents = VecDeque::from([root]);
    while let Some(parent) = parents.pop_front() {
        for pid in child_pids(parent) {
            // A pid whose parent is another process by now was reused by a stranger, unless the
            // subreaper at the root has just adopted it.
            let member = Member::of(pid, |its_parent| its_parent == parent || its_parent == root);
            if let Some(member) = member.filter(|_| seen.insert(pid)) {
                visit(member);
                parents.push_back(pid);
            }
        }
    }
}

/// The living descendants of a process now, as [`walk`] finds them.
pub fn living(root: i32) -> Vec<Member> {
    let mut members = Vec::new();
    walk(root, |member| members.extend(Some(member).filter(|member| member.alive)));
    members
}

/// The children of every thread: those of other threads are missing under the main one.
fn child_pids(pid: i32) -> Vec<i32> {
    let Ok(tasks) = Process::new(pid).and_then(|process| process.tasks()) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| task.children().ok())
        .flatten()
        .filter_map(|child| i32::try_from(child).ok())
        .collect()
}

/// The command line on one line, or the name in brackets when there is none.
fn command(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&bytes).replace('\0', " ");
    let line = text::one_line(&words);
    if line.is_empty() {
        let name = identity::stat(pid).map(|stat| stat.comm).unwrap_or_default();
        return format!("[{name}]");
    }
    text::ellipsis(&line, COMMAND_LIMIT)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    struct Sleeper(Child);

    impl Sleeper {
        fn new() -> Sleeper {
            Sleeper(Command::new("sleep").arg("1000").spawn().unwrap())
        }

        fn member(&self) -> Member {
            Member::of(self.0.id() as i32, |_| true).unwrap()
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    #[test]
    fn a_reused_pid_is_never_signalled() {
        // 50-R3: the same pid with another start time is another process.
        let mut sleeper = Sleeper::new();
        let real = sleeper.member();
        let earlier = Member { start_time: real.start_time - 1, ..real };
        for signal in [TreeSignal::Kill, TreeSignal::Terminate, TreeSignal::Interrupt, TreeSignal::Stop] {
            assert!(!earlier.send(signal));
        }
        assert!(real.send(TreeSignal::Continue));
        assert_eq!(sleeper.0.try_wait().unwrap(), None);
        assert_eq!(sleeper.member(), real);
    }

    #[test]
    fn pids_that_mean_groups_are_never_signalled() {
        let real = Sleeper::new().member();
        for pid in [0, -1, -real.pid, i32::MIN] {
            assert!(!Member { pid, ..real }.send(TreeSignal::Kill));
        }
    }

    #[test]
    fn children_of_every_thread_are_found() {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let sleeper = Sleeper::new();
            tell.send(sleeper.0.id() as i32).unwrap();
            let _ = released.recv();
        });
        let pid = told.recv().unwrap();
        let me = std::process::id() as i32;
        assert!(children(me).iter().any(|m| m.pid == pid && m.alive));
        assert!(living(me).iter().any(|m| m.pid == pid));
        drop(release);
        thread.join().unwrap();
    }

    #[test]
    fn a_command_line_is_one_short_line() {
        let sleeper = Sleeper::new();
        let begun = std::time::Instant::now();
        while sleeper.member().describe().command != "sleep 1000" {
            assert!(begun.elapsed().as_secs() < 30);
        }
    }
}
