//! rally's end of the socket pair.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, send, sendmsg};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use super::protocol::{self, Command, LineBuffer, Message};

/// The socket, and what has come in over it. Dropping it is what tells the guard to end the tree.
#[derive(Debug)]
pub struct Link {
    socket: UnixStream,
    lines: LineBuffer,
}

impl Link {
    /// Takes one end of a socket pair.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(socket: std::os::unix::net::UnixStream) -> io::Result<Link> {
        socket.set_nonblocking(true)?;
        Ok(Link { socket: UnixStream::from_std(socket)?, lines: LineBuffer::default() })
    }

    /// Sends a command of any size, with descriptors beside its first byte.
    ///
    /// # Errors
    /// What the system says: the guard is gone.
    pub async fn send_with(&mut self, command: Command, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let line = protocol::encode(command)?;
        let sent = self
            .socket
            .async_io(Interest::WRITABLE, || {
                send_beside(&self.socket, &line, descriptors, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
            })
            .await?;
        self.socket.write_all(&line[sent..]).await
    }

    /// Sends a short command now or not at all.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` when the guard has not read for a very long time.
    pub fn send_now(&self, command: Command) -> io::Result<()> {
        let line = protocol::encode(command)?;
        // Straight to the socket: the runtime's idea of its readiness may be out of date.
        let sent = send(&self.socket, &line, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
        // Half a line would spoil the next one: a guard that has so much to read is not relied on any more.
        if sent < line.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }

    /// The next message; `None` when the guard's end is closed. Nothing is lost when the future is
    /// dropped.
    ///
    /// # Errors
    /// What the system says, or `InvalidData` for a line that is no message.
    pub async fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            if let Some(line) = self.lines.next_line() {
                return protocol::decode(&line).map(Some);
            }
            self.socket.readable().await?;
            let mut bytes = [0; 4096];
            match self.socket.try_read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.lines.push(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Sends bytes with descriptors beside the first; says how many of the bytes were taken.
pub(super) fn send_beside(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<usize> {
    let message = SendAncillaryMessage::ScmRights(descriptors);
    let mut space = vec![MaybeUninit::uninit(); message.size()];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    beside.push(message);
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut beside, flags)?)
}
