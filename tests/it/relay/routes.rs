//! Relays over routes, roles and providers, through the binary.
//!
//! What needs a task with a role waits for the lap queue: 10-O15 and 10-O17, and the reachable halves of
//! 10-O2, O3, T4 and V9, whose deciders are tested where they stand. 10-T6 is about names that an older
//! program had given up; all five harnesses are still there.

use pretty_assertions::assert_eq;

use super::resume::answering;
use crate::support::{Sandbox, stderr, stdout};

/// Agents `b`, `c` and `d`, whose models may be named.
pub(super) const HANDS: &str = "[harness.b]\ncommand = [\"b\"]\nmodel_flag = \"-m\"\n\
    [harness.c]\ncommand = [\"c\"]\nmodel_flag = \"-m\"\n[harness.d]\ncommand = [\"d\"]\n";

/// A workspace with these agents: each writes its name into `order.txt`, fails when its turn is to fail
/// (`fail-b`, or anybody's from the second on with `fail-from-2`), and waits at its turn `hold-N`.
pub(super) fn with_hands() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure(HANDS);
    for name in ["b", "c", "d"] {
        hand(&sandbox, name);
    }
    sandbox
}

fn hand(sandbox: &Sandbox, name: &str) {
    let notes = sandbox.notes();
    let notes = notes.display();
    sandbox.program(
        name,
        &format!(
            "cat > {notes}/prompt.{name}; n=$(( $(cat {notes}/turn 2>/dev/null || echo 0) + 1 )); echo $n > {notes}/turn\n\
             if [ -e {notes}/hold-$n ]; then touch {notes}/held-$n; sleep 600; fi\n\
             if [ -e {notes}/fail-{name} ] || {{ [ -e {notes}/fail-from-2 ] && [ $n -gt 1 ]; }}; then echo no; exit 1; fi\n\
             echo {name} >> order.txt; echo done"
        ),
    );
}

/// Who has worked, in order.
pub(super) fn order(sandbox: &Sandbox) -> String {
    let order = std::fs::read_to_string(sandbox.repo().join("order.txt")).unwrap_or_default();
    order.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A whole relay; what it said on standard error.
fn relayed(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = sandbox.relay(args);
    assert!(output.status.success(), "{args:?}: {}{}", stdout(&output), stderr(&output));
    stderr(&output)
}

fn relay_log(sandbox: &Sandbox, relay: u64) -> String {
    let relays = sandbox.home().join(".local/share/rally/relays");
    let Some(Ok(folder)) = std::fs::read_dir(relays).ok().and_then(|mut found| found.next()) else {
        return String::new();
    };
    std::fs::read_to_string(folder.path().join(format!("relay-{relay}.log"))).unwrap_or_default()
}

// The brief, 2d; 10-O4, 30-143: no flag, so the default route, whatever other roles there are
#[test]
fn without_a_flag_the_default_route_runs() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[routes]\ndefault = [\"cc:2\"]\nplanner = [\"cc:2\"]\nexecutor = [\"cc:1\"]\n");
    sandbox.claude("init; echo $N > file-$N.txt; result ok");
    let output = sandbox.relay(&["--new", "-i", "3", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("configured routes"), "{}", stdout(&output));
    assert_eq!(sandbox.relays()[0]["agent_mix"], "__routes__");
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 3);
    for record in &tries {
        let told = (&record["agent_type"], &record["resolved_route"], &record["completed"]);
        assert_eq!(told, (&"claude".into(), &"default".into(), &true.into()));
    }
}

// 10-5; 30-5.3: flags, then routes, then the mix
#[test]
fn who_works_when_several_could_be_meant() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[defaults]\nmix = \"d\"\n[routes]\nDefault = [\"c\"]\n{HANDS}"));
    relayed(&sandbox, &["--new", "--agent", "b", "work"]);
    relayed(&sandbox, &["--new", "work"]);
    sandbox.configure(&format!("[defaults]\nmix = \"d\"\n{HANDS}"));
    relayed(&sandbox, &["--new", "work"]);
    assert_eq!(order(&sandbox), "b c d");
    let told = |key: &str| -> Vec<String> {
        sandbox.tries().iter().map(|record| record[key].as_str().unwrap().to_owned()).collect()
    };
    // 10-O1, O2: a route keeps its spelling.
    assert_eq!(told("resolved_route"), ["override", "Default", "default"]);
    let mixes: Vec<serde_json::Value> = sandbox.relays().iter().map(|r| r["agent_mix"].clone()).collect();
    assert_eq!(mixes, ["__override__:b", "__routes__", "d"]);
}

