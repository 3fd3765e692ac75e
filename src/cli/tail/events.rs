//! What the kernel tells about files, so that nobody has to look again and again.
//!
//! Folders are watched, not files: one watch sees a file grow, come to be, and be replaced. Not every file system
//! tells, and some tell only what this machine does; so the one who asks looks by himself now and then.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// What a file means to the one who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The log itself.
    Log,
    /// A file that changes when the try is over.
    End,
    /// The lock of the rally that runs the try. It is closed, and with it freed, by every kind of death.
    Lock,
}

/// What happened since it was asked last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Happened {
    /// Something with the log.
    pub(super) log: bool,
    /// The try may be over.
    pub(super) end: bool,
    /// The lock is about to be free: the kernel tells a moment before it is.
    pub(super) lock: bool,
}

impl Happened {
    /// Anything may have happened.
    const ALL: Happened = Happened { log: true, end: true, lock: true };

    fn note(&mut self, meaning: Meaning) {
        match meaning {
            Meaning::Log => self.log = true,
            Meaning::End => self.end = true,
            Meaning::Lock => self.lock = true,
        }
    }
}

/// Watched files. Without the kernel's help it is an empty shell that never tells anything.
#[derive(Debug)]
pub(super) struct Events {
    queue: Option<OwnedFd>,
    names: BTreeMap<OsString, Meaning>,
    whole: bool,
}

impl Events {
    /// Watches these files, also those that do not exist yet.
    pub(super) fn of(files: &[(&Path, Meaning)]) -> Events {
        let names = files
            .iter()
            .filter_map(|(path, meaning)| Some((path.file_name()?.to_owned(), *meaning)))
            .collect();
        let queue = kernel::queue();
        let whole = queue.as_ref().is_some_and(|queue| {
            files.iter().filter_map(|(path, _)| path.parent()).all(|folder| kernel::watch(queue, folder))
        });
        Events { queue, names, whole }
    }

    /// Whether every file is watched.
    pub(super) fn are_whole(&self) -> bool {
        self.whole
    }

    /// Readable when something happened.
    pub(super) fn queue(&self) -> Option<BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        self.queue.as_ref().map(AsFd::as_fd)
    }

    /// Everything that is told by now; never waits.
    pub(super) fn take(&self) -> Happened {
        let mut happened = Happened::default();
        if let Some(queue) = &self.queue {
            kernel::read(queue, |name| match name {
                Some(name) => {
                    if let Some(meaning) = self.names.get(name) {
                        happened.note(*meaning);
                    }
                }
                // The queue ran over, or a folder went away.
                None => happened = Happened::ALL,
            });
        }
        happened
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

    use super::OsStr;

    pub(super) fn queue() -> Option<OwnedFd> {
        inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()
    }

    /// Looking at a file tells nothing: who follows must not wake himself.
    pub(super) fn watch(queue: &OwnedFd, folder: &Path) -> bool {
        let told = WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE;
        inotify::add_watch(queue, folder, told).is_ok()
    }

    pub(super) fn read(queue: &OwnedFd, mut each: impl FnMut(Option<&OsStr>)) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(queue, &mut buffer);
        while let Ok(event) = events.next() {
            each(event.file_name().map(|name| OsStr::from_bytes(name.to_bytes())));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use super::OsStr;

    pub(super) fn queue() -> Option<OwnedFd> {
        None
    }

    pub(super) fn watch(_queue: &OwnedFd, _folder: &Path) -> bool {
        false
    }

    pub(super) fn read(_queue: &OwnedFd, _each: impl FnMut(Option<&OsStr>)) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn everything_that_matters_is_told_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        let (log, end, lock, other) = (file("log"), file("end"), file("lock"), file("other"));
        std::fs::write(&lock, "").unwrap();
        let events = Events::of(&[(&log, Meaning::Log), (&end, Meaning::End), (&lock, Meaning::Lock)]);
        assert!(events.are_whole());
        let nothing = Happened::default();
        let steps: [(&str, &dyn Fn(), Happened); 7] = [
            ("nothing", &|| {}, nothing),
            ("created", &|| std::fs::write(&log, "").unwrap(), Happened { log: true, ..nothing }),
            (
                "grown",
                &|| {
                    let mut file = std::fs::File::options().append(true).open(&log).unwrap();
                    file.write_all(b"x").unwrap();
                },
                Happened { log: true, ..nothing },
            ),
            ("read", &|| drop(std::fs::read(&log).unwrap()), nothing),
            ("another", &|| std::fs::write(&other, "x").unwrap(), nothing),
            ("replaced", &|| std::fs::rename(&other, &end).unwrap(), Happened { end: true, ..nothing }),
            (
                "freed",
                &|| drop(std::fs::File::options().write(true).open(&lock).unwrap()),
                Happened { lock: true, ..nothing },
            ),
        ];
        for (name, act, expected) in steps {
            act();
            assert_eq!(events.take(), expected, "{name}");
        }
        assert!(!Events::of(&[(&file("no/such"), Meaning::Log)]).are_whole());
    }
}
