//! Simulated traces, made from recordings of the real CLIs: whoever is alive is left alone, and whoever is dead is
//! found by its limit and two ticks, a tick being the most that is between two looks. Each trace follows from its number alone.
//!
//! The limit of a dead agent, in terms of what it did and not of what was seen of it, is the latest of these:
//!
//! * its last byte of output, and the threshold;
//! * the start of its youngest tool, if that was later, and the threshold: until then the tool may just be quiet;
//! * the end of a `timeout` that a tool runs under;
//! * its last work (processor, disk), and half a minute;
//! * with a connection: the last byte on any socket, and the network silence;
//! * without one: that byte, and the shorter of both; as well as the last byte of a tool.
//!
//! A look that could not see the sockets, or not their bytes, may have hidden some until the next: that counts as one.

mod recorded;
mod world;

use std::time::Duration;

use super::{Detector, Freeze, Limits};
use recorded::{Life, Recording};
use world::{Phase, World};

/// Traces in a test.
const TRACES: u64 = 1500;

const CLIS: [&str; 4] = ["claude", "codex", "gemini", "opencode"];

/// How a trace ended.
#[derive(Debug, PartialEq)]
enum End {
    /// Nobody was found dead.
    Lived,
    /// Somebody was, in a phase that this number has.
    Killed { phase: usize, at: f64, how: Freeze },
}

/// A monitor that looks at irregular times, misses some looks, and cannot always see everything.
struct Monitor {
    detector: Detector,
    limits: Limits,
    chance: fastrand::Rng,
    next: f64,
    /// How many more looks may be blind for something.
    blind: u32,
    /// Until when it may not have seen everything.
    unseen: f64,
    /// The last look that was, and the most that ever was between two.
    looked: f64,
    widest: f64,
    was_blind: bool,
}

impl Monitor {
    fn look(&mut self, world: &World) -> Option<Freeze> {
        if world.now < self.next {
            return None;
        }
        let period = self.limits.period().as_secs_f64();
        self.next = world.now + period * (0.8 + 0.4 * self.chance.f64());
        if self.chance.u8(..) < 8 {
            return None;
        }
        let mut sample = world.sample(self.limits.threshold);
        if std::mem::take(&mut self.was_blind) {
            self.unseen = world.now;
        }
        if self.blind > 0 && self.chance.u8(..) < 8 {
            self.blind -= 1;
            self.was_blind = true;
            self.unseen = world.now;
            sample.network_bytes = None;
            sample.connections = sample.connections.filter(|_| self.chance.bool());
        }
        self.widest = self.widest.max(world.now - std::mem::replace(&mut self.looked, world.now));
        self.detector.assess(&sample)
    }
}

/// One trace.
struct Trace<'a> {
    limits: Limits,
    phases: Vec<Phase<'a>>,
    /// The last phase never ends.
    dies: bool,
}

