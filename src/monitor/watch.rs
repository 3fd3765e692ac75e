//! Looks at an agent's process tree again and again, and adds up what its processes have moved.
//!
//! Sums over the living go back when a process or a socket goes, which would look like activity: so
//! differences are added up, for each process and each socket by itself.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use procfs::process::Process;

use super::sample::{Sample, Tool};
use super::sockets::{self, Socket};
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
    processes: HashMap<(i32, u64), Moved>,
    sockets: HashMap<u64, Socket>,
    sums: Moved,
    network: u64,
}

/// What a process, or all of them, have used and moved.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    /// Clock ticks.
    cpu: u64,
    io: u64,
    syscall: u64,
}

/// What the sockets say.
#[derive(Debug, Default)]
struct Network {
    connections: Option<usize>,
    bytes: Option<u64>,
}

impl Watch {
    /// Of the tree below `guard`, with `agent` as its main process.
    pub fn new(guard: ProcessIdentity, agent: i32, youth: Duration) -> Watch {
        Watch {
            guard,
            agent,
            youth,
            processes: HashMap::new(),
            sockets: HashMap::new(),
            sums: Moved::default(),
            network: 0,
        }
    }

    /// One look; `at` is active time since the try began, `silent` the time since the agent's last byte.
    pub fn sample(&mut self, at: Duration, silent: Duration) -> Sample {
        let mut pids = Vec::new();
        if identity::is_alive(&self.guard) {
            tree::walk(self.guard.pid, |member| {
                if member.alive {
                    pids.push((member.pid, member.start_time));
                }
            });
        }
        self.add_up(&pids);
        let network = self.look_at_sockets(&pids);
        let ticks = procfs::ticks_per_second().max(1);
        Sample {
            at,
            silent,
            connections: network.connections,
            network_bytes: network.bytes,
            cpu: Duration::from_millis(self.sums.cpu.saturating_mul(1000) / ticks),
            io_bytes: self.sums.io,
            syscall_bytes: self.sums.syscall,
            processes: pids.len(),
            tool: pids.iter().filter(|(pid, _)| *pid != self.agent).find_map(|(pid, start)| {
                let age = age(*start, ticks)?;
                let bound = timeout::of(*pid);
                if bound.is_some_and(|bound| age < bound) {
                    return Some(Tool::Bounded);
                }
                (age < silent.min(self.youth)).then_some(Tool::Young)
            }),
        }
    }

    fn add_up(&mut self, pids: &[(i32, u64)]) {
        for key in pids {
            let Some(now) = moved(key.0) else { continue };
            let before = self.processes.insert(*key, now).unwrap_or_default();
            self.sums.cpu += now.cpu.saturating_sub(before.cpu);
            self.sums.io += now.io.saturating_sub(before.io);
            self.sums.syscall += now.syscall.saturating_sub(before.syscall);
        }
        let living: HashSet<&(i32, u64)> = pids.iter().collect();
        self.processes.retain(|key, _| living.contains(key));
    }

    fn look_at_sockets(&mut self, pids: &[(i32, u64)]) -> Network {
        let Some(inodes) = socket_inodes(pids) else { return Network::default() };
        let Ok(all) = sockets::tcp() else { return Network::default() };
        let mut ours = HashMap::new();
        let mut network = Network { connections: Some(0), bytes: Some(0) };
        for inode in inodes {
            // Not TCP.
            let Some(socket) = all.get(&inode) else { continue };
            if socket.established {
                network.connections = network.connections.map(|count| count + 1);
            }
            match socket.moved {
                Some(moved) => {
                    let before = self.sockets.get(&inode).filter(|known| known.cookie == socket.cookie);
                    let before = before.and_then(|known| known.moved).unwrap_or_default();
                    self.network += moved.saturating_sub(before);
                }
                None => network.bytes = None,
            }
            ours.insert(inode, *socket);
        }
        self.sockets = ours;
        network.bytes = network.bytes.map(|_| self.network);
        network
    }
}

fn moved(pid: i32) -> Option<Moved> {
    let process = Process::new(pid).ok()?;
    let stat = process.stat().ok()?;
    // Children that were waited for, too: the short-lived are never seen alive.
    let waited = stat.cutime.saturating_add(stat.cstime);
    let cpu = (stat.utime + stat.stime).saturating_add(u64::try_from(waited).unwrap_or(0));
    let (io, syscall) = process.io().map_or((0, 0), |io| {
        (io.read_bytes.saturating_add(io.write_bytes), io.rchar.saturating_add(io.wchar))
    });
    Some(Moved { cpu, io, syscall })
}

/// Inodes of all sockets in this network namespace that these processes hold; `None` when not all can be known.
fn socket_inodes(pids: &[(i32, u64)]) -> Option<HashSet<u64>> {
    let here = namespace(Path::new("/proc/self/ns/net"))?;
    let mut inodes = HashSet::new();
    for (pid, _) in pids {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let Ok(entries) = std::fs::read_dir(folder.join("fd")) else {
            if folder.exists() {
                return None;
            }
            continue;
        };
        let held: HashSet<u64> = entries
            .flatten()
            .filter_map(|entry| socket_inode(&std::fs::read_link(entry.path()).ok()?))
            .collect();
        match namespace(&folder.join("ns/net")) {
            Some(there) if there == here => inodes.extend(held),
            // A tool that was locked away without a network is no mystery.
            _ if !held.is_empty() && is_connected_elsewhere(*pid, &held) => return None,
            _ => {}
        }
    }
    Some(inodes)
}

fn namespace(link: &Path) -> Option<u64> {
    Some(std::fs::metadata(link).ok()?.ino())
}

/// `socket:[12345]`.
fn socket_inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Whether a process of another network namespace holds a TCP socket there.
fn is_connected_elsewhere(pid: i32, held: &HashSet<u64>) -> bool {
    let Ok(process) = Process::new(pid) else { return false };
    let (v4, v6) = (process.tcp().unwrap_or_default(), process.tcp6().unwrap_or_default());
    v4.iter().chain(&v6).any(|socket| held.contains(&socket.inode))
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
            watch.add_up(&pids);
            let network = watch.look_at_sockets(&pids);
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
        watch.add_up(&[me]);
        let before = watch.sums;
        watch.add_up(&[]);
        assert_eq!(watch.sums.syscall, before.syscall);
        std::fs::File::open("/dev/zero").unwrap().read_exact(&mut [0; 100_000]).unwrap();
        watch.add_up(&[me]);
        assert!(watch.sums.syscall >= before.syscall + 100_000);
    }

    #[test]
    fn links_of_other_kinds_are_no_sockets() {
        assert_eq!(socket_inode(Path::new("socket:[123]")), Some(123));
        for other in ["pipe:[123]", "/dev/null", "socket:[]", "socket:[-1]"] {
            assert_eq!(socket_inode(Path::new(other)), None);
        }
    }
}
