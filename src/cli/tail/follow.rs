//! Following a log that grows, is cut, or is replaced.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::events::{Events, Happened};
use super::print::Printer;

/// How long nobody looks while the kernel tells what happens. What it cannot tell (a file system whose files
/// others change) is seen by then.
const CALM: Duration = Duration::from_secs(2);

/// Pause between two looks where the kernel does not tell.
const BUSY: Duration = Duration::from_millis(250);

/// A lock that was closed is free after this time.
const MOMENT: Duration = Duration::from_millis(20);

/// What is asked about the try whose log it is.
pub(super) trait Life {
    /// Whether nothing more will come.
    fn is_over(&mut self) -> anyhow::Result<bool>;
    /// Whether its log may still be created.
    fn may_begin(&self) -> bool;
}

/// How a log was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// To the end, and all of it is printed.
    ToItsEnd,
    /// There never was a log.
    NeverBegun,
    /// Until nobody reads our output any more.
    Unread,
}

/// Prints the log from its beginning until nothing more will come and all of it is printed, or until nobody reads
/// our output any more.
pub(super) fn follow(
    log: &Path,
    events: &Events,
    printer: &mut Printer,
    life: &mut impl Life,
) -> anyhow::Result<Followed> {
    let mut file = None;
    let mut pace = if events.are_whole() { CALM } else { BUSY };
    let mut asked = None;
    let mut over = false;
    let mut waited = Waited::Told(Happened::default());
    loop {
        // Asked before the log is read: what was written before the end is then seen.
        let may_be_over = match waited {
            Waited::Quiet => true,
            Waited::Told(happened) => happened.end || happened.lock,
            Waited::ReaderGone => return Ok(Followed::Unread),
        };
        if may_be_over || asked.is_none_or(|at: Instant| at.elapsed() >= pace) {
            over = over || life.is_over()?;
            asked = Some(Instant::now());
        }
        if file.is_none() {
            file = open(log, life.may_begin())?;
        }
        let mut news = false;
        if let Some(open) = &mut file {
            news = copy(open, printer).with_context(|| format!("cannot read the log {}", log.display()))?;
            if is_replaced(open, log)? {
                printer.restart()?;
                file = None;
                continue;
            }
        }
        if over {
            printer.finish()?;
            return Ok(if file.is_some() { Followed::ToItsEnd } else { Followed::NeverBegun });
        }
        printer.flush()?;
        pace = match waited {
            // The file system does not tell everything.
            Waited::Quiet if news => BUSY,
            Waited::Told(Happened { log: true, .. }) if events.are_whole() => CALM,
            Waited::Quiet | Waited::Told(_) | Waited::ReaderGone => pace,
        };
        waited = wait(events, pace)?;
        if let Waited::Told(Happened { lock: true, .. }) = waited {
            waited = wait(events, MOMENT)?.after(waited);
        }
    }
}

/// The log; nothing if it is yet to come.
fn open(log: &Path, may_begin: bool) -> anyhow::Result<Option<File>> {
    match File::open(log) {
        Err(error) if error.kind() == ErrorKind::NotFound && may_begin => Ok(None),
        // Every try has a log as soon as it has an id.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!(
                "the log was removed by retention (`rally gc`), or by hand: {} does not exist",
                log.display()
            )
        }
        opened => opened.map(Some).with_context(|| format!("cannot open the log {}", log.display())),
    }
}

/// Prints everything that is new, and says whether anything was. A file that became shorter is printed anew.
fn copy(file: &mut File, printer: &mut Printer) -> anyhow::Result<bool> {
    if file.stream_position()? > file.metadata()?.len() {
        printer.restart()?;
        file.seek(SeekFrom::Start(0))?;
    }
    let mut block = vec![0; 64 << 10];
    let mut news = false;
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(news),
            Ok(n) => printer.print(&block[..n])?,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e.into()),
        }
        news = true;
    }
}

/// Whether another file has taken the log's name.
fn is_replaced(file: &File, log: &Path) -> std::io::Result<bool> {
    let ours = file.metadata()?;
    Ok(log.metadata().is_ok_and(|now| (now.dev(), now.ino()) != (ours.dev(), ours.ino())))
}

/// Why the wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// Time is up.
    Quiet,
    /// The kernel told this.
    Told(Happened),
    /// Nobody reads our output any more.
    ReaderGone,
}

impl Waited {
    /// Both waits as one.
    fn after(self, before: Waited) -> Waited {
        match self {
            Waited::ReaderGone => Waited::ReaderGone,
            Waited::Quiet | Waited::Told(_) => before,
        }
    }
}

/// Sleeps until something happened, time is up, or a pipe's reader went away.
fn wait(events: &Events, time: Duration) -> std::io::Result<Waited> {
    let stdout = std::io::stdout();
    let mut fds = vec![PollFd::new(&stdout, PollFlags::empty())];
    let queue = events.queue();
    fds.extend(queue.as_ref().map(|queue| PollFd::new(queue, PollFlags::IN)));
    let time = Timespec::try_from(time).map_err(std::io::Error::other)?;
    match poll(&mut fds, Some(&time)) {
        Ok(0) => Ok(Waited::Quiet),
        Err(rustix::io::Errno::INTR) => Ok(Waited::Told(Happened::default())),
        Err(error) => Err(error.into()),
        Ok(_) if !fds[0].revents().is_empty() => Ok(Waited::ReaderGone),
        Ok(_) => Ok(Waited::Told(events.take())),
    }
}
