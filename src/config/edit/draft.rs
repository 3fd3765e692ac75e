//! Several edits of one file, made in memory and written in one step, or not at all.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Value};

use super::{EditError, Problem, edited, read, replace};

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
        // A pipe in its place would block.
        if std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            let source = std::io::Error::other("it is no regular file");
            return Err(EditError::Unreadable { file: file.to_owned(), source });
        }
        Draft::of(file, read(file)?)
    }

    /// A file with this text.
    ///
    /// # Errors
    ///
    /// [`EditError::Invalid`].
    pub fn of(file: &Path, text: String) -> Result<Draft, EditError> {
        let document = text.parse().map_err(|error| Problem::toml(&error, &text).at(file))?;
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

    /// The text with these edits: a path and its value, or `None` to remove it.
    ///
    /// # Errors
    ///
    /// [`EditError::Shape`].
    pub fn with(
        &self,
        edits: impl IntoIterator<Item = (Vec<String>, Option<Value>)>,
    ) -> Result<String, EditError> {
        edits.into_iter().try_fold(self.text.clone(), |text, (path, value)| {
            edited(&text, &path, value).map_err(|problem| problem.at(&self.file))
        })
    }

    /// Replaces the file. The same text writes nothing.
    ///
    /// # Errors
    ///
    /// [`EditError::Changed`] when the file is not what was opened, and [`EditError::Unwritable`].
    pub fn save(&self, text: &str) -> Result<(), EditError> {
        if read(&self.file)? != self.text {
            return Err(EditError::Changed { file: self.file.clone() });
        }
        if text == self.text {
            return Ok(());
        }
        replace(&self.file, text).map_err(|source| EditError::Unwritable { file: self.file.clone(), source })
    }
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
        let path = |key: &str| key.split('.').map(str::to_owned).collect::<Vec<_>>();
        let text = draft.with([(path("b"), Some(1.into())), (path("a.c"), Some(2.into()))]).unwrap();
        assert_eq!(text, "b = 1\n\n[a]\nc = 2\n");
        assert!(!file.exists(), "only in memory so far");
        draft.save(&text).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

        // Who opened the file before must not undo that.
        let error = draft.save("").unwrap_err().to_string();
        assert!(error.contains("changed by somebody else meanwhile"), "{error}");

        let draft = Draft::open(&file).unwrap();
        assert_eq!(draft.names(&["a"]), ["c"]);
        let error = draft.with([(path("a.c"), None), (path("b.d"), Some(1.into()))]).unwrap_err();
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
