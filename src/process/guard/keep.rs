//! A guard without an agent: it gives the terminal back when rally is killed.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{Termios, tcgetattr};

use super::channel::Channel;
use crate::process::modes;

/// A terminal as rally found it.
pub struct Keep {
    terminal: OwnedFd,
    found: Termios,
}

impl Keep {
    /// Looks at the terminal that came beside the command.
    ///
    /// # Errors
    /// When none came.
    pub fn begin(descriptors: Vec<OwnedFd>) -> io::Result<Keep> {
        let terminal = descriptors.into_iter().next().ok_or(ErrorKind::InvalidData)?;
        let found = tcgetattr(&terminal)?;
        Ok(Keep { terminal, found })
    }

    /// Waits, without a timer, until rally or the terminal is gone. A rally that has restored the terminal itself
    /// has killed its keeper before; whoever set other modes meanwhile keeps them.
    pub fn run(self, channel: &mut Channel) {
        loop {
            let mut sources =
                [PollFd::new(channel, PollFlags::IN), PollFd::new(&self.terminal, PollFlags::empty())];
            match poll(&mut sources, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => break,
            }
            let [lifeline, terminal] = sources.map(|source| !source.revents().is_empty());
            // After a hang-up nobody can see any modes.
            if terminal {
                return;
            }
            match channel.try_receive() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Nothing is said to a keeper.
                Ok(true) if lifeline => {}
                Ok(_) | Err(_) => break,
            }
        }
        let _ = modes::restore(&self.terminal, &self.found);
    }
}
