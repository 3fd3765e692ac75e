//! The end of a log that a CLI keeps of its sessions: it may be long, and only what came last matters.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of it is read, bytes.
const WINDOW: u64 = 1 << 20;

/// The last lines of a log, whole ones only; `None` when there is nothing to be read.
pub fn read(path: &Path) -> Option<String> {
    // A pipe in its place would block.
    let length = path.metadata().ok().filter(|found| found.is_file())?.len();
    let from = length.saturating_sub(WINDOW);
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut end = Vec::new();
    file.take(WINDOW).read_to_end(&mut end).ok()?;
    let text = String::from_utf8_lossy(&end);
    let whole = if from == 0 { &text } else { text.split_once('\n')?.1 };
    Some(whole.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_of_the_end_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(read(&log), None);
        assert_eq!(read(folder.path()), None);
        std::fs::write(&log, "first\nlast\n").unwrap();
        assert_eq!(read(&log).as_deref(), Some("first\nlast\n"));
        let long = format!("first {}\nlast\n", "x".repeat(1 << 20));
        std::fs::write(&log, long).unwrap();
        assert_eq!(read(&log).as_deref(), Some("last\n"));
        std::fs::write(&log, "x".repeat(2 << 20)).unwrap();
        assert_eq!(read(&log), None);
    }
}
