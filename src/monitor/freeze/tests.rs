//! Simulated agents, alive and dead.

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

// 20-AF-FZ-02
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
fn a_quiet_build_burns_time_and_a_deadlock_does_not() {
    let mut working = detector();
    let mut dead = detector();
    let mut found = None;
    for at in (0..1800).step_by(5) {
        let sample = silent(at, at, 0);
        // 5 % of a core, as a build that waits for its disk may burn.
        let busy = Sample { cpu: Duration::from_millis(at * 50), ..sample };
        assert_eq!(working.assess(&busy), None);
        // An event loop that turns over a timer.
        let idle = Sample { cpu: Duration::from_millis(at * 10), ..sample };
        found = found.or(dead.assess(&idle).map(|_| at));
    }
    assert_eq!(found, Some(180));
}

#[test]
fn slowing_comes_at_60_percent() {
    // 20-AF-FZ-09, 30-S8
    let limits = Limits { threshold: secs(60), network: secs(300) };
    assert!(!limits.is_slowing(secs(35)));
    assert!(limits.is_slowing(secs(36)));
    assert_eq!(limits.period(), secs(3));
    assert_eq!(Limits { threshold: secs(900), network: secs(300) }.period(), secs(5));
    assert_eq!(Limits { threshold: secs(2), network: secs(2) }.period(), secs(1));
}

/// What an agent does between two looks.
#[derive(Debug, Clone, Copy)]
enum Doing {
    Prints,
    Downloads,
    Computes,
    RunsShortTools,
}

fn doing() -> impl Strategy<Value = Doing> {
    prop_oneof![
        Just(Doing::Prints),
        Just(Doing::Downloads),
        Just(Doing::Computes),
        Just(Doing::RunsShortTools)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Phases of work of one kind, each at most two minutes long, then death.
    #[test]
    fn who_works_lives_and_who_is_dead_is_found(
        phases in proptest::collection::vec((doing(), 1u64..24), 0..40),
        connections in 0usize..3,
    ) {
        let limits = Limits { threshold: secs(3 * MINUTE), network: secs(5 * MINUTE) };
        let tick = limits.period().as_secs();
        let mut detector = Detector::new(limits);
        let (mut at, mut heard, mut moved, mut cpu) = (0, 0, 0, 0);
        let sample = |at, heard, moved, cpu, tool| Sample {
            network_bytes: Some(moved),
            cpu: Duration::from_millis(cpu),
            tool,
            ..silent(at, at - heard, connections)
        };
        for (doing, ticks) in phases {
            for _ in 0..ticks {
                at += tick;
                let mut tool = None;
                match doing {
                    Doing::Prints => heard = at,
                    // Without a connection nothing can be downloaded.
                    Doing::Downloads if connections == 0 => heard = at,
                    Doing::Downloads => moved += 1,
                    Doing::Computes => cpu += tick * 500,
                    Doing::RunsShortTools => tool = Some(Tool::Young),
                }
                prop_assert_eq!(detector.assess(&sample(at, heard, moved, cpu, tool)), None);
            }
        }
        let died = at;
        let limit = limits.threshold.max(limits.network).as_secs();
        loop {
            at += tick;
            let found = detector.assess(&sample(at, heard, moved, cpu, None));
            if found.is_some() {
                break;
            }
            prop_assert!(at - died <= limit + 2 * tick, "dead since {} s", at - died);
        }
    }
}
