//! Where everything is.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::disk;

/// Longest name part of a repository key, in characters.
const NAME_LIMIT: usize = 8;

/// Hex digits of the path's hash in a repository key.
const HASH_DIGITS: usize = 8;

/// Every path that rally uses for one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    workspace: PathBuf,
    data_dir: PathBuf,
    key: String,
}

impl Layout {
    /// The layout of `workspace`, whose symbolic links are resolved, with logs below
    /// `data_dir`. Fails when the workspace does not exist or `data_dir` is empty.
    pub fn new(workspace: &Path, data_dir: &Path) -> io::Result<Layout> {
        let workspace = workspace.canonicalize()?;
        let data_dir = std::path::absolute(data_dir)?;
        let key = repo_key(&workspace);
        Ok(Layout { workspace, data_dir, key })
    }

    /// The workspace, canonical.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Where the logs of all workspaces are.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Folder name of this workspace below the data folder: `project-9dad1c3f`.
    pub fn repo_key(&self) -> &str {
        &self.key
    }

    /// `.rally`.
    pub fn rally_dir(&self) -> PathBuf {
        self.workspace.join(".rally")
    }

    /// `.rally/state`, which git never sees.
    pub fn state_dir(&self) -> PathBuf {
        self.rally_dir().join("state")
    }

    /// Makes [`Self::state_dir`], which only its owner can enter. `.rally` above it is a folder like any other.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn make_state_dir(&self) -> io::Result<()> {
        disk::create_dir_all(&self.rally_dir())?;
        disk::create_private_dir(&self.state_dir())
    }

    /// One line per finished try.
    pub fn tries(&self) -> PathBuf {
        self.state_dir().join("tries.jsonl")
    }

    /// Relays; a newer line with the same id supersedes the older.
    pub fn relays(&self) -> PathBuf {
        self.state_dir().join("relays.jsonl")
    }

    /// An empty file whose time says when rally last watched an agent.
    pub fn alive(&self) -> PathBuf {
        self.state_dir().join("alive")
    }

    /// Facts that must survive a crash.
    pub fn journal(&self) -> PathBuf {
        self.state_dir().join("journal.jsonl")
    }

    /// Held for moments by whoever writes the journal or another shared file.
    pub fn journal_lock(&self) -> PathBuf {
        self.state_dir().join("journal.lock")
    }

    /// The current run as a view for readers.
    pub fn run_state(&self) -> PathBuf {
        self.state_dir().join("run-state.json")
    }

    /// The last prompt.
    pub fn current_task(&self) -> PathBuf {
        self.state_dir().join("current_task.md")
    }

    /// Digest of all runs, the one data file that git tracks.
    pub fn summary(&self) -> PathBuf {
        self.rally_dir().join("summary.jsonl")
    }

    /// Health events of runners.
    pub fn agent_status(&self) -> PathBuf {
        self.state_dir().join("agent_status.jsonl")
    }

    /// How full the windows of the accounts are.
    pub fn quota(&self) -> PathBuf {
        self.state_dir().join("quota.jsonl")
    }

    /// The inbox.
    pub fn messages(&self) -> PathBuf {
        self.state_dir().join("messages.jsonl")
    }

    /// Held by a relay from its start to its end; never deleted.
    pub fn lock(&self) -> PathBuf {
        self.state_dir().join("lock")
    }

    /// The project's own instructions for every agent.
    pub fn instructions(&self) -> PathBuf {
        self.rally_dir().join("instructions.md")
    }

    /// `.rally/.gitignore`.
    pub fn gitignore(&self) -> PathBuf {
        self.rally_dir().join(".gitignore")
    }

    /// The file that makes the workspace laps-backed.
    pub fn laps(&self) -> PathBuf {
        self.workspace.join(".laps/laps.json")
    }

    /// Transcript of a try.
    pub fn try_log(&self, id: u64) -> PathBuf {
        self.data_dir.join("tries").join(&self.key).join(format!("try-{id}.log"))
    }

    /// Liveness samples of a try.
    pub fn netstat_log(&self, id: u64) -> PathBuf {
        self.data_dir.join("tries").join(&self.key).join(format!("try-{id}.netstat.jsonl"))
    }

    /// What a relay did, for people.
    pub fn relay_log(&self, id: u64) -> PathBuf {
        self.data_dir.join("relays").join(&self.key).join(format!("relay-{id}.log"))
    }
}

/// `<name>-<hash>`: the folder's name, lower-cased, everything else than letters and
/// digits as `-`, at most eight characters; and the first digits of the path's SHA-256.
fn repo_key(workspace: &Path) -> String {
    let base = workspace.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mut name = String::new();
    for c in base.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    let mut key: String = if name.is_empty() { "repo" } else { name }.chars().take(NAME_LIMIT).collect();
    key.push('-');
    let hash = Sha256::digest(workspace.as_os_str().as_encoded_bytes());
    for byte in hash.iter().take(HASH_DIGITS / 2) {
        let _ = write!(key, "{byte:02x}");
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-194; deviation: eight hex digits of the canonical path instead of four.
    #[test]
    fn repository_keys() {
        let cases = [
            ("/home/user/project", "project-"),
            ("/home/user/My Cool_Repo!", "my-cool--"),
            ("/home/user/--x--", "x-"),
            ("/home/user/äöü", "repo-"),
            ("/", "repo-"),
            ("/a/LongRepositoryName", "longrepo-"),
        ];
        for (path, prefix) in cases {
            let key = repo_key(Path::new(path));
            let (_, hash) = key.rsplit_once('-').unwrap();
            assert_eq!(key, format!("{prefix}{hash}"), "{path}");
            assert_eq!(hash.len(), HASH_DIGITS);
            assert!(hash.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
            assert_eq!(key, repo_key(Path::new(path)));
        }
        assert!(repo_key(Path::new("/home/user/project")).starts_with("project-9dad"));
        assert_ne!(repo_key(Path::new("/a/x")), repo_key(Path::new("/b/x")));
    }

    #[test]
    fn logs_go_below_the_data_folder_and_links_are_resolved() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("real");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, root.path().join("link")).unwrap();
        let data = root.path().join("data");
        let layout = Layout::new(&root.path().join("link"), &data).unwrap();
        assert_eq!(layout, Layout::new(&real, &data).unwrap());
        let key = layout.repo_key();
        assert_eq!(layout.try_log(7), data.join(format!("tries/{key}/try-7.log")));
        assert_eq!(layout.netstat_log(7), data.join(format!("tries/{key}/try-7.netstat.jsonl")));
        assert_eq!(layout.relay_log(2), data.join(format!("relays/{key}/relay-2.log")));
    }

    // 30-S12: no data folder relative to wherever rally was started.
    #[test]
    fn an_empty_data_folder_is_refused() {
        assert!(Layout::new(Path::new("/"), Path::new("")).is_err());
        assert!(Layout::new(Path::new("/does/not/exist"), Path::new("/tmp")).is_err());
    }
}
