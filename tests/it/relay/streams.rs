//! What agents print, and what it means.

use crate::support::{Sandbox, SmallDisk, stderr, stdout};

/// One attempt, so that a failing agent ends the pass at once.
fn strict(extra: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n{extra}"));
    sandbox
}

fn only_try(sandbox: &Sandbox) -> serde_json::Value {
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1, "{tries:?}");
    tries[0].clone()
}

#[test]
fn exit_zero_without_an_end_event_is_no_success() {
    let sandbox = strict("");
    sandbox.claude("init; say working; echo x > made.txt; exit 0");
    assert_eq!(sandbox.relay(&["--agent", "cc", "work"]).status.code(), Some(1));
    let record = only_try(&sandbox);
    assert_eq!((&record["completed"], &record["outcome"]), (&false.into(), &"failed".into()));
    assert_eq!(record["session_id"], "session-1", "the session is known also when the try fails");
}

#[test]
fn an_error_result_fails_whatever_the_subtype_and_the_exit_code_say() {
    let sandbox = strict("");
    sandbox.claude("init; echo x > made.txt; failed 'API Error: 400 bad'; exit 0");
    assert_eq!(sandbox.relay(&["--agent", "cc", "work"]).status.code(), Some(1));
    assert_eq!(only_try(&sandbox)["completed"], false);

    let sandbox = strict("");
    sandbox.claude("init; echo x > made.txt; failed broken error_during_execution; exit 0");
    assert_eq!(sandbox.relay(&["--agent", "cc", "work"]).status.code(), Some(1));
}

#[test]
fn the_last_of_several_results_counts() {
    let sandbox = strict("");
    sandbox.claude("init; failed first; init; echo x > made.txt; say more; result second");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stdout(&output));
    assert_eq!(only_try(&sandbox)["summary"], "second");
}

#[test]
fn cost_is_of_this_try_alone_although_the_cli_counts_the_session() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; COST=0.0$N; if [ $N = 1 ]; then COST=0.01; result one >/dev/null; \
         echo '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"no\",\"session_id\":\"'$SESSION'\",\"total_cost_usd\":0.25}'; exit 1; fi; \
         COST=0.75; echo x > made.txt; result done",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stdout(&output));
    let costs: Vec<f64> = sandbox.tries().iter().map(|t| t["cost_usd"].as_f64().unwrap()).collect();
    assert_eq!(costs, [0.25, 0.5]);
}

// 50-R17, R18, 20-AF-EX-01: hostile output
#[test]
fn one_huge_line_garbage_and_half_a_line_do_no_harm() {
    let sandbox = strict("");
    sandbox.claude(
        "init; head -c 52428800 /dev/zero | tr '\\0' 'a'; echo; printf '\\377\\376 no text\\n'; \
         echo '{\"type\":\"assistant\", broken'; echo x > made.txt; result fine; printf '{\"type\":\"half'",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let record = only_try(&sandbox);
    assert_eq!(record["summary"], "fine");
    let log = std::fs::metadata(record["log_path"].as_str().unwrap()).unwrap();
    assert!(log.len() > 52_428_800, "the transcript has every byte");
}

// 50-R6: nothing is inherited; a reader of standard input sees its end
#[test]
fn standard_input_ends_and_nothing_else_is_inherited() {
    let sandbox = strict("");
    sandbox.configure(
        "[harness.reader]\ncommand = [\"reader\", \"$PROMPT\"]\n[reliability]\nretry_budget = 1\n",
    );
    sandbox.program("reader", "cat; ls -l /proc/self/fd > fds.txt; echo done");
    let output = sandbox.relay(&["--agent", "reader", "work"]);
    assert!(output.status.success(), "{}", stdout(&output));
    let fds = sandbox.read("fds.txt");
    let open: Vec<&str> = fds.lines().filter(|line| line.contains("->")).collect();
    // 0, 1, 2, and the folder that ls itself reads.
    assert!(open.len() <= 4, "{fds}");
}

// 50-R7: the end event came, the exit did not
#[test]
fn an_agent_that_ends_but_never_exits_has_still_completed() {
    let sandbox = strict("");
    sandbox.claude("init; echo x > made.txt; result fine; trap '' INT; sleep 600");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stdout(&output));
    assert_eq!(only_try(&sandbox)["outcome"], "completed");
    sandbox.wait_until_nobody_is_left();
}

// 50-R1, R6: what outlives the agent is listed and reaped, and does not delay the end
#[test]
fn leftovers_are_listed_and_reaped() {
    let sandbox = strict("");
    sandbox.claude("init; setsid sleep 600 & sleep 601 & echo x > made.txt; result fine");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stdout(&output));
    let record = only_try(&sandbox);
    let leftovers = record["leftovers"].as_array().unwrap();
    assert_eq!(leftovers.len(), 2, "{leftovers:?}");
    assert!(leftovers.iter().any(|l| l["command"].as_str().unwrap().contains("sleep 600")), "{leftovers:?}");
    assert!(sandbox.alive().is_empty());
}

// 50-R7: not one byte from a CLI that speaks a stream
#[test]
fn silence_at_the_start_is_retried_as_a_hang() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nstartup_timeout_secs = 1\n");
    sandbox.claude("if [ $N = 1 ]; then sleep 600; fi; init; echo x > made.txt; result fine");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}", stdout(&output));
    let first = &sandbox.tries()[0];
    assert_eq!((&first["category"], &first["cause"]), (&"transient_infra".into(), &"startup_hang".into()));
    sandbox.wait_until_nobody_is_left();
}

