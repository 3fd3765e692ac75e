//! What have the processes of a tree used and moved, all in all? Pure accounting over readings of `/proc`.
//!
//! Sums over the living go back when a process goes, which would look like activity: so differences
//! are added up, for each process by itself. The kernel gives what a process has used to whoever waits
//! for it (`cutime` and `cstime` in `stat`; in `io` without any mark): the short-lived, which are never
//! seen alive, are known from there only, and of all others it must not be counted twice.

use std::collections::HashMap;
use std::time::Duration;

/// A process of this boot: pid and start time.
pub type Key = (i32, u64);

/// What `/proc` says of one process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Pid of its parent.
    pub parent: i32,
    /// Clock ticks of its own.
    pub own: u64,
    /// Clock ticks of children that it has waited for.
    pub waited: u64,
    /// Bytes, disk then system calls, children it has waited for included; `None` when they cannot be
    /// read, as with zombies and setuid programs.
    pub bytes: Option<(u64, u64)>,
}

/// Sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Clock ticks.
    pub cpu: u64,
    /// `read_bytes` and `write_bytes`.
    pub io: u64,
    /// `rchar` and `wchar`.
    pub syscall: u64,
}

/// Adds up.
#[derive(Debug, Default)]
pub struct Ledger {
    known: HashMap<Key, Known>,
    /// Counted already, and to be seen again in the counters of whoever waited for the dead.
    owed: HashMap<Key, Counters>,
    /// Of all processes.
    pub all: Counters,
    /// Of all but the main process.
    pub tools: Counters,
    /// Of those of them that were first seen when the agent was silent already, while that silence lasted.
    pub young: Counters,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    parent: i32,
    own: u64,
    total: Counters,
    first_seen: Duration,
}

impl Ledger {
    /// Enters one look at the tree. Zombies belong to it: they are gone when somebody has waited for them.
    /// Parents must have been read before their children, else a death in between is counted twice.
    /// `quiet_since` is when the agent was last heard.
    pub fn enter(&mut self, at: Duration, quiet_since: Duration, agent: i32, readings: &[(Key, Reading)]) {
        let mut now = HashMap::new();
        let owed = self.debts(readings);
        let stale = std::mem::take(&mut self.owed);
        for (key, reading) in readings {
            let before = self.known.get(key).copied();
            let old = before.map(|known| known.total).unwrap_or_default();
            let (io, syscall) = reading.bytes.unwrap_or((old.io, old.syscall));
            let total = Counters { cpu: reading.own.saturating_add(reading.waited), io, syscall };
            let new = total.minus(old);
            let fresh = owed.get(key).copied().unwrap_or_default();
            let debt = fresh.plus(stale.get(key).copied().unwrap_or_default());
            let own = reading.own.saturating_sub(before.map_or(0, |known| known.own));
            let again = debt.min(Counters { cpu: new.cpu.saturating_sub(own), ..new });
            // The parent may have been read before the child went; at the next look at the latest the debt is
            // seen. What is not seen by then never will be, and must not swallow real work.
            self.owed.insert(*key, debt.minus(again).min(fresh));
            let new = new.minus(again);
            self.all = self.all.plus(new);
            let first_seen = before.map_or(at, |known| known.first_seen);
            if key.0 != agent {
                self.tools = self.tools.plus(new);
                if first_seen > quiet_since {
                    self.young = self.young.plus(new);
                }
            }
            now.insert(*key, Known { parent: reading.parent, own: reading.own, total, first_seen });
        }
        self.known = now;
    }

    /// When a process was seen for the first time, in active time.
    pub fn first_seen(&self, key: &Key) -> Option<Duration> {
        Some(self.known.get(key)?.first_seen)
    }

    /// What was counted of those that are gone, for the nearest ancestor that is still there.
    fn debts(&self, readings: &[(Key, Reading)]) -> HashMap<Key, Counters> {
        let living: HashMap<i32, Key> = readings.iter().map(|(key, _)| (key.0, *key)).collect();
        let parents: HashMap<i32, i32> =
            self.known.iter().map(|(key, known)| (key.0, known.parent)).collect();
        let mut debts: HashMap<Key, Counters> = HashMap::new();
        let gone = self.known.iter().filter(|(key, _)| living.get(&key.0) != Some(*key));
        for (_, gone) in gone {
            let mut parent = gone.parent;
            // Bounded: a reused pid could close a circle.
            for _ in 0..self.known.len() {
                if let Some(heir) = living.get(&parent) {
                    let debt = debts.entry(*heir).or_default();
                    *debt = debt.plus(gone.total);
                    break;
                }
                let Some(next) = parents.get(&parent) else { break };
                parent = *next;
            }
        }
        debts
    }
}

impl Counters {
    fn plus(self, other: Counters) -> Counters {
        self.with(other, u64::saturating_add)
    }

    fn minus(self, other: Counters) -> Counters {
        self.with(other, u64::saturating_sub)
    }

    fn min(self, other: Counters) -> Counters {
        self.with(other, u64::min)
    }

