//! One repository with a work tree: finding it, and asking about its history.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::command::{Answer, Call, Environment};
use super::error::{GitError, Result};
use super::ownership::is_rally_owned;
use super::paths;
use crate::process::Brake;

/// Most commits that one try is credited with; more come from pulling foreign history.
const HISTORY_LIMIT: usize = 1000;

/// A repository with a work tree. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Git {
    root: PathBuf,
    git_dir: PathBuf,
    environment: Environment,
}

/// The repository that `dir` lies in; `None` when there is none, or a broken one.
/// A bare repository is an error, since nothing can be done there.
pub fn discover(dir: &Path) -> Result<Option<Git>> {
    discover_with(dir, Environment::default())
}

/// As [`discover`]; every call of git gets `environment`.
pub fn discover_with(dir: &Path, environment: Environment) -> Result<Option<Git>> {
    let call = Call::new("rev-parse").args(["--is-inside-work-tree", "--show-cdup", "--absolute-git-dir"]);
    let answer = call.run(dir, &environment)?;
    if !answer.status.success() {
        // Other complaints (an untrusted owner, a broken configuration) are the operator's to hear.
        return if answer.complains_of("not a git repository") { Ok(None) } else { Err(answer.failure()) };
    }
    // Only the last field can hold a line break.
    let text = answer.stdout.strip_suffix(b"\n").unwrap_or(&answer.stdout);
    let mut fields = text.splitn(3, |byte| *byte == b'\n');
    match (fields.next(), fields.next(), fields.next()) {
        (Some(b"true"), Some(up), Some(git_dir)) => {
            let root = dir.join(OsStr::from_bytes(up));
            let root = root.canonicalize().map_err(GitError::io(root))?;
            Ok(Some(Git { root, git_dir: PathBuf::from(OsStr::from_bytes(git_dir)), environment }))
        }
        _ => Err(GitError::NoWorkTree(dir.to_owned())),
    }
}

/// Makes `dir` a repository.
pub fn init(dir: &Path) -> Result<()> {
    init_with(dir, &Environment::default())
}

/// As [`init`]; git gets `environment`.
pub fn init_with(dir: &Path, environment: &Environment) -> Result<()> {
    Call::new("init").args(["-q"]).run(dir, environment)?.ok().map(drop)
}

