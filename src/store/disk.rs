//! The one place through which the store changes the disk. Reading goes past it.
//!
//! In rally itself each of these is the call that it is named after. In the unit tests every call is counted and
//! asks `faults` first, which may let it fail, cut it short, or let the process or the machine die before or after it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use super::private;

#[cfg(test)]
pub(super) mod faults;

#[cfg(test)]
use faults::{call, cut};

/// A call that changes the disk.
#[cfg_attr(not(test), expect(dead_code, reason = "only tests look at it"))]
#[derive(Debug, Clone, Copy)]
enum Call<'a> {
    /// Opens a file to write to it; one that is not there is made.
    Open(&'a Path),
    /// Makes a folder.
    MakeFolder(&'a Path),
    /// Writes to a file.
    Write(&'a File),
    /// Waits until a file is safe from a power cut.
    Sync(&'a File),
    /// Cuts a file.
    SetLen(&'a File),
    /// Sets a file's time.
    Touch(&'a File),
    /// Waits until the entries of a folder are safe from a power cut.
    SyncFolder(&'a Path),
    /// Gives a file another name.
    Rename(&'a Path, &'a Path),
    /// Deletes a file.
    Remove(&'a Path),
    /// Deletes a folder with what is in it.
    RemoveFolder(&'a Path),
}

#[cfg(not(test))]
#[inline]
fn call<T>(_: Call<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    act()
}

#[cfg(not(test))]
#[inline]
fn cut<'b>(_: &File, bytes: &'b [u8]) -> &'b [u8] {
    bytes
}

/// Opens a file to append to it; makes it if need be.
pub(super) fn open_append(path: &Path) -> io::Result<File> {
    call(Call::Open(path), || private::open_like_folder(OpenOptions::new().append(true).create(true), path))
}

/// Opens a file to lock it and to write over what it holds; makes it if need be.
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    call(Call::Open(path), || {
        private::open(OpenOptions::new().read(true).write(true).create(true).truncate(false), path)
    })
}

/// Opens a file that is there, to mend it.
pub(super) fn open_existing(path: &Path) -> io::Result<File> {
    call(Call::Open(path), || OpenOptions::new().read(true).write(true).open(path))
}

/// Makes a file that must not be there yet, for its owner alone.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    call(Call::Open(path), || private::open(OpenOptions::new().write(true).create_new(true), path))
}

/// Makes a folder with everything above it, as open to others as the umask says.
pub(super) fn create_dir_all(dir: &Path) -> io::Result<()> {
    call(Call::MakeFolder(dir), || std::fs::create_dir_all(dir))
}

/// Makes a folder with everything above it that only its owner can enter.
pub(super) fn create_private_dir(dir: &Path) -> io::Result<()> {
    call(Call::MakeFolder(dir), || private::folder(dir))
}

/// One `write`: may be short, as that of the system.
pub(super) fn write(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    call(Call::Write(file), || file.write(cut(file, bytes)))
}

/// As many `write`s as it takes.
pub(super) fn write_all(file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(file, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// `fdatasync`.
pub(super) fn sync_data(file: &File) -> io::Result<()> {
    call(Call::Sync(file), || file.sync_data())
}

/// `fsync`.
pub(super) fn sync_all(file: &File) -> io::Result<()> {
    call(Call::Sync(file), || file.sync_all())
}

/// `ftruncate`.
pub(super) fn set_len(file: &File, len: u64) -> io::Result<()> {
    call(Call::SetLen(file), || file.set_len(len))
}

/// Sets when a file was changed last.
pub(super) fn set_modified(file: &File, at: SystemTime) -> io::Result<()> {
    call(Call::Touch(file), || file.set_modified(at))
}

/// `fsync` of a folder.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    call(Call::SyncFolder(dir), || File::open(dir)?.sync_all())
}

/// `rename`.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    call(Call::Rename(from, to), || std::fs::rename(from, to))
}

/// `unlink`.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    call(Call::Remove(path), || std::fs::remove_file(path))
}

/// `unlinkat`: deletes the file of this path's last name in a folder that is open, wherever the path leads by now.
pub(super) fn remove_in(dir: &OwnedFd, path: &Path) -> io::Result<()> {
    call(Call::Remove(path), || {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(rustix::fs::unlinkat(dir, name, rustix::fs::AtFlags::empty())?)
    })
}

/// Deletes a folder with what is in it, and follows no link.
pub(super) fn remove_dir_all(dir: &Path) -> io::Result<()> {
    call(Call::RemoveFolder(dir), || std::fs::remove_dir_all(dir))
}
