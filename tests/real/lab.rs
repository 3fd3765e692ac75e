//! One test's world: a hermetic workspace, a mock, the four CLIs, and bounded ways to run things in it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cli::Cli;
use super::mock::Mock;
use super::namespace::{name_of, on_loopback};
use super::support::Sandbox;
use super::{install, seat};

/// Nothing here takes nearly this long; it only keeps a broken test from hanging. The longest is
/// an opencode that retries by itself, for 85 s.
const PATIENCE: Duration = Duration::from_secs(150);

/// A workspace, a mock, and the four CLIs in PATH.
#[derive(Debug)]
pub struct Lab {
    pub sandbox: Sandbox,
    pub mock: Mock,
    /// Held while an opencode may run.
    _seat: Option<File>,
}

/// Runs a test of some CLIs in a lab, without a network. Afterwards no process may be left.
pub fn lab<F: FnOnce(&Lab)>(clis: &[Cli], test: F) {
    on_loopback(name_of::<F>(), |installed| {
        run(Lab::new(installed, Sandbox::new(), clis), test);
    });
}

/// The same in the build folder: what lies among temporary files is open to confined agents.
pub fn lab_in_build_folder<F: FnOnce(&Lab)>(clis: &[Cli], test: F) {
    on_loopback(name_of::<F>(), |installed| {
        let sandbox = Sandbox::new_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
        run(Lab::new(installed, sandbox, clis), test);
    });
}

fn run(lab: Lab, test: impl FnOnce(&Lab)) {
    test(&lab);
    lab.expect_no_process();
}

impl Lab {
    fn new(installed: &Path, sandbox: Sandbox, clis: &[Cli]) -> Lab {
        let seat = clis.contains(&Cli::Opencode).then(seat::take);
        for cli in Cli::ALL {
            symlink(install::program(installed, cli), sandbox.bin().join(cli.name())).unwrap();
        }
        // Gemini CLI needs Node, wherever this machine has it, and nothing else that lies there.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let node = std::env::split_paths(&path).map(|folder| folder.join("node")).find(|node| node.exists());
        symlink(node.expect("node in PATH"), sandbox.bin().join("node")).unwrap();
        Lab { sandbox, mock: Mock::start(), _seat: seat }
    }

    /// A command from which every CLI reaches the mock, in a scenario, and phones nobody else.
    /// One at a time: two of the CLIs have the address from a file.
    pub fn command(&self, program: impl AsRef<Path>, scenario: &str, id: &str) -> Command {
        let mut command = self.sandbox.command(program.as_ref());
        let url = self.mock.url(scenario, id);
        for cli in Cli::ALL {
            cli.aim(&self.sandbox, &url, &mut command);
        }
        command
    }

    /// Points one of the CLIs at another scenario than the others: its requests come under its name.
    pub fn aim(&self, cli: Cli, scenario: &str, command: &mut Command) {
        cli.aim(&self.sandbox, &self.mock.url(scenario, cli.name()), command);
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

    /// Processes of this lab that are still there: folder in `/proc` and command line. Whatever was
    /// started in the lab carries its HOME in its environment, in whatever session or
    /// group it is. (Zombies have no environment left.)
    pub fn processes(&self) -> Vec<String> {
        let show = |folder: PathBuf| {
            let command = fs::read(folder.join("cmdline")).unwrap_or_default();
            format!("{}: {}", folder.display(), String::from_utf8_lossy(&command).replace('\0', " "))
        };
        self.process_folders().map(show).collect()
    }

    fn process_folders(&self) -> impl Iterator<Item = PathBuf> {
        let mark = format!("HOME={}", self.sandbox.home().display());
        entries(Path::new("/proc")).filter(move |folder| {
            let environment = fs::read(folder.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        })
    }

    /// Waits until something in a folder below HOME holds a text: a CLI that is killed before its
    /// session is on disk has nothing to resume.
    pub fn wait_for_session(&self, cli: Cli, text: &str) {
        let folder = self.sandbox.home().join(match cli {
            Cli::Claude => ".claude/projects",
            Cli::Codex => ".codex/sessions",
            Cli::Gemini => ".gemini/tmp",
            Cli::Opencode => ".local/share/opencode",
        });
        wait_until(|| holds(&folder, text), || format!("no session with {text} in {}", folder.display()));
    }

    /// Waits until no process of the lab is left.
    pub fn expect_no_process(&self) {
        wait_until(|| self.processes().is_empty(), || format!("left over: {:#?}", self.processes()));
    }
}

impl Drop for Lab {
    /// A test that failed leaves nothing running either.
    fn drop(&mut self) {
        for folder in self.process_folders() {
            let number = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
            if let Some(pid) = number.and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// Whether a file, or one in a folder, holds a text.
pub fn holds(path: &Path, text: &str) -> bool {
    if path.is_dir() {
        return entries(path).any(|path| holds(&path, text));
    }
    let content = fs::read(path).unwrap_or_default();
    memchr::memmem::find(&content, text.as_bytes()).is_some()
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

    /// What it has printed so far, to be shown.
    pub fn story(&self) -> String {
        format!("{}\n{}", self.read("stdout"), self.read("stderr"))
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