#[test]
fn a_try_that_reaches_its_cap_is_cut_and_its_work_kept() {
    let sandbox = strict("try_timeout_secs = 1\n");
    sandbox.claude("init; echo half > made.txt; sleep 600");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1));
    let record = only_try(&sandbox);
    assert_eq!((&record["outcome"], &record["fail_reason"]), (&"run_timeout".into(), &"try timeout".into()));
    assert_eq!(sandbox.git(["show", "HEAD:made.txt"]), "half");
    assert!(stdout(&output).contains("try timeout"), "{}", stdout(&output));
    assert!(sandbox.alive().is_empty());
}

#[test]
fn background_tasks_are_waited_for() {
    let sandbox = strict("");
    sandbox.claude(
        "init; echo '{\"type\":\"system\",\"subtype\":\"background_tasks_changed\",\"tasks\":[{\"id\":\"b1\"}],\"session_id\":\"s\"}'; \
         result early; here; await go; \
         echo '{\"type\":\"system\",\"subtype\":\"background_tasks_changed\",\"tasks\":[],\"session_id\":\"s\"}'; \
         init; echo x > made.txt; say late; result late",
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    sandbox.release("go");
    assert!(relay.finish().status.success());
    assert_eq!(only_try(&sandbox)["summary"], "late");
}

#[test]
fn a_prompt_that_cannot_be_passed_is_one_attempt_and_said() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[harness.argful]\ncommand = [\"argful\", \"$PROMPT\"]\n");
    sandbox.program("argful", "echo hi");
    sandbox.write("task.md", &"x".repeat(200_000));
    let output = sandbox.relay(&["--agent", "argful", "--prompt-file", "task.md"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert_eq!(only_try(&sandbox)["category"], "harness_launch");
    assert!(stdout(&output).contains("does not fit"), "{}", stdout(&output));
}

// An agent that never stops printing does not outrun the clock
#[test]
fn a_flood_does_not_outrun_the_cap() {
    let sandbox = strict("try_timeout_secs = 1\n");
    sandbox.configure("[harness.flood]\ncommand = [\"flood\"]\n[reliability]\nretry_budget = 1\nmax_failed_runs = 1\ntry_timeout_secs = 1\n");
    sandbox.program("flood", "exec yes");
    let output = sandbox.relay(&["--agent", "flood", "work"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(only_try(&sandbox)["outcome"], "run_timeout");
}

// A transcript inside a tool's output is not this session's end
#[test]
fn an_event_inside_a_broken_line_is_no_end_event() {
    let sandbox = strict("");
    sandbox.claude(
        "init; echo x > made.txt; printf '%s' '{\"type\":\"user\",\"tool_use_result\":[{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"nested\",\"session_id\":\"session-1\"}],\"y\":\"cut'; kill -9 $$",
    );
    assert_eq!(sandbox.relay(&["--agent", "cc", "work"]).status.code(), Some(1));
    assert_eq!(only_try(&sandbox)["completed"], false);
}

// 50-R16: a full disk is waited out; nothing is lost and nothing is done twice
#[test]
fn a_full_state_folder_is_waited_out() {
    let sandbox = Sandbox::initialised();
    let Some(disk) = SmallDisk::mount(&sandbox.repo().join(".rally/state")) else { return };
    sandbox.claude("init; echo x > made.txt; here; await go; result ok");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let filler = disk.fill();
    sandbox.release("go");
    let logs = sandbox.home().join(".local/share/rally/relays");
    let folder = std::fs::read_dir(logs).unwrap().next().unwrap().unwrap().path();
    let log = folder.join("relay-1.log");
    sandbox.wait_for("the wait for room", || {
        std::fs::read_to_string(&log).unwrap_or_default().contains("no space")
    });
    std::fs::remove_file(filler).unwrap();
    let output = relay.finish();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(only_try(&sandbox)["outcome"], "completed");
    assert_eq!(sandbox.note("n").trim(), "1", "the agent was called once");
}

// A damaged record is skipped, whatever its id says
#[test]
fn an_impossible_id_is_a_damaged_line() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo $N > made-$N.txt; result ok");
    assert!(sandbox.relay(&["--agent", "cc", "work"]).status.success());
    for file in ["tries", "relays"] {
        let path = format!(".rally/state/{file}.jsonl");
        let line =
            sandbox.read(&path).lines().last().unwrap().replace("\"id\":1,", "\"id\":18446744073709551615,");
        let whole = sandbox.read(&path);
        sandbox.write(&path, &format!("{whole}{line}\n"));
    }
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("unreadable line"), "{}", stderr(&output));
    assert_eq!(sandbox.tries().last().unwrap()["id"], 2);
}

// 50-R17: what an agent prints costs no memory, however long its lines are
#[test]
fn floods_and_endless_lines_cost_little_memory() {
    let sandbox = strict("");
    sandbox.claude(
        "init; head -c 200000000 /dev/zero | tr '\\0' x; echo; yes 'a line that is no event' | head -c 50000000; \
         echo; echo x > made.txt; here; await go; result ok",
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    // What the agent has written it has also got rid of: all but what a pipe holds has been read.
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    sandbox.release("go");
    assert!(relay.finish().status.success());
    assert_eq!(only_try(&sandbox)["outcome"], "completed");
    assert!(peak <= 32 << 10, "{peak} KiB");
}

// A transcript that cannot be kept is told; the agent is read to its end and its work counts
#[test]
fn a_full_disk_under_the_transcripts_holds_nobody_up() {
    let sandbox = strict("");
    let data = sandbox.home().join(".local/share/rally");
    let Some(disk) = SmallDisk::mount(&data) else { return };
    sandbox.claude("init; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    drop(disk);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("is not whole"), "{}", stderr(&output));
    assert_eq!(only_try(&sandbox)["outcome"], "completed");
}