// 30-134, 135; 10-5: in a route a bare entry stays until it fails, a numbered one takes so many runs
#[test]
fn entries_of_a_route_keep_their_turns() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\ndefault = [\"b:1\", \"c:3\", \"d\"]\n{HANDS}"));
    relayed(&sandbox, &["--new", "-i", "7", "work"]);
    assert_eq!(order(&sandbox), "b c c c d d d");

    let sandbox = with_hands();
    sandbox.configure(&format!(
        "[routes]\ndefault = [\"b\", \"c\"]\n{HANDS}[reliability]\nretry_budget = 1\nrequire_changes = false\n"
    ));
    relayed(&sandbox, &["--new", "-i", "2", "work"]);
    std::fs::write(sandbox.notes().join("fail-b"), "").unwrap();
    relayed(&sandbox, &["--new", "-i", "3", "work"]);
    assert_eq!(order(&sandbox), "b b c c c");
}

// The brief, 2i and 2j in a route and in a flag: the same entries, another rule for bare ones
#[test]
fn bare_entries_take_turns_in_a_flag_and_stay_in_a_route() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\ndefault = [\"b\", \"c\", \"d\"]\n{HANDS}"));
    relayed(&sandbox, &["--new", "-i", "4", "--agent", "b c d", "work"]);
    relayed(&sandbox, &["--new", "-i", "2", "--agent", "c:2", "work"]);
    relayed(&sandbox, &["--new", "-i", "3", "work"]);
    assert_eq!(order(&sandbox), "b c d b c c b b b");
    assert_eq!(sandbox.relays()[1]["agent_mix"], "__override__:c:2");
}

// 10-O6, 7.1; decisions: a role brings its entries, with a number it is walked so many runs in a turn
#[test]
fn a_flag_may_name_roles() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\nSENIOR = [\"c:2\", \"d\"]\n{HANDS}"));
    relayed(&sandbox, &["--new", "-i", "4", "--agent", "senior", "work"]);
    relayed(&sandbox, &["--new", "-i", "4", "--agent", "b SENIOR", "work"]);
    // 30-139; D41: N runs in a turn, one entry after the other.
    relayed(&sandbox, &["--new", "-i", "6", "--agent", "b SENIOR:2", "work"]);
    relayed(&sandbox, &["--new", "-i", "5", "--agent", "b Senior:1", "work"]);
    assert_eq!(order(&sandbox), "c c d d b c c d b c d b c d b c b d b");
    let relays = sandbox.relays();
    assert_eq!(relays[2]["agent_mix"], "__override__:b SENIOR:2");
    assert!(sandbox.tries().iter().all(|record| record["resolved_route"] == "override"));
}

// D42: a walked role respects the health of those behind it
#[test]
fn a_walked_role_passes_over_who_is_disabled() {
    let sandbox = with_hands();
    sandbox.configure(&format!(
        "[providers.plan]\nmodels = [\"c:m-1\"]\ndisabled = true\n[routes]\nSENIOR = [\"c:m-1\", \"d\"]\n{HANDS}"
    ));
    let told = relayed(&sandbox, &["--new", "-i", "4", "--agent", "b SENIOR:1", "work"]);
    assert_eq!(order(&sandbox), "b d b d");
    assert_eq!(told.matches("provider plan is disabled").count(), 1, "{told}");
}

// D15: a kill in the middle of a walked role, and one between its turns; its cursor and the rotation go on
// where they stood
#[test]
fn a_walked_role_survives_a_kill() {
    for (held, cut) in [(3, "b"), (4, "d")] {
        let sandbox = with_hands();
        sandbox.configure(&format!("[routes]\nSENIOR = [\"c\", \"d\", \"b\"]\n{HANDS}"));
        sandbox.release(&format!("hold-{held}"));
        let relay = sandbox.start_relay(&["-i", "7", "--agent", "b SENIOR:1", "work"]);
        sandbox.wait_for_note(&format!("held-{held}"));
        relay.kill();
        sandbox.wait_until_nobody_is_left();
        relayed(&sandbox, &["--resume"]);
        assert_eq!(order(&sandbox), "b c b d b b b");
        let tries = sandbox.tries();
        let [before, after] = &tries[held - 1..=held] else { panic!("{tries:?}") };
        assert_eq!((&before["outcome"], &before["agent_type"]), (&"interrupted".into(), &cut.into()));
        assert_eq!((&after["run_id"], &after["agent_type"]), (&before["run_id"], &cut.into()));
    }
}

