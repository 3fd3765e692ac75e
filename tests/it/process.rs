//! Tests of the process room: real guards, and agents that misbehave in every way we know.
//!
//! Agents are shell scripts given as arguments, not files: a file that was just written cannot be
//! executed while any other test happens to fork (ETXTBSY).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod ending;
mod orphans;
mod output;
mod signals;
mod starting;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rally::model::{Exit, Leftover, ProcessIdentity};
use rally::process::{Agent, GuardProgram, Report, Spawn, SpawnError, identity};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::support::Sandbox;

/// A safety net, not a measurement.
const PATIENCE: Duration = Duration::from_secs(30);

/// A child that only KILL ends: it notes its pid, then sleeps.
const STUBBORN_CHILD: &str = r#"child='trap "" INT TERM HUP; echo $$ >> pids; exec sleep 1000'"#;

/// Starts every kind of descendant and waits with them: plain, in a session of its own, a
/// double-forked daemon without our streams, under nohup.
const FAMILY: &str = r#"
    sh -c "$child" &
    setsid sh -c "$child" &
    (setsid sh -c "$child" < /dev/null > /dev/null 2>&1 &)
    nohup sh -c "$child" > /dev/null 2>&1 &
"#;

/// A folder and a tag for one agent.
struct Scene {
    folder: tempfile::TempDir,
    tag: String,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::Builder::new().prefix("rally-process-").tempdir().unwrap();
        Scene { folder, tag: uuid::Uuid::new_v4().to_string() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An agent that is a shell script.
    fn sh(&self, script: &str) -> Spawn {
        shell(self.folder.path(), &self.tag, script)
    }

    async fn start(&self, script: &str) -> Agent {
        start(self.sh(script)).await.unwrap()
    }

    /// The processes that noted themselves in `pids`, once there are `count`.
    async fn noted(&self, count: usize) -> Vec<ProcessIdentity> {
        noted(self.folder.path(), count).await
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Waits until a file has this text.
    async fn wait_for(&self, name: &str, text: &str) {
        eventually(&format!("{text:?} in {name}"), || self.read(name).contains(text)).await;
    }
}

fn shell(folder: &Path, tag: &str, script: &str) -> Spawn {
    Spawn {
        confined: None,
        program: "sh".into(),
        args: vec!["-c".into(), script.into()],
        env: Vec::new(),
        cwd: folder.to_owned(),
        stdin: None,
        separate_stderr: false,
        tag: tag.to_owned(),
    }
}

async fn start(spec: Spawn) -> Result<Agent, SpawnError> {
    GuardProgram::at(Sandbox::rally_path()).spawn(spec).await
}

async fn noted(folder: &Path, count: usize) -> Vec<ProcessIdentity> {
    let file = folder.join("pids");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default();
    eventually(&format!("{count} noted pids"), || lines().lines().count() >= count).await;
    lines().lines().map(|pid| identity::of(pid.parse().unwrap()).unwrap()).collect()
}

/// Runs a test body on the kind of runtime that rally has.
fn run<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE * 3, body).await.expect("the test hangs") })
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn gone(processes: &[ProcessIdentity]) {
    eventually(&format!("the end of {processes:?}"), || !processes.iter().any(identity::is_alive)).await;
}

/// Everything until end of file.
async fn drain(mut pipe: Receiver) -> Vec<u8> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// How the agent ended, what it left, and what had to be ended.
async fn see_off(agent: &mut Agent) -> (Exit, Vec<Leftover>, Vec<Leftover>) {
    let Report::Exited { exit, leftovers } = agent.report().await else { panic!("no exit") };
    agent.reap();
    let Report::Gone { leftovers: ended } = agent.report().await else { panic!("not gone") };
    (exit, leftovers, ended)
}

/// Exit and output of an agent that ends by itself and leaves nothing.
async fn whole_run(spec: Spawn) -> (Exit, Vec<u8>) {
    let mut agent = start(spec).await.unwrap();
    let output = drain(agent.take_stdout().unwrap()).await;
    let (exit, leftovers, ended) = see_off(&mut agent).await;
    assert_eq!((leftovers, ended), (vec![], vec![]));
    (exit, output)
}

fn state(process: &ProcessIdentity) -> char {
    procfs::process::Process::new(process.pid).unwrap().stat().unwrap().state
}

fn kill(process: &ProcessIdentity, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(process.pid).unwrap(), signal).unwrap();
}
