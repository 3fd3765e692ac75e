//! A disk that is soon full.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk of 256 KiB, if this machine lets us mount one.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it, or says that the test is skipped.
    pub fn mount(at: &Path) -> Option<SmallDisk> {
        std::fs::create_dir_all(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "rally-test"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(at.to_owned()));
        }
        let _ = writeln!(std::io::stderr(), "skipped: no tmpfs can be mounted here");
        None
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let mut file = std::fs::File::create(&filler).unwrap();
        while file.write(&[b'x'; 4096]).is_ok_and(|n| n > 0) {}
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
