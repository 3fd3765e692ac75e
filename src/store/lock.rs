//! One rally per workspace: a lock of the kernel on `.rally/state/lock`, held for a whole
//! relay. The kernel frees it at any death, so there is nothing stale to clean up. What
//! stands in the file is for messages only, and the file is never deleted: a second
//! file of the same name would make two holders.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Layout, disk};
use crate::model::time::{self, millis_option};
use crate::model::{Timestamp, text};

/// `rally status` holds the lock shared for a moment to learn whether somebody has it:
/// a start at that very moment tries again, this often and after this pause.
const RETRIES: u32 = 8;
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Largest content that is believed, in bytes.
const CONTENT_LIMIT: u64 = 4096;

/// Who holds a workspace, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its start time in clock ticks since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
    /// Its host, which matters on network file systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "millis_option")]
    pub since: Option<Timestamp>,
}

impl Holder {
    fn this_process() -> Holder {
        Holder {
            pid: Some(std::process::id()),
            start_time: own_start_time(),
            host: Some(rustix::system::uname().nodename().to_string_lossy().into_owned()),
            since: Some(time::now()),
        }
    }
}

#[cfg(target_os = "linux")]
fn own_start_time() -> Option<u64> {
    procfs::process::Process::myself().and_then(|p| p.stat()).ok().map(|stat| stat.starttime)
}

#[cfg(not(target_os = "linux"))]
fn own_start_time() -> Option<u64> {
    None
}

/// `pid 4711 on host, since 2026-11-23T06:26:21.042Z`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => f.write_str("an unknown process")?,
        }
        if let Some(host) = &self.host {
            write!(f, " on {}", text::one_line(host))?;
        }
        match self.since {
            Some(since) => write!(f, ", since {}", time::rfc3339_millis(since)),
            None => Ok(()),
        }
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another rally has it.
    #[error("another rally holds this workspace ({0}); wait for it or stop it")]
    Held(Holder),
    /// The lock file cannot be used.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The workspace is ours until this is dropped.
#[derive(Debug)]
pub struct WorkspaceLock {
    _file: File,
}

impl WorkspaceLock {
    /// Takes the lock, or says who has it, within 100 ms.
    pub fn acquire(layout: &Layout) -> Result<WorkspaceLock, LockError> {
        let path = layout.lock();
        let io = |source| LockError::Io { path: path.clone(), source };
        layout.make_state_dir().map_err(io)?;
        let mut file = disk::open_lock(&path).map_err(io)?;
        let mut retries = RETRIES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if retries == 0 => {
                    return Err(LockError::Held(read_holder(&mut file)));
                }
                Err(TryLockError::WouldBlock) => {
                    retries -= 1;
                    std::thread::sleep(RETRY_PAUSE);
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        // The content is for messages: a full disk must not keep a relay from starting.
        let _ = write_holder(&mut file, &Holder::this_process());
        Ok(WorkspaceLock { _file: file })
    }
}

/// Who holds the workspace now, or nobody. Takes nothing away from anybody.
pub fn holder(layout: &Layout) -> Option<Holder> {
    let mut file = File::open(layout.lock()).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read_holder(&mut file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn write_holder(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(holder)?;
    line.push(b'\n');
    disk::set_len(file, 0)?;
    file.seek(SeekFrom::Start(0))?;
    match disk::write(file, &line)? {
        n if n == line.len() => Ok(()),
        _ => Err(ErrorKind::WriteZero.into()),
    }
}

fn read_holder(file: &mut File) -> Holder {
    let mut content = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(CONTENT_LIMIT).read_to_end(&mut content));
    match read {
        Ok(_) => serde_json::from_slice(&content).unwrap_or_default(),
        Err(_) => Holder::default(),
    }
}
