//! The scratch folder of the demo: repository, home, agents.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// Claude Code, Gemini CLI and opencode, one run each.
const MIX: &str = "cc ge op";

/// What they are asked for.
const TASK: &str = "Write a small poem, one file a line";

/// One run for everyone, and a second one for Claude Code, in which it goes silent.
const RUNS: usize = CAST.len() + 1;

/// Silence after which an agent counts as frozen here, in seconds: so short that nobody has to wait for it, and some
/// times as long as the longest pause that a script makes on purpose, so that a busy machine makes nobody look frozen.
const SILENCE: u32 = 8;

/// Who plays: the program in PATH, whose manners it has, and its script.
const CAST: [(&str, &str, &str); 3] = [
    ("claude", "claude", include_str!("claude.toml")),
    ("gemini", "gemini", include_str!("gemini.toml")),
    ("opencode", "opencode", include_str!("opencode.toml")),
];

/// Where the demo happens.
#[derive(Debug)]
pub struct Stage {
    /// Everything is below this folder.
    pub root: PathBuf,
    /// The repository.
    pub repository: PathBuf,
    /// The rally binary that is running.
    pub rally: PathBuf,
}

/// The command that the demo runs, as a user would type it.
pub fn command_line() -> String {
    format!("rally relay --new --iterations {RUNS} --agent \"{MIX}\" \"{TASK}\"")
}

/// Builds the scratch folder.
pub fn set_up(dir: Option<PathBuf>) -> anyhow::Result<Stage> {
    let root = match dir {
        Some(dir) => {
            std::fs::create_dir(&dir).with_context(|| {
                format!("cannot make {}; --dir takes a folder that does not exist yet", dir.display())
            })?;
            std::fs::canonicalize(&dir)?
        }
        None => tempfile::Builder::new()
            .prefix("rally-demo-")
            .tempdir()
            .context("cannot make a scratch folder")?
            .keep(),
    };
    let stage = Stage {
        repository: root.join("poem"),
        rally: std::env::current_exe().context("cannot tell where this program is")?,
        root,
    };
    for folder in ["home", "bin", "data", "state", "poem/.rally"] {
        std::fs::create_dir_all(stage.root.join(folder))?;
    }
    for (program, manners, script) in CAST {
        stage.write(&format!("state/{program}.toml"), script)?;
        stage.program(program, manners)?;
    }
    stage.write("poem/README.md", "# A poem, written by scripted agents\n")?;
    stage.git(&["init", "-q", "-b", "main"])?;
    stage.git(&["add", "."])?;
    stage.git(&["-c", "user.name=You", "-c", "user.email=you@localhost", "commit", "-q", "-m", "Begin"])?;
    let output = stage.rally_command(&["init"]).output().context("cannot run rally init")?;
    anyhow::ensure!(output.status.success(), "rally init: {}", String::from_utf8_lossy(&output.stderr));
    stage.write("poem/.rally/config.toml", &stage.config())?;
    stage.git(&["add", "."])?;
    stage.git(&[
        "-c",
        "user.name=You",
        "-c",
        "user.email=you@localhost",
        "commit",
        "-q",
        "-m",
        "Configure rally",
    ])?;
    Ok(stage)
}

impl Stage {
    /// The relay, with an environment of its own: nothing of the user's is read or written.
    pub fn relay(&self) -> Command {
        self.rally_command(&["relay", "--new", "--iterations", &RUNS.to_string(), "--agent", MIX, TASK])
    }

    /// Where transcripts and relay logs are.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    fn config(&self) -> String {
        format!(
            "schema_version = 2\ndata_dir = {:?}\n\n[reliability]\nfreeze_threshold_secs = {SILENCE}\n\
             network_silence_secs = {SILENCE}\n",
            self.data().display().to_string()
        )
    }

    fn rally_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.rally);
        self.surround(&mut command);
        command.args(args);
        command
    }

    fn surround(&self, command: &mut Command) {
        let own = std::env::var_os("PATH").unwrap_or_default();
        let mut path = OsString::from(self.root.join("bin"));
        path.push(":");
        path.push(own);
        command
            .current_dir(&self.repository)
            .env("PATH", path)
            .env("HOME", self.root.join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("CLAUDE_CONFIG_DIR")
            .env_remove("GEMINI_CLI_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("RALLY_DATA_DIR");
    }

    fn git(&self, args: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new("git");
        self.surround(&mut command);
        let output = command.args(args).output().context("cannot run git; is it installed?")?;
        anyhow::ensure!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        let path = self.root.join(path);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// A program in the agents' PATH that plays a script.
    fn program(&self, name: &str, manners: &str) -> anyhow::Result<()> {
        let path = self.root.join("bin").join(name);
        let state = self.root.join("state");
        let script = format!(
            "#!/bin/sh\nexec {} scripted {manners} --script {} --state {} -- \"$@\"\n",
            quoted(&self.rally),
            quoted(&state.join(format!("{name}.toml"))),
            quoted(&state.join(format!("{name}.state"))),
        );
        std::fs::write(&path, script)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(())
    }
}

/// A path as one word of a shell script.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