// The same where a role and a flag name the same agent: the newest turn is the walked one's
#[test]
fn an_entry_that_stands_twice_is_told_apart_after_a_kill() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\nSENIOR = [\"b\", \"c\"]\n{HANDS}"));
    sandbox.release("hold-3");
    let relay = sandbox.start_relay(&["-i", "7", "--agent", "b:2 SENIOR:2", "work"]);
    sandbox.wait_for_note("held-3");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    relayed(&sandbox, &["--resume"]);
    assert_eq!(order(&sandbox), "b b b c b b b");
}

// 10-V1, 9.4: whoever shares a limit is out with it, in every lane and whatever its harness; outsiders are not
#[test]
fn a_limit_benches_the_whole_provider() {
    let sandbox = with_hands();
    sandbox.configure(&format!(
        "[providers]\nplan = [\"cc:claude-opus-4-5\", \"b:m-1\", \"c:m-3\"]\n\
         [routes]\ndefault = [\"cc:claude-opus-4-5\", \"b:m-1\", \"d\"]\nplanner = [\"c:m-3\"]\n{HANDS}"
    ));
    sandbox.claude("init; failed 'usage limit reached, resets in 96h'; exit 1");
    let output = sandbox.relay(&["--new", "-i", "2", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(order(&sandbox), "d d", "{}", stdout(&output));
    assert_eq!(sandbox.tries().len(), 3, "b is not even tried");
    let events = sandbox.records(".rally/state/agent_status.jsonl");
    let mut benched: Vec<(&str, &str)> = events
        .iter()
        .map(|event| (event["agent_type"].as_str().unwrap(), event["model"].as_str().unwrap()))
        .collect();
    benched.sort_unstable();
    assert_eq!(benched, [("b", "m-1"), ("c", "m-3"), ("claude", "claude-opus-4-5")]);
    for event in &events {
        assert_eq!(
            (&event["event_type"], &event["quota_scope"]),
            (&"benched".into(), &"provider:plan".into())
        );
        assert_eq!(event["reset_at"], events[0]["reset_at"]);
    }
    // A new relay knows it still, and so does a flag.
    relayed(&sandbox, &["--new", "--agent", "b:m-1 d", "work"]);
    assert_eq!(order(&sandbox), "d d d");
}

// A failure that only takes its own runner out says nothing about the relay: nobody who can work is left untried.
#[test]
fn the_last_of_many_is_tried_however_many_are_out() {
    let sandbox = with_hands();
    let missing: String =
        (1..=6).map(|n| format!("[harness.m{n}]\ncommand = [\"not-there-{n}\"]\n")).collect();
    sandbox.configure(&format!("[reliability]\nmax_failed_runs = 2\n{missing}{HANDS}"));
    relayed(&sandbox, &["--new", "-i", "2", "--agent", "m1 m2 m3 m4 m5 m6 b", "work"]);
    assert_eq!(order(&sandbox), "b b");
    // Whoever fails and stays is counted, whatever else there is.
    std::fs::write(sandbox.notes().join("fail-b"), "").unwrap();
    std::fs::write(sandbox.notes().join("fail-c"), "").unwrap();
    let output = sandbox.relay(&["--new", "-i", "2", "--agent", "b c d", "work"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("2 failed runs in a row"), "{}", stdout(&output));
    // And the last who could work is out at the end, too.
    let output = sandbox.relay(&["--new", "-i", "2", "--agent", "m1 m2 m3", "work"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("all agents unavailable"), "{}", stdout(&output));
}

// 10-V2, V4: who belongs to a disabled provider never runs; said once
#[test]
fn members_of_a_disabled_provider_are_passed_over() {
    let sandbox = with_hands();
    sandbox.configure(&format!(
        "[providers.plan]\nmodels = [\"b:v/m\", \"c:v/m\"]\ndisabled = true\n\
         [routes]\ndefault = [\"b:v/m\", \"c:v/m:1\", \"d:1\", \"b:1\"]\nplanner = [\"b:v/m\", \"d\"]\n{HANDS}"
    ));
    let told = relayed(&sandbox, &["--new", "-i", "4", "work"]);
    assert_eq!(order(&sandbox), "d b d b");
    assert_eq!(told.matches("provider plan is disabled").count(), 1, "{told}");
    assert_eq!(told.matches("warning:").count(), 1, "{told}");
    assert!(sandbox.records(".rally/state/agent_status.jsonl").is_empty(), "no bench is written for it");
    // Where none of them is in use there is nothing to say.
    let told = relayed(&sandbox, &["--new", "--agent", "c d", "work"]);
    assert!(!told.contains("disabled"), "{told}");
}

// 10-O14, D45, 30-146: only lanes in use, once
#[test]
fn a_lane_without_fallback_is_named() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\ndefault = [\"b\", \"c\"]\nplanner = [\"d\"]\n{HANDS}"));
    let told = relayed(&sandbox, &["--new", "-i", "3", "work"]);
    assert!(!told.contains("single runner"), "{told}");
    let told = relayed(&sandbox, &["--new", "-i", "2", "--agent", "c:m-1:2", "work"]);
    assert_eq!(told.matches("single runner").count(), 1, "{told}");
    assert!(told.contains("override has a single runner, c - m-1") && told.contains("no fallback"), "{told}");
    sandbox.configure(&format!("[routes]\ndefault = [\"b\"]\nplanner = [\"d\"]\n{HANDS}"));
    let told = relayed(&sandbox, &["--new", "work"]);
    assert_eq!(told.matches("single runner").count(), 1, "{told}");
    assert!(told.contains("default has a single runner, b:"), "{told}");
}

// 10-O16: the default route and the task of the configuration; a task of the command line beats it
#[test]
fn the_default_route_does_the_configured_task() {
    let sandbox = with_hands();
    sandbox.write(".rally/task.md", "Water the plants.\n");
    let config =
        |file: &str| format!("[free_run]\nprompt_file = \"{file}\"\n[routes]\ndefault = [\"b\"]\n{HANDS}");
    sandbox.configure(&config(".rally/task.md"));
    relayed(&sandbox, &["--new", "-i", "1"]);
    assert!(sandbox.note("prompt.b").contains("Water the plants."));
    relayed(&sandbox, &["--new", "-i", "1", "Feed the cat"]);
    assert!(sandbox.note("prompt.b").contains("Feed the cat"));
    assert!(!sandbox.note("prompt.b").contains("Water the plants."));
    sandbox.configure(&config("nowhere.md"));
    let told = relayed(&sandbox, &["--new", "-i", "1"]);
    assert!(told.contains("nowhere.md") && told.contains("built-in task"), "{told}");
    assert!(!sandbox.note("prompt.b").contains("Feed the cat"));
}

/// A relay that was stopped after its first run by this signal.
fn cut(sandbox: &Sandbox, args: &[&str]) {
    sandbox.release("hold-2");
    let relay = sandbox.start_relay(&[&["-i", "3"][..], args, &["work"][..]].concat());
    sandbox.wait_for_note("held-2");
    relay.signal("TERM");
    assert_eq!(relay.finish().status.code(), Some(143));
    std::fs::remove_file(sandbox.notes().join("hold-2")).unwrap();
}

// 10-2.7: routes are those of today; the run that was cut goes on with whoever has it now
#[test]
fn a_resumed_relay_follows_the_routes_of_today() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\ndefault = [\"b\"]\n{HANDS}"));
    cut(&sandbox, &[]);
    sandbox.configure(&format!("[defaults]\nmix = \"b\"\n[routes]\ndefault = [\"c\"]\n{HANDS}"));
    relayed(&sandbox, &["--resume"]);
    assert_eq!(order(&sandbox), "b c c");
    let relays = sandbox.relays();
    assert_eq!((relays.len(), &relays[0]["agent_mix"]), (1, &"__routes__".into()));
}

