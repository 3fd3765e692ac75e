//! Weeks of simulated work: the real course under an injected clock, random lanes, random trouble, restarts
//! anywhere, and a [`Watcher`] who objects to every decision that what was told does not explain.

mod chance;
mod due;
mod memory;
mod watcher;

use std::collections::{BTreeSet, VecDeque};

use jiff::SignedDuration;

use self::chance::{Outside, Scene, of_harness};
use self::due::Due;
use self::memory::{InMind, Memory, OnDisk};
use self::watcher::{Seated, Watcher};
use super::*;
use crate::model::{CancelSource, Category, Evidence, FailureClass, Outcome};
use crate::routing::entry::Quota;
use crate::store::records::{AgentStatusKind, QuotaRecord, RECORD_VERSION, TryRecord};

/// A runner as far as its health is concerned.
type Key = (String, Option<String>);

fn key(runner: &Runner) -> Key {
    (runner.harness.clone(), runner.model.clone())
}

const DAY: i64 = 86_400;

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// How a pass ended.
#[derive(Debug, PartialEq)]
enum Ended {
    Complete,
    Short,
    /// The process died, or the operator stopped it.
    Cut,
}

/// What came together in a week.
#[derive(Debug, Default)]
struct Census {
    runs: usize,
    passed: usize,
    waits: usize,
    cuts: usize,
    over: usize,
    clears: usize,
    probations: usize,
    skips: usize,
}

struct Week {
    seed: u64,
    dice: fastrand::Rng,
    now: Timestamp,
    scene: Scene,
    outside: Outside,
    memory: Box<dyn Memory>,
    watcher: Watcher,
    bounds: Bounds,
    /// Whether somebody wrote to the memory since the course last looked.
    news: bool,
    /// Of the relay that goes on: every run that began, that passed, that ended.
    began: BTreeSet<u64>,
    passed: BTreeSet<u64>,
    ended: BTreeSet<u64>,
    /// The run whose last try is over, and what its runner's health owes to it.
    due: Option<Due>,
    /// Tries that failed for infrastructure, of a run and its entry.
    infra: (u64, String, u32),
    /// What was told in the relay.
    told: Vec<AgentStatusEvent>,
    census: Census,
    story: VecDeque<String>,
}

impl Week {
    fn new(seed: u64, memory: Box<dyn Memory>) -> Week {
        let mut dice = fastrand::Rng::with_seed(seed);
        let bounds = Bounds {
            max_failed_runs: dice.u32(1..6),
            retry_backoff: Duration::from_secs(2),
            max_wait: (dice.f64() < 0.2).then(|| Duration::from_secs(dice.u64(60..40_000))),
            retry_budget: dice.u32(1..5),
        };
        Week {
            seed,
            now: noon(),
            scene: Scene::random(&mut dice),
            outside: Outside::default(),
            memory,
            watcher: Watcher::default(),
            bounds,
            news: false,
            began: BTreeSet::new(),
            passed: BTreeSet::new(),
            ended: BTreeSet::new(),
            due: None,
            infra: (0, String::new(), 0),
            told: Vec::new(),
            census: Census::default(),
            story: VecDeque::new(),
            dice,
        }
    }

    fn live(mut self, days: i64) -> Census {
        let (end, team) = (self.after(days * DAY), self.scene.team());
        while self.now < end {
            let Some((relay, open)) = self.memory.reopen(self.now) else {
                self.begin_relay();
                continue;
            };
            let ended = self.pass(&team, relay, open);
            self.tell(format!("the pass ended: {ended:?}"));
            match ended {
                Ended::Complete => {}
                Ended::Cut => {
                    self.sleep(1, 7200);
                    if self.dice.f64() < 0.1 {
                        self.clear_somebody();
                    }
                }
                Ended::Short => {
                    self.census.over += 1;
                    self.sleep(600, 20_000);
                    self.outside.log_in();
                    if self.dice.f64() < 0.5 {
                        self.clear_somebody();
                    }
                }
            }
        }
        self.census
    }

    fn begin_relay(&mut self) {
        let target = self.dice.u64(3..60);
        self.memory.create(target, self.now);
        self.tell(format!("a relay of {target} runs"));
        for runs in [&mut self.began, &mut self.passed, &mut self.ended] {
            runs.clear();
        }
        (self.due, self.infra.0) = (None, 0);
        self.told.clear();
    }