impl<'a> Trace<'a> {
    fn new(
        chance: &mut fastrand::Rng,
        recordings: &'a [Recording],
        idle: &[&'a Recording],
        dies: bool,
    ) -> Self {
        let limits = Limits {
            threshold: Duration::from_secs(chance.u64(60..=1800)),
            network: Duration::from_secs(chance.u64(60..=600)),
        };
        let count = chance.usize(1..8);
        let mut phases: Vec<Phase<'a>> = (0..count)
            .map(|turn| {
                let recording = &recordings[chance.usize(..recordings.len())];
                let life = recording.life;
                Phase {
                    recording,
                    speaks: turn == 0 || life == Life::Still || chance.bool(),
                    seconds: length(chance, recording, limits),
                    slower: 1.0 + recording.elasticity() * chance.f64(),
                    noise: chance.bool().then(|| idle[chance.usize(..idle.len())]),
                    servers: if chance.bool() { 100 } else { 0 },
                }
            })
            .collect();
        if dies {
            let still: Vec<_> = recordings.iter().filter(|r| r.life == Life::Still).collect();
            phases.push(Phase {
                recording: still[chance.usize(..still.len())],
                speaks: chance.bool(),
                seconds: 3.0 * (limits.threshold + limits.network).as_secs_f64(),
                slower: 1.0 + chance.f64(),
                noise: chance.bool().then(|| idle[chance.usize(..idle.len())]),
                servers: if chance.bool() { 100 } else { 0 },
            });
        }
        Trace { limits, phases, dies }
    }
}

/// How long somebody who is alive may be in a situation.
fn length(chance: &mut fastrand::Rng, recording: &Recording, limits: Limits) -> f64 {
    let threshold = limits.threshold.as_secs_f64();
    let most = match recording.life {
        Life::Moves | Life::Bounded => 3.0 * threshold + 600.0,
        Life::Still if recording.tail.iter().all(|step| step.connections > 0) => {
            limits.threshold.max(limits.network).as_secs_f64() - 2.0
        }
        Life::Still => threshold - 2.0,
    };
    20.0 + chance.f64() * (most - 20.0)
}

/// Lives through a trace. Whoever is dead is given up on two ticks after the limit.
fn play(trace: &Trace<'_>, chance: fastrand::Rng) -> Result<(), String> {
    let mut monitor = Monitor {
        detector: Detector::new(trace.limits),
        limits: trace.limits,
        chance,
        next: 0.0,
        blind: 4,
        unseen: 0.0,
        looked: 0.0,
        widest: 0.0,
        was_blind: false,
    };
    let mut world = World::default();
    let mut end = End::Lived;
    let last = trace.phases.len() - 1;
    let mut is_late = false;
    for (number, phase) in trace.phases.iter().enumerate() {
        world.live(phase, |world| {
            if end != End::Lived || is_late {
                return;
            }
            let found = monitor.look(world);
            let is_dead = trace.dies && number == last;
            if let Some(how) = found {
                end = End::Killed { phase: number, at: world.now, how };
            } else {
                is_late = is_dead && world.now > limit(world, &monitor) + 2.0 * monitor.widest;
            }
        });
        if end != End::Lived {
            break;
        }
    }
    let name = |number: usize| trace.phases[number].recording.name.as_str();
    match end {
        End::Lived if trace.dies => Err(format!("dead in {} and never found: {world:?}", name(last))),
        End::Lived => Ok(()),
        End::Killed { phase, at, how } if !(trace.dies && phase == last) => {
            Err(format!("alive in {} and killed at {at}: {how:?}, {world:?}", name(phase)))
        }
        End::Killed { .. } if is_late => Err(format!("found late in {}: {world:?}", name(last))),
        End::Killed { at, how, .. } => {
            let silent = at - world.heard;
            let threshold = trace.limits.threshold.as_secs_f64();
            (silent + 0.01 >= threshold).then_some(()).ok_or(format!("{silent} s: {how:?}, {world:?}"))
        }
    }
}

/// See above.
fn limit(world: &World, monitor: &Monitor) -> f64 {
    let (threshold, network) = (monitor.limits.threshold.as_secs_f64(), monitor.limits.network.as_secs_f64());
    let shorter = threshold.min(network);
    let tool = world.born.filter(|born| *born > world.heard).map_or(0.0, |born| born + threshold);
    let moved = world.moved.max(monitor.unseen);
    let sockets = moved + if world.connections > 0 { network } else { shorter };
    [
        world.heard + threshold,
        tool,
        world.bounded.unwrap_or(0.0),
        world.worked + 30.0,
        sockets,
        world.trickled + shorter,
    ]
    .into_iter()
    .fold(0.0, f64::max)
}

fn traces(dies: bool) {
    let all: Vec<Vec<Recording>> = CLIS.iter().map(|cli| recorded::of(cli)).collect();
    let is_idle = |r: &&Recording| r.situation == recorded::Situation::Hang;
    let idle: Vec<&Recording> = all.iter().flatten().filter(is_idle).collect();
    let failures: Vec<String> = (0..TRACES)
        .filter_map(|seed| {
            let mut chance = fastrand::Rng::with_seed(seed);
            let recordings = &all[chance.usize(..all.len())];
            let trace = Trace::new(&mut chance, recordings, &idle, dies);
            play(&trace, chance).err().map(|why| format!("trace {seed}, {:?}: {why}", trace.limits))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {TRACES}:\n{}",
        failures.len(),
        failures[..failures.len().min(8)].join("\n")
    );
}

// 50-R8
#[test]
fn nobody_who_is_alive_is_killed() {
    traces(false);
}

// 50-R8
#[test]
fn everybody_who_is_dead_is_found_by_the_limit_and_two_ticks() {
    traces(true);
}

#[test]
fn every_situation_of_every_cli_was_recorded() {
    for cli in CLIS {
        let recordings = recorded::of(cli);
        assert_eq!(recordings.len(), recorded::Situation::ALL.len(), "{cli}");
        for recording in recordings {
            assert!(recording.settled().len() >= 5, "{}: {} steps", recording.name, recording.tail.len());
        }
    }
}
