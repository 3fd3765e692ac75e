//! The one place where git is started.
//!
//! Every call is bounded in time, can never ask anybody anything, and does not see the
//! repository variables of whoever started rally (a relay may be started from a git hook).

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::error::{GitError, Result};
use crate::process::{Brake, signals};

/// How long one git process may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a commit may take when the user's hooks run in it: linters and tests are slow.
const LIMIT_WITH_HOOKS: Duration = Duration::from_secs(300);
/// How long git may take to remove its lock files after TERM, before KILL.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How often the process is looked at while its pipes are silent.
const LOOK: Duration = Duration::from_millis(50);
/// Chunks of 64 KiB between a pipe and its reader.
const IN_FLIGHT: usize = 16;
/// How long output is waited for after the exit. A background process that a hook left
/// behind may hold the pipes open for ever.
const DRAIN: Duration = Duration::from_secs(2);
/// How much of git's complaint goes into an error, in characters.
const DETAIL_LIMIT: usize = 400;

/// Variables that would make git look at another repository, index or pathspec than the
/// one it is started in (`git rev-parse --local-env-vars` and the pathspec switches).
/// Configuration given through the environment stays: it is the user's.
const FOREIGN: [&str; 20] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_CONFIG",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_EXTERNAL_DIFF",
    "LANGUAGE",
];

/// What every call of git gets on top of rally's own environment: variables, and a brake.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: Vec<(OsString, OsString)>,
    brake: Brake,
}

impl Environment {
    /// Adds or replaces a variable.
    pub fn set(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Environment {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// The same with this brake.
    pub fn with_brake(&self, brake: &Brake) -> Environment {
        Environment { brake: brake.clone(), ..self.clone() }
    }
}

/// One call of git.
#[derive(Debug)]
pub(super) struct Call<'a> {
    subcommand: &'static str,
    config: Vec<String>,
    args: Vec<OsString>,
    input: Option<Vec<u8>>,
    index: Option<&'a Path>,
    hooks: bool,
}

/// What a call that came to its end gave.
#[derive(Debug)]
pub(super) struct Answer {
    /// The subcommand, for errors.
    pub subcommand: &'static str,
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl<'a> Call<'a> {
    /// A call of `git <subcommand>`.
    pub fn new(subcommand: &'static str) -> Call<'a> {
        Call { subcommand, config: Vec::new(), args: Vec::new(), input: None, index: None, hooks: false }
    }

    /// Appends arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Call<'a> {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a configuration value for this call alone.
    pub fn config(mut self, setting: String) -> Call<'a> {
        self.config.push(setting);
        self
    }

    /// Gives bytes on standard input.
    pub fn input(mut self, bytes: Vec<u8>) -> Call<'a> {
        self.input = Some(bytes);
        self
    }