    /// One pass, as `pass.rs` does it.
    fn pass(&mut self, team: &Team, relay: RelayRecord, open: Option<OpenRun>) -> Ended {
        self.watcher.new_pass();
        let target = relay.target_iterations;
        self.check(
            relay.completed_iterations == self.passed.len() as u64,
            "every success counts after a restart",
        );
        let unfinished: Vec<u64> = self.began.difference(&self.ended).copied().collect();
        let found: Vec<u64> = open.iter().map(|open| open.run_id).collect();
        self.check(unfinished == found, &format!("unfinished: {unfinished:?}, found: {found:?}"));
        let mut to_go_on = open.clone();
        let team = Team {
            roster: team.roster.clone(),
            providers: team.providers.clone(),
            reasoning: team.reasoning.clone(),
        };
        let members = seats(&team);
        let mut course = Course::new(relay, team, open, self.memory.healths(), self.bounds);
        self.news = false;
        let settled = self.ask(&mut course, |course, moment| course.settle_open_run(moment));
        if let Some(Settled { run_id: run, events, .. }) = settled {
            let open = to_go_on.take().filter(|open| open.run_id == run);
            let is_over =
                |open: OpenRun| open.over.is_some() || open.attempts_used >= self.bounds.retry_budget.min(3);
            self.check(open.is_some_and(is_over), "only a run that is over is settled");
            if self.end_run(&mut course, run, &events) == Some(Ended::Cut) {
                return Ended::Cut;
            }
        }
        let (mut idle, mut before, mut promised) = (0, self.now, false);
        loop {
            if std::mem::take(&mut self.news) {
                course.set_healths(self.memory.healths());
                promised = false;
            }
            if self.dice.f64() < 0.01 {
                return Ended::Cut;
            }
            idle = if self.now > before { 0 } else { idle + 1 };
            before = self.now;
            self.check(idle <= 2 * members.len() + 4, "steps without end, and no time passes");
            self.watcher.forget_what_is_over(self.now);
            let lane = course.choose().unwrap().lane;
            let step = self.ask(&mut course, |course, moment| course.step(lane, moment));
            self.check(!promised || !matches!(step, Step::Wait(_)), "somebody should be back by now");
            promised = false;
            match step {
                Step::Complete => {
                    self.check(self.passed.len() as u64 == target, "complete is complete");
                    course.close(self.now);
                    self.save(&mut course);
                    return Ended::Complete;
                }
                Step::Run(seat) => {
                    let taken = course.take_open_run(&seat);
                    let id = |open: &Option<OpenRun>| open.as_ref().map(|open| open.run_id);
                    self.check(id(&taken) == id(&to_go_on.take()), "an unfinished run goes on first");
                    if let Some(ended) = self.run(&mut course, &seat, taken) {
                        return ended;
                    }
                }
                Step::BackOff(pause) => {
                    self.check(
                        pause.is_zero() || pause >= Duration::from_secs(1) && pause.as_secs() <= 300,
                        "a back-off is a pause",
                    );
                    self.now += pause;
                    course.wrap(lane);
                }
                Step::Wait(absence) => {
                    self.check_wait(&members, &absence);
                    promised = self.wait(&absence);
                }
                Step::TooLong { absence, bound } => {
                    self.check_wait(&members, &absence);
                    let is_long = time::since(self.now, absence.until) > bound;
                    self.check(
                        is_long && Some(bound) == self.bounds.max_wait,
                        "only a long wait is too long",
                    );
                    return Ended::Short;
                }
                Step::Over(reason) => {
                    let failures = self.watcher.failures;
                    match reason.contains("in a row") {
                        true => self.check(failures >= self.bounds.max_failed_runs, &reason),
                        false => self.check(self.watcher.is_hopeless(&self.scene, &members), &reason),
                    }
                    return Ended::Short;
                }
            }
            let most = self.bounds.max_failed_runs as usize + members.len();
            self.check(self.watcher.failures as usize <= most, "a hopeless pass ends");
        }
    }

    fn check_wait(&mut self, members: &[Seated], absence: &Absence) {
        self.census.waits += 1;
        self.tell(format!("{} until {}", absence.why, absence.until));
        if let Some(objection) = self.watcher.objects(&self.scene, members, absence, self.now) {
            self.fail(&format!("a wait until {}, asked at {}: {objection}", absence.until, absence.ask_at));
        }
    }