// 10-2.7, D47: what was begun with a flag or a mix does not need the routes
#[test]
fn a_resumed_relay_keeps_its_own_agents() {
    let broken = "[routes]\ndefault = [\"gm\"]\n";
    let sandbox = with_hands();
    cut(&sandbox, &["--agent", "b:2"]);
    sandbox.configure(&format!("{broken}{HANDS}"));
    let told = relayed(&sandbox, &["--resume"]);
    assert!(!told.contains("route"), "{told}");
    assert_eq!(order(&sandbox), "b b b");

    let sandbox = with_hands();
    sandbox.configure(&format!("[defaults]\nmix = \"c\"\n{HANDS}"));
    cut(&sandbox, &[]);
    sandbox.configure(&format!("{broken}{HANDS}"));
    relayed(&sandbox, &["--resume"]);
    assert_eq!(order(&sandbox), "c c c");
}

// D12, D13: a configured mix is no flag; a flag replaces what was stored, also the routes
#[test]
fn only_a_flag_replaces_the_stored_agents() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[defaults]\nmix = \"c\"\n[routes]\ndefault = [\"b\"]\n{HANDS}"));
    cut(&sandbox, &[]);
    let output = answering(&sandbox, "resume\n", &[]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(!stderr(&output).contains("New --agent flags"), "{}", stderr(&output));
    assert_eq!(order(&sandbox), "b b b");

    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\ndefault = [\"b\"]\n{HANDS}"));
    cut(&sandbox, &[]);
    let told = relayed(&sandbox, &["--resume", "--agent", "c"]);
    assert!(told.contains("the mix of relay #1 is replaced by c"), "{told}");
    assert_eq!(order(&sandbox), "b c c");
    assert_eq!(sandbox.relays()[0]["agent_mix"], "__override__:c");
}

