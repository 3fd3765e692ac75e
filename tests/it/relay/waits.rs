//! When nobody can run: waits that are seen, that end when they should, and that anybody can end.

use std::io::Write;
use std::process::Output;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::routes::{HANDS, order, with_hands};
use crate::support::{Running, Sandbox, Terminal, stderr, stdout};

const STATUS: &str = ".rally/state/agent_status.jsonl";
const QUOTA: &str = ".rally/state/quota.jsonl";

/// Asks for a wait of more than four minutes, once.
const LIMITED: &str =
    "init; if [ $N = 1 ]; then echo '429 rate limit exceeded, retry after 250 seconds'; exit 1; fi
    echo x > made.txt; result ok";

fn time(at: Timestamp) -> String {
    rally::model::time::rfc3339_millis(at)
}

fn in_seconds(seconds: i64) -> Timestamp {
    rally::model::time::now() + SignedDuration::from_secs(seconds)
}

/// A line of `agent_status.jsonl`.
fn event(agent: &str, kind: &str, at: Timestamp, reset: Option<Timestamp>) -> String {
    let reset = reset.map(|at| format!(",\"reset_at\":\"{}\"", time(at))).unwrap_or_default();
    format!(
        "{{\"agent_type\":\"{agent}\",\"event_type\":\"{kind}\",\"timestamp\":\"{}\"{reset}}}\n",
        time(at)
    )
}

/// A line of `quota.jsonl` about a window that is used up for an hour; with `None` nothing is known any more.
fn quota(scope: &str, used: Option<f64>) -> String {
    let window = |used| {
        format!("{{\"name\":\"five_hour\",\"used\":{used},\"resets_at\":\"{}\"}}", time(in_seconds(3600)))
    };
    let windows = used.map(window).unwrap_or_default();
    let at = time(in_seconds(0));
    format!("{{\"v\":1,\"scope\":\"{scope}\",\"source\":\"test\",\"at\":\"{at}\",\"windows\":[{windows}]}}\n")
}

fn append(sandbox: &Sandbox, path: &str, line: &str) {
    let mut file =
        std::fs::File::options().create(true).append(true).open(sandbox.repo().join(path)).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

fn log(sandbox: &Sandbox) -> String {
    let relays = sandbox.home().join(".local/share/rally/relays");
    let Some(Ok(folder)) = std::fs::read_dir(relays).ok().and_then(|mut found| found.next()) else {
        return String::new();
    };
    std::fs::read_to_string(folder.path().join("relay-1.log")).unwrap_or_default()
}

fn wait_for_log(sandbox: &Sandbox, words: &str) {
    sandbox.wait_for(words, || log(sandbox).contains(words));
}

/// What a relay said whose wait is over: far sooner than its wait would have ended by itself.
fn ended(mut relay: Running<'_>) -> Output {
    assert!(relay.ends_within(Duration::from_secs(60)), "it still waits");
    relay.finish()
}

fn working() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo x > made-$N.txt; result ok");
    sandbox
}

// 30-S12, 30-10.5, 30-P8, 50-R24: pause, freeze, bench and a used-up window each end at their time
#[test]
fn a_wait_ends_when_its_reason_does() {
    for (kind, hours) in [("paused", Some(1)), ("frozen", Some(5)), ("benched", None)] {
        // A machine that is busy may take longer to get to its wait than the wait takes.
        let (sandbox, output, end) = [2, 10, 40]
            .into_iter()
            .map(|seconds| {
                let sandbox = working();
                sandbox.configure("[reliability]\nmax_wait_secs = 60\n");
                let end = in_seconds(seconds);
                let line = match hours {
                    Some(hours) => event("claude", kind, end - SignedDuration::from_hours(hours), None),
                    None => event("claude", kind, in_seconds(0), Some(end)),
                };
                sandbox.write(STATUS, &line);
                let output = sandbox.relay(&["--agent", "cc", "work"]);
                assert!(output.status.success(), "{kind}: {}{}", stdout(&output), stderr(&output));
                (sandbox, output, end)
            })
            .find(|(sandbox, ..)| log(sandbox).contains("waiting"))
            .unwrap();
        let log = log(&sandbox);
        let why = if kind == "frozen" { "frozen" } else { "paused" };
        let verb = if kind == "benched" { "resets" } else { "until" };
        let told: Vec<&str> = log.lines().filter(|line| line.contains("waiting")).collect();
        assert_eq!(told.len(), 1, "once: {log}");
        assert!(told[0].contains(&format!("relay 1 all agents {why}, waiting ")), "{}", told[0]);
        assert!(told[0].contains(&format!(" (claude, {verb} ")), "{}", told[0]);
        assert!(told[0].ends_with(&end.strftime("%H:%M)").to_string()), "{}", told[0]);
        assert!(log.contains("wait ended"), "{log}");
        assert!(stdout(&output).contains(&format!("all agents {why}, waiting ")), "{}", stdout(&output));
        let started: Timestamp = sandbox.tries()[0]["started_at"].as_str().unwrap().parse().unwrap();
        assert!(started >= end, "{kind}: {started} {end}");
    }
}

