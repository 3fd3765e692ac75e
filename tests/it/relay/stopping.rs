//! Signals, job control and sudden death.

use std::io::{Read, Write};
use std::process::Command;

use crate::support::{Sandbox, stderr, stdout, under_nohup};

/// Each signal against each kind of agent. 50-R4, 20-AF-KL-03, -04
#[test]
fn every_signal_ends_every_agent() {
    let agents = [
        ("obeys", "trap 'exit 0' INT TERM; init; here; while :; do sleep 0.05; done"),
        ("ignores INT", "trap '' INT; init; here; while :; do sleep 0.05; done"),
        (
            "ignores INT and TERM",
            "trap '' INT TERM; (trap '' INT TERM; sleep 600) & init; here; while :; do sleep 0.05; done",
        ),
    ];
    std::thread::scope(|scope| {
        for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129), ("QUIT", 131)] {
            if signal == "HUP" && under_nohup() {
                continue;
            }
            scope.spawn(move || {
                for (kind, script) in agents {
                    let sandbox = Sandbox::initialised();
                    sandbox.claude(script);
                    let relay = sandbox.start_relay(&["-i", "2", "--agent", "cc", "work"]);
                    sandbox.wait_for_note("here.1");
                    relay.signal(signal);
                    let output = relay.finish();
                    assert_eq!(output.status.code(), Some(code), "{signal}, {kind}: {}", stderr(&output));
                    let tries = sandbox.tries();
                    assert_eq!(tries.len(), 1, "{signal}, {kind}");
                    assert_eq!(tries[0]["outcome"], "cancelled", "{signal}, {kind}");
                    assert_eq!(tries[0]["cancellation_source"], "signal");
                    assert!(tries[0]["category"].is_null());
                    assert!(sandbox.relays()[0]["ended_at"].is_null(), "resumable");
                    assert!(sandbox.alive().is_empty(), "{signal}, {kind}: {:?}", sandbox.alive());
                }
            });
        }
    });
}

#[test]
fn a_second_signal_kills_at_once() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("trap '' INT TERM; trap : USR1; init; here; while :; do sleep 0.05; done");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.signal("TERM");
    let log = log_folder(&sandbox, "relays").join("relay-1.log");
    sandbox.wait_for("the ladder to begin", || {
        std::fs::read_to_string(&log).unwrap_or_default().contains("INT")
    });
    relay.signal("TERM");
    let output = relay.finish();
    assert_eq!(output.status.code(), Some(143));
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("KILL") && !text.contains("sends TERM"), "{text}");
    assert!(sandbox.alive().is_empty());
}

fn log_folder(sandbox: &Sandbox, kind: &str) -> std::path::PathBuf {
    let folder = sandbox.home().join(".local/share/rally").join(kind);
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

// nohup: an ignored HUP stays ignored
#[test]
fn a_hang_up_that_was_ignored_stays_ignored() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("here; await go; init; echo x > made.txt; result ok");
    let script = format!("trap '' HUP; exec {} relay --agent cc work", Sandbox::rally_path().display());
    let mut rally = sandbox.command("sh").args(["-c", &script]).spawn().unwrap();
    sandbox.wait_for_note("here.1");
    let pid = rally.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    sandbox.release("go");
    assert!(rally.wait().unwrap().success());
    assert_eq!(sandbox.tries()[0]["outcome"], "completed");
}

// 50-R1: four kinds of descendants after kill -9 of rally
#[test]
fn nothing_survives_the_death_of_rally() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "trap '' INT TERM HUP; sleep 600 & setsid sleep 601 & (setsid sh -c 'sleep 602 & exit' &) ; \
         nohup sleep 603 >/dev/null 2>&1 & init; here; while :; do sleep 0.05; done",
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    assert!(sandbox.alive().len() >= 6, "the scene is set: {:?}", sandbox.alive());
    relay.kill();
    sandbox.wait_until_nobody_is_left();
}

