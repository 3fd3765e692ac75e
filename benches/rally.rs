//! Figures, with the machine they were taken on. Nothing is asserted: ratios against
//! references that are measured beside them are what can be compared between machines.
//!
//! `cargo bench` runs all of them, `cargo bench -- startup` those whose name matches.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "figures are printed; a bench that cannot go on ends"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RALLY: &str = env!("CARGO_BIN_EXE_rally");

/// Iterations of the turn-around relay.
const TURNS: u32 = 20;

/// Size of the stream that is ingested.
const STREAM_BYTES: usize = 300 * 1024 * 1024;

/// Records of the history that a relay starts on.
const OLD_TRIES: u64 = 100_000;

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    machine();
    let benches: [(&str, fn()); 6] = [
        ("startup", startup),
        ("turnaround", turnaround),
        ("ingest", ingest),
        ("history", history),
        ("monitor", monitor),
        ("size", size),
    ];
    for (name, bench) in benches {
        if name.contains(&wanted) {
            bench();
        }
    }
}

fn machine() {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "machine: {cores} cores,{}, Linux {}",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim()
    );
}

fn line(name: &str, figure: String, reference: String, ratio: f64, aim: &str) {
    println!("{name:<28} {figure:>16}   reference {reference:>14}   ratio {ratio:>5.2}   ({aim})");
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// The median time of `runs` calls.
fn median(runs: usize, mut call: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let begun = Instant::now();
            call();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[runs / 2]
}

fn quietly(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
}

fn startup() {
    let rally = median(101, || quietly(Command::new(RALLY).arg("--version")));
    let floor = median(101, || quietly(&mut Command::new("/bin/true")));
    line("start-up (P1)", ms(rally), ms(floor), rally.as_secs_f64() / floor.as_secs_f64(), "aim <= 2.5");
}

/// A repository with a home, a data folder and an agent called `claude`.
struct Scratch {
    root: tempfile::TempDir,
}

impl Scratch {
    fn new(agent: &str) -> Scratch {
        let scratch = Scratch { root: tempfile::tempdir().expect("a scratch folder") };
        for folder in ["home", "bin", "repo"] {
            fs::create_dir(scratch.root.path().join(folder)).expect("a folder");
        }
        let claude = scratch.root.path().join("bin/claude");
        fs::write(&claude, format!("#!/bin/sh\n{agent}\n")).expect("an agent");
        fs::set_permissions(&claude, fs::Permissions::from_mode(0o755)).expect("an agent");
        fs::write(scratch.repo().join("README"), "hello\n").expect("a file");
        quietly(scratch.command("git").args(["init", "-q"]));
        quietly(scratch.command("git").args(["add", "."]));
        quietly(scratch.command("git").args(["commit", "-q", "-m", "begin"]));
        quietly(scratch.command(RALLY).arg("init"));
        scratch
    }

    fn repo(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let home = self.root.path().join("home");
        command
            .current_dir(self.repo())
            .env_clear()
            .env("HOME", home)
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.root.path().join("bin").display()))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Bench")
            .env("GIT_AUTHOR_EMAIL", "bench@localhost")
            .env("GIT_COMMITTER_NAME", "Bench")
            .env("GIT_COMMITTER_EMAIL", "bench@localhost");
        command
    }

    /// Runs a relay; wall time and peak resident memory of rally itself.
    fn relay(&self, iterations: u32) -> (Duration, u64) {
        let begun = Instant::now();
        let mut child = self
            .command(RALLY)
            .args(["relay", "--new", "--agent", "cc", "-i", &iterations.to_string(), "work"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rally");
        let mut peak = 0;
        let status = loop {
            peak = peak.max(resident_peak(child.id()));
            if let Some(status) = child.try_wait().expect("rally") {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        assert!(status.success(), "the relay ended with {status}");
        (begun.elapsed(), peak)
    }
}

/// `VmHWM` of a process in KiB; 0 once it is gone.
fn resident_peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

const RESULT: &str =
    r#"{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s"}"#;

fn turnaround() {
    let scratch = Scratch::new(&format!("date +%s%N >> file.txt\necho '{RESULT}'"));
    let (warm, _) = scratch.relay(1);
    let mut peak = 0;
    let wall = median(3, || peak = peak.max(scratch.relay(TURNS).1));
    let each = wall.saturating_sub(warm) / (TURNS - 1);
    let log = scratch.root.path().join("reference.log");
    let reference = median(21, || {
        quietly(&mut Command::new("/bin/true"));
        quietly(scratch.command("git").args(["rev-parse", "HEAD"]));
        quietly(scratch.command("git").args(["status", "--porcelain"]));
        let mut file = fs::File::options().create(true).append(true).open(&log).expect("a log");
        for _ in 0..3 {
            file.write_all(b"{}\n").and_then(|()| file.sync_data()).expect("a log");
        }
    });
    let ratio = each.as_secs_f64() / reference.as_secs_f64();
    line("turn-around (P3)", ms(each), ms(reference), ratio, "aim <= 3, with a commit each");
    println!("{:<28} {:>12.1} MiB", "  peak memory", peak as f64 / 1024.0);
}

fn ingest() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let stream = folder.path().join("stream.jsonl");
    write_stream(&stream);
    let scratch = Scratch::new(&format!("date +%s%N >> made.txt\ncat '{}'", stream.display()));
    let (warm, _) = Scratch::new(&format!("date +%s%N >> made.txt\necho '{RESULT}'")).relay(1);
    let copy = folder.path().join("copy");
    let reference = median(3, || {
        let shell = format!("cat '{}' | cat > '{}'", stream.display(), copy.display());
        quietly(Command::new("/bin/sh").args(["-c", &shell]));
    });
    let mut peak = 0;
    let wall = median(3, || {
        peak = peak.max(scratch.relay(1).1);
    });
    let rate = |time: Duration| STREAM_BYTES as f64 / 1e6 / time.as_secs_f64();
    let (ours, cat) = (rate(wall.saturating_sub(warm)), rate(reference));
    let name = "ingest 300 MB, parsed (P4/P5)";
    line(
        name,
        format!("{ours:.0} MB/s"),
        format!("{cat:.0} MB/s"),
        ours / cat,
        "aim >= 0.6 raw, >= 0.3 parsed",
    );
    println!("{:<28} {:>12.1} MiB   (P9: aim <= 16)", "  peak memory", peak as f64 / 1024.0);
}

/// Assistant events of about 700 bytes, then a result.
fn write_stream(path: &Path) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a stream"));
    let text = "All work and no play makes a dull agent. ".repeat(14);
    let mut written = 0;
    while written < STREAM_BYTES {
        let event = format!(
            r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":"{text}{written}"}}]}},"session_id":"s"}}"#
        );
        written += event.len() + 1;
        writeln!(file, "{event}").expect("a stream");
    }
    writeln!(file, "{RESULT}").expect("a stream");
}

fn history() {
    let agent = format!("date +%s%N >> file.txt\necho '{RESULT}'");
    let run = |old: u64| {
        let scratch = Scratch::new(&agent);
        write_history(&scratch.repo().join(".rally/state"), old);
        let mut peak = 0;
        let wall = median(5, || peak = peak.max(scratch.relay(1).1));
        (wall, peak)
    };
    let ((few, few_peak), (many, many_peak)) = (run(10), run(OLD_TRIES));
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    line("relay on 100,000 old tries", ms(many), ms(few), ratio, "P2's aim: <= 1.5 of 10 tries");
    println!(
        "{:<28} {:>12.1} MiB   reference {:>8.1} MiB   (P9: aim <= 16)",
        "  peak memory",
        many_peak as f64 / 1024.0,
        few_peak as f64 / 1024.0
    );
}

fn write_history(state: &Path, tries: u64) {
    fs::create_dir_all(state).expect("a folder");
    let mut file = std::io::BufWriter::new(fs::File::create(state.join("tries.jsonl")).expect("a history"));
    let summary = "Worked on the parser and its tests. ".repeat(12);
    for id in 1..=tries {
        let record = format!(
            r#"{{"v":1,"id":{id},"run_id":{id},"relay_id":1,"agent_type":"claude","completed":true,"outcome":"completed","summary":"{summary}","remaining_work":"","files_changed":["a.rs"],"commit_hash":"","started_at":"2026-01-01T00:00:00.000Z","ended_at":"2026-01-01T00:00:01.000Z","attempt_number":1,"runtime_ms":1000}}"#
        );
        writeln!(file, "{record}").expect("a history");
    }
    let relay = format!(
        r#"{{"v":1,"id":1,"target_iterations":{tries},"completed_iterations":{tries},"agent_mix":"cc","started_at":"2026-01-01T00:00:00.000Z","ended_at":"2026-02-01T00:00:00.000Z","first_try_id":1,"last_try_id":{tries}}}"#
    );
    fs::write(state.join("relays.jsonl"), relay + "\n").expect("a history");
}

/// An agent with 19 tools that hold 38 descriptors each, three of them connections, and do nothing.
const QUIET_AGENT: &str = r#"exec python3 - <<'END'
import os, socket, time
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
for _ in range(19):
    if os.fork() == 0:
        listener.set_inheritable(False)
        sockets = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        files = [open("/dev/null") for _ in range(31)]
        time.sleep(600)
time.sleep(600)
END"#;

/// How long the quiet agent is watched.
const WATCHED: Duration = Duration::from_secs(60);

/// What it costs to watch a tree of 20 idle processes, at the cadence of a configuration that sets nothing.
fn monitor() {
    let scratch = Scratch::new(QUIET_AGENT);
    let mut rally = scratch
        .command(RALLY)
        .args(["relay", "--new", "--agent", "cc", "-i", "1", "work"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("rally");
    std::thread::sleep(Duration::from_secs(5)); // until all of them are there
    let tree = descendants(rally.id());
    let descriptors: usize =
        tree.iter().map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)).sum();
    let all = |field: fn(u32) -> u64| field(rally.id()) + tree.first().map_or(0, |guard| field(*guard));
    let (before, begun) = (all(ticks), Instant::now());
    std::thread::sleep(WATCHED);
    let burnt = all(ticks).saturating_sub(before) as f64 / 100.0;
    let peak = resident_peak(rally.id());
    for pid in std::iter::once(rally.id()).chain(tree.iter().copied()) {
        quietly(Command::new("kill").args(["-KILL", &pid.to_string()]));
    }
    let _ = rally.wait();
    let percent = burnt / begun.elapsed().as_secs_f64() * 100.0;
    println!(
        "{:<28} {percent:>14.2} %   {} processes, {descriptors} descriptors   (aim <= 0.1 of a core)",
        "watching an idle tree (P8)",
        tree.len()
    );
    println!("{:<28} {:>12.1} MiB   (P9: aim <= 16)", "  peak memory", peak as f64 / 1024.0);
}

/// Hundredths of a second that a process and the children it waited for have burnt.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Everything below a process, parents first.
fn descendants(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let pids: Vec<u32> = children
            .flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        found.extend(pids);
        next += 1;
    }
    found.split_off(1)
}

fn size() {
    let bytes = fs::metadata(RALLY).map_or(0, |metadata| metadata.len());
    println!("{:<28} {:>12.2} MB   (P14: aim <= 6)", "binary", bytes as f64 / 1e6);
}
