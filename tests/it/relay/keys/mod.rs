//! The keys, typed into a terminal.

mod between;
mod pause;
mod tries;
mod waits;

use std::process::Command;

use crate::support::{Sandbox, Terminal};

const SKIP: u8 = 0x13;
const PAUSE: u8 = 0x10;
const GRACEFUL: u8 = 0x18;
const QUIT: u8 = 0x03;
const SUSPEND: u8 = 0x1a;

/// An agent whose first turn never ends by itself.
const STUCK_ONCE: &str = "init; if [ $N = 1 ]; then here; while :; do sleep 0.05; done; fi
    echo x > made-$N.txt; result ok";

/// Somebody at a terminal in which a relay runs.
struct Desk<'s> {
    sandbox: &'s Sandbox,
    terminal: Terminal,
}

impl<'s> Desk<'s> {
    /// Types `rally relay …`.
    fn start(sandbox: &'s Sandbox, args: &[&str]) -> Desk<'s> {
        let mut command = sandbox.rally(["relay"]);
        command.args(args);
        Desk { sandbox, terminal: Terminal::start(&command, 40, 120) }
    }

    /// The same, when its first try is at work.
    fn at_work(sandbox: &'s Sandbox, args: &[&str]) -> Desk<'s> {
        let desk = Desk::start(sandbox, args);
        sandbox.wait_for_note("here.1");
        desk
    }

    fn once(&mut self, key: u8) {
        self.terminal.press(&[key]);
    }

    fn twice(&mut self, key: u8) {
        self.terminal.press(&[key, key]);
    }

    fn enter(&mut self) {
        self.terminal.press(b"\r");
    }

    fn signal(&self, signal: &str) {
        let pid = self.terminal.pid().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    fn log(&self) -> String {
        log(self.sandbox)
    }

    fn wait_for_log(&self, words: &str) {
        self.sandbox.wait_for(words, || self.log().contains(words));
    }

    /// Waits until the log has these words so many times.
    fn wait_for_logs(&self, words: &str, times: usize) {
        self.sandbox.wait_for(words, || self.log().matches(words).count() >= times);
    }

    fn is_stopped(&self) -> bool {
        state(self.terminal.pid()) == Some('T')
    }

    /// Waits for the end; says the exit code.
    #[track_caller]
    fn ends(&mut self, code: u32) {
        self.sandbox.wait_for("the end", || self.terminal.exit_code().is_some());
        assert_eq!(self.terminal.finish(), code, "{}\n{}", self.terminal.shown(), self.log());
        self.sandbox.wait_until_nobody_is_left();
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let screen = self.terminal.shown();
            let _ = std::io::Write::write_all(&mut std::io::stderr(), screen.as_bytes());
        }
    }
}

fn log(sandbox: &Sandbox) -> String {
    let relays = sandbox.home().join(".local/share/rally/relays");
    let Some(Ok(folder)) = std::fs::read_dir(relays).ok().and_then(|mut found| found.next()) else {
        return String::new();
    };
    std::fs::read_to_string(folder.path().join("relay-1.log")).unwrap_or_default()
}

/// The letter of a process's state.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// A field of all tries.
fn told(sandbox: &Sandbox, field: &str) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    sandbox.tries().iter().map(|record| text(&record[field])).collect()
}

/// The arguments of an invocation of the fake agent, in one line.
fn args(sandbox: &Sandbox, invocation: u32) -> String {
    sandbox.note(&format!("args.{invocation}")).replace('\n', " ")
}

/// Events of the runners' health: there are none where nobody was blamed.
fn blamed(sandbox: &Sandbox) -> Vec<serde_json::Value> {
    sandbox.records(".rally/state/agent_status.jsonl")
}

/// Replaces the whole configuration.
fn configure(sandbox: &Sandbox, text: &str) {
    sandbox.write(".rally/config.toml", &format!("schema_version = 2\n{text}"));
}

/// A workspace with three models of one agent.
fn with_models(extra: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    configure(
        &sandbox,
        &format!(
            "[harness.cc.models]\nopus = \"opus\"\nsonnet = \"sonnet\"\nhaiku = \"haiku\"\n[reliability]\n{extra}\n"
        ),
    );
    sandbox
}
