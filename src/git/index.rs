//! The user's index: staging into it, putting it back, and standing aside from it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::command::{Answer, Call};
use super::error::{GitError, Result};
use super::paths;
use super::repository::Git;

/// As long as a hash, where there is none to measure.
pub(super) const UNBORN: &str = "0000000000000000000000000000000000000000";

/// The index as it was, for when a commit fails. `None` when there was none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SavedIndex(Option<Vec<u8>>);

/// A path that is to be staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    /// From the top of the work tree.
    pub path: Vec<u8>,
    /// Whether the index does not have it as the work tree has it.
    pub stale: bool,
}

/// An index beside the user's, deleted when dropped.
#[derive(Debug)]
pub(super) struct SideIndex {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl SideIndex {
    pub fn path(&self) -> &Path {
        &self.file
    }
}

impl SavedIndex {
    /// Writes the same index to another place; nothing when there was none.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        match &self.0 {
            Some(bytes) => fs::write(file, bytes).map_err(GitError::io(file)),
            None => Ok(()),
        }
    }
}

impl Git {
    /// A folder in the git folder, deleted when dropped: an index has to be on the same disk as its lock.
    pub(super) fn folder_aside(&self) -> Result<tempfile::TempDir> {
        let made = tempfile::Builder::new().prefix("rally-index-").tempdir_in(self.git_dir());
        made.map_err(GitError::io(self.git_dir()))
    }

    fn index_path(&self) -> PathBuf {
        self.git_dir().join("index")
    }

    pub(super) fn save_index(&self) -> Result<SavedIndex> {
        match fs::read(self.index_path()) {
            Ok(bytes) => Ok(SavedIndex(Some(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SavedIndex(None)),
            Err(error) => Err(GitError::io(self.index_path())(error)),
        }
    }

    /// Takes the picked paths out of the index again, as far as HEAD does not have them as they are there: what
    /// somebody else has committed meanwhile must not look taken back. Git holds its lock for that, not rally.
    pub(super) fn unstage(&self, saved: &SavedIndex, picks: &[Pick]) -> Result<()> {
        if self.save_index()? == *saved {
            return Ok(());
        }
        let head = self.head()?;
        let mut undo: Vec<Pick> = picks.iter().filter(|pick| pick.stale).cloned().collect();
        if let Some(head) = &head {
            let call = Call::new("diff-index").args(["--cached", "--name-only", "-z", "--no-renames"]);
            let changed = self.run(call.args(["--ignore-submodules=none", head, "--"]))?.ok()?.stdout;
            let changed: BTreeSet<&[u8]> = changed.split(|byte| *byte == 0).collect();
            undo.retain(|pick| changed.contains(pick.path.as_slice()));
        }
        let then = self.copy(saved)?;
        let listed =
            self.run(Call::new("ls-files").args(["--stage", "-z"]).index(Some(then.path())))?.ok()?;
        let update = Call::new("update-index").args(["-z", "--index-info"]);
        self.run(update.input(transfer(&listed, Some(head.as_deref().unwrap_or(UNBORN)), &undo)))?
            .ok()
            .map(drop)
    }

    /// Takes the picked paths into the user's index, or into one beside it, as the work tree has them.
    pub(super) fn stage(&self, picks: &[Pick], index: Option<&Path>) -> Result<()> {
        let stale = picks.iter().filter(|pick| pick.stale).map(|pick| pick.path.as_slice());
        let (hidden, plain): (Vec<_>, Vec<_>) = stale.partition(|path| self.is_beyond_a_link(path));
        // Git refuses to look behind a link; a tracked path there is gone.
        if !hidden.is_empty() {
            let call = Call::new("update-index").args(["--force-remove", "-z", "--stdin"]);
            self.run(call.paths(hidden).index(index))?.ok()?;
        }
        if !plain.is_empty() {
            let call = Call::new("update-index").args(["--add", "--remove", "--replace", "-z", "--stdin"]);
            self.run(call.paths(plain).index(index))?.ok()?;
        }
        Ok(())
    }

    /// Whether a folder above this path is a symbolic link.
    pub(super) fn is_beyond_a_link(&self, path: &[u8]) -> bool {
        let place = paths::below(self.root(), path);
        place.ancestors().skip(1).take_while(|above| *above != self.root()).any(Path::is_symlink)
    }

    /// An index of rally's own that holds what this one holds. As a copy it knows which files are unchanged; of one
    /// made from HEAD alone every file would be read again.
    fn copy(&self, saved: &SavedIndex) -> Result<SideIndex> {
        let folder = self.folder_aside()?;
        let file = folder.path().join("index");
        saved.write(&file)?;
        Ok(SideIndex { _folder: folder, file })
    }

    /// An index that holds HEAD and, of the user's index, only the picked paths.
    pub(super) fn side_index(
        &self,
        head: Option<&str>,
        saved: &SavedIndex,
        picks: &[Pick],
    ) -> Result<SideIndex> {
        let side = self.copy(saved)?;
        let reset = Call::new("read-tree").args([if head.is_some() { "--reset" } else { "--empty" }]);
        self.run(reset.args(head).index(Some(side.path())))?.ok()?;
        let staged = self.run(Call::new("ls-files").args(["--stage", "-z"]))?.ok()?;
        let update = Call::new("update-index").args(["-z", "--index-info"]);
        self.run(update.input(transfer(&staged, head, picks)).index(Some(side.path())))?.ok()?;
        Ok(side)
    }
}

/// What `update-index --index-info` needs to give an index the picked paths as the listed index has them.
fn transfer(staged: &Answer, head: Option<&str>, picks: &[Pick]) -> Vec<u8> {
    let mut missing: BTreeSet<&[u8]> = picks.iter().map(|pick| pick.path.as_slice()).collect();
    let mut present = Vec::new();
    for record in staged.stdout.split(|byte| *byte == 0) {
        let Some(tab) = record.iter().position(|byte| *byte == b'\t') else { continue };
        if missing.remove(&record[tab + 1..]) {
            present.extend_from_slice(record);
            present.push(0);
        }
    }
    // Without commits there is nothing to remove from.
    let zeros = "0".repeat(head.map_or(0, str::len));
    let mut input = Vec::new();
    for path in missing.iter().filter(|_| head.is_some()) {
        input.extend_from_slice(format!("0 {zeros}\t").as_bytes());
        input.extend_from_slice(path);
        input.push(0);
    }
    input.extend(present);
    input
}
