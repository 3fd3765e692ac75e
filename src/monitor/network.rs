//! What have the TCP sockets of a process tree moved, all in all?
//!
//! As with processes (see the ledger), what sockets have moved is added up for each by itself: a sum over
//! the living goes back when one goes, which would look like activity.
//!
//! The kernel tells all sockets of the namespace at once and cheaply; whose they are stands in the descriptors of
//! every process, which cost most of a look. So that is read anew only when it may have changed.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use procfs::process::Process;

use super::ledger::Key;
use super::sockets::{self, Socket};

/// After so many looks at the latest it is asked again whose the sockets are: one may have been handed on.
const BELIEVED_LOOKS: u32 = 12;

/// The sockets of a tree.
#[derive(Debug, Default)]
pub struct Network {
    owned: Owned,
    sockets: HashMap<u64, Socket>,
    moved: u64,
}

/// What is seen at one look; `None` is unknown.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Established connections.
    pub connections: Option<usize>,
    /// Bytes moved since the first look.
    pub bytes: Option<u64>,
}

/// Which sockets belong to the tree, as last read.
#[derive(Debug, Default)]
struct Owned {
    /// Whose descriptors were read.
    pids: Vec<Key>,
    /// Of the tree; `None` when not all could be known.
    inodes: Option<HashSet<u64>>,
    /// All that there were in the namespace: inode and cookie.
    known: HashSet<(u64, u64)>,
    looks: u32,
}

impl Network {
    /// One look at the sockets that these processes hold.
    pub fn look(&mut self, pids: &[Key]) -> Traffic {
        let Ok(all) = sockets::tcp() else { return Traffic::default() };
        if !self.owned.holds(pids, &all) {
            self.owned = Owned::read(pids, &all);
        }
        self.owned.looks += 1;
        let Some(inodes) = &self.owned.inodes else { return Traffic::default() };
        let mut ours = HashMap::new();
        let mut traffic = Traffic { connections: Some(0), bytes: Some(0) };
        // The others are not TCP.
        for (inode, socket) in inodes.iter().filter_map(|inode| Some((*inode, all.get(inode)?))) {
            if socket.established {
                traffic.connections = traffic.connections.map(|count| count + 1);
            }
            match socket.moved {
                Some(moved) => {
                    let before = self.sockets.get(&inode).filter(|known| known.cookie == socket.cookie);
                    let before = before.and_then(|known| known.moved).unwrap_or_default();
                    self.moved += moved.saturating_sub(before);
                }
                None => traffic.bytes = None,
            }
            ours.insert(inode, *socket);
        }
        self.sockets = ours;
        traffic.bytes = traffic.bytes.map(|_| self.moved);
        traffic
    }
}

impl Owned {
    fn read(pids: &[Key], all: &HashMap<u64, Socket>) -> Owned {
        let known = all.iter().map(|(inode, socket)| (*inode, socket.cookie)).collect();
        Owned { pids: pids.to_vec(), inodes: socket_inodes(pids), known, looks: 0 }
    }

    /// Whether it is still true, as far as can be seen: the same processes, and no socket that was not there.
    fn holds(&self, pids: &[Key], all: &HashMap<u64, Socket>) -> bool {
        // Inode 0: nobody's, as those that are already closed.
        let is_known =
            |(inode, socket): (&u64, &Socket)| *inode == 0 || self.known.contains(&(*inode, socket.cookie));
        self.inodes.is_some() && self.looks < BELIEVED_LOOKS && self.pids == pids && all.iter().all(is_known)
    }
}

/// Inodes of all sockets in this network namespace that these processes hold; `None` when not all can be known.
fn socket_inodes(pids: &[Key]) -> Option<HashSet<u64>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::identity;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_new_connection_is_seen_at_once() {
        let me = identity::of(std::process::id() as i32).unwrap();
        let pids = [(me.pid, me.start_time)];
        let mut network = Network::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        network.look(&pids);
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let held = || [server.local_addr(), client.local_addr()].map(Result::unwrap);
        assert!(network.look(&pids).connections.unwrap() >= held().len());
        let before = network.look(&pids).bytes.unwrap();
        client.write_all(&[0; 7000]).unwrap();
        // Sent and acknowledged on one socket, received on the other.
        let begun = std::time::Instant::now();
        while network.look(&pids).bytes.unwrap() < before + 14_000 {
            assert!(begun.elapsed().as_secs() < 30);
        }
    }

    #[test]
    fn what_changed_is_read_anew() {
        let socket = |cookie| Socket { cookie, established: true, moved: Some(0) };
        let all = HashMap::from([(7, socket(1)), (0, socket(2))]);
        let owned = || Owned { inodes: Some(HashSet::new()), ..Owned::read(&[], &all) };
        assert!(owned().holds(&[], &all));
        assert!(owned().holds(&[], &HashMap::from([(0, socket(3))])), "who has gone changes nothing");
        assert!(!owned().holds(&[(1, 1)], &all), "another process");
        assert!(!owned().holds(&[], &HashMap::from([(7, socket(9))])), "another socket with the same inode");
        assert!(!owned().holds(&[], &HashMap::from([(8, socket(1))])), "another socket");
        assert!(!Owned { looks: BELIEVED_LOOKS, ..owned() }.holds(&[], &all), "too long ago");
        assert!(!Owned { inodes: None, ..owned() }.holds(&[], &all), "unknown is asked again");
    }

    #[test]
    fn links_of_other_kinds_are_no_sockets() {
        assert_eq!(socket_inode(Path::new("socket:[123]")), Some(123));
        for other in ["pipe:[123]", "/dev/null", "socket:[]", "socket:[-1]"] {
            assert_eq!(socket_inode(Path::new(other)), None);
        }
    }
}
