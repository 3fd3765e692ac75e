//! Following a log that grows, is cut, or is replaced.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::highlight::Printer;

/// Pause between two looks at the log. Two or three cheap system calls ten times a
/// second cost nothing to speak of and work on every file system.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Prints the log from its beginning until `is_over` says that nothing more will come
/// and all of it is printed, or until nobody reads our output any more.
pub(super) fn follow(
    log: &Path,
    printer: &mut Printer,
    mut is_over: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let open = || File::open(log).with_context(|| format!("cannot open the log {}", log.display()));
    let mut file = open()?;
    loop {
        // Asked before the log is read: what was written before the end is then seen.
        let over = is_over()?;
        copy(&mut file, printer).with_context(|| format!("cannot read the log {}", log.display()))?;
        if is_replaced(&file, log)? {
            file = open()?;
            continue;
        }
        if over {
            return Ok(printer.finish()?);
        }
        printer.flush()?;
        if reader_is_gone()? {
            return Ok(());
        }
    }
}

/// Prints everything that is new. A file that became shorter is printed anew.
fn copy(file: &mut File, printer: &mut Printer) -> std::io::Result<()> {
    if file.stream_position()? > file.metadata()?.len() {
        file.seek(SeekFrom::Start(0))?;
    }
    let mut block = vec![0; 64 << 10];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(n) => printer.print(&block[..n])?,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Whether another file has taken the log's name.
fn is_replaced(file: &File, log: &Path) -> std::io::Result<bool> {
    let ours = file.metadata()?;
    Ok(log.metadata().is_ok_and(|now| (now.dev(), now.ino()) != (ours.dev(), ours.ino())))
}

/// Waits a little; sees at once when a pipe's reader goes away.
fn reader_is_gone() -> std::io::Result<bool> {
    let stdout = std::io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    match poll(&mut fds, Some(&PAUSE)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
