//! Looks at an agent's process tree again and again, and adds up what its processes have moved.

use std::time::Duration;

use procfs::process::Process;

use super::ledger::{Key, Ledger, Reading};
use super::network::Network;
use super::sample::{Sample, Tool};
use super::timeout;
use crate::model::ProcessIdentity;
use crate::process::{identity, tree};

/// Watches everything below one guard.
#[derive(Debug)]
pub struct Watch {
    guard: ProcessIdentity,
    agent: i32,
    /// How old a tool may get before it no longer counts as young.
    youth: Duration,
    ledger: Ledger,
    network: Network,
}

impl Watch {
    /// Of the tree below `guard`, with `agent` as its main process.
    pub fn new(guard: ProcessIdentity, agent: i32, youth: Duration) -> Watch {
        Watch { guard, agent, youth, ledger: Ledger::default(), network: Network::default() }
    }

    /// One look; `at` is active time since the try began, `silent` the time since the agent's last byte.
    pub fn sample(&mut self, at: Duration, silent: Duration) -> Sample {
        let (mut pids, mut all) = (Vec::new(), Vec::new());
        if identity::is_alive(&self.guard) {
            tree::walk(self.guard.pid, |member| {
                let key = (member.pid, member.start_time);
                all.push(key);
                if member.alive {
                    pids.push(key);
                }
            });
        }
        self.add_up(at, silent, &all);
        let network = self.network.look(&pids);
        let ticks = procfs::ticks_per_second().max(1);
        let time = |spent: u64| Duration::from_millis(spent.saturating_mul(1000) / ticks);
        let (sums, tools, young) = (&self.ledger.all, &self.ledger.tools, &self.ledger.young);
        Sample {
            at,
            silent,
            connections: network.connections,
            network_bytes: network.bytes,
            cpu: time(sums.cpu),
            tool_cpu: time(tools.cpu),
            young_cpu: time(young.cpu),
            io_bytes: sums.io,
            syscall_bytes: sums.syscall,
            tool_bytes: tools.io.max(tools.syscall),
            young_bytes: young.io.max(young.syscall),
            youngest: self.youngest(&pids, at),
            processes: pids.len(),
            tool: self.tool(&pids, at, silent),
        }
    }

    /// Whether one of the living, the main process aside, is surely no reason for worry.
    fn tool(&self, pids: &[Key], at: Duration, silent: Duration) -> Option<Tool> {
        let ticks = procfs::ticks_per_second().max(1);
        pids.iter().filter(|(pid, _)| *pid != self.agent).find_map(|key| {
            // `timeout` counts real time, also while the relay is stopped; silence and youth do not.
            let bound = timeout::of(key.0).zip(age(key.1, ticks));
            if bound.is_some_and(|(bound, age)| age < bound) {
                return Some(Tool::Bounded);
            }
            let known = at.saturating_sub(self.ledger.first_seen(key)?);
            (known < silent.min(self.youth)).then_some(Tool::Young)
        })
    }

    /// Active time since the youngest of the living, the main process aside, was first seen.
    fn youngest(&self, pids: &[Key], at: Duration) -> Option<Duration> {
        let tools = pids.iter().filter(|(pid, _)| *pid != self.agent);
        let newest = tools.filter_map(|key| self.ledger.first_seen(key)).max()?;
        Some(at.saturating_sub(newest))
    }

    fn add_up(&mut self, at: Duration, silent: Duration, all: &[Key]) {
        let readings: Vec<_> = all.iter().filter_map(|key| Some((*key, read(key)?))).collect();
        self.ledger.enter(at, at.saturating_sub(silent), self.agent, &readings);
    }
}

fn read(key: &Key) -> Option<Reading> {
    let process = Process::new(key.0).ok()?;
    let stat = process.stat().ok().filter(|stat| stat.starttime == key.1)?;
    let bytes = process
        .io()
        .ok()
        .map(|io| (io.read_bytes.saturating_add(io.write_bytes), io.rchar.saturating_add(io.wchar)));
    Some(Reading {
        parent: stat.ppid,
        own: stat.utime.saturating_add(stat.stime),
        waited: u64::try_from(stat.cutime.saturating_add(stat.cstime)).unwrap_or(0),
        bytes,
    })
}