// 50-R2: guard and rally both dead; the next start sweeps by the tag
#[test]
fn what_survives_guard_and_rally_is_swept_at_the_next_start() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "if [ $N = 1 ]; then trap '' INT TERM; here; sleep 600; fi; init; echo x > made.txt; result ok",
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let journal = sandbox.records(".rally/state/journal.jsonl");
    let guard =
        journal.iter().find(|line| line["fact"] == "try_spawned").unwrap()["guard"]["pid"].as_i64().unwrap();
    for pid in [relay.pid().to_string(), guard.to_string()] {
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }
    for pid in [guard.to_string(), relay.pid().to_string()] {
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }
    let _ = relay.finish();
    assert!(!sandbox.alive().is_empty(), "the agent survived both");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries[0]["outcome"], "interrupted");
    assert!(!tries[0]["leftovers"].as_array().unwrap().is_empty());
    assert!(sandbox.alive().is_empty());
}

// The guard alone is killed: its tree falls to rally, which ends it and goes on
#[test]
fn a_killed_guard_fails_the_try_and_leaks_nothing() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("if [ $N = 1 ]; then setsid sleep 600 & init; here; sleep 601; fi; init; echo x > made.txt; result ok");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let spawned = || {
        sandbox.records(".rally/state/journal.jsonl").into_iter().find(|line| line["fact"] == "try_spawned")
    };
    sandbox.wait_for("the journal to tell", || spawned().is_some());
    let guard = spawned().unwrap()["guard"]["pid"].to_string();
    assert!(Command::new("kill").args(["-KILL", &guard]).status().unwrap().success());
    let output = relay.finish();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries()[0]["outcome"], "failed");
    assert_eq!(sandbox.tries()[1]["outcome"], "completed");
    assert!(sandbox.alive().is_empty());
}

// 50-R5: Ctrl+Z stops the agent's tree too, and no clock runs meanwhile
#[test]
fn a_stopped_job_stops_its_agent_and_goes_on() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\ntry_timeout_secs = 4\n");
    sandbox.claude("init; here; await go; echo x > made.txt; result ok");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let state = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next())
    };
    relay.signal("TSTP");
    sandbox.wait_for("rally to stop", || state(relay.pid()) == Some('T'));
    let journal = sandbox.records(".rally/state/journal.jsonl");
    let agent =
        journal.iter().find(|line| line["fact"] == "try_spawned").unwrap()["agent"]["pid"].as_i64().unwrap();
    let agent = i32::try_from(agent).unwrap();
    sandbox.wait_for("the agent to stop", || state(agent) == Some('T'));
    // Longer than the cap: had the clock run, the try would be over.
    std::thread::sleep(std::time::Duration::from_secs(5));
    relay.signal("CONT");
    sandbox.release("go");
    let output = relay.finish();
    assert!(output.status.success(), "{}", stdout(&output));
    assert_eq!(sandbox.tries()[0]["outcome"], "completed");
    assert!(sandbox.tries()[0]["runtime_ms"].as_u64().unwrap() < 4000);
}

// At a terminal Ctrl+C is pressed twice
#[test]
fn at_a_terminal_one_interrupt_arms_and_the_second_quits() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("trap 'exit 0' INT; init; here; while :; do sleep 0.05; done");
    let pty = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).unwrap();
    let command = sandbox.in_terminal(&["relay", "--agent", "cc", "work"]);
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let screen = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    sandbox.wait_for_note("here.1");
    let mut keys = pty.master.take_writer().unwrap();
    keys.write_all(b"\x03").unwrap();
    let log = log_folder(&sandbox, "relays").join("relay-1.log");
    sandbox
        .wait_for("the hint", || std::fs::read_to_string(&log).unwrap_or_default().contains("again to quit"));
    assert!(child.try_wait().unwrap().is_none(), "one press ends nothing");
    keys.write_all(b"\x03").unwrap();
    let status = child.wait().unwrap();
    drop((keys, pty.master));
    assert_eq!(status.exit_code(), 130, "{}", screen.join().unwrap());
    assert_eq!(sandbox.tries()[0]["cancellation_source"], "quit_now");
    sandbox.wait_until_nobody_is_left();
}
