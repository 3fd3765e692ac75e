//! Reads single keys from standard input while it is a terminal that belongs to rally.
//!
//! What is typed meanwhile is rally's: it is read, and forgotten unless it is a key. What is typed afterwards is
//! left to the shell.

use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::Termios;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::raw::{self, Raw};
use crate::model::Key;
use crate::process::{GuardProgram, modes};
use crate::relay::keyboard::{Keyboard, Press};

/// How often it is looked whose turn it is, however often it is asked.
const LOOK: Duration = Duration::from_millis(200);

/// Standard input as a keyboard.
#[derive(Debug)]
pub struct Keys {
    program: GuardProgram,
    /// Where it is told that nobody restores the terminal after a `kill -9`; once.
    complain: Option<fn(&str)>,
    /// While the terminal is ours.
    taken: Option<Taken>,
    /// When it was looked whose turn it is.
    looked: Option<Instant>,
    presses: UnboundedReceiver<Press>,
    sender: UnboundedSender<Press>,
}

/// A terminal in the mode for single keys, and who reads it. The reader ends before the modes are restored.
#[derive(Debug)]
struct Taken {
    reader: Reader,
    raw: Raw,
}

/// A thread that reads standard input.
#[derive(Debug)]
struct Reader {
    /// Its closing ends the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Takes standard input, if it is a terminal and rally is in its foreground.
    pub fn open(complain: fn(&str)) -> Keys {
        Keys::kept_by(GuardProgram::default(), complain)
    }

    /// The same with the keeper of another program. Only tests need it, which are not rally themselves.
    pub fn kept_by(program: GuardProgram, complain: fn(&str)) -> Keys {
        let (sender, presses) = unbounded_channel();
        let mut keys = Keys { program, complain: Some(complain), taken: None, looked: None, presses, sender };
        keys.take();
        keys
    }

    fn begin(&mut self) -> io::Result<Taken> {
        let complain = &mut self.complain;
        let raw = Raw::enter(&self.program, |error| {
            if let Some(complain) = complain.take() {
                complain(&format!(
                    "the terminal has no keeper ({error}): should rally be killed, `stty sane` mends it"
                ));
            }
        })?;
        let reader = Reader::start(raw.found().clone(), self.sender.clone())?;
        Ok(Taken { reader, raw })
    }
}

impl Taken {
    /// Whether keys still come. Not after rally was stopped from outside and its shell set modes of its own, nor
    /// in the background, nor when the terminal is gone.
    fn holds(&self) -> bool {
        self.reader.is_at_work() && raw::is_ours(self.raw.found())
    }
}

impl Reader {
    fn start(found: Termios, presses: UnboundedSender<Press>) -> io::Result<Reader> {
        let (stopped, stop) = io::pipe()?;
        let stdin = own_stdin()?;
        let thread = std::thread::Builder::new().name("keys".to_owned());
        let thread = thread.spawn(move || read(&stdin, &stopped, &found, &presses))?;
        Ok(Reader { stop: Some(stop), thread: Some(thread) })
    }

    fn is_at_work(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Until `stopped` closes, the terminal hangs up, or it is not ours any more: then what is typed belongs to
/// somebody else, and a read would stop the whole of rally. It waits for all of them, and never inside a read.
fn read(stdin: &OwnedFd, stopped: &io::PipeReader, found: &Termios, presses: &UnboundedSender<Press>) {
    let mut bytes = [0; 64];
    loop {
        let mut sources = [PollFd::new(stdin, PollFlags::IN), PollFd::new(stopped, PollFlags::empty())];
        match poll(&mut sources, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        // A terminal that hangs up is readable, too: for ever, and nothing comes.
        let [typed, end] = sources.map(|source| source.revents());
        if !end.is_empty() || typed != PollFlags::IN || !raw::is_ours(found) {
            return;
        }
        match rustix::io::read(stdin, &mut bytes) {
            Ok(count) => {
                for press in bytes[..count].iter().filter_map(|byte| decode(*byte)) {
                    let _ = presses.send(press);
                }
            }
            // Somebody else was faster.
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}

/// The terminal, opened once more: so reads never block, and the flag that says so is not set for everybody else
/// who shares standard input. Whoever may not open it (after `su`) reads as it is.
fn own_stdin() -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open("/proc/self/fd/0", flags, Mode::empty()) {
        Ok(own) => Ok(own),
        Err(_) => io::stdin().as_fd().try_clone_to_owned(),
    }
}

/// What a byte means; nothing for all others. Enter is a carriage return, as long as nobody translates it.
pub fn decode(byte: u8) -> Option<Press> {
    match byte {
        b'\r' | b'\n' => Some(Press::Enter),
        0x1a => Some(Press::Suspend),
        byte => Key::ALL.into_iter().find(|key| key.byte() == byte).map(Press::Key),
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
        // Whoever has set other modes since gets a SIGINT from Ctrl+C, until we take the terminal anew.
        self.taken.as_ref().is_some_and(Taken::holds)
    }

    fn release(&mut self) {
        (self.taken, self.looked) = (None, None);
    }

    fn take(&mut self) {
        let now = Instant::now();
        if self.looked.is_some_and(|at| now < at + LOOK) {
            return;
        }
        if self.taken.as_ref().is_some_and(|taken| !taken.holds()) {
            self.release();
        }
        if self.taken.is_none() && modes::is_foreground(io::stdin()) {
            self.taken = self.begin().ok();
        }
        self.looked = Some(now);
    }
}
