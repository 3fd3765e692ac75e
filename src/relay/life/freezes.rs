//! What the life of a try makes of a freeze: who is ended, in which order, and what meets it on the way.

use proptest::prelude::*;

use super::*;
use crate::process::TreeSignal::{Interrupt, Kill, Terminate};

const FREEZE: Freeze = Freeze::Classic { silent: Duration::from_secs(60) };
/// When the tool was started, boot time.
const TOOL: Duration = Duration::from_secs(5000);

const TERM_TOOL: Option<Action> = Some(Action::Rescue(Terminate, TOOL));
const KILL_TOOL: Option<Action> = Some(Action::Rescue(Kill, TOOL));
const INT_AGENT: Option<Action> = Some(Action::Signal(Interrupt));

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn bounded() -> Life {
    let bounds = Limits { try_cap: Some(secs(1000)), run_budget: Some(secs(2000)), ..Limits::default() };
    let mut life = Life::new(bounds);
    life.heard();
    life
}

/// A try whose tool has been running for long, found frozen at 100 s.
fn helped() -> Life {
    let mut life = bounded();
    life.tool_started(TOOL);
    assert_eq!(life.frozen(FREEZE, secs(100)), TERM_TOOL);
    assert_eq!(life.health(), Health::Frozen);
    life
}

fn is_frozen(life: &Life) -> bool {
    life.stop() == Some(&Stop::Frozen(FREEZE))
}

// 50-R8: TERM the stuck descendant, wait, KILL it, INT the agent
#[test]
fn first_the_tool_then_the_agent_each_with_its_ladder() {
    let mut life = helped();
    let mut course = Vec::new();
    while let Some(at) = life.next_deadline().filter(|at| *at < secs(1000)) {
        assert_eq!(life.tick(at - Duration::from_millis(1)), None);
        course.push((at.as_secs(), life.tick(at)));
        assert_eq!(life.health(), Health::Frozen);
    }
    let signal = |signal| Some(Action::Signal(signal));
    let expected = [(105, KILL_TOOL), (115, INT_AGENT), (120, signal(Terminate)), (122, signal(Kill))];
    assert_eq!(course, expected);
    assert!(is_frozen(&life));
}

#[test]
fn a_byte_at_any_time_before_the_agent_is_ended_means_that_it_works_again() {
    for until in [101, 105, 114] {
        let mut life = helped();
        life.tick(secs(until));
        life.heard();
        assert!(life.is_working() && life.has_recovered() && !life.has_recovered());
        assert_eq!((life.health(), life.stop()), (Health::Well, None));
        assert_eq!(life.next_deadline(), Some(secs(1000)), "nothing is left of the freeze");
    }
}

#[test]
fn without_a_tool_the_agent_is_ended_at_once() {
    let ended_tool = |life: &mut Life| {
        life.tool_started(TOOL);
        life.tool_started(TOOL);
        life.tool_ended();
        life.tool_ended();
    };
    let new_turn = |life: &mut Life| {
        life.tool_started(TOOL);
        life.turn_started();
    };
    let no_word: fn(&mut Life) = |_| {};
    for prepare in [no_word, ended_tool, new_turn] {
        let mut life = bounded();
        prepare(&mut life);
        assert_eq!(life.frozen(FREEZE, secs(100)), INT_AGENT);
        assert!(is_frozen(&life));
    }
    // The CLI says so, but no process is there.
    let mut life = helped();
    assert_eq!(life.no_tool(secs(101)), INT_AGENT);
    assert!(is_frozen(&life));
    assert_eq!(life.no_tool(secs(102)), None);
}

#[test]
fn one_of_several_tools_is_enough() {
    let mut life = bounded();
    life.tool_started(TOOL);
    life.tool_started(TOOL + secs(9));
    life.tool_ended();
    assert_eq!(life.frozen(FREEZE, secs(100)), TERM_TOOL);
}

#[test]
fn a_try_is_not_helped_for_ever() {
    let mut life = bounded();
    life.tool_started(TOOL);
    for _ in 0..rescue::MOST {
        assert_eq!(life.frozen(FREEZE, secs(100)), TERM_TOOL);
        assert_eq!(life.frozen(FREEZE, secs(100)), None, "one freeze at a time");
        life.heard();
    }
    assert_eq!(life.frozen(FREEZE, secs(100)), INT_AGENT);
}

// 20-AF-FZ-11: a freeze that is found before a bound is a freeze
#[test]
fn a_bound_that_passes_meanwhile_changes_nothing() {
    let mut life = bounded();
    life.tool_started(TOOL);
    life.frozen(FREEZE, secs(998));
    assert_eq!(life.next_deadline(), Some(secs(1000)));
    assert_eq!(life.tick(secs(1000)), INT_AGENT);
    assert!(is_frozen(&life));
}

