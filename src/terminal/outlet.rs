//! Standard output and standard error of a relay. A reader that does not read (`rally relay | less`, left alone) must not
//! hold up the relay: where nobody looks at a terminal, a thread of its own writes, and what it cannot keep up with is lost.

use std::io::{self, ErrorKind, IsTerminal, Stderr, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Texts that may wait to be written.
const WAITING: usize = 1024;

/// How long the end waits for a reader.
const AT_THE_END: Duration = Duration::from_secs(2);

/// One of the two outputs.
#[derive(Debug)]
pub struct Outlet<W: Write> {
    direct: W,
    beside: Option<Beside>,
}

/// A text, and whether it goes to standard error.
type Text = (bool, Vec<u8>);

/// The way to the thread that writes.
#[derive(Debug)]
struct Beside {
    is_error: bool,
    texts: SyncSender<Text>,
    closed: Arc<AtomicBool>,
}

/// Waits, when dropped, until the thread has written everything. Drop it after the outlets.
#[derive(Debug)]
pub struct End(Option<Receiver<()>>);

/// Both outputs. A terminal is written to directly: live lines have to be gone before others write there. The others share
/// a thread, so that their texts keep their order where both are one file.
pub fn standard() -> (Outlet<Stdout>, Outlet<Stderr>, End) {
    let (out_beside, err_beside) = (!io::stdout().is_terminal(), !io::stderr().is_terminal());
    let thread = if out_beside || err_beside { start() } else { None };
    let (mut out, mut err, mut end) = (None, None, None);
    if let Some((texts, closed, ended)) = thread {
        let beside = |is_error| Beside { is_error, texts: texts.clone(), closed: Arc::clone(&closed) };
        out = out_beside.then(|| beside(false));
        err = err_beside.then(|| beside(true));
        end = Some(ended);
    }
    let out = Outlet { direct: io::stdout(), beside: out };
    (out, Outlet { direct: io::stderr(), beside: err }, End(end))
}

/// `None` where no thread can be had: then rally writes itself. Tells whether standard output is closed, and when the
/// thread has ended.
fn start() -> Option<(SyncSender<Text>, Arc<AtomicBool>, Receiver<()>)> {
    let (texts, queue) = sync_channel::<Text>(WAITING);
    let (end, ended) = sync_channel::<()>(0);
    let closed = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&closed);
    let write = move || {
        for (is_error, text) in queue {
            if is_error {
                // Nobody is left to tell about a standard error that is gone.
                let _ = io::stderr().write_all(&text);
            } else if !told.load(Ordering::Relaxed) {
                let mut out = io::stdout();
                let written = out.write_all(&text).and_then(|()| out.flush());
                // A full pipe that some other process made non-blocking loses text, but is still open.
                let is_closed = written.is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
                told.store(is_closed, Ordering::Relaxed);
            }
        }
        drop(end);
    };
    std::thread::Builder::new().name("output".into()).spawn(write).ok()?;
    Some((texts, closed, ended))
}

impl<W: Write> Write for Outlet<W> {
    /// The whole text, or none of it when too much waits already.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let Some(beside) = &self.beside else { return self.direct.write(text) };
        if !beside.is_error && beside.closed.load(Ordering::Relaxed) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        match beside.texts.try_send((beside.is_error, text.to_vec())) {
            Err(TrySendError::Disconnected(_)) => Err(ErrorKind::BrokenPipe.into()),
            Ok(()) | Err(TrySendError::Full(_)) => Ok(text.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.beside.is_some() { Ok(()) } else { self.direct.flush() }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(ended) = &self.0 {
            // Nothing is ever sent: this ends when the thread does, or when nobody reads.
            let _ = ended.recv_timeout(AT_THE_END);
        }
    }
}
