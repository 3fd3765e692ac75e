//! How an agent is started, and what it is given.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use pretty_assertions::assert_eq;
use rally::process::protocol::{self, Message, Refusal};
use rally::process::{TreeSignal, by_tag};

use super::*;

/// The error of a start that must fail; nothing may be left.
async fn failure(scene: &Scene, change: impl FnOnce(&mut Spawn)) -> SpawnError {
    let mut spec = scene.sh("exit 0");
    change(&mut spec);
    let error = start(spec).await.expect_err("it should not start");
    assert_eq!(by_tag(&scene.tag), []);
    error
}

#[test]
fn an_agent_has_an_identity_a_group_and_its_guards_session() {
    // AF-EX-01, last part: the pid is greater than 0.
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("exec sleep 1000").await;
        let (process, guard) = (agent.identity().clone(), agent.guard_identity().clone());
        assert!(process.pid > 0 && guard.pid > 0);
        assert!(identity::is_alive(&process) && identity::is_alive(&guard));
        let stat = procfs::process::Process::new(process.pid).unwrap().stat().unwrap();
        assert_eq!((stat.ppid, stat.pgrp, stat.session), (guard.pid, process.pid, guard.pid));
        agent.signal(TreeSignal::Kill);
        assert_eq!(see_off(&mut agent).await, (Exit::Signal(9), vec![], vec![]));
        gone(&[process, guard]).await;
    });
}

