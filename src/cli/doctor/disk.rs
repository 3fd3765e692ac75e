//! Is there room for what agents and rally write, and may it be written?

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use serde::Serialize;

use super::finding::{Finding, Group, Level};

/// Less free space than this is a warning, bytes: transcripts and build folders fill that in hours.
const SCARCE: u64 = 1 << 30;

/// Less than this is a problem, bytes.
const TOO_LITTLE: u64 = 100 << 20;

/// A folder that rally writes to.
#[derive(Debug, Serialize)]
pub struct Disk {
    /// `workspace` or `data`.
    place: &'static str,
    path: PathBuf,
    /// What this user may still use; `null` when the system does not say.
    free_bytes: Option<u64>,
    writable: bool,
}

/// Looks at a folder, or at the nearest one above it that is there.
pub fn gather(place: &'static str, folder: &Path) -> Disk {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let free_bytes = statvfs(there).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let writable = there.is_dir() && access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    Disk { place, path: folder.to_owned(), free_bytes, writable }
}

/// What is to be said about it.
pub fn finding(disk: &Disk) -> Finding {
    let path = disk.path.display();
    let say = |level, text: String| Finding::new(Group::Disk, level, disk.place, text);
    if !disk.writable {
        return say(Level::Problem, format!("{path} cannot be written to"));
    }
    let Some(free) = disk.free_bytes else {
        return say(Level::Note, format!("free space of {path} is unknown"));
    };
    let text = format!("{} free for {path}", size(free));
    match free {
        0..TOO_LITTLE => say(Level::Problem, text).way_out("free some space"),
        TOO_LITTLE..SCARCE => say(Level::Warning, text).way_out("free some space"),
        SCARCE.. => say(Level::Ok, text),
    }
}

/// `512 MiB`, `3.2 GiB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..SCARCE => format!("{} MiB", bytes >> 20),
        SCARCE.. => format!("{:.1} GiB", bytes as f64 / SCARCE as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told() {
        let mib = 1 << 20;
        let table = [
            (Some(0), Level::Problem),
            (Some(100 * mib - 1), Level::Problem),
            (Some(100 * mib), Level::Warning),
            (Some(1024 * mib - 1), Level::Warning),
            (Some(1024 * mib), Level::Ok),
            (Some(u64::MAX), Level::Ok),
            (None, Level::Note),
        ];
        for (free_bytes, level) in table {
            let disk = |writable| Disk { place: "data", path: "/x".into(), free_bytes, writable };
            assert_eq!(finding(&disk(true)).level, level, "{free_bytes:?}");
            assert_eq!(finding(&disk(false)).level, Level::Problem);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size(1023 << 20), "1023 MiB");
        assert_eq!(size((1 << 30) + (512 << 20)), "1.5 GiB");
        assert_eq!(size(40 << 30), "40.0 GiB");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let disk = gather("data", &folder.path().join("not/yet"));
        assert!(disk.writable && disk.free_bytes.is_some());
        assert_eq!(disk.path, folder.path().join("not/yet"));
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(!gather("data", &folder.path().join("file/below")).writable);
    }
}
