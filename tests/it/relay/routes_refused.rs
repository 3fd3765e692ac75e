//! What a relay refuses before it leaves a trace, and what it asks first.

use std::path::Path;
use std::process::Output;
use std::time::SystemTime;

use pretty_assertions::assert_eq;

use super::resume::answering;
use super::routes::{HANDS, order, with_hands};
use crate::support::{Sandbox, stderr, stdout};

/// Every file and folder with size and time of its last change, and what git knows; the index of git, which any
/// look at the repository may refresh, is left out.
fn trace(sandbox: &Sandbox) -> Vec<String> {
    let mut trace = Vec::new();
    walk(sandbox.root(), &mut trace);
    trace.sort();
    trace.push(sandbox.git(["log", "--all", "--format=%H"]));
    trace.push(sandbox.git(["status", "--porcelain", "--ignored"]));
    trace
}

fn walk(folder: &Path, trace: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let found = entry.metadata().unwrap();
        let changed = found.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        if entry.file_name() == ".git" {
            continue;
        }
        trace.push(format!("{} {} {changed:?}", entry.path().display(), found.len()));
        if found.is_dir() {
            walk(&entry.path(), trace);
        }
    }
}

/// Refused with these words, and nothing has changed.
fn refused(sandbox: &Sandbox, answers: &str, args: &[&str], code: i32, words: &[&str]) -> String {
    let before = trace(sandbox);
    let output = answering(sandbox, answers, args);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{told}", stdout(&output));
    assert_eq!(trace(sandbox), before, "{args:?}: {told}");
    for word in words {
        assert!(told.contains(word), "{args:?}: no {word:?} in {told}");
    }
    assert_eq!(told.matches("error:").count(), 1, "said once: {told}");
    told
}

fn passed(output: &Output) {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
}

