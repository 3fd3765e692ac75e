//! Finding one record in a file whose ids only grow.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::BLOCK;
use super::forward::Lines;
use crate::store::StoreError;

#[derive(Deserialize)]
struct Id {
    id: u64,
}

/// The record with this `id`, found by bisection: a few blocks are read, however long
/// the file is. Bad lines are passed over.
pub fn find_by_id<T: DeserializeOwned>(path: &Path, id: u64) -> Result<Option<T>, StoreError> {
    match File::open(path) {
        Ok(file) => bisect(file, id).map_err(StoreError::at("read", path)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("open", path, e)),
    }
}

/// Invariant: the wanted line begins in `low..high`, if there is one, and `low` is the
/// beginning of a line.
fn bisect<T: DeserializeOwned>(file: File, id: u64) -> io::Result<Option<T>> {
    let mut low = 0;
    let mut high = file.metadata()?.len();
    while high - low > BLOCK as u64 {
        let middle = low + (high - low) / 2;
        match first_record_from(&file, middle, high)? {
            Some((found, end)) if found <= id => {
                if found == id {
                    return scan(&file, middle, high, id);
                }
                low = end;
            }
            _ => high = middle,
        }
    }
    scan(&file, low, high, id)
}

/// Id of the first good record that begins in `from..to`, and where it ends.
fn first_record_from(file: &File, from: u64, to: u64) -> io::Result<Option<(u64, u64)>> {
    let (mut lines, mut at) = lines_from(file, from)?;
    while at < to && lines.next_line()?.is_some() {
        at += lines.consumed;
        if let Ok(Id { id }) = serde_json::from_slice(&lines.line) {
            return Ok(Some((id, at)));
        }
    }
    Ok(None)
}

/// The record with this id among those that begin in `from..to`.
fn scan<T: DeserializeOwned>(file: &File, from: u64, to: u64, id: u64) -> io::Result<Option<T>> {
    let (mut lines, mut at) = lines_from(file, from)?;
    while at < to && lines.next_line()?.is_some() {
        at += lines.consumed;
        if serde_json::from_slice(&lines.line).is_ok_and(|found: Id| found.id == id)
            && let Ok(record) = serde_json::from_slice(&lines.line)
        {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Lines from the first that begins at `from` or later, and where that is.
fn lines_from(file: &File, from: u64) -> io::Result<(Lines<BufReader<&File>>, u64)> {
    let mut reader = BufReader::with_capacity(BLOCK, file);
    let Some(before) = from.checked_sub(1) else {
        reader.seek(SeekFrom::Start(0))?;
        return Ok((Lines::new(reader), 0));
    };
    reader.seek(SeekFrom::Start(before))?;
    let mut lines = Lines::new(reader);
    lines.next_line()?;
    let start = before + lines.consumed;
    Ok((lines, start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_id_is_found_and_no_other() {
        let mut content = String::new();
        for id in (2..6000).step_by(2) {
            content += &format!("{{\"id\":{id},\"s\":\"{}\"}}\n", "x".repeat(id % 97));
            if id % 50 == 0 {
                content += "rubbish\n\n";
            }
        }
        assert!(content.len() > 3 * BLOCK);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        for id in 0..6002 {
            let found = find_by_id::<Value>(file.path(), id).unwrap();
            let expected = (2..6000).contains(&id) && id % 2 == 0;
            assert_eq!(found.is_some_and(|r| r["id"] == id), expected, "{id}");
        }
    }

    #[test]
    fn a_missing_file_has_no_record() {
        assert!(find_by_id::<Value>(Path::new("/does/not/exist"), 1).unwrap().is_none());
    }
}
