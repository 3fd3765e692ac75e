//! Simulated agents, alive and dead.
//!
//! Where the facts about freezes are tested:
//!
//! | fact | where |
//! |---|---|
//! | 20-AF-FZ-01 | `without_a_connection_silence_is_enough`; on the first sample only when nothing was seen to move and the look before, if any, saw no connection either: a deviation, for the sake of reconnects |
//! | 20-AF-FZ-02 | `dry_connections_take_their_time`; over the bytes of sockets, not of system calls: a deviation, since timers and logs of a dead agent move the latter, and `recv` does not |
//! | 20-AF-FZ-03 | not covered: the watch reads `/proc`, which only Linux has |
//! | 20-AF-FZ-04 | void: there is no Windows build |
//! | 20-AF-FZ-05 to 08 | void by decision: there is no probe, so there is nothing ambiguous; that an agent which is not silent is never frozen: `who_works_lives_and_who_is_dead_is_found` |
//! | 20-AF-FZ-09 | `slowing_comes_at_60_percent`; file and log: `a_frozen_agent_is_ended_and_its_session_goes_on` (integration) |
//! | 20-AF-FZ-10 | the integration tests of the configuration: 900 s when nothing is set, 60 s when 60 is set; the bare fallback of 180 s is void, there is one default |
//! | 20-AF-FZ-11 | `a_frozen_agent_is_ended_and_its_session_goes_on` (integration) |
//! | 50-R8 | the simulated traces of `freeze/traces.rs`, made from recordings of the real CLIs |

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn detector() -> Detector {
    Detector::new(Limits { threshold: secs(3 * MINUTE), network: secs(5 * MINUTE) })
}

fn silent(at: u64, silent: u64, connections: usize) -> Sample {
    Sample {
        at: secs(at),
        silent: secs(silent),
        connections: Some(connections),
        network_bytes: Some(4000),
        ..Sample::default()
    }
}

// 20-AF-FZ-01
#[test]
fn without_a_connection_silence_is_enough() {
    let frozen = detector().assess(&silent(300, 4 * MINUTE, 0));
    assert_eq!(frozen, Some(Freeze::Classic { silent: secs(240) }));
    assert_eq!(detector().assess(&silent(300, 4 * MINUTE, 1)), None);
    assert_eq!(detector().assess(&silent(300, 2 * MINUTE, 0)), None);
}

#[test]
fn a_moment_without_a_connection_is_no_death() {
    // Bytes moved until 895 s, and 900 s finds the agent between two connections.
    let limits = Limits { threshold: secs(900), network: secs(300) };
    let mut detector = Detector::new(limits);
    let moving = |at, connections| Sample { network_bytes: Some(at), ..silent(at, at, connections) };
    for at in (0..900).step_by(5) {
        assert_eq!(detector.assess(&moving(at, 1)), None);
    }
    let quiet = |at| Sample { network_bytes: Some(895), ..silent(at, at, 0) };
    for at in (900..1195).step_by(5) {
        assert_eq!(detector.assess(&quiet(at)), None, "{at}");
    }
    assert_eq!(detector.assess(&quiet(1195)), Some(Freeze::Classic { silent: secs(1195) }));
}

#[test]
fn one_look_without_a_connection_is_not_enough() {
    for before in [Some(1), None] {
        let mut detector = detector();
        assert_eq!(detector.assess(&Sample { connections: before, ..silent(235, 235, 0) }), None);
        assert_eq!(detector.assess(&silent(240, 240, 0)), None);
        assert!(detector.assess(&silent(245, 245, 0)).is_some());
    }
}

#[test]
fn what_was_unknown_may_have_moved() {
    let mut detector = detector();
    assert_eq!(detector.assess(&silent(0, 0, 0)), None);
    assert_eq!(detector.assess(&Sample { network_bytes: None, ..silent(200, 200, 0) }), None);
    assert_eq!(detector.assess(&silent(379, 379, 0)), None);
    assert!(detector.assess(&silent(380, 380, 0)).is_some());
}

#[test]
fn a_quiet_copy_moves_bytes_and_idle_servers_of_tools_do_not() {
    let mut copying = detector();
    let mut idle = detector();
    let mut found = None;
    for at in (0..1800).step_by(5) {
        let sample = silent(at, at, 0);
        assert_eq!(copying.assess(&Sample { tool_bytes: at * 4000, ..sample }), None);
        // Ten servers, 600 bytes a minute each.
        found = found.or(idle.assess(&Sample { tool_bytes: at * 100, ..sample }).map(|_| at));
        // What the main process moves is its own log and its timers.
        assert!(
            at < 180 || self::detector().assess(&Sample { syscall_bytes: at * 4000, ..sample }).is_some()
        );
    }
    assert_eq!(found, Some(180));
}

