//! What lies in a folder of role files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::canonical;

/// A role file or folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct RoleError {
    /// What was tried: `read`, `write`, …
    pub action: &'static str,
    /// With what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: std::io::Error,
}

impl RoleError {
    pub(super) fn at(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> RoleError {
        let path = path.to_owned();
        move |source| RoleError { action, path, source }
    }
}

/// A file that may hold the text of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// The role, as names are compared.
    pub role: String,
    /// Where it is now.
    pub path: PathBuf,
    /// Its content where rally decides it, whatever is on disk.
    pub ours: Option<&'static str>,
}

impl Entry {
    pub fn new(folder: &Path, name: &str) -> Option<Entry> {
        // Editors keep locks and drafts under hidden names.
        if name.starts_with('.') {
            return None;
        }
        let role = canonical(Path::new(name).file_stem()?.to_str()?);
        Some(Entry { name: name.to_owned(), role, path: folder.join(name), ours: None })
    }

    /// The text, whatever its encoding: agents make do with a replaced letter.
    pub fn text(&self) -> Result<String, RoleError> {
        if let Some(ours) = self.ours {
            return Ok(ours.to_owned());
        }
        let bytes = std::fs::read(&self.path).map_err(RoleError::at("read", &self.path))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the folder is to be looked through for `*.md`, and this is one.
    pub fn is_markdown(&self) -> bool {
        Path::new(&self.name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md"))
    }
}

/// The files of a folder by the bytes of their names; none when there is no such folder. Only regular
/// files count, reading a pipe would block. A link that leads nowhere counts, so that it is noticed.
pub(super) fn list(folder: &Path) -> Result<Vec<Entry>, RoleError> {
    let names = match std::fs::read_dir(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RoleError::at("read", folder)(error)),
    };
    let mut entries = Vec::new();
    for name in names {
        let name = name.map_err(RoleError::at("read", folder))?.file_name();
        let Some(entry) = name.to_str().and_then(|name| Entry::new(folder, name)) else { continue };
        if std::fs::metadata(&entry.path).map_or(true, |found| found.is_file()) {
            entries.push(entry);
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The first file of a role that says something, folder by folder.
pub(super) fn first<'a>(
    folders: impl IntoIterator<Item = &'a [Entry]>,
    role: &str,
) -> Result<Option<(&'a Entry, String)>, RoleError> {
    for entry in folders.into_iter().flatten().filter(|entry| entry.role == role) {
        let text = entry.text()?;
        if !text.trim().is_empty() {
            return Ok(Some((entry, text)));
        }
    }
    Ok(None)
}
