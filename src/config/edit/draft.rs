//! Several edits of one file, made in memory and written in one step, or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item};

use super::text::Problem;
use super::{BYTE_ORDER_MARK, Edit, EditError, edited, read, write};

/// A configuration file as it was when it was opened.
#[derive(Debug)]
pub struct Draft {
    file: PathBuf,
    text: String,
    document: DocumentMut,
}

impl Draft {
    /// Opens a file; a missing one is empty.
    ///
    /// # Errors
    ///
    /// [`EditError::Unreadable`] and [`EditError::Invalid`].
    pub fn open(file: &Path) -> Result<Draft, EditError> {
        Draft::of(file, read(file)?)
    }

    /// A file with this text.
    ///
    /// # Errors
    ///
    /// [`EditError::Invalid`].
    pub fn of(file: &Path, text: String) -> Result<Draft, EditError> {
        let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
        let document = body.parse().map_err(|error| Problem::toml(&error, body).at(file))?;
        Ok(Draft { file: file.to_owned(), text, document })
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Its text when it was opened.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file as it is; empty when it is missing.
    pub fn document(&self) -> &DocumentMut {
        &self.document
    }

    /// Whether it sets nothing.
    pub fn is_empty(&self) -> bool {
        self.document.as_table().is_empty()
    }

    /// What stands at a path.
    pub fn get<S: AsRef<str>>(&self, path: &[S]) -> Option<&Item> {
        path.iter().try_fold(self.document.as_item(), |item, part| item.get(part.as_ref()))
    }

    /// The names in a table, in the order of the file; none where there is no table.
    pub fn names<S: AsRef<str>>(&self, path: &[S]) -> Vec<&str> {
        let table = self.get(path).and_then(Item::as_table_like);
        table.map(|table| table.iter().map(|(name, _)| name).collect()).unwrap_or_default()
    }

    /// The text after these edits, one after the other.
    ///
    /// # Errors
    ///
    /// [`EditError::Shape`].
    pub fn with(&self, edits: &[Edit]) -> Result<String, EditError> {
        edited(&self.file, &self.text, edits)
    }

    /// Replaces the file; says whether anything changed.
    ///
    /// # Errors
    ///
    /// [`EditError::Changed`] when the file is not what was opened, and [`EditError::Unwritable`].
    pub fn save(&self, text: &str) -> Result<bool, EditError> {
        self.is_current()?;
        if text == self.text {
            return Ok(false);
        }
        // Whoever saves at the same moment waits for the other, and then sees what it wrote.
        let _turn =
            turn(&self.file).map_err(|source| EditError::Unwritable { file: self.file.clone(), source })?;
        self.is_current()?;
        write(&self.file, text).map(|()| true)
    }

    fn is_current(&self) -> Result<(), EditError> {
        match read(&self.file)? == self.text {
            true => Ok(()),
            false => Err(EditError::Changed { file: self.file.clone() }),
        }
    }
}

/// The right to replace a file until the result is dropped: a lock on its folder, so that no lock file is
/// left behind. File systems without locks have none.
fn turn(file: &Path) -> std::io::Result<Option<File>> {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let folder = File::open(folder)?;
    Ok(folder.lock().is_ok().then_some(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/config.toml");
        let draft = Draft::open(&file).unwrap();
        assert!(draft.is_empty() && draft.names(&["a"]).is_empty() && draft.get(&["a", "b"]).is_none());
        let path = |key: &str| crate::config::edit::path(key).unwrap();
        let text = draft.with(&[Edit::Set(path("b"), 1.into()), Edit::Set(path("a.c"), 2.into())]).unwrap();
        assert_eq!(text, "b = 1\n\n[a]\nc = 2\n");
        assert!(!file.exists(), "only in memory so far");
        draft.save(&text).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

        // Who opened the file before must not undo that.
        let error = draft.save("").unwrap_err().to_string();
        assert!(error.contains("changed by somebody else meanwhile"), "{error}");

        let draft = Draft::open(&file).unwrap();
        assert_eq!(draft.names(&["a"]), ["c"]);
        let error = draft.with(&[Edit::Unset(path("a.c")), Edit::Set(path("b.d"), 1.into())]).unwrap_err();
        assert!(error.to_string().contains("b is not a table"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn what_is_no_toml_is_not_opened() {
        let error = Draft::of(Path::new("f.toml"), "\u{feff}a = 1\nb = \n".to_owned()).unwrap_err();
        assert!(error.to_string().starts_with("f.toml:2: not valid TOML"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let error = Draft::open(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot read"), "{error}");
    }
}