// 20-AF-FZ-02, with a deviation: see above.
#[test]
fn dry_connections_take_their_time() {
    let mut detector = detector();
    assert_eq!(detector.assess(&silent(0, 0, 2)), None);
    assert_eq!(detector.assess(&silent(299, 299, 2)), None);
    let freeze = Freeze::Connected { silent: secs(300), dry: secs(300), connections: 2 };
    assert_eq!(detector.assess(&silent(300, 300, 2)), Some(freeze));
    let moved = Sample { network_bytes: Some(4001), ..silent(301, 301, 2) };
    assert_eq!(detector.assess(&moved), None);
    assert_eq!(detector.assess(&Sample { network_bytes: Some(4001), ..silent(600, 600, 2) }), None);
    assert!(detector.assess(&Sample { network_bytes: Some(4001), ..silent(601, 601, 2) }).is_some());
}

#[test]
fn unknown_is_not_silent() {
    let mut detector = detector();
    for at in (0..3600).step_by(5) {
        let unknown = Sample { connections: None, network_bytes: None, ..silent(at, at, 0) };
        assert_eq!(detector.assess(&unknown), None);
        let no_counters = Sample { network_bytes: None, ..silent(at, at, 2) };
        assert_eq!(detector.assess(&no_counters), None);
    }
}

#[test]
fn a_tool_that_is_surely_alive_speaks_against_a_freeze() {
    for tool in [Tool::Young, Tool::Bounded] {
        assert_eq!(detector().assess(&Sample { tool: Some(tool), ..silent(900, 900, 0) }), None);
    }
}

#[test]
fn an_agent_whose_tool_has_just_ended_is_about_to_go_on() {
    let mut detector = detector();
    let bounded = |at| Sample { tool: Some(Tool::Bounded), ..silent(at, at, 1) };
    for at in (0..1800).step_by(5) {
        assert_eq!(detector.assess(&bounded(at)), None);
    }
    assert_eq!(detector.assess(&silent(1800, 1800, 1)), None);
    assert!(detector.assess(&silent(1805, 1805, 1)).is_some());
}

#[test]
fn a_quiet_build_burns_time_and_a_deadlock_does_not() {
    let mut working = detector();
    let mut dead = detector();
    let mut found = None;
    for at in (0..1800).step_by(5) {
        let sample = silent(at, at, 0);
        // 5 % of a core, as a build that waits for its disk may burn.
        let burnt = Duration::from_millis(at * 50);
        assert_eq!(working.assess(&Sample { cpu: burnt, tool_cpu: burnt, ..sample }), None);
        // The event loops of a server and of the agent, which collects its garbage from time to time, too.
        let (server, agent) = (Duration::from_millis(at * 10), Duration::from_millis(at * 60));
        let idle = Sample { cpu: agent, tool_cpu: server, ..sample };
        found = found.or(dead.assess(&idle).map(|_| at));
    }
    assert_eq!(found, Some(180));
}

#[test]
fn an_agent_that_computes_by_itself_is_at_work() {
    let mut detector = detector();
    for at in (0..1800).step_by(5) {
        let busy = Sample { cpu: Duration::from_millis(at * 120), ..silent(at, at, 0) };
        assert_eq!(detector.assess(&busy), None);
    }
}

/// A quiet tool that burns a little is at work; servers that burn as much are older than the silence, and idle.
#[test]
fn little_processor_time_is_a_sign_of_life_in_the_tool_alone() {
    let (mut working, mut idle) = (detector(), detector());
    let mut found = None;
    for at in (0..1800).step_by(5) {
        let burnt = Duration::from_millis(at * 15);
        let servers = Sample { cpu: burnt, tool_cpu: burnt, ..silent(at, at, 0) };
        assert_eq!(working.assess(&Sample { young_cpu: burnt, ..servers }), None, "{at}");
        found = found.or(idle.assess(&servers).map(|_| at));
    }
    assert_eq!(found, Some(180));
}

