//! One test's world: a hermetic workspace, a mock, and bounded ways to run things in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::mock::Mock;
use super::namespace::{name_of, on_loopback};
use super::support::Sandbox;

/// Nothing here takes nearly this long; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(40);

/// A workspace, a mock, and `claude` in PATH.
#[derive(Debug)]
pub struct Lab {
    pub sandbox: Sandbox,
    pub mock: Mock,
}

/// Runs a test in a lab, without a network.
pub fn lab<F: FnOnce(&Lab)>(test: F) {
    on_loopback(name_of::<F>(), |claude| test(&Lab::new(claude)));
}

impl Lab {
    fn new(claude: &Path) -> Lab {
        let sandbox = Sandbox::new();
        std::os::unix::fs::symlink(claude, sandbox.bin().join("claude")).unwrap();
        Lab { sandbox, mock: Mock::start() }
    }

    /// A command that reaches the mock, in a scenario, and that phones nobody else.
    pub fn command(&self, program: impl AsRef<Path>, scenario: &str, id: &str) -> Command {
        let mut command = self.sandbox.command(program.as_ref());
        command
            .env("ANTHROPIC_BASE_URL", self.mock.url(scenario, id))
            .env("ANTHROPIC_API_KEY", "dummy-key")
            // As root the CLI wants to be told that it is in a sandbox, which it is.
            .env("IS_SANDBOX", "1")
            .env("CLAUDE_CODE_MAX_RETRIES", "0")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_TELEMETRY", "1")
            .env("DISABLE_ERROR_REPORTING", "1")
            .env("DISABLE_AUTOUPDATER", "1");
        command
    }

    /// Starts a command; its output goes to files, so that a test can look at it meanwhile.
    pub fn start(&self, mut command: Command) -> Running {
        let output = tempfile::tempdir_in(self.sandbox.root()).unwrap().keep();
        let file = |name: &str| File::create(output.join(name)).unwrap();
        let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        Running { child, output }
    }

    /// Runs a command to its end.
    pub fn run(&self, command: Command) -> Done {
        self.start(command).finish()
    }

    /// Processes of this lab that are still there: pid and command line. Whatever was
    /// started in the lab carries its HOME in its environment, in whatever session or
    /// group it is. (Zombies have no environment left.)
    pub fn processes(&self) -> Vec<String> {
        let mark = format!("HOME={}", self.sandbox.home().display());
        let lives_here = |folder: &Path| {
            let environment = fs::read(folder.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        entries(Path::new("/proc"))
            .filter(|folder| lives_here(folder))
            .map(|folder| {
                let command = fs::read(folder.join("cmdline")).unwrap_or_default();
                format!("{}: {}", folder.display(), String::from_utf8_lossy(&command).replace('\0', " "))
            })
            .collect()
    }

    /// Waits until a session that holds a text is on the CLI's disk. A CLI that is killed
    /// before that has nothing to resume.
    pub fn wait_for_session(&self, text: &str) {
        let projects = self.sandbox.home().join(".claude/projects");
        let holds_text = |file: PathBuf| fs::read_to_string(file).is_ok_and(|content| content.contains(text));
        let is_there = || entries(&projects).flat_map(|project| entries(&project)).any(holds_text);
        wait_until(is_there, || format!("no session with {text} in {}", projects.display()));
    }

    /// Waits until no process of the lab is left.
    pub fn expect_no_process(&self) {
        wait_until(|| self.processes().is_empty(), || format!("left over: {:#?}", self.processes()));
    }
}

/// What stands in a folder; nothing when there is none.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// A command under way; killed when the test gives up.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    /// What it has printed so far on standard output.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.output.join(name)).unwrap()).into_owned()
    }

    /// Sends a signal to it alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Done {
        let mut status = None;
        let output = self.output.clone();
        let read = |name: &str| fs::read_to_string(output.join(name)).unwrap_or_default();
        let story = || format!("it did not end:\n{}\n{}", read("stdout"), read("stderr"));
        wait_until(
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
            story,
        );
        Done { status: status.unwrap(), stdout: self.read("stdout"), stderr: self.read("stderr") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Fails, with everything it said, unless it ended with this exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Done {
        assert_eq!(self.status.code(), Some(code), "{:?}\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }
}

/// Polls until something holds; panics with a story when it does not come about.
#[track_caller]
pub fn wait_until(mut holds: impl FnMut() -> bool, story: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{}", story());
        std::thread::sleep(Duration::from_millis(20));
    }
}