    /// Gives paths on standard input, a NUL after each.
    pub fn paths<'p>(self, paths: impl IntoIterator<Item = &'p [u8]>) -> Call<'a> {
        self.input(paths.into_iter().flat_map(|path| [path, b"\0"].concat()).collect())
    }

    /// Works on another index than the repository's.
    pub fn index(mut self, index: Option<&'a Path>) -> Call<'a> {
        self.index = index;
        self
    }

    /// Lets the user's hooks run.
    pub fn hooks(mut self, run: bool) -> Call<'a> {
        self.hooks = run;
        self
    }

    /// Runs git in a folder and waits for its end, however it ends.
    pub fn run(self, folder: &Path, environment: &Environment) -> Result<Answer> {
        let limit = if self.hooks { LIMIT_WITH_HOOKS } else { LIMIT };
        self.run_within(folder, environment, limit)
    }

    fn run_within(mut self, folder: &Path, environment: &Environment, limit: Duration) -> Result<Answer> {
        let input = self.input.take();
        let mut command = self.command(folder, environment);
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        environment.brake.release();
        let started = {
            let _until_it_runs = signals::starting();
            command.spawn()
        };
        let mut child = started.map_err(|error| {
            if folder.is_dir() { GitError::Start(error) } else { GitError::NoFolder(folder.to_owned()) }
        })?;
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), input) {
            // Git may end without reading: a broken pipe says nothing that its exit does not say better.
            std::thread::spawn(move || pipe.write_all(&bytes).is_ok());
        }
        // Bounded: who prints faster than we listen has to wait.
        let (sender, receiver) = sync_channel(IN_FLIGHT);
        read_into(child.stdout.take(), Pipe::Out, sender.clone());
        read_into(child.stderr.take(), Pipe::Err, sender);
        let mut answer = Answer {
            subcommand: self.subcommand,
            status: ExitStatus::default(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        let bounds = Bounds { deadline: Instant::now() + limit, brake: &environment.brake };
        let command = || self.subcommand.to_owned();
        match wait(&mut child, &receiver, &mut answer, &bounds) {
            Ok(Waited::Ended(status)) => {
                answer.status = status;
                Ok(answer)
            }
            Ok(Waited::TooLong) => {
                stop(&mut child);
                Err(GitError::TimedOut { command: command(), seconds: limit.as_secs() })
            }
            Ok(Waited::Stopped) => {
                stop(&mut child);
                Err(GitError::Stopped { command: command() })
            }
            Err(error) => Err(GitError::Start(error)),
        }
    }

    fn command(&self, folder: &Path, environment: &Environment) -> Command {
        let mut command = Command::new("git");
        command.current_dir(folder).envs(environment.variables.iter().map(|(name, value)| (name, value)));
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_EDITOR", "true")
            .env("GIT_SEQUENCE_EDITOR", "true")
            .env("GIT_PAGER", "cat");
        if let Some(index) = self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        // Automatic garbage collection would outlive the call, or its time limit.
        command.args(["-c", "core.pager=cat", "-c", "gc.auto=0", "-c", "maintenance.auto=false"]);
        // Hooks would inherit these two, and break on other text than ASCII or on patterns.
        if !self.hooks {
            command.env("LC_ALL", "C").env("GIT_LITERAL_PATHSPECS", "1");
            command.args(["-c", "core.hooksPath=/dev/null"]);
        }
        for setting in &self.config {
            command.args(["-c", setting]);
        }
        // A group of its own: a Ctrl+C meant for rally must not end a commit halfway, and a
        // call that hangs can be stopped with everything that it started.
        command.arg(self.subcommand).args(&self.args).process_group(0);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Answer {
    /// The answer, if git ended well.
    pub fn ok(self) -> Result<Answer> {
        if self.status.success() { Ok(self) } else { Err(self.failure()) }
    }

    /// The error that this answer is.
    pub fn failure(&self) -> GitError {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut detail: String = lines.join("; ").chars().take(DETAIL_LIMIT).collect();
        if detail.is_empty() {
            detail = self.status.to_string();
        }
        GitError::Failed { command: self.subcommand.to_owned(), detail }
    }

    /// Standard output as one line of text.
    pub fn line(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// Whether git complained about this (in English).
    pub fn complains_of(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.stderr).contains(text)
    }
}

#[derive(Debug, Clone, Copy)]
enum Pipe {
    Out,
    Err,
}

fn read_into(pipe: Option<impl Read + Send + 'static>, which: Pipe, sender: SyncSender<(Pipe, Vec<u8>)>) {
    let Some(mut pipe) = pipe else { return };
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if sender.send((which, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
}

/// How long a process is waited for.
struct Bounds<'a> {
    deadline: Instant,
    brake: &'a Brake,
}

impl Bounds<'_> {
    fn passed(&self) -> Option<Waited> {
        let stopped = self.brake.is_pulled().then_some(Waited::Stopped);
        stopped.or((Instant::now() >= self.deadline).then_some(Waited::TooLong))
    }
}

/// How waiting for a process ended.
enum Waited {
    /// The process has ended.
    Ended(ExitStatus),
    /// The deadline has passed.
    TooLong,
    /// The brake was pulled.
    Stopped,
}

/// Collects output until the process has ended and its pipes are closed, or its bounds have passed.
/// An exit alone is not the end of the output: on a busy machine the last of it
/// is read later. A hook's child that keeps the pipes open is waited for no longer than [`DRAIN`].
fn wait(
    child: &mut Child,
    receiver: &Receiver<(Pipe, Vec<u8>)>,
    answer: &mut Answer,
    bounds: &Bounds<'_>,
) -> std::io::Result<Waited> {
    let mut ended: Option<(ExitStatus, Instant)> = None;
    let mut looked = Instant::now();
    loop {
        match (receiver.recv_timeout(LOOK), ended) {
            (Ok((Pipe::Out, bytes)), _) => answer.stdout.extend(bytes),
            (Ok((Pipe::Err, bytes)), _) => answer.stderr.extend(bytes),
            (Err(RecvTimeoutError::Disconnected), Some((status, _))) => return Ok(Waited::Ended(status)),
            (Err(RecvTimeoutError::Disconnected), None) => return exit(child, bounds),
            (Err(RecvTimeoutError::Timeout), _) => {}
        }
        // Also while bytes keep coming: a hook's child may print for ever.
        if ended.is_none() && looked.elapsed() >= LOOK {
            looked = Instant::now();
            ended = child.try_wait()?.map(|status| (status, looked));
        }
        match ended {
            Some((status, at)) if at.elapsed() >= DRAIN => return Ok(Waited::Ended(status)),
            Some(_) => {}
            None => {
                if let Some(passed) = bounds.passed() {
                    return Ok(passed);
                }
            }
        }
    }
}

/// Waits for an exit that is due at once, because the pipes are closed.
fn exit(child: &mut Child, bounds: &Bounds<'_>) -> std::io::Result<Waited> {
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Waited::Ended(status));
        }
        if let Some(passed) = bounds.passed() {
            return Ok(passed);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LOOK);
    }
}