/// A suite that prints a dot a minute moves no more than idle servers do, but is younger than the silence.
#[test]
fn a_tool_that_trickles_is_alive_and_one_that_stops_is_not() {
    let mut detector = detector();
    for at in (0..3600).step_by(5) {
        let dots = at / 60;
        let trickling = Sample { tool_bytes: dots, young_bytes: dots, ..silent(at, at, 0) };
        assert_eq!(detector.assess(&trickling), None, "{at}");
    }
    let over = |at| Sample { tool_bytes: 59, young_bytes: 59, ..silent(at, at, 0) };
    assert_eq!(detector.assess(&over(3600)), None);
    // The last dot was seen at 3540 s.
    assert_eq!(detector.assess(&over(3719)), None);
    assert!(detector.assess(&over(3720)).is_some());
}

#[test]
fn slowing_comes_at_60_percent() {
    // 20-AF-FZ-09, the brief's 2n
    let limits = Limits { threshold: secs(60), network: secs(300) };
    assert!(!limits.is_slowing(secs(35)));
    assert!(limits.is_slowing(secs(36)));
    assert_eq!(limits.period(), secs(3));
    assert_eq!(Limits { threshold: secs(900), network: secs(300) }.period(), secs(5));
    assert_eq!(Limits { threshold: secs(2), network: secs(2) }.period(), secs(1));
}

/// What an agent does during a phase.
#[derive(Debug, Clone, Copy)]
enum Doing {
    Prints,
    Downloads,
    Computes,
    Copies,
    RunsShortTools,
    /// One exchange on a connection that no look ever sees, then nothing.
    Polls,
    /// One exchange, then nothing; with its connection gone for a moment again and again.
    Thinks,
}

/// A kind of work and for how many ticks: what is quiet must end before it is as long as death.
fn phase() -> impl Strategy<Value = (Doing, u64)> {
    let loud = prop_oneof![
        Just(Doing::Prints),
        Just(Doing::Downloads),
        Just(Doing::Computes),
        Just(Doing::Copies),
        Just(Doing::RunsShortTools),
    ];
    prop_oneof![5 => (loud, 1u64..24), 1 => (Just(Doing::Polls), 1u64..36), 2 => (Just(Doing::Thinks), 1u64..60)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Phases of work, with connections that come and go, then death, with connections that come and go.
    #[test]
    fn who_works_lives_and_who_is_dead_is_found(
        phases in proptest::collection::vec((phase(), proptest::collection::vec(0usize..3, 1..8)), 0..40),
        afterwards in proptest::collection::vec(0usize..3, 1..8),
    ) {
        let limits = Limits { threshold: secs(3 * MINUTE), network: secs(5 * MINUTE) };
        let tick = limits.period().as_secs();
        let mut detector = Detector::new(limits);
        let mut alive = Sample { network_bytes: Some(0), ..Sample::default() };
        let (mut at, mut heard) = (0, 0);
        for ((doing, ticks), connections) in phases {
            for turn in 0..ticks {
                at += tick;
                // Servers of tools keep exchanging a little.
                alive.tool_bytes += 100 * tick;
                alive.tool = None;
                let mut connected = connections[turn as usize % connections.len()];
                let mut moved = 0;
                match doing {
                    Doing::Prints => heard = at,
                    Doing::Downloads => moved = 1,
                    Doing::Computes => {
                        alive.cpu += secs(tick) / 2;
                        alive.tool_cpu += secs(tick) / 2;
                    }
                    Doing::Copies => alive.tool_bytes += 100_000,
                    Doing::RunsShortTools => alive.tool = Some(Tool::Young),
                    Doing::Polls => {
                        moved = u64::from(turn == 0);
                        connected = 0;
                    }
                    Doing::Thinks => {
                        moved = u64::from(turn == 0);
                        connected = if turn % 2 == 0 { connected.max(1) } else { connected };
                    }
                }
                alive.network_bytes = alive.network_bytes.map(|bytes| bytes + moved);
                alive = Sample {
                    at: secs(at),
                    silent: secs(at - heard),
                    connections: Some(connected),
                    ..alive
                };
                prop_assert_eq!(detector.assess(&alive), None, "{:?}, turn {} of {}", doing, turn, ticks);
            }
        }
        let died = at;
        let limit = limits.threshold.max(limits.network).as_secs();
        for connected in afterwards.iter().cycle() {
            at += tick;
            alive.tool_bytes += 100 * tick;
            let dead = Sample {
                at: secs(at),
                silent: secs(at - heard),
                connections: Some(*connected),
                tool: None,
                ..alive
            };
            // Connections that come and go take no more time than the two ticks that others get.
            if detector.assess(&dead).is_some() {
                break;
            }
            prop_assert!(at - died <= limit + 2 * tick, "dead since {} s", at - died);
        }
    }
}
