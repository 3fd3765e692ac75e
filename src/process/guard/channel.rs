//! The guard's end of the socket pair: lifeline, commands, reports and descriptors.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt};

use crate::process::protocol::{self, Command, LineBuffer, Message};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// The most descriptors that one agent needs: standard input, output and error.
const MOST_DESCRIPTORS: usize = 3;

/// The socket, and what has come in over it.
#[derive(Debug)]
pub struct Channel {
    socket: UnixStream,
    lines: LineBuffer,
    descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Takes standard input.
    ///
    /// # Errors
    /// When it is no socket.
    pub fn from_stdin() -> io::Result<Channel> {
        let stdin = io::stdin();
        sockopt::socket_type(&stdin).map_err(|_| {
            io::Error::other("a guard is started by rally itself (its standard input must be a socket)")
        })?;
        let socket = UnixStream::from(stdin.as_fd().try_clone_to_owned()?);
        Ok(Channel { socket, lines: LineBuffer::default(), descriptors: Vec::new() })
    }

    /// Waits for the next command; `None` when rally closed its end.
    ///
    /// # Errors
    /// What the system says, or `InvalidData` for a line that is no command.
    pub fn wait_for_command(&mut self) -> io::Result<Option<Command>> {
        loop {
            if let Some(command) = self.next_command()? {
                return Ok(Some(command));
            }
            if !self.receive(RecvFlags::empty())? {
                return Ok(None);
            }
        }
    }

    /// The next command that has come in whole.
    ///
    /// # Errors
    /// `InvalidData` for a line that is no command.
    pub fn next_command(&mut self) -> io::Result<Option<Command>> {
        self.lines.next_line().map(|line| protocol::decode(&line)).transpose()
    }

    /// Reads once without waiting; `false` when rally closed its end.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` when there is nothing to read.
    pub fn try_receive(&mut self) -> io::Result<bool> {
        self.receive(RecvFlags::DONTWAIT)
    }

    fn receive(&mut self, flags: RecvFlags) -> io::Result<bool> {
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let mut bytes = vec![0; CHUNK];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(&self.socket, &mut [IoSliceMut::new(&mut bytes)], &mut beside, flags)
        })?;
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        self.lines.push(&bytes[..received.bytes]);
        Ok(received.bytes > 0)
    }

    /// The descriptors that came in, in their order.
    pub fn take_descriptors(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.descriptors)
    }

    /// Says something to rally.
    ///
    /// # Errors
    /// What the system says: rally closed its end.
    pub fn send(&mut self, message: Message) -> io::Result<()> {
        self.socket.write_all(&protocol::encode(message)?)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