    /// Whether the wait went on to its end.
    fn wait(&mut self, absence: &Absence) -> bool {
        let seconds = time::since(self.now, absence.ask_at).as_secs().cast_signed();
        if self.dice.f64() < 0.1 && seconds > 1 {
            let seconds = self.dice.i64(1..seconds);
            self.now = self.after(seconds);
            self.clear_somebody();
            return false;
        }
        self.now = absence.ask_at;
        true
    }

    /// A run; says how the pass ended, if it did.
    fn run(&mut self, course: &mut Course, seat: &Seat, open: Option<OpenRun>) -> Option<Ended> {
        self.census.runs += 1;
        if let Some(why) = self.watcher.forbids(&self.scene, seat, self.now) {
            self.fail(&format!("{} was launched: {why}", seat.entry));
        }
        let relay = course.relay().id;
        let run = open.as_ref().map_or_else(|| self.memory.next_run_id(relay), |open| open.run_id);
        let is_new = self.began.insert(run);
        self.check(
            is_new == open.is_none() && !self.ended.contains(&run),
            "every run has a number of its own",
        );
        let is_over = self.due.as_ref().is_some_and(|due| due.run == run);
        self.check(!is_over, "a run whose last try is over is not tried again");
        if (self.infra.0, &self.infra.1) != (run, &seat.entry) {
            self.infra = (run, seat.entry.clone(), 0);
        }
        let remembered = open.as_ref().map_or(0, |open| open.infra_failures);
        self.check(remembered == self.infra.2, "failures of the infrastructure are those of the entry");
        self.memory.run_started(relay, run, &seat.entry, self.now);
        if let Some(event) = course.start(seat, run, self.now) {
            self.census.probations += usize::from(event.event_type == AgentStatusKind::Probation);
            self.append(&event);
        }
        let (used, mut number) = open.map_or((0, 0), |open| (open.attempts_used, open.last_attempt));
        let attempts = seat.trial.attempts(self.bounds.retry_budget).saturating_sub(used);
        let scope = self.scene.scope(&seat.runner);
        let tries = self.outside.work(&mut self.dice, (&seat.runner, &scope), self.now, attempts);
        self.tell(format!("run {run}: {} tries {tries:?}", seat.entry));
        let mut last_try = None;
        for (index, tried) in tries.iter().enumerate() {
            match self.dice.u32(..200) {
                0 | 1 => return Some(Ended::Cut),
                2 => return Some(self.cancel(course, seat)),
                3 => return self.skip(course, seat, run),
                _ => {}
            }
            self.now = self.after(tried.seconds);
            number += 1;
            let ends_run = index + 1 == tries.len();
            let record = TryRecord {
                relay_id: relay,
                run_id: run,
                attempt_number: number,
                ends_run,
                ..record(&seat.runner, tried, self.now)
            };
            let record = self.memory.tried(record, self.now);
            self.infra.2 += u32::from(record.is_infra_failure());
            last_try = Some(record.id);
            if tried.category.is_none() {
                self.passed.insert(run);
                self.census.passed += 1;
            }
        }
        let result = RunResult { last_try, infra_failures: self.infra.2, ..result(&tries) };
        self.watcher.learn(&self.scene, seat, &result, self.now);
        self.due = Some(Due::new(run, key(&seat.runner), &result, self.now));
        if let Some(record) = self.outside.tell(&mut self.dice, &scope, self.now) {
            self.append_quota(&record);
        }
        match self.dice.u32(..50) {
            0 => return Some(Ended::Cut),
            1 => self.clear_somebody(),
            _ => {}
        }
        if std::mem::take(&mut self.news) {
            course.set_healths(self.memory.healths());
        }
        let events = self.ask(course, |course, moment| course.learn(seat, &result, moment));
        let spends = |event: &AgentStatusEvent| event.event_type == AgentStatusKind::Probation;
        self.check(!events.iter().any(spends), "only a run that begins spends a probation");
        let counted = course.relay().completed_iterations;
        self.check(counted == self.passed.len() as u64, "every success counts, and nothing else");
        self.end_run(course, run, &events)
    }

    /// The operator stops while somebody works: the run goes on in the next pass.
    fn cancel(&mut self, course: &mut Course, seat: &Seat) -> Ended {
        let verdict = RunVerdict::Cancelled { source: CancelSource::QuitNow };
        let result = RunResult { verdict, category: None, terminal: false, ..result(&[]) };
        let events = self.ask(course, |course, moment| course.learn(seat, &result, moment));
        self.check(events.is_empty(), "what the operator stops is nobody's fault");
        self.save(course);
        Ended::Cut
    }