// 20-AF-KB-11
#[test]
fn the_operator_meets_it_at_every_point() {
    let quit = || Stop::Cancelled(CancelSource::QuitNow);
    let mut life = helped();
    assert_eq!(life.force(secs(101)), None, "nothing drains yet");
    assert_eq!(life.end(quit(), secs(101)), INT_AGENT);
    assert_eq!((life.stop(), life.health()), (Some(&quit()), Health::Stopping));
    assert_eq!(life.no_tool(secs(101)), None);

    // The agent is being ended already: who quits does not wait for it. Who stops does.
    let mut life = helped();
    life.tick(secs(105));
    life.tick(secs(115));
    assert_eq!(life.end(Stop::Cancelled(CancelSource::GracefulStop), secs(116)), None);
    assert_eq!(life.end(quit(), secs(116)), Some(Action::Signal(Kill)));
    assert!(is_frozen(&life), "and the freeze stays what it was");
}

#[test]
fn an_agent_that_goes_with_its_tool_was_frozen_unless_it_has_something_to_say() {
    let mut life = helped();
    assert_eq!(life.exited(Exit::Code(1), false), None);
    assert!(is_frozen(&life));
    life.heard();
    assert_eq!(life.stop(), None);
    assert!(!life.has_recovered());
    // What an agent says while it is being ended takes nothing back.
    let mut life = helped();
    life.no_tool(secs(101));
    life.exited(Exit::Code(1), false);
    life.heard();
    assert!(is_frozen(&life));
}

#[test]
fn an_end_event_meanwhile_ends_the_freeze() {
    let mut life = helped();
    life.heard();
    life.ended(secs(101));
    assert_eq!(life.next_deadline(), Some(secs(111)));
    assert_eq!(life.frozen(FREEZE, secs(105)), None, "who has ended is not frozen");
}

// 50-R9
#[test]
fn after_a_sleep_the_start_is_waited_for_anew() {
    let mut life = Life::new(Limits { startup: Some(secs(20)), ..Limits::default() });
    life.woke(secs(15));
    assert_eq!(life.next_deadline(), Some(secs(35)));
}

#[derive(Debug, Clone, Copy)]
enum Input {
    Heard,
    Tool,
    ToolEnded,
    Frozen,
    NoTool,
    Quit,
    Force,
    Ended,
    Exited,
    Wait(u64),
}

fn input() -> impl Strategy<Value = Input> {
    use Input::*;
    let one = [Heard, Tool, Tool, ToolEnded, Frozen, Frozen, NoTool, Quit, Force, Ended, Exited];
    prop_oneof![proptest::sample::select(one.to_vec()), (0_u64..30).prop_map(Wait)]
}

proptest! {
    #[test]
    fn in_every_order_it_ends_and_no_tool_is_touched_without_a_freeze(
        inputs in proptest::collection::vec(input(), 0..60)
    ) {
        let mut life = bounded();
        let mut now = Duration::ZERO;
        let (mut freezes, mut terminated, mut stopping) = (0_u32, false, false);
        for input in inputs {
            let action = match input {
                Input::Heard => { life.heard(); None }
                Input::Tool => { life.heard(); life.tool_started(TOOL); None }
                Input::ToolEnded => { life.heard(); life.tool_ended(); None }
                Input::Frozen => life.frozen(FREEZE, now),
                Input::NoTool => life.no_tool(now),
                Input::Quit => life.end(Stop::Cancelled(CancelSource::QuitNow), now),
                Input::Force => life.force(now),
                Input::Ended => { life.heard(); life.ended(now); None }
                Input::Exited => life.exited(Exit::Code(0), false),
                Input::Wait(seconds) => { now += secs(seconds); life.tick(now) }
            };
            match action {
                Some(Action::Rescue(signal, _)) => {
                    prop_assert!(!stopping, "the tool comes before the agent, never after");
                    prop_assert!(signal == Terminate || terminated, "KILL comes after TERM, and once");
                    terminated = signal == Terminate;
                    freezes += u32::from(terminated);
                    prop_assert!(freezes <= rescue::MOST);
                }
                Some(Action::Signal(_)) => stopping = true,
                Some(Action::Reap) | None => {}
            }
        }
        // Left alone, it comes to its end.
        for _ in 0..20 {
            let Some(at) = life.next_deadline() else { break };
            now = now.max(at);
            life.tick(now);
        }
        prop_assert_eq!(life.next_deadline(), None);
    }
}
