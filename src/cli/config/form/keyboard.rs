//! Standard input of a terminal, on which Ctrl+C is an answer too: it ends the reading, so that
//! what happens then is decided in one place and not in the middle of a write.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};

use super::session::Interrupted;

/// Reads standard input until an interrupt comes.
#[derive(Debug)]
pub struct Keyboard {
    interrupts: UnixStream,
}

impl Keyboard {
    /// From now on an interrupt ends the reading instead of the process.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn listen() -> io::Result<Keyboard> {
        let (interrupts, waker) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, waker)?;
        Ok(Keyboard { interrupts })
    }
}

impl Read for Keyboard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = rustix::stdio::stdin();
        let mut watched = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.interrupts, PollFlags::IN)];
        loop {
            match poll(&mut watched, None) {
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !watched[1].revents().is_empty() {
            return Err(Interrupted.into());
        }
        Ok(rustix::io::read(stdin, buffer)?)
    }
}
