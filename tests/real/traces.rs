//! Records what the monitor sees of the real CLIs, for the simulated traces of `src/monitor/freeze/traces`.
//!
//! ```text
//! RALLY_TEST_REAL_AGENTS=1 cargo test --test real traces -- --ignored --test-threads 4
//! ```

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::cli::Cli;
use super::lab::{Lab, lab, wait_until};
use super::relay::{Settings, initialise, rally, wait_for_request};

/// How long a situation lasts before the recording ends.
const LENGTH: Duration = Duration::from_secs(48);

/// What is kept of each look, in this order.
const FIELDS: [&str; 14] = [
    "at_s",
    "log_silent_s",
    "connections",
    "network_bytes",
    "cpu_ms",
    "tool_cpu_ms",
    "young_cpu_ms",
    "io_bytes",
    "syscall_bytes",
    "tool_bytes",
    "young_bytes",
    "processes",
    "youngest_s",
    "tool",
];

/// A situation: its name, the scenario of the server, and whether `tool.sh` plays it.
const SITUATIONS: [(&str, &str, bool); 9] = [
    ("dribble", "dribble60", false),
    ("hang", "hang", false),
    ("hangmid", "hangmid", false),
    ("build", "ok", true),
    ("trickle", "ok", true),
    ("bounded", "ok", true),
    ("deadlock", "ok", true),
    ("zombie", "ok", true),
    ("dry", "ok", true),
];

/// `$1` is the situation, `$2` the port of the server. What waits for ever reads a pipe that nobody writes to.
const TOOL: &str = r#"
mkfifo never 2>/dev/null
touch begun
case $1 in
    build) while :; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; sleep 0.3; done ;;
    trickle) exec 4<>never; while :; do echo .; read -t 6 -u 4; done ;;
    bounded) timeout 240 cat never ;;
    deadlock) exec node -e 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)' ;;
    zombie) true & exec cat never ;;
    dry) exec 3<>/dev/tcp/127.0.0.1/$2; exec cat never ;;
esac
"#;

#[test]
#[ignore = "writes fixtures"]
fn record_claude() {
    lab(&[Cli::Claude], |lab| record(lab, Cli::Claude));
}

#[test]
#[ignore = "writes fixtures"]
fn record_codex() {
    lab(&[Cli::Codex], |lab| record(lab, Cli::Codex));
}

#[test]
#[ignore = "writes fixtures"]
fn record_gemini() {
    lab(&[Cli::Gemini], |lab| record(lab, Cli::Gemini));
}

#[test]
#[ignore = "writes fixtures"]
fn record_opencode() {
    lab(&[Cli::Opencode], |lab| record(lab, Cli::Opencode));
}

/// Each situation is a relay of its own, ended by a signal; looks are a second apart, and nobody is frozen yet.
fn record(lab: &Lab, cli: Cli) {
    let more = "freeze_threshold_secs = 900\nnetwork_silence_secs = 20";
    initialise(lab, &Settings { more, ..Settings::default() });
    lab.sandbox.write("tool.sh", TOOL);
    let port = lab.mock.url("ok", "x").split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    let begun = lab.sandbox.repo().join("begun");
    for (situation, scenario, is_tool) in SITUATIONS {
        let _ = fs::remove_file(&begun);
        let prompt = match is_tool {
            true => format!("RUN(bash tool.sh {situation} {port})"),
            false => "Answer with one word.".to_owned(),
        };
        let args = ["relay", "--new", "--iterations", "1", "--agent", cli.alias(), &prompt];
        let running = lab.start(rally(lab, scenario, situation, &args));
        wait_for_request(lab, &running, situation);
        wait_until(|| !is_tool || begun.exists(), || format!("no command was run: {}", running.story()));
        thread::sleep(LENGTH);
        running.signal(Signal::TERM);
        running.finish();
        let record = lab.sandbox.records(".rally/state/tries.jsonl").pop().unwrap();
        let log = Path::new(record["log_path"].as_str().unwrap()).with_extension("netstat.jsonl");
        keep(cli, situation, &fs::read_to_string(log).unwrap());
    }
}

/// One line with the names of the fields, then one a look.
fn keep(cli: Cli, situation: &str, netstat: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/monitor");
    fs::create_dir_all(&folder).unwrap();
    // The last looks may have seen how it was ended.
    let count = netstat.lines().count().saturating_sub(2);
    let looks = netstat.lines().take(count).map(|line| {
        let look: Value = serde_json::from_str(line).unwrap();
        FIELDS.iter().map(|field| look[field].clone()).collect::<Value>().to_string()
    });
    let lines: Vec<String> = [json!(FIELDS).to_string()].into_iter().chain(looks).collect();
    fs::write(folder.join(format!("{cli}.{situation}.jsonl")), lines.join("\n") + "\n").unwrap();
}
