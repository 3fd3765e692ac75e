//! What the operator sees: whole relays as text, as a terminal shows them, and as a log.

mod live;

use std::io::{self, Write};
use std::time::Duration;

use jiff::tz::TimeZone;
use rally::model::{CancelSource, Runner};
use rally::relay::event::{Event, Health, PassEnd, Retry, RunEnd, RunVerdict, Sink, Tally, Tick, Wait};
use rally::store::records::TryRecord;
use rally::terminal::live::Size;
use rally::terminal::look::Look;
use rally::terminal::style::Palette;
use rally::terminal::{Console, RelayLog};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn look<const COLUMNS: usize>(live: bool, colour: bool) -> Look {
    let palette = Palette { colour };
    let size = || Size { columns: COLUMNS, rows: 30 };
    Look {
        live,
        may_repaint: || true,
        echo_on_err: false,
        out: palette,
        err: palette,
        zone: TimeZone::UTC,
        size,
    }
}

/// What a console writes to its two outputs.
fn shown(look: &Look, events: &[Event]) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console::new(&mut out, &mut err, look.clone());
    events.iter().for_each(|event| console.event(event));
    drop(console);
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn run_started(iteration: u64) -> Event {
    Event::RunStarted {
        lap: None,
        relay_id: 3,
        run_id: iteration,
        iteration,
        target: 2,
        runner: Runner { model: Some("opus".to_owned()), ..Runner::bare("claude") },
        at: "2026-11-23T16:40:31Z".parse().unwrap(),
    }
}

fn tick(attempt: u32, note: Option<&str>) -> Event {
    Event::Tick(Tick {
        elapsed: secs(42),
        files: 3,
        last_activity: Some(secs(4)),
        attempt,
        max_attempts: 5,
        note: note.map(str::to_owned),
        health: Health::Well,
        drought: None,
        tokens: None,
    })
}

fn try_ended(attempt: u32, reason: &str, retry: bool) -> Event {
    let record: TryRecord = serde_json::from_value(serde_json::json!({
        "id": 6 + attempt, "run_id": 1, "relay_id": 3, "agent_type": "claude", "completed": false,
        "outcome": "failed", "started_at": "2026-11-23T16:40:31Z", "ended_at": "2026-11-23T16:41:13Z",
        "attempt_number": attempt, "fail_reason": reason, "runtime_ms": 42_000, "files_changed": ["a.txt"],
        "category": "short_rate_limit", "exit": {"code": 1}, "commit_hash": "",
    }))
    .unwrap();
    let retry = retry.then_some(Retry { attempt, max_attempts: 5, wait: secs(4) });
    Event::TryEnded { record: Box::new(record), retry }
}

fn run_ended(verdict: RunVerdict, attempts: u32) -> Event {
    let log_path = Some("/data/tries/try-9.log".into());
    let (relay_id, run_id) = (3, 1);
    Event::RunEnded(RunEnd {
        relay_id,
        run_id,
        verdict,
        attempts,
        max_attempts: 5,
        duration: secs(334),
        files: 3,
        log_path,
    })
}

fn passed() -> RunVerdict {
    let hash = "0123456789abcdef0123456789abcdef01234567".to_owned();
    RunVerdict::Passed { commit: Some((hash, "add \x1b]52;c;cm0=\x07the file".to_owned())) }
}

fn rate_limit() -> Wait {
    Wait::Attempt { why: "rate limit".to_owned() }
}

/// A year that is never this one, so that the date is always told.
fn nobody() -> Wait {
    let at = "2020-11-25T14:05:00Z".parse().unwrap();
    let who = Some(Runner::bare("claude"));
    Wait::Runner { relay_id: 3, why: "all agents paused", who, is_reset: true, at }
}

