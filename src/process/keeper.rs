//! Somebody who gives the terminal back when rally cannot do it any more.
//!
//! A keeper is a guard without an agent. It reads the modes of the terminal before rally changes them, and when
//! its socket closes, because rally was killed, it restores them; unless others were set meanwhile.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::SendFlags;

use super::link;
use super::protocol::{self, LineBuffer, Message, Refusal};
use super::spawn::GuardProgram;

/// How long a keeper may take until it stands ready. It takes 2 ms, on a loaded machine a hundred times as long.
/// Nobody is listened to meanwhile, and keys that are heard late are worse than no keeper.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a keeper may take to restore the terminal.
const RESTORE: Duration = Duration::from_secs(1);

/// The pids of the keepers of this process. They are its children in sessions of their own, as orphans are.
static OURS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

fn ours() -> MutexGuard<'static, Vec<i32>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this child of ours is a keeper.
pub(super) fn is_keeper(pid: i32) -> bool {
    ours().contains(&pid)
}

/// A keeper at work. Dropping it dismisses it: it is for those who have restored the terminal themselves.
#[derive(Debug)]
pub struct Keeper {
    guard: Child,
    lifeline: UnixStream,
}

impl Keeper {
    /// Starts a keeper of a terminal and returns once it has read the modes, after 1 s at most.
    ///
    /// # Errors
    /// What the system says, or the keeper.
    pub fn start(program: &GuardProgram, terminal: impl AsFd) -> io::Result<Keeper> {
        let (lifeline, theirs) = UnixStream::pair()?;
        let guard = Command::new(program.path())
            .arg0("rally")
            .arg("guard")
            // No folder is kept busy.
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        ours().extend(pid(&guard));
        let mut keeper = Keeper { guard, lifeline };
        let line = protocol::encode(protocol::Command::Keep)?;
        link::send_beside(&keeper.lifeline, &line, &[terminal.as_fd()], SendFlags::NOSIGNAL)?;
        match keeper.answer()? {
            Message::Keeping => Ok(keeper),
            Message::Refused(Refusal::Failed(why)) => Err(io::Error::other(why)),
            other => Err(io::Error::other(format!("the keeper began with {other:?}"))),
        }
    }

    fn answer(&mut self) -> io::Result<Message> {
        self.lifeline.set_read_timeout(Some(PATIENCE))?;
        let (mut lines, mut bytes) = (LineBuffer::default(), [0; 4096]);
        loop {
            if let Some(line) = lines.next_line() {
                return protocol::decode(&line);
            }
            match self.lifeline.read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => lines.push(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the keeper do its work, for a rally that must not do it itself: in the background it would be
    /// stopped. Waits 1 s at most.
    pub fn restore(mut self) {
        let _ = self.lifeline.shutdown(Shutdown::Write);
        let _ = self.lifeline.set_read_timeout(Some(RESTORE));
        // Its end closes the other end.
        let _ = self.lifeline.read(&mut [0]);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // KILL, so that also one that is stopped ends at once, and surely before the lifeline closes.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let gone = pid(&self.guard);
        ours().retain(|pid| Some(*pid) != gone);
    }
}

fn pid(child: &Child) -> Option<i32> {
    i32::try_from(child.id()).ok()
}