// 30-P8, 10-8.2. Deviation: the relay stays open, and the reason names the key that can change it.
#[test]
fn a_wait_that_is_too_long_ends_the_pass_and_not_the_relay() {
    for (kind, hours) in [("paused", 1), ("frozen", 5)] {
        let sandbox = working();
        sandbox.configure("[reliability]\nmax_wait_secs = 60\n");
        let now = in_seconds(0);
        sandbox.write(STATUS, &event("claude", kind, now, None));
        let output = ended(sandbox.start_relay(&["--agent", "cc", "work"]));
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        // With the day before it, if it is another one.
        let until = (now + SignedDuration::from_hours(hours)).strftime("%H:%M");
        let why = format!("all agents {kind} until ");
        let bound = format!("{until}, longer than [reliability].max_wait_secs (60 s)");
        for text in [stdout(&output), log(&sandbox)] {
            assert!(text.contains(&why) && text.contains(&bound), "{text}");
            assert!(!text.contains("waiting"), "{text}");
        }
        assert!(sandbox.tries().is_empty() && sandbox.relays()[0]["ended_at"].is_null());
        append(&sandbox, STATUS, &event("claude", "active", in_seconds(0), None));
        let output = sandbox.relay(&["--resume"]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert_eq!(sandbox.relays().len(), 1);
        assert!(!sandbox.relays()[0]["ended_at"].is_null());
    }
}

// 30-S15, 30-R7. Deviation: the relay stays open.
#[test]
fn a_relay_whose_agents_were_all_unavailable_can_be_resumed() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; failed 'Invalid API key'; exit 1");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("all agents unavailable"), "{}", stdout(&output));
    assert!(sandbox.relays()[0]["ended_at"].is_null());
    sandbox.claude("init; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.relays().len(), 1);
    assert!(stdout(&output).contains("Relay complete"), "{}", stdout(&output));
}

// 30-174: signals end a wait and leave no trace in records or health
#[test]
fn a_wait_is_ended_by_a_signal() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let sandbox = working();
        let paused = event("claude", "paused", in_seconds(0), None);
        sandbox.write(STATUS, &paused);
        let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
        wait_for_log(&sandbox, "all agents paused, waiting 1h 0m (claude, until ");
        relay.signal(signal);
        let output = ended(relay);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(sandbox.tries().is_empty());
        assert_eq!(sandbox.read(STATUS), paused);
        assert!(sandbox.relays()[0]["ended_at"].is_null(), "resumable");
        let log = log(&sandbox);
        assert!(log.contains("wait ended") && log.contains("ended by signal"), "{log}");
    }
}

// 30-P11: what another process says counts within a moment
#[test]
fn a_wait_is_ended_by_another_process() {
    let pause = event("claude", "paused", in_seconds(0), None);
    let exhausted = quota("claude", Some(1.0));
    for (path, before, after) in [
        (STATUS, &pause, event("claude", "active", in_seconds(0), None)),
        (QUOTA, &exhausted, quota("claude", None)),
        (QUOTA, &exhausted, quota("claude", Some(0.2))),
    ] {
        let sandbox = working();
        sandbox.write(path, before);
        let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
        wait_for_log(&sandbox, "all agents paused, waiting ");
        // News about somebody else changes nothing, and is no new wait.
        append(&sandbox, STATUS, &event("codex", "paused", in_seconds(0), None));
        append(&sandbox, path, &after);
        let output = ended(relay);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert_eq!(log(&sandbox).matches("waiting").count(), 1, "{}", log(&sandbox));
    }
}

