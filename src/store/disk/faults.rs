//! Faults on demand, for the thread that asks for them: every call that changes the disk is counted, and one of
//! them fails as told, or is the last that the process or the machine lives to see.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Call;

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Fault {
    /// The process dies before it.
    CrashBefore,
    /// The process dies after it.
    CrashAfter,
    /// The machine dies after it: what was not synced is gone, names as well as content.
    PowerCut,
    /// The process dies in the middle of a write, when this many eighths of it are written.
    Torn(usize),
    /// The disk is full when this many eighths of a write are done, until an error has been reported.
    Short(usize),
    /// A write is cut short in its middle, and nothing works any more until an error has been reported.
    ShortAndBroken,
    /// There is no room for this call.
    FullOnce,
    /// There is no room from this call on, until an error has been reported.
    FullFrom,
    /// This call fails.
    BrokenOnce,
    /// This call and all after it fail, until an error has been reported.
    BrokenFrom,
}

impl Fault {
    /// Whether nothing happens any more after it.
    pub(in crate::store) fn is_death(self) -> bool {
        matches!(self, Fault::CrashBefore | Fault::CrashAfter | Fault::PowerCut | Fault::Torn(_))
    }

    /// Whether it can happen at such a call: what takes no room never lacks it.
    pub(in crate::store) fn fits(self, made: &Made) -> bool {
        match self {
            Fault::Torn(_) | Fault::Short(_) | Fault::ShortAndBroken => made.what == "write",
            Fault::FullOnce | Fault::FullFrom => made.takes_room,
            _ => true,
        }
    }
}

/// A call that was made.
#[derive(Debug, Clone)]
pub(in crate::store) struct Made {
    pub(in crate::store) what: &'static str,
    /// Of the file or folder; without letters that chance has chosen.
    pub(in crate::store) name: String,
    takes_room: bool,
}

