//! A log that the agent's CLI writes beside its output, read while it grows.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Read at most this much at once, bytes: the rest comes with the next look, and nobody waits long for a disk.
const AT_ONCE: u64 = 64 * 1024;

/// A file that may not be there yet.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    file: Option<File>,
}

impl Growing {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf) -> Growing {
        Growing { path, file: None }
    }

    /// What was written since the last look; nothing when it cannot be read.
    pub fn look(&mut self) -> Vec<u8> {
        if self.file.is_none() {
            // A pipe in its place would block.
            self.file = self.path.is_file().then(|| File::open(&self.path).ok()).flatten();
        }
        let mut new = Vec::new();
        if let Some(file) = &self.file {
            let _ = file.take(AT_ONCE).read_to_end(&mut new);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn every_byte_comes_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut growing = Growing::new(path.clone());
        assert_eq!(growing.look(), b"");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one").unwrap();
        assert_eq!(growing.look(), b"one");
        assert_eq!(growing.look(), b"");
        let much = vec![b'x'; AT_ONCE as usize + 5];
        file.write_all(&much).unwrap();
        assert_eq!(growing.look().len(), AT_ONCE as usize);
        assert_eq!(growing.look(), b"xxxxx");
    }
}