/// A relay that meets about everything, and does not reach its target.
fn eventful_relay() -> Vec<Event> {
    vec![
        Event::RelayStarted {
            relay_id: 3,
            target: 2,
            completed: 0,
            mix: "cc:opus".to_owned(),
            resumed: false,
        },
        Event::Warning("branch \x1b[2J\u{202e}gnp is odd".to_owned()),
        run_started(1),
        Event::TryStarted {
            try_id: 7,
            attempt: 1,
            max_attempts: 5,
            log_path: "/data/tries/try-7.log".into(),
            resume: None,
        },
        tick(1, None),
        try_ended(1, "rate limit:\n429 \x1b[31mslow down", true),
        tick(2, Some("Bash")),
        Event::Waiting { wait: rate_limit(), remaining: secs(58), first: true },
        Event::Waiting { wait: rate_limit(), remaining: secs(57), first: false },
        Event::WaitEnded,
        Event::Waiting { wait: nobody(), remaining: secs(3540), first: true },
        Event::Waiting { wait: nobody(), remaining: secs(3480), first: false },
        Event::WaitEnded,
        try_ended(2, "", false),
        run_ended(passed(), 2),
        Event::RunnerChanged { from: Runner::bare("claude"), to: Runner::bare("codex") },
        run_started(2),
        run_ended(RunVerdict::Failed { reason: "usage limit, resets in 96h0m".to_owned() }, 1),
        Event::Notice("0 of 2 laps are left".to_owned()),
        run_started(2),
        tick(1, None),
        Event::StopRequested { source: CancelSource::Signal },
        Event::Stopping { signal: "INT", reason: "signal".to_owned() },
        run_ended(RunVerdict::Cancelled { source: CancelSource::Signal }, 1),
        Event::RelayEnded { relay_id: 3, end: PassEnd::Signalled(15) },
        Event::Summary(Tally {
            runs: 3,
            passed: 1,
            failed: 1,
            cancelled: 1,
            duration: secs(3903),
            complete: false,
        }),
    ]
}