impl Made {
    /// Without a name, which costs time, unless it is asked for.
    fn new(call: &Call<'_>, named: bool) -> Made {
        let path_of = |file: &File| if named { path_of(file) } else { PathBuf::new() };
        let opens = |path: &Path| !path.exists();
        let (what, path, takes_room) = match call {
            Call::Open(path) => ("open", path.to_path_buf(), opens(path)),
            Call::MakeFolder(path) => ("mkdir", path.to_path_buf(), opens(path)),
            Call::Write(file) => ("write", path_of(file), true),
            Call::Sync(file) => ("sync", path_of(file), true),
            Call::SetLen(file) => ("set_len", path_of(file), false),
            Call::Touch(file) => ("touch", path_of(file), false),
            Call::SyncFolder(path) => ("syncdir", path.to_path_buf(), false),
            Call::Rename(_, to) => ("rename", to.to_path_buf(), true),
            Call::Remove(path) => ("remove", path.to_path_buf(), false),
            Call::RemoveFolder(path) => ("rmdir", path.to_path_buf(), false),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = if name.starts_with(".new-") { ".new-".to_owned() } else { name.into_owned() };
        Made { what, name, takes_room }
    }
}

fn link_to(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn path_of(file: &File) -> PathBuf {
    std::fs::read_link(link_to(file)).unwrap_or_default()
}

/// Called after each call that was made, for whoever wants to look at the disk then.
type Look = Box<dyn FnMut()>;

#[derive(Default)]
struct Injector {
    plan: Option<(usize, Fault)>,
    made: Vec<Made>,
    /// The process is gone.
    dead: bool,
    /// Nothing works any more, or only what takes no room.
    sick: Option<io::ErrorKind>,
    /// The next write is cut to this.
    eighths: Option<usize>,
    hit: bool,
    /// Kept only where the power will be cut.
    volatile: Volatile,
    look: Option<Look>,
}

thread_local! {
    static INJECTOR: RefCell<Option<Injector>> = const { RefCell::new(None) };
}

/// Counts from here on; with a plan, the call of that number (from 0) meets its fault.
pub(in crate::store) fn start(plan: Option<(usize, Fault)>, look: Option<Look>) {
    INJECTOR.with_borrow_mut(|slot| *slot = Some(Injector { plan, look, ..Injector::default() }));
}

/// The disk is well from here on. Says the calls that were made.
pub(in crate::store) fn stop() -> Vec<Made> {
    INJECTOR.take().map(|injector| injector.made).unwrap_or_default()
}

/// The trouble is over, if it was one that can be.
pub(in crate::store) fn heal() {
    INJECTOR.with_borrow_mut(|slot| slot.iter_mut().for_each(|injector| injector.sick = None));
}

/// Whether the process is gone, and whether the fault has happened.
pub(in crate::store) fn state() -> (bool, bool) {
    INJECTOR.with_borrow(|slot| slot.as_ref().map_or((false, false), |one| (one.dead, one.hit)))
}

fn gone() -> io::Error {
    io::Error::other("the process is gone")
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

/// The part of a write that is to be done.
pub(super) fn cut<'b>(_: &File, bytes: &'b [u8]) -> &'b [u8] {
    let eighths = INJECTOR.with_borrow_mut(|slot| slot.as_mut().and_then(|one| one.eighths.take()));
    let most = bytes.len().saturating_sub(1);
    eighths.map_or(bytes, |eighths| &bytes[..(bytes.len() * eighths / 8).clamp(1.min(most), most)])
}

/// Makes a call, or does not.
pub(super) fn call<T>(call: Call<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let fault = INJECTOR.with_borrow_mut(|slot| match slot {
        Some(injector) => injector.before(&call),
        None => Ok(None),
    })?;
    let may_lose = |injector: &Injector| matches!(injector.plan, Some((_, Fault::PowerCut)));
    let may_lose = INJECTOR.with_borrow(|slot| slot.as_ref().is_some_and(may_lose));
    let before = may_lose.then(|| Before::of(&call));
    let done = act();
    let done = INJECTOR.with_borrow_mut(|slot| match slot {
        Some(injector) => {
            if let (Some(before), true) = (before, done.is_ok()) {
                injector.volatile.note(&call, before);
            }
            injector.after(fault).and(done)
        }
        None => done,
    });
    // Lent, not borrowed: whoever looks may use the store.
    let look = INJECTOR.with_borrow_mut(|slot| slot.as_mut().and_then(|injector| injector.look.take()));
    if let Some(mut look) = look {
        look();
        INJECTOR.with_borrow_mut(|slot| {
            if let Some(injector) = slot {
                injector.look = Some(look);
            }
        });
    }
    done
}

impl Injector {
    fn before(&mut self, call: &Call<'_>) -> io::Result<Option<Fault>> {
        if self.dead {
            return Err(gone());
        }
        let made = Made::new(call, self.plan.is_none());
        let takes_room = made.takes_room;
        let number = self.made.len();
        self.made.push(made);
        match self.sick {
            Some(io::ErrorKind::StorageFull) if takes_room => return Err(io::ErrorKind::StorageFull.into()),
            Some(io::ErrorKind::StorageFull) | None => {}
            Some(_) => return Err(eio()),
        }
        let Some((_, fault)) = self.plan.filter(|(at, _)| *at == number) else { return Ok(None) };
        self.hit = true;
        match fault {
            Fault::CrashBefore => {
                self.dead = true;
                return Err(gone());
            }
            Fault::FullOnce => return Err(io::ErrorKind::StorageFull.into()),
            Fault::BrokenOnce => return Err(eio()),
            Fault::FullFrom => {
                self.sick = Some(io::ErrorKind::StorageFull);
                return Err(io::ErrorKind::StorageFull.into());
            }
            Fault::BrokenFrom => {
                self.sick = Some(io::ErrorKind::Other);
                return Err(eio());
            }
            Fault::Torn(eighths) | Fault::Short(eighths) => self.eighths = Some(eighths),
            Fault::ShortAndBroken => self.eighths = Some(4),
            Fault::CrashAfter | Fault::PowerCut => {}
        }
        Ok(Some(fault))
    }