    /// The operator skips somebody at work: nobody's failure, and over.
    fn skip(&mut self, course: &mut Course, seat: &Seat, run: u64) -> Option<Ended> {
        self.census.skips += 1;
        self.now = self.after(1);
        let verdict = RunVerdict::Cancelled { source: CancelSource::Skip };
        let result = RunResult { verdict, category: None, terminal: false, ..result(&[]) };
        let events = self.ask(course, |course, moment| course.learn(seat, &result, moment));
        self.check(events.is_empty(), "what the operator skips is nobody's fault");
        self.end_run(course, run, &events)
    }

    /// The end of a run, cut at any point.
    fn end_run(&mut self, course: &mut Course, run: u64, events: &[AgentStatusEvent]) -> Option<Ended> {
        for event in events {
            if self.dice.f64() < 0.03 {
                return Some(Ended::Cut);
            }
            self.append(event);
        }
        let cut = self.dice.u32(..100);
        if cut == 0 {
            return Some(Ended::Cut);
        }
        course.end_run(run);
        self.save(course);
        if cut == 1 {
            return Some(Ended::Cut);
        }
        self.memory.run_ended(course.relay().id, run, self.now);
        let is_first = self.ended.insert(run);
        self.check(is_first, "every run ends once");
        self.check_told(run);
        (cut == 2).then_some(Ended::Cut)
    }

    /// What a run did to its runner was told once, if it was due.
    fn check_told(&mut self, run: u64) {
        // One whose attempts were made fewer has no last try.
        let Some(due) = self.due.take().filter(|due| due.run == run) else { return };
        if let Some(objection) = due.objects(&self.told) {
            self.fail(&objection);
        }
    }

    fn save(&mut self, course: &mut Course) {
        let relay = self.memory.save(&course.relay_to_save());
        course.saved(relay);
    }

    fn ask<T>(&mut self, course: &mut Course, question: impl FnOnce(&mut Course, Moment<'_>) -> T) -> T {
        let moment = Moment { now: self.now, of_harness: &of_harness, jitter: self.dice.f64() };
        question(course, moment)
    }

    fn append(&mut self, event: &AgentStatusEvent) {
        self.news = true;
        self.tell(format!("{event:?}"));
        self.watcher.write(event);
        self.told.push(event.clone());
        self.memory.append(event);
    }

    fn append_quota(&mut self, record: &QuotaRecord) {
        self.news = true;
        self.tell(format!("{record:?}"));
        self.watcher.tell(record);
        self.memory.append_quota(record);
    }

    /// The operator calls everybody healthy who draws from some quota.
    fn clear_somebody(&mut self) {
        self.census.clears += 1;
        let scope = ["a", "b", "c:x-1", "c:y-1", "d", "provider:plan"][self.dice.usize(..6)];
        let runners: Vec<Runner> = self.scene.drawing_from(scope).collect();
        // The operator has the last word.
        if let Some(due) = self.due.as_mut().filter(|due| due.since < self.now)
            && runners.iter().any(|runner| key(runner) == due.of)
        {
            due.excuse();
        }
        for runner in &runners {
            let event = serde_json::json!({ "v": RECORD_VERSION, "agent_type": runner.harness, "model": runner.model,
                "event_type": "active", "timestamp": self.now.to_string() });
            let event: AgentStatusEvent = serde_json::from_value(event).unwrap();
            self.append(&event);
        }
        let (source, windows) = ("clear".to_owned(), Vec::new());
        let scope = scope.to_owned();
        self.watcher.clear(&scope, &runners);
        self.append_quota(&QuotaRecord {
            v: RECORD_VERSION,
            scope,
            source,
            at: self.now,
            try_id: None,
            windows,
        });
    }

    fn after(&self, seconds: i64) -> Timestamp {
        self.now + SignedDuration::from_secs(seconds)
    }

    fn sleep(&mut self, least: i64, most: i64) {
        self.census.cuts += 1;
        let seconds = self.dice.i64(least..most);
        self.now = self.after(seconds);
    }

    fn tell(&mut self, what: String) {
        self.story.push_back(format!("{} {what}", self.now));
        if self.story.len() > 40 {
            self.story.pop_front();
        }
    }

    #[track_caller]
    fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.fail(what);
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let story: Vec<&str> = self.story.iter().map(String::as_str).collect();
        panic!("seed {}, {}: {what}\n{:?}\n{}", self.seed, self.now, self.scene.flags, story.join("\n"));
    }
}

