//! The health of runners over whole passes, with a clock of our own.

use super::super::course::{Absence, Bounds, Course, Moment, Seat, Step};
use super::super::crew::Team;
use super::super::resilience::{Healths, Trial};
use super::tests::{failed, passed};
use super::*;
use crate::config;
use crate::model::CancelSource;
use crate::routing::{Catalog, Roster, Rules};
use crate::store::records::AgentStatusKind::{Active, Benched, Frozen, Paused, Probation, RetryFailed};
use crate::store::records::RelayRecord;

const HOUR: i64 = 3600;

/// A pass over a mix, and all events that it has stored.
struct Story {
    mix: &'static str,
    course: Course,
    events: Vec<AgentStatusEvent>,
    /// Seconds since the beginning.
    now: i64,
    runs: u64,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_010 + second).unwrap()
}

fn course(mix: &str, events: &[AgentStatusEvent]) -> Course {
    let config = config::of_text("");
    let rules = Rules::of(&config);
    let roster = Roster::from_flags(&[mix.to_owned()], &Catalog::new(&config)).unwrap();
    let team = Team { roster, providers: rules.providers, reasoning: rules.reasoning };
    let relay = serde_json::json!({
        "id": 1, "target_iterations": 1000, "completed_iterations": 0, "agent_mix": mix, "started_at": at(0)
    });
    let bounds = Bounds {
        max_failed_runs: 1000,
        retry_backoff: Duration::from_secs(2),
        max_wait: None,
        retry_budget: 5,
    };
    Course::new(serde_json::from_value(relay).unwrap(), team, None, Healths::replay(events), bounds)
}

impl Story {
    fn new(mix: &'static str) -> Story {
        Story { mix, course: course(mix, &[]), events: Vec::new(), now: 0, runs: 0 }
    }

    /// Goes on in a new process.
    fn restart(&mut self) {
        self.course = course(self.mix, &self.events);
    }