// 10-M8, 30-174, 30-176, 30-177, 10-D54; 50-R19 for what is foreign in it.
#[test]
fn a_relay_without_a_terminal() {
    let (out, err) = shown(&look::<40>(false, false), &eventful_relay());
    insta::assert_snapshot!(out, @r"
    Relay 3 started: 0/2, cc:opus

    ════════════════════════════════════════
      [1/2] claude - opus - started 16:40
    ────────────────────────────────────────
    ↻ retrying 2/5 · last: rate limit: 429 slow down (42s, 1 file) · in 4s
    all agents paused, waiting 59m (claude, resets 2020-11-25 14:05)
    ────────────────────────────────────────
    ✓ passed on try 2/5  │  5m 34s  │  3 files  │  0123456 (add the file)
    ════════════════════════════════════════

    ════════════════════════════════════════
      [2/2] claude - opus - started 16:40
    ────────────────────────────────────────
    ────────────────────────────────────────
    ✗ failed  │  5m 34s  │  3 files  │  usage limit, resets in 96h0m
    ════════════════════════════════════════
    log: /data/tries/try-9.log
    0 of 2 laps are left

    ════════════════════════════════════════
      [2/2] claude - opus - started 16:40
    ────────────────────────────────────────
    Stop requested (signal)
    ■ stopping… INT (signal)
    ────────────────────────────────────────
    • cancelled  │  5m 34s  │  3 files  │  source: signal
    ════════════════════════════════════════
    Relay 3 stopped by signal 15
    Go on with: rally relay --resume
    ════════════════════════════════════════
    Relay stopped: 3 runs  │  1 passed  │  1 failed  │  1 cancelled  │  total 65m 3s
    ════════════════════════════════════════
    ");
    insta::assert_snapshot!(err, @"warning: branch gnp is odd");
    assert!(!out.contains(['\x1b', '\r']) && !err.contains('\x1b'));
}

// 10-M8: no cancelled bucket without a cancelled run; `Relay complete.` only at the target.
#[test]
fn the_summary_of_a_complete_relay() {
    let tally = Tally { runs: 1, passed: 1, duration: secs(7), complete: true, ..Tally::default() };
    let end = Event::RelayEnded { relay_id: 3, end: PassEnd::Completed };
    let (out, _) = shown(&look::<30>(false, false), &[end, Event::Summary(tally)]);
    insta::assert_snapshot!(out, @r"
    ══════════════════════════════
    Relay complete: 1 run  │  1 passed  │  0 failed  │  total 7s
    ══════════════════════════════
    Relay complete.
    ");
}

#[test]
fn why_a_pass_ended_short() {
    let ends = [
        (PassEnd::Stopped, "Relay 3 stopped after its last try"),
        (PassEnd::QuitNow, "Relay 3 stopped at once"),
        (PassEnd::Signalled(1), "Relay 3 stopped by signal 1"),
        (
            PassEnd::Failed { reason: "all agents unavailable\x07".to_owned() },
            "Relay 3 ended short of its target: all agents unavailable",
        ),
    ];
    for (end, line) in ends {
        let (out, _) = shown(&look::<80>(false, false), &[Event::RelayEnded { relay_id: 3, end }]);
        assert_eq!(out, format!("{line}\nGo on with: rally relay --resume\n"));
    }
}

// 10-16: the colours of the parts; cancelled is never red or green.
#[test]
fn colours() {
    let footer = |verdict| shown(&look::<8>(false, true), &[run_ended(verdict, 1)]).0;
    let rule = |dash: &str| format!("\x1b[38;5;240m{}\x1b[0m", dash.repeat(8));
    let passed = footer(passed());
    assert!(passed.starts_with(&rule("─")) && passed.ends_with(&format!("{}\n", rule("═"))), "{passed:?}");
    assert!(passed.contains("\x1b[38;5;10m✓ passed\x1b[0m  │  "), "{passed:?}");
    let failed = footer(RunVerdict::Failed { reason: String::new() });
    assert!(failed.contains("\x1b[38;5;9m✗ failed\x1b[0m  │  "), "{failed:?}");
    let cancelled = footer(RunVerdict::Cancelled { source: CancelSource::Skip });
    assert!(cancelled.contains("\x1b[38;5;245m• cancelled\x1b[0m  │  "), "{cancelled:?}");
}

/// A reader that went away after some bytes.
#[derive(Debug)]
struct Closing(usize, io::ErrorKind);

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(self.1.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// 50-R28
#[test]
fn a_closed_output_is_remembered_and_never_fatal() {
    let mut console =
        Console::new(Closing(10, io::ErrorKind::BrokenPipe), io::sink(), look::<80>(true, true));
    assert!(!console.stdout_closed());
    eventful_relay().iter().for_each(|event| console.event(event));
    assert!(console.stdout_closed());

    let full = Closing(0, io::ErrorKind::WouldBlock);
    let mut console = Console::new(full, io::sink(), look::<80>(true, true));
    eventful_relay().iter().for_each(|event| console.event(event));
    assert!(!console.stdout_closed());
}

// 30-17.6, 30-U6: with times.
#[test]
fn the_relay_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relays/repo/relay-3.log");
    let events = eventful_relay();
    let (first, rest) = events.split_at(2);
    for events in [first, rest] {
        let mut log = RelayLog::open(&path, None).unwrap(); // again after a resume: appends
        events.iter().for_each(|event| log.event(event));
        assert!(log.failure().is_none());
    }
    let Wait::Runner { at, .. } = nobody() else { unreachable!() };
    let local = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
    let text = std::fs::read_to_string(&path).unwrap().replace(&local, "LOCAL");
    insta::with_settings!({ filters => [(r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME")] }, {
        insta::assert_snapshot!(text, @r#"
        TIME relay 3 started: target 2, completed 0, mix cc:opus
        TIME warning: branch gnp is odd
        TIME run 1 started: [1/2] claude - opus
        TIME try 7 started: attempt 1/5, log /data/tries/try-7.log
        TIME try 7 ended: run_id=1 attempt_number=1 outcome="failed" completed=false fail_reason="rate limit: 429 slow down" category="short_rate_limit" exit={"code":1} runtime_ms=42000 files_changed=1; next attempt in 4s
        TIME rate limit, retrying in 58s
        TIME wait ended
        TIME relay 3 all agents paused, waiting 59m (claude, resets LOCAL)
        TIME wait ended
        TIME try 8 ended: run_id=1 attempt_number=2 outcome="failed" completed=false category="short_rate_limit" exit={"code":1} runtime_ms=42000 files_changed=1
        TIME run 1 passed; attempts 2/5, duration 5m 34s
        TIME runner changed: claude -> codex
        TIME run 2 started: [2/2] claude - opus
        TIME run 1 failed: usage limit, resets in 96h0m; attempts 1/5, duration 5m 34s
        TIME 0 of 2 laps are left
        TIME run 2 started: [2/2] claude - opus
        TIME stop requested (signal)
        TIME stopping the agent with INT: signal
        TIME run 1 cancelled (signal); attempts 1/5, duration 5m 34s
        TIME relay 3 ended by signal 15
        TIME Relay stopped: 3 runs: 1 passed, 1 failed, 1 cancelled, total 65m 3s
        "#);
    });
}

#[test]
fn a_full_disk_does_not_end_the_relay() {
    // Behind a link: the folder of a log is closed to others, and this must never be done to /dev.
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("relays/w-00000000/relay-1.log");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let mut log = RelayLog::open(&path, None).unwrap();
    eventful_relay().iter().for_each(|event| log.event(event));
    assert!(log.failure().is_some());
}