// What fails before the first agent fails before the relay is begun.
#[test]
fn a_start_that_fails_has_begun_no_relay() {
    let sandbox = with_hands();
    sandbox.configure(&format!("data_dir = \"../data\"\n{HANDS}"));
    sandbox.write(".rally/agents/builtin/senior.md", "stale\n");
    let failing = |words: &str| {
        let commits = sandbox.git(["log", "--all", "--format=%H"]);
        let output = sandbox.relay(&["--agent", "b", "work"]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{}{told}", stdout(&output));
        assert!(told.contains(words), "{told}");
        assert!(sandbox.relays().is_empty(), "{told}");
        assert_eq!(sandbox.git(["log", "--all", "--format=%H"]), commits, "{told}");
    };
    let lock = sandbox.repo().join(".rally/state/lock");
    std::fs::create_dir_all(&lock).unwrap();
    failing("lock");
    assert!(!sandbox.root().join("data").exists(), "the workspace is not ours");
    std::fs::remove_dir(lock).unwrap();

    sandbox.write(".rally/state/bin", "");
    failing(".rally/state/bin");
    std::fs::remove_file(sandbox.repo().join(".rally/state/bin")).unwrap();

    passed(&sandbox.relay(&["--agent", "b", "work"]));
    let subjects = sandbox.git(["log", "--format=%s"]);
    assert!(subjects.contains("rally: update role files"), "{subjects}");
}

// D7; 10-T1, T2, T5, O7, P, R, V3; D40
#[test]
fn whatever_is_refused_has_left_no_trace() {
    let sandbox = with_hands();
    for (config, args, code, words) in [
        ("", &["--agent", "gm", "work"][..], 2, &["--agent: \"gm\": unknown agent alias"][..]),
        ("", &["--agent", "b:0", "work"], 2, &["must be positive"]),
        ("[routes]\nSENIOR = [\"b\"]", &["--agent", "SENIOR:1-2", "x"], 2, &["single numeric quota"]),
        // D47: a broken route is no matter of anybody's but of whoever names it.
        (
            "[routes]\ndefault = [\"b\"]\nSENIOR = [\"gm\"]",
            &["--agent", "b SENIOR", "x"],
            2,
            &["[routes].SENIOR", "gm"],
        ),
        ("[providers]\np = [\"nope:x-1\"]", &["--agent", "b", "x"], 1, &["[providers].p", "nope"]),
        ("[providers]\np = [\"b\"]", &["--agent", "b", "x"], 1, &["no concrete model"]),
        ("[reasoning]\nsenior = \"b:nope\"", &["--agent", "b", "x"], 1, &["[reasoning].senior", "nope"]),
        ("[defaults]\nmix = \"b nobody\"", &["x"], 1, &["[defaults].mix: \"nobody\""]),
        ("[routes]\ndefault = [\"cc:0\"]", &["x"], 1, &["[routes].default", "\"cc:0\"", "must be positive"]),
        ("[routes]\ndefault = []", &["x"], 1, &["[routes].default: the route is empty"]),
        ("[routes]\ndefault = [\"unheard\"]", &["x"], 1, &["unknown agent alias \"unheard\""]),
        ("[routes]\ndefault = [\"b\"]\nDefault = [\"c\"]", &["x"], 1, &["differ only by case"]),
        ("[routes]\ndefault = [\"planner\"]\nplanner = [\"c\"]", &["x"], 1, &["valid only in --agent"]),
        ("[routes]\nplanner = [\"b\"]", &["x"], 1, &["no default route", "no laps are available"]),
        (
            "[routes]\nplanner = [\"b\"]\ndefault = [\"gm\"]",
            &["x"],
            1,
            &["warning: ", "[routes].default: \"gm\"", "no laps are available"],
        ),
        (
            "[providers.plan]\nmodels = [\"b:m-1\"]\ndisabled = true\n[routes]\ndefault = [\"b:m-1:2\"]",
            &["x"],
            1,
            &["disabled", "plan", "[providers]"],
        ),
        (
            "[providers.plan]\nmodels = [\"b:m-1\"]\ndisabled = true",
            &["--agent", "b:m-1", "x"],
            1,
            &["every agent of override belongs to a disabled provider (plan)"],
        ),
    ] {
        sandbox.configure(&format!("{config}\n{HANDS}"));
        let told = refused(&sandbox, "", args, code, words);
        assert!(!told.contains("Continue anyway?"), "{config}: no question: {told}");
        assert!(!told.contains("frozen"), "{config}: {told}");
    }
    let inside = format!("data_dir = \".rally\"\n{HANDS}");
    sandbox.configure(&inside);
    refused(&sandbox, "", &["--agent", "b", "x"], 1, &["folder of its own"]);
    assert!(sandbox.relays().is_empty() && !sandbox.repo().join("order.txt").exists());
}

const BROKEN: &str = "[routes]\ndefault = [\"b\"]\nplanner = [\"gm\"]\n";

// 10-T3
#[test]
fn a_broken_route_is_asked_about() {
    let sandbox = with_hands();
    sandbox.configure(&format!("{BROKEN}{HANDS}"));
    let question = "Continue anyway? [y/N]: ";
    for answer in ["", "\n", "n\n", "No\n"] {
        let told = refused(&sandbox, answer, &["work"], 1, &[question, "error: aborted", "[routes].planner"]);
        assert!(told.find("warning: ") < told.find(question), "first the reason: {told}");
    }
    refused(&sandbox, "maybe\nperhaps\nwell\n", &["work"], 1, &["\"maybe\" is not one of yes, no"]);
    refused(&sandbox, "the task\n", &["-"], 2, &["standard input", "mend them, or give --agent"]);

    for answer in ["y\n", "YES\n", "what\nyes\n"] {
        let output = answering(&sandbox, answer, &["--new", "-i", "1", "work"]);
        passed(&output);
        let told = stderr(&output);
        assert!(told.contains(question) && told.contains("the route is ignored"), "{told}");
        let record = sandbox.tries().pop().unwrap();
        assert_eq!((&record["resolved_route"], &record["agent_type"]), (&"default".into(), &"b".into()));
    }
}

// D47, and the same for routes without a default
#[test]
fn a_flag_makes_routes_irrelevant() {
    let sandbox = with_hands();
    for routes in [BROKEN, "[routes]\nplanner = [\"c\", \"b\"]\n"] {
        sandbox.configure(&format!("{routes}{HANDS}"));
        let output = sandbox.relay(&["--new", "--agent", "b", "work"]);
        passed(&output);
        let told = stderr(&output);
        assert!(!told.contains("Continue anyway?") && !told.contains("route"), "{told}");
    }
    // A role that is whole can be named beside one that is not.
    let output = sandbox.relay(&["--new", "-i", "2", "--agent", "Planner:1", "work"]);
    passed(&output);
    assert_eq!(order(&sandbox), "b b c b");
}

/// A relay of two iterations that failed after its first, begun like this.
fn unfinished(sandbox: &Sandbox, args: &[&str]) {
    std::fs::write(sandbox.notes().join("fail-from-2"), "").unwrap();
    let output = answering(sandbox, "", &[&["-i", "2"][..], args, &["first task"][..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    std::fs::remove_file(sandbox.notes().join("fail-from-2")).unwrap();
    assert_eq!(sandbox.relays().last().unwrap()["completed_iterations"], 1);
}

/// Gives up at once.
const HASTE: &str = "[reliability]\nretry_budget = 1\nmax_failed_runs = 1\nrequire_changes = false\n";

// 10-2.7; 30-5.5: a resume that cannot be is refused as early as anything else
#[test]
fn a_resume_is_refused_without_a_trace() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\ndefault = [\"b\"]\n{HANDS}{HASTE}"));
    unfinished(&sandbox, &[]);
    assert_eq!(sandbox.relays()[0]["agent_mix"], "__routes__");
    refused(&sandbox, "", &["--resume", "-i", "1"], 2, &["has done 1 of its iterations already"]);
    refused(&sandbox, "task\n", &["-"], 2, &["give --resume or --new"]);

    sandbox.configure(&format!("{HANDS}{HASTE}"));
    let words = ["requires configured routes", "--agent", "--new"];
    refused(&sandbox, "", &["--resume"], 1, &words);
    refused(&sandbox, "resume\n", &[], 1, &words);
    sandbox.configure(&format!("[routes]\ndefault = [\"gm\"]\n{HANDS}{HASTE}"));
    refused(&sandbox, "", &["--resume"], 1, &["[routes].default: \"gm\""]);
    // Two questions share one input.
    sandbox.configure(&format!("{BROKEN}{HANDS}{HASTE}"));
    refused(&sandbox, "resume\nno\n", &[], 1, &["(mix: configured routes)", "Continue anyway?", "aborted"]);
    let output = answering(&sandbox, "resume\nyes\n", &[]);
    passed(&output);
    assert_eq!(sandbox.relays().len(), 1);
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 2);
}

#[test]
fn a_stored_mix_that_fits_no_more_is_refused_without_a_trace() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[defaults]\nmix = \"b\"\n{HANDS}{HASTE}"));
    unfinished(&sandbox, &[]);
    sandbox.configure(&format!("[harness.c]\ncommand = [\"c\"]\n{HASTE}"));
    refused(&sandbox, "", &["--resume"], 1, &["stored mix of relay #1", "\"b\"", "give --agent"]);
    // What the stored mix lacks is no concern of a flag's.
    passed(&sandbox.relay(&["--resume", "--agent", "c"]));
}