    fn with(self, other: Counters, combine: fn(u64, u64) -> u64) -> Counters {
        Counters {
            cpu: combine(self.cpu, other.cpu),
            io: combine(self.io, other.io),
            syscall: combine(self.syscall, other.syscall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: i32 = 10;

    /// Process `pid` with `own` ticks and bytes, and `waited` of both from its children.
    fn process(pid: i32, parent: i32, own: u64, waited: u64) -> (Key, Reading) {
        let bytes = Some((0, own + waited));
        ((pid, 1), Reading { parent, own, waited, bytes })
    }

    fn enter(ledger: &mut Ledger, readings: &[(Key, Reading)]) -> (u64, u64) {
        ledger.enter(Duration::ZERO, Duration::ZERO, AGENT, readings);
        assert_eq!(ledger.all.cpu, ledger.all.syscall);
        (ledger.all.cpu, ledger.tools.cpu)
    }

    #[test]
    fn the_dead_are_not_counted_again_by_those_who_waited_for_them() {
        let mut ledger = Ledger::default();
        let agent = |waited| process(10, 1, 5, waited);
        assert_eq!(
            enter(&mut ledger, &[agent(0), process(11, 10, 100, 0), process(12, 11, 50, 0)]),
            (155, 150)
        );
        // 12 was waited for by 11, and used 3 more before; 11 burnt 1 itself.
        assert_eq!(enter(&mut ledger, &[agent(0), process(11, 10, 101, 53)]), (159, 154));
        // A zombie keeps its ticks, and nobody can read its bytes.
        let zombie = ((11, 1), Reading { parent: 10, own: 101, waited: 53, bytes: None });
        assert_eq!(enter(&mut ledger, &[agent(0), zombie]), (159, 154));
        assert_eq!(enter(&mut ledger, &[agent(154)]), (159, 154));
        // The short-lived, which nobody ever saw.
        assert_eq!(enter(&mut ledger, &[agent(174)]), (179, 154));
    }

    #[test]
    fn a_whole_family_that_goes_at_once_was_counted_once() {
        let mut ledger = Ledger::default();
        enter(&mut ledger, &[process(10, 1, 5, 0), process(11, 10, 100, 0), process(12, 11, 50, 0)]);
        assert_eq!(enter(&mut ledger, &[process(10, 1, 5, 150)]), (155, 150));
    }

    #[test]
    fn a_death_during_the_look_is_settled_at_the_next() {
        let mut ledger = Ledger::default();
        enter(&mut ledger, &[process(10, 1, 5, 0), process(11, 10, 100, 0)]);
        assert_eq!(enter(&mut ledger, &[process(10, 1, 5, 0)]), (105, 100));
        assert_eq!(enter(&mut ledger, &[process(10, 1, 5, 100)]), (105, 100));
        assert_eq!(enter(&mut ledger, &[process(10, 1, 5, 130)]), (135, 100));
    }

    #[test]
    fn a_debt_that_nobody_sees_swallows_no_work() {
        // Whoever ignores SIGCHLD is never given anything.
        let mut ledger = Ledger::default();
        enter(&mut ledger, &[process(10, 1, 5, 0), process(11, 10, 100, 0)]);
        for _ in 0..2 {
            assert_eq!(enter(&mut ledger, &[process(10, 1, 5, 0)]), (105, 100));
        }
        assert_eq!(enter(&mut ledger, &[process(10, 1, 5, 80)]), (185, 100));
    }

    #[test]
    fn a_reused_pid_is_somebody_else() {
        let mut ledger = Ledger::default();
        enter(&mut ledger, &[process(10, 1, 5, 0), process(11, 10, 100, 0)]);
        let other = ((11, 2), Reading { parent: 10, own: 7, waited: 0, bytes: Some((0, 7)) });
        assert_eq!(enter(&mut ledger, &[process(10, 1, 5, 100), other]), (112, 107));
    }

    #[test]
    fn who_was_started_during_the_silence_is_counted_apart() {
        let mut ledger = Ledger::default();
        let mut young = |at: u64, quiet_since: u64, server: u64, tool: Option<u64>| {
            let tool = tool.map(|own| process(12, 10, own, 0));
            let readings: Vec<_> = [process(11, 10, server, 0)].into_iter().chain(tool).collect();
            let secs = Duration::from_secs;
            ledger.enter(secs(at), secs(quiet_since), AGENT, &readings);
            ledger.young.syscall
        };
        assert_eq!(young(1, 1, 100, None), 0);
        assert_eq!(young(5, 3, 120, None), 0, "an old server");
        assert_eq!(young(10, 3, 140, Some(7)), 7);
        assert_eq!(young(15, 3, 160, Some(9)), 9);
        assert_eq!(young(20, 18, 180, Some(50)), 9, "older than the silence by now");
    }

    #[test]
    fn the_first_sight_is_remembered() {
        let mut ledger = Ledger::default();
        for at in [3, 8, 900] {
            ledger.enter(Duration::from_secs(at), Duration::ZERO, AGENT, &[process(11, 10, 100, 0)]);
            assert_eq!(ledger.first_seen(&(11, 1)), Some(Duration::from_secs(3)));
        }
        ledger.enter(Duration::from_secs(901), Duration::ZERO, AGENT, &[]);
        assert_eq!(ledger.first_seen(&(11, 1)), None);
    }
}