// Positions are kept by lane
#[test]
fn the_rotation_of_a_route_survives_a_kill() {
    let sandbox = with_hands();
    sandbox.configure(&format!("[routes]\ndefault = [\"b:1\", \"c:2\", \"d:1\"]\n{HANDS}"));
    sandbox.release("hold-3");
    let relay = sandbox.start_relay(&["-i", "5", "work"]);
    sandbox.wait_for_note("held-3");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    relayed(&sandbox, &["--resume"]);
    assert_eq!(order(&sandbox), "b c c d b");
}

// 10-8.2, 30-10.5. Deviation: a freeze has a known end, so it is waited for like a pause, and named.
#[test]
fn frozen_and_paused_agents_are_waited_for() {
    for (events, wanted) in [
        (&[("b", "frozen"), ("c", "frozen")][..], "all agents frozen, waiting"),
        (&[("b", "frozen"), ("c", "paused")], "all agents paused, waiting"),
    ] {
        let sandbox = with_hands();
        sandbox.configure(&format!("[routes]\ndefault = [\"b\", \"c\"]\n{HANDS}"));
        let now = rally::model::time::rfc3339_millis(rally::model::time::now());
        let lines: Vec<String> = events
            .iter()
            .map(|(agent, kind)| {
                format!("{{\"agent_type\":\"{agent}\",\"event_type\":\"{kind}\",\"timestamp\":\"{now}\"}}\n")
            })
            .collect();
        sandbox.write(".rally/state/agent_status.jsonl", &lines.concat());
        let relay = sandbox.start_relay(&["work"]);
        sandbox.wait_for("the wait", || relay_log(&sandbox, 1).contains("waiting"));
        relay.signal("TERM");
        assert_eq!(relay.finish().status.code(), Some(143));
        assert!(relay_log(&sandbox, 1).contains(wanted), "{}", relay_log(&sandbox, 1));
        assert!(sandbox.tries().is_empty());
    }
}

// 10-8.2: those that are left are out for good, so nobody is waited for
#[test]
fn agents_that_cannot_work_at_all_end_the_relay() {
    let sandbox = with_hands();
    std::fs::remove_file(sandbox.bin().join("b")).unwrap();
    sandbox.configure(&format!(
        "[providers.plan]\nmodels = [\"c:m-1\"]\ndisabled = true\n[routes]\ndefault = [\"b\", \"c:m-1\"]\n{HANDS}"
    ));
    let output = sandbox.relay(&["work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("all agents unavailable"), "{}", stdout(&output));
    assert_eq!(sandbox.tries().len(), 1);
}
