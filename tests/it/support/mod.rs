//! A hermetic workspace: own HOME, XDG directories, git configuration and PATH.

#![allow(dead_code, reason = "each test file uses its own part")]

mod agent;
mod agy;
mod disk;
mod laps;
mod terminal;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[allow(unused_imports, reason = "not every suite keeps a relay running")]
pub use agent::Running;
#[allow(unused_imports, reason = "not every suite drives this CLI")]
pub use agy::Agy;
#[allow(unused_imports, reason = "not every suite fills a disk")]
pub use disk::SmallDisk;
#[allow(unused_imports, reason = "not every suite looks at a terminal")]
pub use terminal::{Terminal, inside};

/// A scratch folder with a home, a data folder, a `bin` first in PATH and a git repository.
#[derive(Debug)]
pub struct Sandbox {
    root: tempfile::TempDir,
}

impl Sandbox {
    /// A sandbox whose `repo` is a git repository with one commit.
    pub fn new() -> Sandbox {
        Sandbox::new_in(&std::env::temp_dir())
    }

    /// The same in a folder of the caller's choice: to confined agents a HOME among temporary files is open.
    pub fn new_in(folder: &Path) -> Sandbox {
        let sandbox = Sandbox::empty_in(folder);
        sandbox.git(["init", "-q", "-b", "main"]);
        std::fs::write(sandbox.repo().join("README.txt"), "hello\n").unwrap();
        sandbox.git(["add", "."]);
        sandbox.git(["commit", "-q", "-m", "initial"]);
        sandbox
    }

    /// A sandbox whose `repo` is an empty folder.
    pub fn without_repository() -> Sandbox {
        Sandbox::empty_in(&std::env::temp_dir())
    }

    fn empty_in(folder: &Path) -> Sandbox {
        let root = tempfile::Builder::new().prefix("rally-it-").tempdir_in(folder).unwrap();
        for folder in ["home", "repo", "bin", "tmp"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let sandbox = Sandbox { root };
        std::fs::write(
            sandbox.home().join(".gitconfig"),
            "[user]\n\tname = Tester\n\temail = tester@localhost\n[init]\n\tdefaultBranch = main\n",
        )
        .unwrap();
        sandbox
    }

    /// Everything lives below this folder.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// HOME.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The workspace.
    pub fn repo(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    /// First in PATH.
    pub fn bin(&self) -> PathBuf {
        self.root.path().join("bin")
    }

    /// Writes a file of the workspace, with its folders.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file of the workspace.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.repo().join(path)).unwrap()
    }

    /// Puts an executable shell script into PATH.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.bin().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A command with the sandbox's environment and nothing else, in the workspace.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.bin().display());
        command
            .current_dir(self.repo())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", path)
            .env("TMPDIR", self.root().join("tmp"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(std::process::Stdio::null());
        command
    }

    /// The rally binary under test.
    pub fn rally_path() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_rally"))
    }

    /// `rally` with arguments, ready to be run.
    pub fn rally<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Command {
        let mut command = self.command(Sandbox::rally_path());
        command.args(args);
        command
    }

    /// Runs `git` in the workspace and says its trimmed output; panics when it fails.
    pub fn git<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> String {
        let output = self.command("git").args(args).output().unwrap();
        assert!(output.status.success(), "git failed: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The records of a JSONL file of the workspace; empty when it is missing.
    pub fn records(&self, path: &str) -> Vec<serde_json::Value> {
        let Ok(text) = std::fs::read_to_string(self.repo().join(path)) else { return Vec::new() };
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

/// Whether the tests themselves run under `nohup`: what they start then ignores a hang-up, too.
pub fn under_nohup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    u64::from_str_radix(ignored, 16).unwrap() & 1 == 1
}

/// Runs rally, expects an exit code, and says what it printed with the sandbox's folder left out.
#[track_caller]
pub fn rally(sandbox: &Sandbox, code: i32, args: &[&str]) -> String {
    show(sandbox, code, &sandbox.rally(args).output().unwrap())
}

/// What a command printed that ended with this exit code, with the sandbox's folder left out.
#[track_caller]
pub fn show(sandbox: &Sandbox, code: i32, output: &Output) -> String {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(output), stderr(output));
    let root = sandbox.root().canonicalize().unwrap();
    format!("{}{}", stdout(output), stderr(output)).replace(&root.display().to_string(), "ROOT")
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