/// The members of the one lane.
fn seats(team: &Team) -> Vec<Seated> {
    let slots = team.roster.lanes[0].slots.iter().enumerate();
    let seated = slots.flat_map(|(slot, entry)| {
        let is_range = matches!(entry.quota, Quota::Range { .. });
        let members = entry.members.iter().enumerate();
        members.map(move |(member, one)| Seated { at: (slot, member), runner: one.runner.clone(), is_range })
    });
    seated.collect()
}

/// The record of a try, its place left out.
fn record(runner: &Runner, tried: &chance::Tried, now: Timestamp) -> TryRecord {
    let passed = tried.category.is_none();
    let text = serde_json::json!({ "id": 0, "run_id": 0, "relay_id": 0, "agent_type": runner.harness,
        "model": runner.model, "completed": passed, "started_at": now.to_string(),
        "ended_at": now.to_string(), "attempt_number": 0 });
    let evidence = tried.category.map(|category| Evidence {
        reset_at: tried.reset,
        retry_after: tried.hint.map(Duration::from_secs),
        ..Evidence::new("test", Some(category), "no")
    });
    TryRecord {
        outcome: Some(if passed { Outcome::Completed } else { Outcome::Failed }),
        category: tried.category,
        evidence,
        ..serde_json::from_value(text).unwrap()
    }
}

/// The result of a run with these tries.
fn result(tries: &[chance::Tried]) -> RunResult {
    let last = tries.last();
    let category = last.and_then(|tried| tried.category);
    RunResult {
        mismatch: None,
        handed_over: false,
        verdict: match category {
            None => RunVerdict::Passed { commit: None },
            Some(category) => RunVerdict::Failed { reason: category.label().to_owned() },
        },
        first_try: None,
        last_try: None,
        category,
        class: category.map_or(FailureClass::Agent, Category::class),
        terminal: category.is_some_and(|category| category.is_terminal() && category != Category::UsageLimit),
        reset_at: last.and_then(|tried| tried.reset),
        infra_failures: 0,
        hint: last.and_then(|tried| tried.hint).map(Duration::from_secs),
    }
}

// Done when: a simulated week keeps the invariants. 30-P2, P3, P8, R1, R7, R8, R11, 50-R24
#[test]
fn two_hundred_weeks() {
    let mut all = Census::default();
    for seed in 0..200 {
        let week = Week::new(seed, Box::<InMind>::default()).live(7);
        all.runs += week.runs;
        all.passed += week.passed;
        all.waits += week.waits;
        all.cuts += week.cuts;
        all.over += week.over;
        all.clears += week.clears;
        all.probations += week.probations;
        all.skips += week.skips;
    }
    // The simulation meets what it is about.
    assert!(all.runs > 200 * 200 && all.passed * 2 > all.runs, "{all:?}");
    assert!(all.probations > 50 && all.skips > 200, "{all:?}");
    assert!(all.waits > 2000 && all.cuts > 2000 && all.over > 500 && all.clears > 500, "{all:?}");
}

#[test]
fn half_a_year() {
    let census = Week::new(4711, Box::<InMind>::default()).live(180);
    assert!(census.runs > 4000, "{census:?}");
}

// The same over the real store
#[test]
fn three_weeks_on_disk() {
    let census = Week::new(4711, Box::new(OnDisk::new(noon()))).live(21);
    assert!(census.runs > 500, "{census:?}");
}

// 30-R8: an end that has just passed is neither fatal nor asked about without a pause
#[test]
fn a_wait_of_zero_is_a_short_one() {
    let scene = Scene::random(&mut fastrand::Rng::with_seed(1));
    let mut memory = InMind::default();
    memory.create(3, noon());
    let (relay, open) = memory.reopen(noon()).unwrap();
    let bounds = Bounds {
        max_failed_runs: 5,
        retry_backoff: Duration::ZERO,
        max_wait: Some(Duration::from_secs(1)),
        retry_budget: 3,
    };
    let course = Course::new(relay, scene.team(), open, Healths::default(), bounds);
    let moment = Moment { now: noon(), of_harness: &of_harness, jitter: 0.0 };
    for late in [0, 3600] {
        let Step::Wait(absence) = course.wait(0, noon() - SignedDuration::from_secs(late), moment) else {
            panic!("fatal");
        };
        assert_eq!(time::since(noon(), absence.ask_at).as_millis(), 101);
    }
}
