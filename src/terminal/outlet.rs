//! Standard output and standard error of a relay. A reader that does not read (`rally relay | less`, left alone) must not
//! hold up the relay: where nobody looks at a terminal, a thread of its own writes, and what it cannot keep up with is lost.

use std::io::{self, ErrorKind, IsTerminal, Stderr, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Texts that may wait to be written.
const WAITING: usize = 1024;

/// How long the end waits for a reader.
const AT_THE_END: Duration = Duration::from_secs(2);

/// One of the two outputs. Dropping it waits a moment until everything is written.
#[derive(Debug)]
pub struct Outlet<W: Write> {
    direct: W,
    beside: Option<Beside>,
}

/// What is written by a thread.
#[derive(Debug)]
struct Beside {
    texts: Option<SyncSender<Vec<u8>>>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
    closed: Arc<AtomicBool>,
}

impl Outlet<Stdout> {
    /// Standard output.
    pub fn stdout() -> Self {
        Outlet::new(io::stdout(), io::stdout().is_terminal(), io::stdout)
    }
}

impl Outlet<Stderr> {
    /// Standard error.
    pub fn stderr() -> Self {
        Outlet::new(io::stderr(), io::stderr().is_terminal(), io::stderr)
    }
}

impl<W: Write> Outlet<W> {
    /// A terminal is written to directly: live lines have to be gone before others write there.
    fn new<T: Write>(direct: W, is_terminal: bool, open: impl FnOnce() -> T + Send + 'static) -> Self {
        let beside = if is_terminal { None } else { Beside::start(open) };
        Outlet { direct, beside }
    }
}

impl Beside {
    /// `None` where no thread can be had: then rally writes itself.
    fn start<T: Write>(open: impl FnOnce() -> T + Send + 'static) -> Option<Beside> {
        let (texts, queue) = sync_channel::<Vec<u8>>(WAITING);
        let (end, ended) = sync_channel(0);
        let closed = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&closed);
        let write = move || {
            let _end: SyncSender<()> = end;
            let mut out = open();
            for text in queue {
                let written = out.write_all(&text).and_then(|()| out.flush());
                // A full pipe that some other process made non-blocking loses text, but is still open.
                if written.is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
                    told.store(true, Ordering::Relaxed);
                    return;
                }
            }
        };
        std::thread::Builder::new().name("output".into()).spawn(write).ok()?;
        Some(Beside { texts: Some(texts), ended, closed })
    }
}

impl<W: Write> Write for Outlet<W> {
    /// The whole text, or none of it.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let Some(beside) = &self.beside else { return self.direct.write(text) };
        let Some(texts) = &beside.texts else { return Err(ErrorKind::BrokenPipe.into()) };
        match texts.try_send(text.to_vec()) {
            _ if beside.closed.load(Ordering::Relaxed) => Err(ErrorKind::BrokenPipe.into()),
            Err(TrySendError::Disconnected(_)) => Err(ErrorKind::BrokenPipe.into()),
            Ok(()) | Err(TrySendError::Full(_)) => Ok(text.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.beside.is_some() { Ok(()) } else { self.direct.flush() }
    }
}

impl<W: Write> Drop for Outlet<W> {
    fn drop(&mut self) {
        if let Some(beside) = &mut self.beside {
            beside.texts = None;
            // Nothing is ever sent: it ends when the thread does, or when nobody reads.
            let _: Result<(), RecvTimeoutError> = beside.ended.recv_timeout(AT_THE_END);
        }
    }
}