/// Since a process was started, in ticks after boot.
fn age(start_time: u64, ticks_per_second: u64) -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let now = Duration::new(u64::try_from(now.tv_sec).ok()?, u32::try_from(now.tv_nsec).ok()?);
    Some(now.saturating_sub(Duration::from_millis(start_time.saturating_mul(1000) / ticks_per_second)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

    /// This very test process stands in for the guard: what it starts is the tree.
    fn watch() -> Watch {
        let me = identity::of(std::process::id() as i32).unwrap();
        Watch::new(me, 0, Duration::from_secs(900))
    }

    #[test]
    fn a_child_is_seen_with_its_connection_and_its_youth() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut child = Command::new("cat").stdin(std::os::fd::OwnedFd::from(client)).spawn().unwrap();
        let only = |watch: &mut Watch, silent| {
            let mut pids = vec![(child.id() as i32, identity::of(child.id() as i32).unwrap().start_time)];
            pids.sort_unstable();
            watch.add_up(Duration::ZERO, Duration::ZERO, &pids);
            let network = watch.network.look(&pids);
            (network.connections, network.bytes, watch.sample(Duration::ZERO, silent))
        };
        let mut watch = watch();
        let (connections, before, _) = only(&mut watch, Duration::ZERO);
        assert_eq!(connections, Some(1));
        server.write_all(&[0; 3000]).unwrap();
        let begun = std::time::Instant::now();
        loop {
            let (_, after, sample) = only(&mut watch, Duration::from_secs(600));
            assert!(begun.elapsed().as_secs() < 30, "{after:?}");
            if after.unwrap() == before.unwrap() + 3000 {
                // Other tests have children, too; one of them is young for sure.
                assert_eq!(sample.tool, Some(Tool::Young));
                assert!(sample.processes >= 1);
                break;
            }
        }
        assert_eq!(only(&mut watch, Duration::ZERO).2.tool, None, "nobody is younger than no silence");
        drop(server);
        child.wait().unwrap();
    }

    #[test]
    fn sums_never_go_back() {
        let mut watch = watch();
        let me = (std::process::id() as i32, identity::of(std::process::id() as i32).unwrap().start_time);
        watch.add_up(Duration::ZERO, Duration::ZERO, &[me]);
        let before = watch.ledger.all;
        watch.add_up(Duration::ZERO, Duration::ZERO, &[]);
        assert_eq!(watch.ledger.all, before);
        std::fs::File::open("/dev/zero").unwrap().read_exact(&mut [0; 100_000]).unwrap();
        watch.add_up(Duration::ZERO, Duration::ZERO, &[me]);
        assert!(watch.ledger.all.syscall >= before.syscall + 100_000);
    }

    #[test]
    fn what_a_child_burnt_is_counted_once() {
        // The child computes, waits for a line and ends; its parent waits for it and stays.
        let script =
            "exec 3<&0; (i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; read x <&3) & wait; read y";
        let mut parent =
            Command::new("sh").args(["-c", script]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = parent.id() as i32;
        let key = (pid, identity::of(pid).unwrap().start_time);
        let mut watch = watch();
        let begun = std::time::Instant::now();
        let look = |watch: &mut Watch| {
            assert!(begun.elapsed().as_secs() < 60);
            let mut all = vec![key];
            tree::walk(pid, |member| all.push((member.pid, member.start_time)));
            watch.add_up(Duration::ZERO, Duration::ZERO, &all);
            all.len()
        };
        while look(&mut watch) < 2 || watch.ledger.all.cpu < 5 {}
        parent.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        while look(&mut watch) > 1 {}
        look(&mut watch);
        let whole = read(&key).unwrap();
        assert!(whole.waited >= 4, "{whole:?}");
        assert_eq!(watch.ledger.all.cpu, whole.own + whole.waited);
        let (io, syscall) = whole.bytes.unwrap();
        assert_eq!((watch.ledger.all.io, watch.ledger.all.syscall), (io, syscall));
        assert_eq!(watch.ledger.tools, watch.ledger.all, "none of them is the main process");
        parent.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        parent.wait().unwrap();
    }

    #[test]
    fn a_stop_makes_no_tool_old() {
        // A relay that was stopped for years: boot time went on, active time did not.
        let mut watch = watch();
        let early = (std::process::id() as i32, 0);
        watch.ledger.enter(Duration::from_secs(5), Duration::ZERO, 0, &[(early, Reading::default())]);
        let young =
            |watch: &Watch, at| watch.tool(&[early], Duration::from_secs(at), Duration::from_secs(at));
        assert_eq!(young(&watch, 100), Some(Tool::Young));
        assert_eq!(young(&watch, 904), Some(Tool::Young));
        assert_eq!(young(&watch, 905), None, "not young for ever");
    }
}