#[test]
fn the_agent_is_tagged_and_the_guard_shows_nothing() {
    run(async {
        let scene = Scene::new();
        let mut spec = scene.sh("echo \"$RALLY_TRY $EXTRA ${HOME:+home}\"; read wait < gate");
        spec.env = vec![("EXTRA".into(), "with space".into())];
        rustix::fs::mknodat(rustix::fs::CWD, scene.path("gate"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
        let mut agent = start(spec).await.unwrap();
        let guard = format!("/proc/{}", agent.guard_identity().pid);
        let environment = std::fs::read(format!("{guard}/environ")).unwrap();
        assert!(!String::from_utf8_lossy(&environment).contains(&scene.tag));
        // The script is the prompt here: `ps` must not show it.
        assert_eq!(std::fs::read(format!("{guard}/cmdline")).unwrap(), b"rally\0guard\0");
        std::fs::write(scene.path("gate"), "\n").unwrap();
        let output = drain(agent.take_stdout().unwrap()).await;
        assert_eq!(String::from_utf8(output).unwrap(), format!("{} with space home\n", scene.tag));
        assert_eq!(see_off(&mut agent).await.0, Exit::Code(0));
    });
}

#[test]
fn the_agent_gets_its_standard_streams_and_no_other_descriptor() {
    // 50-R6.
    run(async {
        let scene = Scene::new();
        let guard = guard_after(&scene, "exec 7> leaked 8<&0");
        let spec = Spawn {
            confined: None,
            stdin: Some(b"prompt".to_vec()),
            separate_stderr: true,
            ..scene.sh("exec ls /proc/self/fd")
        };
        let mut agent = guard.spawn(spec).await.unwrap();
        let output = drain(agent.take_stdout().unwrap()).await;
        // 3 is the folder that `ls` reads.
        assert_eq!(String::from_utf8(output).unwrap(), "0\n1\n2\n3\n");
        see_off(&mut agent).await;
    });
}

/// A guard that inherits what a shell did before.
fn guard_after(scene: &Scene, prelude: &str) -> GuardProgram {
    let wrapper = scene.path("wrapper");
    let rally = Sandbox::rally_path().display();
    let script = format!("#!/bin/sh\n{prelude}\nexec '{rally}' \"$@\"\n");
    // Written by another process: see the note on ETXTBSY above.
    let write = format!("cat > '{0}' && chmod +x '{0}'", wrapper.display());
    let mut writer =
        std::process::Command::new("sh").args(["-c", &write]).stdin(Stdio::piped()).spawn().unwrap();
    writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
    GuardProgram::at(wrapper)
}

#[test]
fn what_rally_found_ignored_is_not_passed_on() {
    run(async {
        let scene = Scene::new();
        let guard = guard_after(&scene, "trap '' INT QUIT HUP TERM TSTP");
        let mut agent = guard.spawn(scene.sh("exec grep SigIgn /proc/self/status")).await.unwrap();
        let output = drain(agent.take_stdout().unwrap()).await;
        let text = String::from_utf8(output).unwrap();
        let ignored = u64::from_str_radix(text.trim_start_matches("SigIgn:").trim(), 16).unwrap();
        // Above 31 are the real-time signals, which nobody sends.
        assert_eq!(ignored & 0x7fff_ffff, 0, "{text}");
        see_off(&mut agent).await;
    });
}

#[test]
fn the_agent_dies_first_when_memory_runs_out() {
    run(async {
        let own: i32 = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap().trim().parse().unwrap();
        let scene = Scene::new();
        // The guard takes its own score back right after the start.
        let script = format!(
            "cat /proc/self/oom_score_adj; until grep -qx -- {own} /proc/$PPID/oom_score_adj; do sleep 0.01; done"
        );
        let (_, output) = whole_run(scene.sh(&script)).await;
        assert_eq!(String::from_utf8(output).unwrap(), format!("{}\n", (own + 500).min(1000)));
    });
}

#[test]
fn arguments_of_any_bytes_and_megabytes_arrive() {
    run(async {
        let scene = Scene::new();
        let mut spec = scene.sh("printf '%s|' \"$1\" \"$2\"; shift 2; printf '%s' \"$@\" | wc -c");
        spec.args.push("name".into());
        spec.args.push(OsString::from_vec(b"\xff\xfe".to_vec()));
        spec.args.push("-\n\"".into());
        spec.args.extend(std::iter::repeat_n(OsString::from("x".repeat(100_000)), 15));
        let (exit, output) = whole_run(spec).await;
        assert_eq!(exit, Exit::Code(0));
        assert_eq!(output, b"\xff\xfe|-\n\"|1500000\n");
    });
}

#[test]
fn a_missing_program_is_named() {
    run(async {
        let scene = Scene::new();
        let error = failure(&scene, |spec| spec.program = "no-such-agent".into()).await;
        assert_eq!(error.to_string(), "program no-such-agent not found: install it or put it on PATH");
        assert!(matches!(error, SpawnError::NotFound { .. }));
        let error = failure(&scene, |spec| spec.program = "./no/such/agent".into()).await;
        assert!(matches!(error, SpawnError::NotFound { .. }), "{error}");
        let error = failure(&scene, |spec| spec.env = vec![("PATH".into(), "/nowhere".into())]).await;
        assert!(matches!(error, SpawnError::NotFound { .. }), "{error}");
    });
}

#[test]
fn a_file_that_cannot_be_executed_is_told_with_the_reason() {
    run(async {
        let scene = Scene::new();
        let file = scene.path("agent");
        std::fs::write(&file, "#!/no/such/shell\n").unwrap();
        let error = failure(&scene, |spec| spec.program = file.clone().into()).await;
        assert!(
            matches!(&error, SpawnError::NotExecutable { why, .. } if why.contains("chmod +x")),
            "{error}"
        );
        let error = failure(&scene, |spec| spec.program = scene.folder.path().into()).await;
        assert!(matches!(&error, SpawnError::NotExecutable { why, .. } if why.contains("folder")), "{error}");
    });
}

#[test]
fn too_long_arguments_and_other_refusals_are_told() {
    run(async {
        let scene = Scene::new();
        let error = failure(&scene, |spec| spec.args.push("x".repeat(200_000).into())).await;
        assert!(matches!(error, SpawnError::TooLong { .. }), "{error}");
        let error = failure(&scene, |spec| spec.args.push("a\0b".into())).await;
        assert!(matches!(error, SpawnError::Failed { .. }), "{error}");
        let error = failure(&scene, |spec| spec.cwd = "/no/such/folder".into()).await;
        assert!(error.to_string().contains("working directory /no/such/folder is missing"), "{error}");
        let error = GuardProgram::at("/no/such/rally").spawn(scene.sh("exit 0")).await.unwrap_err();
        assert!(matches!(error, SpawnError::Guard(_)), "{error}");
        let error = GuardProgram::at("true").spawn(scene.sh("exit 0")).await.unwrap_err();
        assert!(matches!(error, SpawnError::Guard(_)), "{error}");
    });
}

#[test]
fn a_start_that_is_given_up_leaves_nothing() {
    // AF-EX-08: cancelling before the process exists is no error.
    run(async {
        for polls in 0..20 {
            let scene = Scene::new();
            let spawning = start(scene.sh("exec sleep 1000"));
            tokio::select! {
                biased;
                agent = spawning => drop(agent.unwrap()),
                () = async { for _ in 0..polls { tokio::task::yield_now().await } } => {}
            }
            let environment = format!("RALLY_TRY={}", scene.tag);
            // The guard may be about to start it: nothing lasts.
            eventually("the end of the given up agent", || !anything_has(&environment)).await;
        }
    });
}

fn anything_has(variable: &str) -> bool {
    procfs::process::all_processes().unwrap().flatten().any(|process| {
        let bytes = std::fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        bytes.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    })
}

#[test]
fn a_guard_started_by_hand_says_so() {
    let scene = Sandbox::without_repository();
    let output = scene.rally(["guard"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = crate::support::stderr(&output);
    assert!(text.contains("a guard is started by rally itself"), "{text}");
}

#[test]
fn a_guard_answers_nonsense_with_a_refusal() {
    for (line, expected) in [
        ("hello\n", "not a line of the guard protocol"),
        ("{\"v\":9,\"say\":\"reap\"}\n", "version 9"),
        ("{\"v\":1,\"say\":\"reap\"}\n", "the first line is not a start"),
        (
            "{\"v\":1,\"say\":{\"start\":{\"program\":\"true\",\"args\":[],\"env\":[],\"tag\":\"t\",\"pipes\":[\"stdout\"]}}}\n",
            "1 pipes announced, 0 descriptors came",
        ),
    ] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut guard = std::process::Command::new(Sandbox::rally_path())
            .arg("guard")
            .stdin(std::os::fd::OwnedFd::from(theirs))
            .spawn()
            .unwrap();
        ours.write_all(line.as_bytes()).unwrap();
        let mut answer = Vec::new();
        ours.read_to_end(&mut answer).unwrap();
        let Message::Refused(Refusal::Failed(why)) = protocol::decode(&answer).unwrap() else { panic!() };
        assert!(why.contains(expected), "{why}");
        assert!(guard.wait().unwrap().success());
    }
}