    fn after(&mut self, fault: Option<Fault>) -> io::Result<()> {
        match fault {
            Some(Fault::CrashAfter | Fault::Torn(_)) => self.dead = true,
            Some(Fault::PowerCut) => {
                self.dead = true;
                self.volatile.lose();
            }
            Some(Fault::ShortAndBroken) => self.sick = Some(io::ErrorKind::Other),
            Some(Fault::Short(_)) => self.sick = Some(io::ErrorKind::StorageFull),
            _ => return Ok(()),
        }
        if self.dead { Err(gone()) } else { Ok(()) }
    }
}

/// What has to be known of a place before it is changed, to take the change back.
#[derive(Default)]
struct Before {
    existed: bool,
    /// What a name that is about to go stood for.
    content: Option<Vec<u8>>,
    len: u64,
}

impl Before {
    fn of(call: &Call<'_>) -> Before {
        match call {
            Call::Open(path) => Before { existed: path.exists(), ..Before::default() },
            Call::Rename(_, to) => Before { content: std::fs::read(to).ok(), ..Before::default() },
            Call::Remove(path) => Before { content: std::fs::read(path).ok(), ..Before::default() },
            Call::Write(file) => {
                Before { len: file.metadata().map(|m| m.len()).unwrap_or(0), ..Before::default() }
            }
            _ => Before::default(),
        }
    }
}

/// What a power cut takes: content since the last sync of its file, and names since the last sync of their folder.
/// Cutting a file and making or deleting a folder are taken for safe at once.
#[derive(Default)]
struct Volatile {
    /// Length that is safe, by inode.
    content: BTreeMap<u64, (File, u64)>,
    /// Changed names by folder, oldest first.
    names: Vec<(PathBuf, Undo)>,
}

enum Undo {
    Created(PathBuf),
    Renamed(PathBuf, PathBuf, Option<Vec<u8>>),
    Removed(PathBuf, Option<Vec<u8>>),
}

fn inode(file: &File) -> u64 {
    file.metadata().map(|m| m.ino()).unwrap_or_default()
}

impl Volatile {
    fn note(&mut self, call: &Call<'_>, before: Before) {
        let folder = |path: &Path| path.parent().unwrap_or(Path::new("/")).to_owned();
        match call {
            Call::Open(path) if !before.existed => {
                self.names.push((folder(path), Undo::Created(path.to_path_buf())));
            }
            Call::Write(file) => {
                // Opened anew: a clone would share its lock.
                if let Ok(own) = File::options().write(true).open(link_to(file)) {
                    self.content.entry(inode(file)).or_insert((own, before.len));
                }
            }
            Call::SetLen(file) => {
                let len = file.metadata().map(|m| m.len()).unwrap_or_default();
                self.content.entry(inode(file)).and_modify(|(_, safe)| *safe = len.min(*safe));
            }
            Call::Sync(file) => {
                self.content.remove(&inode(file));
            }
            Call::SyncFolder(dir) => self.names.retain(|(of, _)| of != dir),
            Call::Rename(from, to) => {
                let undo = Undo::Renamed(from.to_path_buf(), to.to_path_buf(), before.content);
                self.names.push((folder(to), undo));
            }
            Call::Remove(path) => {
                self.names.push((folder(path), Undo::Removed(path.to_path_buf(), before.content)));
            }
            _ => {}
        }
    }

    /// The power is cut.
    fn lose(&mut self) {
        for (file, safe) in std::mem::take(&mut self.content).into_values() {
            let _ = file.set_len(safe);
        }
        for (_, undo) in std::mem::take(&mut self.names).into_iter().rev() {
            let (path, content) = match undo {
                Undo::Created(path) => (path, None),
                Undo::Renamed(from, to, content) => {
                    let _ = std::fs::rename(&to, from);
                    (to, content)
                }
                Undo::Removed(path, content) => (path, content),
            };
            let _ = match content {
                Some(content) => std::fs::write(path, content),
                None => std::fs::remove_file(path),
            };
        }
    }
}

#[cfg(test)]
mod tests;
