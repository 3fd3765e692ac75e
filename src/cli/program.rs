//! Where a program is that an agent's guard would start: the same search as that of exec. Nothing is run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::executor::HarnessSpec;

/// What the search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This file would be run.
    At(PathBuf),
    /// This file is there, but it may not be run.
    NotExecutable(PathBuf),
    /// Nothing of that name is there.
    Nowhere,
}

/// The program of a harness, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// As configured.
    pub program: String,
    /// What the search came to.
    pub found: Found,
    /// Whether the harness sets a PATH of its own.
    pub own_path: bool,
}

impl Located {
    /// Looks for the program of a harness as its guard would, without running anything.
    pub fn of(spec: &HarnessSpec, workspace: &Path) -> Located {
        let own = spec.extra_env.iter().rev().find(|(key, _)| key == "PATH").map(|(_, value)| value.into());
        let own_path = own.is_some();
        let path = own.or_else(|| std::env::var_os("PATH"));
        let found = find(spec.program.as_ref(), path.as_deref(), workspace);
        Located { program: spec.program.clone(), found, own_path }
    }

    /// Where it is not, for a program of which nothing was found.
    pub fn missing(program: &str, own_path: bool) -> String {
        match (program.contains('/'), own_path) {
            (true, _) => format!("{program} does not exist"),
            (false, true) => format!("{program} is not in the PATH that its env sets"),
            (false, false) => format!("{program} is not in PATH"),
        }
    }
}

/// Looks for a program: one with a slash from `folder` on, any other in the folders of `path`.
pub fn find(program: &OsStr, path: Option<&OsStr>, folder: &Path) -> Found {
    if program.is_empty() {
        return Found::Nowhere;
    }
    if program.as_encoded_bytes().contains(&b'/') {
        return judge([folder.join(program)].into_iter());
    }
    // An empty entry of PATH is the folder one is in.
    judge(std::env::split_paths(path.unwrap_or_default()).map(|entry| folder.join(entry).join(program)))
}

fn judge(candidates: impl Iterator<Item = PathBuf>) -> Found {
    let mut locked = None;
    for file in candidates.filter(|file| file.is_file()) {
        if access(&file, Access::EXEC_OK).is_ok() {
            return Found::At(file);
        }
        locked.get_or_insert(file);
    }
    locked.map_or(Found::Nowhere, Found::NotExecutable)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_search_is_that_of_exec() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str, mode: u32| {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        let locked = make("a/agent", 0o644);
        let good = make("b/agent", 0o755);
        std::fs::create_dir_all(root.path().join("c/agent")).unwrap();
        let path =
            |folders: &[&str]| std::env::join_paths(folders.iter().map(|f| root.path().join(f))).unwrap();
        let search =
            |program: &str, folders: &[&str]| find(program.as_ref(), Some(&path(folders)), root.path());
        assert_eq!(search("agent", &["c", "a", "b"]), Found::At(good.clone()));
        assert_eq!(search("agent", &["c", "a"]), Found::NotExecutable(locked));
        assert_eq!(search("agent", &["c"]), Found::Nowhere);
        assert_eq!(search("./b/agent", &["a"]), Found::At(root.path().join("./b/agent")));
        assert_eq!(find("agent".as_ref(), Some("b".as_ref()), root.path()), Found::At(good));
        assert_eq!(find("agent".as_ref(), None, root.path()), Found::Nowhere);
        assert_eq!(search("", &["b"]), Found::Nowhere);
    }
}