// A file that is written anew has the same meaning as one that grew
#[test]
fn a_health_file_that_was_taken_away_is_noticed() {
    let sandbox = working();
    sandbox.write(STATUS, &event("claude", "frozen", in_seconds(0), None));
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    wait_for_log(&sandbox, "all agents frozen, waiting ");
    std::fs::remove_file(sandbox.repo().join(STATUS)).unwrap();
    let output = ended(relay);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

// 50-R24: what is told while somebody works counts before the next pick
#[test]
fn a_window_that_fills_up_during_a_run_is_not_launched_into() {
    for (path, line) in [
        (QUOTA, quota("c", Some(1.0))),
        (STATUS, event("c", "benched", in_seconds(0), Some(in_seconds(3600)))),
    ] {
        let sandbox = with_hands();
        sandbox.configure(&format!("[routes]\ndefault = [\"b:1\", \"c:1\"]\n{HANDS}"));
        let notes = sandbox.notes();
        let notes = notes.display();
        sandbox.program(
            "b",
            &format!(
                "cat > /dev/null; touch {notes}/b; while [ ! -e {notes}/go ]; do sleep 0.02; done
                 echo b >> order.txt; echo done"
            ),
        );
        let relay = sandbox.start_relay(&["-i", "2", "work"]);
        sandbox.wait_for_note("b");
        append(&sandbox, path, &line);
        sandbox.release("go");
        let output = ended(relay);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert_eq!(order(&sandbox), "b b");
    }
}

// 30-O12: a pause between two attempts is told, and ended by whoever calls the runner healthy
#[test]
fn a_cooldown_is_seen_and_can_be_skipped() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(LIMITED);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    wait_for_log(&sandbox, "rate limit, retrying in 4m");
    let status = stdout(&sandbox.rally(["status"]).output().unwrap());
    assert!(status.contains("last word") && status.contains("rate limit, retrying in 4m"), "{status}");
    append(&sandbox, STATUS, &event("codex", "active", in_seconds(0), None));
    let cleared = sandbox.rally(["runners", "clear", "cc"]).output().unwrap();
    assert_eq!(
        stdout(&cleared),
        "claude: was healthy; should the relay wait to try it again, it goes on\n",
        "{}",
        stderr(&cleared)
    );
    let output = ended(relay);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!((tries.len(), &tries[1]["outcome"]), (2, &"completed".into()));
    assert_eq!(tries[0]["run_id"], tries[1]["run_id"], "the run goes on");
}

// A provider's wait is not over because rally was
#[test]
fn a_cooldown_goes_on_after_a_restart() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(LIMITED);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    wait_for_log(&sandbox, "rate limit, retrying in 4m");
    relay.kill();
    let relay = sandbox.start_relay(&["--resume"]);
    sandbox.wait_for("the wait", || log(&sandbox).matches("rate limit, retrying in").count() == 2);
    assert_eq!(sandbox.note("n").trim(), "1", "nobody is launched meanwhile");
    assert!(sandbox.rally(["runners", "clear", "cc"]).output().unwrap().status.success());
    let output = ended(relay);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().len(), 2);
}

// 30-O12, 30-174
#[test]
fn a_cooldown_is_ended_by_a_signal() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(LIMITED);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    wait_for_log(&sandbox, "rate limit, retrying in 4m");
    relay.signal("TERM");
    let output = ended(relay);
    assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
    assert_eq!(sandbox.tries().len(), 1);
    assert!(!sandbox.repo().join(STATUS).exists());
}

// The pause between two cycles is a wait like any other
#[test]
fn a_back_off_between_cycles_is_seen_and_can_be_skipped() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\n");
    sandbox.claude(LIMITED);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    wait_for_log(&sandbox, "every agent has failed, trying again in 4m");
    append(&sandbox, STATUS, &event("claude", "active", in_seconds(0), None));
    let output = ended(relay);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_ne!(tries[0]["run_id"], tries[1]["run_id"]);
}

// 50-R9: rally was stopped when its wait ended, and goes on at once when it may
#[test]
fn a_wait_that_ended_while_rally_was_stopped_is_over() {
    let sandbox = working();
    let end = in_seconds(4);
    sandbox.write(STATUS, &event("claude", "benched", in_seconds(0), Some(end)));
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    wait_for_log(&sandbox, "all agents paused, waiting ");
    relay.signal("STOP");
    sandbox.wait_for("the end of the bench", || in_seconds(0) > end);
    relay.signal("CONT");
    let output = ended(relay);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

// 30-10.5, 30-175: a countdown that is painted over, for a person who ends it with Ctrl+C twice
#[test]
fn a_terminal_shows_a_countdown() {
    let sandbox = working();
    let minute_ahead = in_seconds(58) - SignedDuration::from_hours(1);
    sandbox.write(STATUS, &event("claude", "paused", minute_ahead, None));
    let mut terminal = Terminal::start(&sandbox.rally(["relay", "--agent", "cc", "work"]), 30, 80);
    let seconds = || {
        let text = terminal.shown();
        let rest = text.split("all agents paused, waiting ").nth(1)?;
        let (seconds, rest) = rest.split_once("s (claude, until ")?;
        rest.contains(')').then(|| seconds.parse::<u32>().ok())?
    };
    sandbox.wait_for("a countdown", || seconds().is_some());
    let first = seconds().unwrap();
    sandbox.wait_for("it to count", || seconds().is_some_and(|now| now < first));
    let text = terminal.shown();
    assert_eq!(text.matches("all agents paused").count(), 1, "painted over: {text}");
    terminal.press(b"\x03");
    sandbox.wait_for("the hint", || terminal.shown().contains("press Ctrl+C again to quit now"));
    terminal.press(b"\x03");
    assert_eq!(terminal.finish(), 130);
    let text = terminal.shown();
    assert!(!text.contains("all agents paused"), "nothing is left of it: {text}");
    assert!(sandbox.tries().is_empty());
}
