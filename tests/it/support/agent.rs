//! A fake `claude`: a shell script with a few words for the stream that the real one speaks.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::Sandbox;

/// Longest wait for anything in a test: a safety net, never a measurement.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What every fake agent can say. `$N` counts invocations; `$S` is a folder for its notes.
const WORDS: &str = r#"
S='@STATE@'
N=$(( $(cat "$S/n" 2>/dev/null || echo 0) + 1 )); echo $N > "$S/n.new"; mv "$S/n.new" "$S/n"
printf '%s\n' "$@" > "$S/args.$N"
env > "$S/env.$N"
cat > "$S/prompt.$N"
SESSION=session-$N
while [ $# -gt 0 ]; do case "$1" in --resume) SESSION=$2; shift;; esac; shift; done
init() { echo '{"type":"system","subtype":"init","session_id":"'$SESSION'"}'; }
say() { echo '{"type":"assistant","message":{"content":[{"type":"text","text":"'"$1"'"}]},"session_id":"'$SESSION'"}'; }
tool() { echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"'"$1"'","input":{}}]},"session_id":"'$SESSION'"}'; }
result() { echo '{"type":"result","subtype":"success","is_error":false,"result":"'"$1"'","session_id":"'$SESSION'","total_cost_usd":'${COST:-0.01}',"usage":{"input_tokens":10,"cache_read_input_tokens":3,"output_tokens":5}}'; }
failed() { echo '{"type":"result","subtype":"'${2:-success}'","is_error":true,"result":"'"$1"'","session_id":"'$SESSION'"}'; }
here() { touch "$S/here.$N"; }
await() { while [ ! -e "$S/$1" ]; do sleep 0.02; done; }
"#;

impl Sandbox {
    /// A repository with one commit, `rally init` and a configuration without pauses between attempts.
    pub fn initialised() -> Sandbox {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.notes()).unwrap();
        let output = sandbox.rally(["init"]).output().unwrap();
        assert!(output.status.success(), "{}", super::stderr(&output));
        sandbox.configure("");
        sandbox
    }

    /// Replaces the repository's configuration; pauses between attempts stay off.
    pub fn configure(&self, extra: &str) {
        let base = if extra.contains("[reliability]") {
            extra.replace("[reliability]", "[reliability]\nretry_backoff_secs = 0")
        } else {
            format!("{extra}\n[reliability]\nretry_backoff_secs = 0\n")
        };
        self.write(".rally/config.toml", &format!("schema_version = 2\n{base}"));
        self.git(["add", ".rally"]);
        self.git(["commit", "-q", "--allow-empty", "-m", "configure"]);
    }

    /// Where the fake agent keeps its notes.
    pub fn notes(&self) -> PathBuf {
        self.root().join("notes")
    }

    /// One of the fake agent's notes.
    pub fn note(&self, name: &str) -> String {
        std::fs::read_to_string(self.notes().join(name)).unwrap_or_default()
    }

    /// Lets a fake agent that awaits this note go on.
    pub fn release(&self, name: &str) {
        std::fs::write(self.notes().join(name), "").unwrap();
    }

    /// Puts a fake `claude` into PATH.
    pub fn claude(&self, script: &str) {
        let words = WORDS.replace("@STATE@", &self.notes().display().to_string());
        self.program("claude", &format!("{words}\n{script}"));
    }

    /// Runs `rally relay …` to its end.
    pub fn relay(&self, args: &[&str]) -> Output {
        self.rally(["relay"]).args(args).output().unwrap()
    }

    /// Starts `rally relay …` and keeps it running.
    pub fn start_relay(&self, args: &[&str]) -> Running<'_> {
        let mut command = self.rally(["relay"]);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: Some(spawn(&mut command)), sandbox: self }
    }

    /// The records of a JSONL file after a kill: a last line without its end may be cut, nothing else.
    pub fn whole_records(&self, path: &str) -> Vec<serde_json::Value> {
        let Ok(text) = std::fs::read_to_string(self.repo().join(path)) else { return Vec::new() };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{path}: {e}: {line}")))
            .collect()
    }

    /// `rally` with arguments, for a pseudo-terminal.
    pub fn in_terminal(&self, args: &[&str]) -> portable_pty::CommandBuilder {
        super::terminal::inside(&self.rally(args))
    }

    /// The try records, oldest first.
    pub fn tries(&self) -> Vec<serde_json::Value> {
        self.records(".rally/state/tries.jsonl")
    }

    /// The newest version of every relay record.
    pub fn relays(&self) -> Vec<serde_json::Value> {
        let mut newest = std::collections::BTreeMap::new();
        for record in self.records(".rally/state/relays.jsonl") {
            newest.insert(record["id"].as_u64().unwrap(), record);
        }
        newest.into_values().collect()
    }

    /// Waits until something holds.
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < end, "gave up waiting for {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the fake agent has written a note.
    pub fn wait_for_note(&self, name: &str) {
        self.wait_for(name, || self.notes().join(name).exists());
    }

    /// Pids of living processes below this sandbox: those with its HOME in their environment.
    pub fn alive(&self) -> Vec<i32> {
        let mark = format!("HOME={}\0", self.home().display());
        let mut pids = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
            let environment = [environment.as_slice(), b"\0"].concat();
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let zombie = stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('Z'));
            if !zombie && environment.windows(mark.len()).any(|window| window == mark.as_bytes()) {
                pids.push(pid);
            }
        }
        pids
    }

    /// Waits until no process of this sandbox is left.
    pub fn wait_until_nobody_is_left(&self) {
        self.wait_for("every process to be gone", || self.alive().is_empty());
    }
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap()
}

/// A relay that runs; dropping it kills it.
#[derive(Debug)]
pub struct Running<'s> {
    child: Option<Child>,
    sandbox: &'s Sandbox,
}

impl Running<'_> {
    /// Pid of rally.
    pub fn pid(&self) -> i32 {
        self.child.as_ref().unwrap().id().cast_signed()
    }

    /// Sends a signal to rally alone.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Output {
        self.child.take().unwrap().wait_with_output().unwrap()
    }

    /// Whether it ended by itself before this time was over.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// SIGKILL, and waits.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        let _ = child.kill();
        child.wait().unwrap();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
            self.sandbox.wait_until_nobody_is_left();
        }
    }
}