// 50-R13: whoever comes second does not even touch the lock
#[test]
fn a_held_workspace_is_left_alone() {
    let sandbox = with_hands();
    sandbox.program("b", "touch ../notes/here; while [ ! -e ../notes/go ]; do sleep 0.02; done; echo done");
    sandbox.configure(&format!("[reliability]\nrequire_changes = false\n{HANDS}"));
    let first = sandbox.start_relay(&["--agent", "b", "work"]);
    sandbox.wait_for_note("here");
    let lock = sandbox.repo().join(".rally/state/lock");
    let before = std::fs::metadata(&lock).unwrap().modified().unwrap();
    let second = sandbox.relay(&["--agent", "b", "work"]);
    assert_eq!(second.status.code(), Some(75));
    assert!(!stderr(&second).contains("Unfinished relay"), "no question: {}", stderr(&second));
    assert_eq!(std::fs::metadata(&lock).unwrap().modified().unwrap(), before);
    sandbox.release("go");
    passed(&first.finish());
}

#[test]
fn what_is_left_aside_is_said_once() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[defaults]\nmix = \"nobody\"\n[routes]\ndefault = [\"b\", \"c\"]\n{HANDS}"));
    let told = |args: &[&str]| {
        let output = sandbox.relay(args);
        passed(&output);
        stderr(&output)
    };
    // A bad mix that nothing uses
    let said = told(&["--new", "work"]);
    assert!(said.contains("[defaults].mix: \"nobody\"") && said.contains("uses configured routes"), "{said}");
    assert_eq!(said.matches("warning:").count(), 1, "{said}");
    let said = told(&["--new", "--agent", "b c", "work"]);
    assert!(said.contains("a new relay uses b c"), "{said}");
}

// What rally has not looked at before it holds the lock: relays of the earlier program are still found
#[test]
fn a_relay_of_the_earlier_program_is_asked_about_after_its_files_have_moved() {
    let sandbox = with_hands();
    sandbox.write(
        ".rally/relays.jsonl",
        "{\"id\":4,\"target_iterations\":2,\"completed_iterations\":0,\"agent_mix\":\"__override__:b\",\
         \"started_at\":\"2026-05-31T10:00:00Z\"}\n",
    );
    let output = answering(&sandbox, "resume\n", &[]);
    passed(&output);
    assert!(stderr(&output).contains("Unfinished relay #4 at iteration 0/2 (mix: b)"), "{}", stderr(&output));
    assert_eq!(sandbox.relays().len(), 1);
    assert_eq!(order(&sandbox), "b b");
}