/// Files and folders in the repository that say that an operation is under way. Those that
/// tell more come first: `git am` also uses the folder of one kind of rebase.
const OPERATIONS: [(&str, &str); 8] = [
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("rebase-merge", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer/todo", "cherry-pick"),
    ("BISECT_LOG", "bisect"),
];

impl Git {
    /// Top of the work tree, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The repository's own folder: for a linked work tree, the part that is its own.
    pub(super) fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The folders that git itself writes to: the repository's own one, and that which its work trees share.
    ///
    /// # Errors
    /// When git cannot say.
    pub fn folders(&self) -> Result<Vec<PathBuf>> {
        let answer = self.run(Call::new("rev-parse").args(["--git-common-dir"]))?.ok()?;
        let common = answer.stdout.strip_suffix(b"\n").unwrap_or(&answer.stdout);
        Ok(vec![self.git_dir.clone(), self.root.join(OsStr::from_bytes(common))])
    }

    /// Runs a call at the top of the work tree.
    pub(super) fn run(&self, call: Call<'_>) -> Result<Answer> {
        call.run(&self.root, &self.environment)
    }

    /// The same with another environment.
    pub(super) fn run_with(
        &self,
        call: Call<'_>,
        more: impl FnOnce(Environment) -> Environment,
    ) -> Result<Answer> {
        call.run(&self.root, &more(self.environment.clone()))
    }

    /// The same git, whose calls this brake can end.
    pub fn with_brake(&self, brake: &Brake) -> Git {
        Git { environment: self.environment.with_brake(brake), ..self.clone() }
    }

    /// The same git in another folder: a submodule.
    pub(super) fn elsewhere(&self, folder: &Path) -> Git {
        Git { root: folder.to_owned(), ..self.clone() }
    }

    /// The commit that is checked out; `None` without commits.
    pub fn head(&self) -> Result<Option<String>> {
        let answer = self.run(Call::new("rev-parse").args(["--verify", "--quiet", "HEAD^{commit}"]))?;
        match answer.status.code() {
            Some(0) => Ok(Some(answer.line())),
            Some(1) => Ok(None),
            _ => Err(answer.failure()),
        }
    }

    /// What the last commit has at a path of the work tree; `None` when it has nothing there, or git does not say.
    pub fn committed(&self, path: &Path) -> Option<Vec<u8>> {
        let folder = path.parent()?.canonicalize().ok()?;
        let inside = folder.strip_prefix(&self.root).ok()?.join(path.file_name()?);
        let mut name = OsStr::new("HEAD:").to_owned();
        name.push(inside);
        let answer = self.run(Call::new("cat-file").args([OsStr::new("blob"), &name])).ok()?;
        answer.status.success().then_some(answer.stdout)
    }

    /// The commits that `after` has and `before` has not, oldest first; only `after` when git does not say.
    pub fn commits_between(&self, before: Option<&str>, after: &str) -> Vec<String> {
        let known = before.is_none_or(is_hash) && is_hash(after);
        let call = Call::new("rev-list")
            .args(["--reverse", &format!("--max-count={HISTORY_LIMIT}"), after])
            .args(before.map(|before| format!("^{before}")));
        let list: Vec<String> = match known.then(|| self.run(call)) {
            Some(Ok(answer)) if answer.status.success() => answer.line().lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        if list.is_empty() { vec![after.to_owned()] } else { list }
    }

    /// The first paragraph of a commit's message, as one line; `None` when there is no such commit.
    pub fn subject(&self, hash: &str) -> Option<String> {
        let call = Call::new("log").args(["-1", "--no-show-signature", "--format=%s", hash, "--"]);
        let answer = is_hash(hash).then(|| self.run(call))?.ok()?.ok().ok()?;
        Some(answer.line())
    }

    /// Names of the files that differ between two commits, rally's own left out; without
    /// `before` all that `after` has. Empty when git does not say.
    pub fn files_between(&self, before: Option<&str>, after: &str) -> Vec<String> {
        if !before.is_none_or(is_hash) || !is_hash(after) {
            return Vec::new();
        }
        let call = Call::new(if before.is_some() { "diff-tree" } else { "ls-tree" });
        let call = call.args(["-r", "-z", "--name-only"]).args(before).args([after]);
        let answer = self.run(call).and_then(Answer::ok);
        let Ok(answer) = answer else { return Vec::new() };
        answer
            .stdout
            .split(|byte| *byte == 0)
            .filter(|path| !path.is_empty() && !is_rally_owned(path))
            .map(paths::text)
            .collect()
    }

    /// Whether a commit is on a remote, as far as this repository knows; also when git does not say.
    pub(super) fn is_on_remote(&self, hash: &str) -> bool {
        let call = Call::new("for-each-ref").args(["--count=1", "--contains", hash, "refs/remotes"]);
        self.run(call).and_then(Answer::ok).map_or(true, |answer| !answer.stdout.is_empty())
    }

    /// The operation that is under way, during which rally does not commit.
    pub fn busy(&self) -> Option<&'static str> {
        OPERATIONS.iter().find(|(file, _)| self.git_dir.join(file).exists()).map(|(_, name)| *name)
    }

    /// The lock that another git holds while it changes the index.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.git_dir.join("index.lock")
    }

    /// Whether another git is changing the index, or died while it did.
    pub fn index_locked(&self) -> bool {
        self.lock_path().symlink_metadata().is_ok()
    }
}

/// Whether this is a full commit hash. Records may be damaged, and git takes many other things.
fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