    fn ask<T>(&mut self, question: impl FnOnce(&mut Course, Moment<'_>) -> T) -> T {
        let of_harness = |runner: &Runner| runner.harness.clone();
        question(&mut self.course, Moment { now: at(self.now), of_harness: &of_harness, jitter: 0.0 })
    }

    /// Waits until somebody has the turn, and begins the run.
    fn seat(&mut self) -> Seat {
        loop {
            match self.ask(|course, moment| course.step(0, moment)) {
                Step::Run(seat) => {
                    self.runs += 1;
                    let event = self.course.start(&seat, self.runs, at(self.now));
                    self.events.extend(event);
                    return seat;
                }
                Step::Wait(Absence { until, .. }) => {
                    assert!(until > at(self.now), "a wait of zero");
                    // Jitter may make it longer, never shorter.
                    self.now += until.duration_since(at(self.now)).as_secs();
                }
                Step::BackOff(pause) => {
                    self.now += i64::try_from(pause.as_secs()).unwrap();
                    self.course.wrap(0);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// One run with this result; says what was at stake, and which events followed.
    fn run(&mut self, result: &RunResult) -> (Trial, Vec<AgentStatusKind>) {
        let before = self.events.len();
        let seat = self.seat();
        let events = self.ask(|course, moment| course.learn(&seat, result, moment));
        self.events.extend(events);
        (seat.trial, self.events[before..].iter().map(|event| event.event_type).collect())
    }
}

fn infra() -> RunResult {
    failed(Some(Category::TransientInfra), 2)
}

fn limited(seconds: i64) -> RunResult {
    RunResult { reset_at: Some(at(seconds)), ..failed(Some(Category::UsageLimit), 0) }
}

fn cancelled() -> RunResult {
    RunResult { verdict: RunVerdict::Cancelled { source: CancelSource::QuitNow }, ..infra() }
}

// 30-120, 122, 123 (deviation: a freeze is waited for, it does not end the relay), 145 in the form of 23.P2
#[test]
fn a_service_that_is_down_is_asked_less_and_less() {
    let mut story = Story::new("cc");
    assert_eq!(story.run(&infra()), (Trial::None, vec![Paused]));
    for hour in 1..=4 {
        assert_eq!(story.run(&infra()), (Trial::HourlyRetry, vec![RetryFailed]));
        assert_eq!(story.now, hour * HOUR);
    }
    assert_eq!(story.run(&infra()), (Trial::HourlyRetry, vec![RetryFailed, Frozen]));
    assert_eq!(story.now, 5 * HOUR);
    assert_eq!(story.run(&infra()), (Trial::Probation, vec![Probation, Frozen]));
    assert_eq!(story.now, 10 * HOUR);
    assert_eq!(
        story.run(&failed(Some(Category::AgentError), 0)),
        (Trial::Probation, vec![Probation, Frozen])
    );
    assert_eq!(story.now, 15 * HOUR);
    let incomplete = failed(Some(Category::IncompleteFinalization), 0);
    assert_eq!(story.run(&incomplete), (Trial::Probation, vec![Probation, Active]));
    assert_eq!(story.now, 20 * HOUR);
    // All begins anew.
    assert_eq!(story.run(&infra()), (Trial::None, vec![Paused]));
    assert_eq!(story.run(&passed()), (Trial::HourlyRetry, vec![Active]));
    assert_eq!(story.run(&passed()), (Trial::None, vec![]));
}

// 23.P3
#[test]
fn a_retry_that_fails_otherwise_waits_for_another_hour_and_does_not_count() {
    let mut story = Story::new("cc");
    story.run(&infra());
    for hour in 1..=9 {
        let result = match hour % 3 {
            0 => failed(Some(Category::AgentError), 0),
            1 => failed(Some(Category::TransientInfra), 1),
            _ => failed(Some(Category::IncompleteFinalization), 0),
        };
        assert_eq!(story.run(&result), (Trial::HourlyRetry, vec![Paused]));
        assert_eq!(story.now, hour * HOUR);
    }
    for _ in 0..4 {
        assert_eq!(story.run(&infra()).1, [RetryFailed]);
    }
    assert_eq!(story.run(&failed(Some(Category::AgentError), 0)).1, [Paused]);
    assert_eq!(story.run(&infra()).1, [RetryFailed, Frozen]);
}

// 30-109, 121
#[test]
fn what_is_no_repeated_infra_trouble_writes_nothing() {
    let mut story = Story::new("cc");
    for result in [
        failed(Some(Category::TransientInfra), 1),
        failed(Some(Category::AgentError), 3),
        failed(Some(Category::IncompleteFinalization), 3),
        failed(Some(Category::UnidentifiedIssue), 0),
        passed(),
        cancelled(),
    ] {
        assert_eq!(story.run(&result), (Trial::None, vec![]), "{result:?}");
    }
}

// 30-145 in the form of 23.P2
#[test]
fn a_probe_without_a_result_stays_due() {
    let mut story = Story::new("cc");
    story.events.push(AgentStatusEvent::new(&Runner::bare("claude"), Frozen, at(-6 * HOUR)));
    story.restart();
    // To be looked at uses nothing up.
    for _ in 0..3 {
        let step = story.ask(|course, moment| course.step(0, moment));
        assert!(matches!(step, Step::Run(Seat { trial: Trial::Probation, .. })), "{step:?}");
    }
    assert_eq!(story.events.len(), 1);
    // rally is killed while the probe runs.
    assert_eq!(story.seat().trial, Trial::Probation);
    story.restart();
    story.now += 30 * 24 * HOUR;
    // The operator cancels it.
    assert_eq!(story.run(&cancelled()), (Trial::Probation, vec![]));
    story.restart();
    assert_eq!(story.run(&cancelled()), (Trial::Probation, vec![]));
    let probations = story.events.iter().filter(|event| event.event_type == Probation);
    assert_eq!(probations.count(), 1, "{:#?}", story.events);
    assert_eq!(story.run(&passed()), (Trial::Probation, vec![Active]));
}

// 30-145: another entry has the turn, so that the decayed one is only looked at
#[test]
fn who_is_not_picked_keeps_its_chance() {
    let mut story = Story::new("cx:4 cc");
    story.events.push(AgentStatusEvent::new(&Runner::bare("claude"), Frozen, at(-6 * HOUR)));
    story.restart();
    for _ in 0..3 {
        assert_eq!(story.run(&passed()), (Trial::None, vec![]));
    }
    assert_eq!(story.run(&failed(Some(Category::AgentError), 0)), (Trial::None, vec![]));
    assert_eq!(story.run(&passed()), (Trial::Probation, vec![Probation, Active]));
}

// The service answered, so the trial is not spent
#[test]
fn a_limit_only_benches_whatever_was_at_stake() {
    let mut story = Story::new("cc");
    story.run(&infra());
    for _ in 0..4 {
        story.run(&infra());
    }
    assert_eq!(story.run(&limited(5 * HOUR + 600)), (Trial::HourlyRetry, vec![Benched]));
    assert_eq!(
        story.run(&infra()),
        (Trial::HourlyRetry, vec![RetryFailed, Frozen]),
        "four had failed before"
    );
    assert_eq!(story.now, 5 * HOUR + 600);
    assert_eq!(story.run(&limited(12 * HOUR)), (Trial::Probation, vec![Probation, Benched]));
    assert_eq!(story.run(&limited(20 * HOUR)), (Trial::Probation, vec![Benched]));
    assert_eq!(story.now, 12 * HOUR);
    assert_eq!(story.run(&passed()), (Trial::Probation, vec![Active]));
    assert_eq!(story.now, 20 * HOUR);
}

// 30-118, 127: after the deadline there is one try, and a new limit benches again
#[test]
fn a_new_limit_benches_again() {
    let mut story = Story::new("cc");
    assert_eq!(story.run(&limited(HOUR)), (Trial::None, vec![Benched]));
    assert_eq!(story.run(&failed(Some(Category::UsageLimit), 0)), (Trial::None, vec![Benched]));
    assert_eq!(story.now, HOUR);
    assert_eq!(story.run(&passed()), (Trial::None, vec![]));
    assert_eq!(story.now, 6 * HOUR, "five hours, where nobody knows the reset");
}

// The operator's word counts for the run that works right now
#[test]
fn who_was_cleared_meanwhile_is_no_longer_on_trial() {
    let mut story = Story::new("cc");
    story.run(&infra());
    for _ in 0..4 {
        story.run(&infra());
    }
    let seat = story.seat();
    assert_eq!(seat.trial, Trial::HourlyRetry);
    story.events.push(AgentStatusEvent::new(&Runner::bare("claude"), Active, at(story.now)));
    let events = story.events.clone();
    story.course.set_healths(Healths::replay(&events));
    let events = story.ask(|course, moment| course.learn(&seat, &infra(), moment));
    let kinds: Vec<_> = events.iter().map(|event| event.event_type).collect();
    assert_eq!(kinds, [Paused]);
}

// 23.U4: the target of a relay that goes on until its queue is empty follows the queue
#[test]
fn the_target_follows_the_queue() {
    let mut course = course("cc", &[]);
    course.follow_queue(3);
    assert_eq!(course.relay().target_iterations, 1000, "a number that was given stays");
    let relay = RelayRecord { until_empty: true, completed_iterations: 2, ..course.relay().clone() };
    course.saved(relay);
    course.follow_queue(3);
    assert_eq!(course.relay().target_iterations, 5);
    course.follow_queue(0);
    assert!(!course.is_complete() && course.relay().is_open(), "only the queue knows");
    course.close(at(9));
    assert_eq!((course.relay().target_iterations, course.relay().is_open()), (2, false));
}
