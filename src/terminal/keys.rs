//! Reads single keys from standard input while it is a terminal that belongs to rally.

use std::io::{self, PipeWriter};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::Termios;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::raw;
use crate::model::Key;
use crate::relay::keyboard::{Keyboard, Press};

/// Standard input as a keyboard.
#[derive(Debug)]
pub struct Keys {
    /// While the terminal is ours.
    taken: Option<Taken>,
    presses: UnboundedReceiver<Press>,
    sender: UnboundedSender<Press>,
}

/// A terminal in the mode for single keys, and who reads it.
#[derive(Debug)]
struct Taken {
    /// What the terminal was like before.
    found: Termios,
    /// Its closing ends the reader.
    stop: Option<PipeWriter>,
    reader: Option<JoinHandle<()>>,
}

impl Keys {
    /// Takes standard input, if it is a terminal and rally is in its foreground.
    pub fn open() -> Keys {
        let (sender, presses) = unbounded_channel();
        let mut keys = Keys { taken: None, presses, sender };
        keys.take();
        keys
    }
}

/// What a byte means; nothing for all others.
pub fn decode(byte: u8) -> Option<Press> {
    match byte {
        b'\r' | b'\n' => Some(Press::Enter),
        0x1a => Some(Press::Suspend),
        byte => Key::ALL.into_iter().find(|key| key.byte() == byte).map(Press::Key),
    }
}

impl Taken {
    fn begin(presses: UnboundedSender<Press>) -> io::Result<Taken> {
        let (stopped, stop) = io::pipe()?;
        let found = raw::enter(io::stdin())?;
        let reader = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read(&stopped, &presses))
            .inspect_err(|_| drop(raw::leave(io::stdin(), &found)))?;
        Ok(Taken { found, stop: Some(stop), reader: Some(reader) })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        // A terminal that is gone needs no modes.
        let _ = raw::leave(io::stdin(), &self.found);
    }
}

/// Until `stopped` closes, or the terminal hangs up. It waits for both, and never inside a read.
fn read(stopped: &io::PipeReader, presses: &UnboundedSender<Press>) {
    let stdin = io::stdin();
    let mut bytes = [0; 64];
    loop {
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(stopped, PollFlags::empty())];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) if !fds[1].revents().is_empty() => return,
            Ok(_) if !fds[0].revents().contains(PollFlags::IN) => return,
            Ok(_) => {}
        }
        match rustix::io::read(&stdin, &mut bytes) {
            Ok(count) => {
                for press in bytes[..count].iter().filter_map(|byte| decode(*byte)) {
                    let _ = presses.send(press);
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

impl Keyboard for Keys {
    fn poll_press(&mut self, context: &mut Context<'_>) -> Poll<Press> {
        match self.presses.poll_recv(context) {
            Poll::Ready(Some(press)) => Poll::Ready(press),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn is_listening(&self) -> bool {
        self.taken.is_some()
    }

    fn release(&mut self) {
        self.taken = None;
    }

    fn take(&mut self) {
        let stdin = io::stdin();
        let ours = rustix::termios::tcgetpgrp(&stdin).is_ok_and(|group| group == rustix::process::getpgrp());
        if self.taken.is_none() && ours {
            self.taken = Taken::begin(self.sender.clone()).ok();
        }
    }
}