/// Ends a call that takes too long. TERM first: git then removes its lock files.
fn stop(child: &mut Child) {
    let group = rustix::process::Pid::from_child(child);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
    let grace = Bounds { deadline: Instant::now() + TERM_GRACE, brake: &Brake::default() };
    if !matches!(exit(child, &grace), Ok(Waited::Ended(_))) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shim(script: &str) -> (tempfile::TempDir, Environment) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("git");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        (folder, Environment::default().set("PATH", path))
    }

    #[test]
    fn a_call_that_hangs_is_stopped_with_its_children() {
        let (folder, environment) = shim("echo $$ > pid; sleep 600 & echo $! > child; wait");
        let error =
            Call::new("status").run_within(folder.path(), &environment, Duration::from_secs(3)).unwrap_err();
        assert!(matches!(error, GitError::TimedOut { .. }), "{error}");
        let child: i32 =
            std::fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let gone = || {
            std::fs::read_to_string(format!("/proc/{child}/stat")).map_or(true, |stat| stat.contains(") Z "))
        };
        while !gone() {
            assert!(Instant::now() < deadline, "the child of a stopped git is alive");
            std::thread::yield_now();
        }
    }

    // 20 §20 item 44: whoever wants out does not wait for a hook that hangs
    #[test]
    fn the_brake_ends_one_call_and_no_other() {
        let (folder, environment) = shim("echo $$ > pid; if [ ! -e free ]; then sleep 600; fi; echo answer");
        let brake = Brake::default();
        let environment = environment.with_brake(&brake);
        let error = std::thread::scope(|scope| {
            let call = scope.spawn(|| Call::new("commit").run(folder.path(), &environment));
            while !folder.path().join("pid").exists() {
                std::thread::yield_now();
            }
            // Again and again, as an impatient operator does.
            brake.pull();
            brake.pull();
            call.join().unwrap().unwrap_err()
        });
        assert_eq!(error.to_string(), "git commit was stopped by the operator");
        std::fs::write(folder.path().join("free"), "").unwrap();
        brake.pull();
        let answer = Call::new("status").run(folder.path(), &environment).unwrap();
        assert_eq!(answer.line(), "answer", "what cleans up is not ended, too");
    }

    #[test]
    fn a_process_left_behind_does_not_hold_the_answer() {
        let (folder, environment) = shim("echo answer; sleep 20 & echo $! > child");
        let answer = Call::new("status").run_within(folder.path(), &environment, Duration::from_secs(15));
        let child: i32 =
            std::fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_raw(child).unwrap(),
            rustix::process::Signal::KILL,
        );
        assert_eq!(answer.unwrap().line(), "answer");
    }

    // On a busy machine the last output was read after the exit was seen, and lost.
    #[test]
    fn output_that_comes_after_the_exit_is_not_lost() {
        let (folder, environment) = shim("(sleep 0.4; echo late) & exit 0");
        let answer = Call::new("status").run(folder.path(), &environment).unwrap();
        assert_eq!(answer.line(), "late");
    }

    // Nor does one that prints for ever, and it does not fill the memory.
    #[test]
    fn a_process_left_behind_may_print_for_ever() {
        let (folder, environment) = shim("yes & echo $! > child; exit 0");
        let answer = Call::new("status").run_within(folder.path(), &environment, Duration::from_secs(30));
        let child: i32 =
            std::fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_raw(child).unwrap(),
            rustix::process::Signal::KILL,
        );
        assert!(answer.unwrap().status.success());
    }

    #[test]
    fn much_input_and_output_do_not_block_each_other() {
        let (folder, environment) = shim("cat");
        let bytes = vec![b'x'; 3 << 20];
        let call = Call::new("status").input(bytes.clone());
        assert_eq!(call.run(folder.path(), &environment).unwrap().stdout, bytes);
    }

    #[test]
    fn the_environment_is_clean_and_asks_nobody() {
        let (folder, environment) = shim("env");
        let environment = environment.set("GIT_DIR", "/elsewhere").set("GIT_INDEX_FILE", "/elsewhere");
        let text = Call::new("status").run(folder.path(), &environment).unwrap().line();
        assert!(!text.contains("/elsewhere"), "{text}");
        for wanted in ["GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_EDITOR=true", "LC_ALL=C"] {
            assert!(text.lines().any(|line| line == wanted), "{wanted} is missing:\n{text}");
        }
    }

    #[test]
    fn a_missing_program_or_folder_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Environment::default().set("PATH", folder.path());
        let error = Call::new("status").run(folder.path(), &nowhere).unwrap_err();
        assert!(error.to_string().contains("installed"), "{error}");
        let error = Call::new("status").run(&folder.path().join("no"), &nowhere).unwrap_err();
        assert!(matches!(error, GitError::NoFolder(_)), "{error}");
    }
}
