//! Ten thousand random lanes and histories, watched by a [`Watcher`].
//!
//! The watcher knows nothing of the scheduler's flags. It writes down what happened and when, as
//! somebody outside could, and says of every decision whether the history explains it.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::model::Runner;

/// Different runners at most; a lane of several slots often names one of them twice.
const RUNNERS: usize = 5;

const QUOTAS: [Quota; 9] = [
    Quota::Open,
    Quota::Exactly(1),
    Quota::Exactly(2),
    Quota::Exactly(3),
    Quota::Exactly(5),
    Quota::Range { min: 1, max: 2 },
    Quota::Range { min: 1, max: 5 },
    Quota::Range { min: 2, max: 3 },
    Quota::Range { min: 3, max: 4 },
];

/// A role that changes nothing, and one that wants another model of every second runner.
const ROLES: usize = 2;

/// The variant of a runner that a role asks for.
fn variant(runner: usize, role: usize) -> usize {
    if runner.is_multiple_of(2) { role } else { 0 }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A slot as a number, so that a failing case shrinks fast: one third may have several members.
fn slot(code: usize) -> Slot {
    let quota = QUOTAS[code % 9];
    let count = if (code / 9).is_multiple_of(3) { 1 + code / 27 % 4 } else { 1 };
    let mut digits = code / 108;
    let members = (0..count).map(|_| {
        let name = format!("r{}", digits % RUNNERS);
        digits /= RUNNERS;
        Member { text: name.clone(), runner: Runner::bare(&name), explicit: false }
    });
    let members: Vec<Member> = members.collect();
    let text = if count == 1 { members[0].text.clone() } else { "WALK".to_owned() };
    Slot { text: format!("{text}:{quota:?}"), members, quota }
}

fn runner_of(member: &Member) -> usize {
    usize::from(member.runner.harness.as_bytes()[1] - b'0')
}

/// What happens around one question.
#[derive(Debug, Clone, Copy)]
struct Step {
    before: Before,
    role: usize,
    restart: bool,
    after: After,
}

#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    Bench { runner: usize, variant: usize, seconds: Option<i64> },
    Recover { runner: usize, variant: usize },
    Told { runner: usize, variant: usize, spare: Option<i64> },
    NewPass,
}

#[derive(Debug, Clone, Copy)]
enum After {
    Verdict(Verdict),
    /// A usage limit: the run fails, and its runner is out for these seconds.
    Limit(i64),
    /// The process died, or the operator stopped: the run has no verdict.
    Interrupted,
}

/// A step as a number; 0 is a run that passes while nothing else happens.
fn step(code: usize) -> Step {
    let (kind, rest) = (code % 32, code / 32);
    let (runner, variant, seconds) =
        (rest % RUNNERS, rest / RUNNERS % ROLES, 1 + (rest / (RUNNERS * ROLES) % 40) as i64);
    let before = match kind {
        // Few different times, so that they are often the same.
        13..=17 => Before::Told { runner, variant, spare: Some(seconds % 4).filter(|spare| *spare > 0) },
        18 | 19 => Before::Bench { runner, variant, seconds: Some(seconds) },
        20 => Before::Bench { runner, variant, seconds: None },
        21 | 22 => Before::Recover { runner, variant },
        23 => Before::NewPass,
        _ => Before::Nothing,
    };
    let after = match kind {
        24..=26 => After::Verdict(Verdict::Failed),
        27 => After::Verdict(Verdict::Skipped),
        28 => After::Verdict(Verdict::FailedTerminally),
        29 | 30 => After::Limit(seconds),
        31 => After::Interrupted,
        _ => After::Verdict(Verdict::Passed),
    };
    let mood = rest / (RUNNERS * ROLES * 40);
    Step { before, role: usize::from(mood == 7), restart: mood == 5 || mood == 6, after }
}

const SLOT_CODES: usize = 108 * RUNNERS.pow(4);
const STEP_CODES: usize = 32 * RUNNERS * ROLES * 40 * 8;

/// Everybody's true health.
struct Outside {
    now: i64,
    health: [[Health; ROLES]; RUNNERS],
    /// When what is left of everybody's budget is lost.
    spare: [[Option<i64>; ROLES]; RUNNERS],
}

impl Outside {
    fn see(&self, member: &Member, role: usize) -> Seen {
        let runner = runner_of(member);
        let variant = variant(runner, role);
        let model = (variant > 0).then(|| "wished".to_owned());
        let spare = self.spare[runner][variant].map(at);
        Seen { model, health: self.health[runner][variant], spare }
    }

    fn bench(&mut self, runner: usize, variant: usize, seconds: Option<i64>) {
        let until = seconds.map(|seconds| at(self.now + seconds));
        self.health[runner][variant] = Health::Unavailable { until };
    }

    fn sleep(&mut self, until: Timestamp) {
        self.now = until.as_second();
        for health in self.health.iter_mut().flatten() {
            if matches!(*health, Health::Unavailable { until: Some(end) } if end <= until) {
                *health = Health::Ready;
            }
        }
    }
}

/// What is remembered of one member in one variant: when things happened, counted in events.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    ran: usize,
    /// When the cycle began in which it failed.
    cycle: usize,
    failed: usize,
    failed_for_good: usize,
    recovered: usize,
    /// Whether it could not be had when last looked at.
    missing: bool,
}

#[derive(Debug)]
struct Watcher {
    slots: Vec<Slot>,
    events: usize,
    cycle_began: usize,
    pass_began: usize,
    /// By slot and member.
    facts: Vec<Vec<[Facts; ROLES]>>,
    /// Who had the newest turn, and how many runs of it passed.
    turn: Option<(usize, u32)>,
    /// Who ran last, by slot.
    last: Vec<Option<usize>>,
    /// Passed runs of others during which a slot could have had the run.
    waited: Vec<u32>,
    /// Whether nobody in a slot could have run when last looked at.
    idle: Vec<bool>,
    /// Since when a slot could have had every run, and when it had its newest; 0 for never.
    able_since: Vec<usize>,
    ran: Vec<usize>,
    /// When a slot's newest turn began, and the newest back-off was over.
    arrived: Vec<usize>,
    backed_off: usize,
    newest_run: usize,
    /// Health and budget as they are now, by slot and member, and the role.
    health: Vec<Vec<Health>>,
    spare: Vec<Vec<Option<Timestamp>>>,
    role: usize,
}

/// Runs after which a slot leaves when others can run, and after which it leaves anyway.
fn limits(quota: Quota) -> (u32, u32) {
    match quota {
        Quota::Open => (u32::MAX, u32::MAX),
        Quota::Exactly(runs) => (runs, runs),
        Quota::Range { min, max } => (min, max),
    }
}

impl Watcher {
    fn new(slots: Vec<Slot>) -> Watcher {
        let members = || slots.iter().map(|slot| slot.members.len());
        Watcher {
            events: 1,
            cycle_began: 1,
            pass_began: 1,
            facts: members().map(|count| vec![[Facts::default(); ROLES]; count]).collect(),
            turn: None,
            last: vec![None; slots.len()],
            waited: vec![0; slots.len()],
            idle: vec![false; slots.len()],
            able_since: vec![0; slots.len()],
            ran: vec![0; slots.len()],
            arrived: vec![0; slots.len()],
            backed_off: 0,
            newest_run: 0,
            health: members().map(|count| vec![Health::Ready; count]).collect(),
            spare: members().map(|count| vec![None; count]).collect(),
            role: 0,
            slots,
        }
    }

    fn event(&mut self) -> usize {
        self.events += 1;
        self.events
    }

    fn facts(&mut self, slot: usize, member: usize) -> &mut Facts {
        let runner = runner_of(&self.slots[slot].members[member]);
        &mut self.facts[slot][member][variant(runner, self.role)]
    }

    fn known(&self, slot: usize, member: usize) -> Facts {
        let runner = runner_of(&self.slots[slot].members[member]);
        self.facts[slot][member][variant(runner, self.role)]
    }

    fn is_out_for_good(&self, slot: usize, member: usize) -> bool {
        self.known(slot, member).failed_for_good > self.pass_began
    }

    /// Whether it failed, and nothing has given it another chance since.
    fn is_tired(&self, slot: usize, member: usize) -> bool {
        let facts = self.known(slot, member);
        facts.failed > self.cycle_began.max(facts.recovered)
    }

    /// Whether a member can be given the run, or could if a new cycle began.
    fn can(&self, slot: usize, member: usize, rested: bool) -> bool {
        !self.known(slot, member).missing
            && !self.is_out_for_good(slot, member)
            && (rested || !self.is_tired(slot, member))
    }

    fn any(&self, slot: usize, what: impl Fn(usize) -> bool) -> bool {
        (0..self.slots[slot].members.len()).any(what)
    }

    fn able(&self, slot: usize) -> bool {
        self.any(slot, |member| self.can(slot, member, false))
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.slots.len()
    }

    /// Whether a new cycle gives somebody of the slot another chance.
    fn would_rest(&self, slot: usize) -> bool {
        self.any(slot, |member| self.is_tired(slot, member) && self.can(slot, member, true))
    }

    /// When the first of these slots' members is back for whom it is worth to wait.
    fn earliest(&self, slots: impl Iterator<Item = usize>) -> Option<Timestamp> {
        let members =
            slots.flat_map(|slot| (0..self.slots[slot].members.len()).map(move |member| (slot, member)));
        let ends = members.filter_map(|(slot, member)| match self.health[slot][member] {
            Health::Unavailable { until } if !self.is_out_for_good(slot, member) => until,
            _ => None,
        });
        ends.min()
    }

    /// Everybody is looked at, as a task of this role would have them.
    fn look(&mut self, outside: &Outside, role: usize) {
        self.role = role;
        let now = self.event();
        for slot in self.all() {
            for member in 0..self.slots[slot].members.len() {
                let Seen { health, spare, .. } = outside.see(&self.slots[slot].members[member], role);
                self.spare[slot][member] = spare;
                self.health[slot][member] = health;
                let facts = self.facts(slot, member);
                if facts.missing && health == Health::Ready {
                    facts.recovered = now;
                }
                facts.missing = health != Health::Ready;
            }
            if let Some((turn, passed)) = &mut self.turn
                && *turn == slot
                && self.idle[slot]
            {
                *passed = 0;
            }
            self.idle[slot] = !self.able(slot);
            if self.idle[slot] {
                self.waited[slot] = 0;
                self.able_since[slot] = now;
            }
        }
    }

    /// `arrived` is the slot that the rotation says to stand at.
    fn judge(&mut self, pick: Pick, arrived: Option<usize>) -> Result<(), TestCaseError> {
        match pick {
            Pick::Run(turn) => self.judge_run(turn, arrived.unwrap_or(turn.slot)),
            Pick::Wait { until } => self.judge_wait(until),
            Pick::Wrap => {
                prop_assert!(!self.all().any(|slot| self.able(slot)), "a back-off though somebody can run");
                prop_assert!(self.all().any(|slot| self.would_rest(slot)), "a new cycle would free nobody");
                Ok(())
            }
            Pick::Unavailable => {
                for slot in self.all() {
                    for member in 0..self.slots[slot].members.len() {
                        let lost = self.health[slot][member] == Health::Unavailable { until: None };
                        prop_assert!(lost || self.is_out_for_good(slot, member), "given up too early");
                    }
                }
                Ok(())
            }
        }
    }

    fn judge_wait(&self, until: Timestamp) -> Result<(), TestCaseError> {
        let able: Vec<usize> = self.all().filter(|slot| self.able(*slot)).collect();
        let mut unable = self.all().filter(|slot| !able.contains(slot));
        prop_assert!(!unable.any(|slot| self.would_rest(slot)), "waits though a new cycle would help");
        let Some(first) = able.first() else {
            prop_assert_eq!(Some(until), self.earliest(self.all()), "not the earliest end");
            return Ok(());
        };
        // The only one who could run has stretched its quota as far as it goes.
        prop_assert_eq!(able.len(), 1, "waits though others can run");
        let Some((turn, passed)) = self.turn else { return Err(TestCaseError::fail("waits at the start")) };
        prop_assert_eq!(turn, *first, "waits though somebody else can run");
        prop_assert!(matches!(self.slots[turn].quota, Quota::Range { .. }), "only a range is held back");
        prop_assert_eq!(passed, limits(self.slots[turn].quota).1, "held back before its maximum");
        let others = self.all().filter(|slot| slot != first);
        prop_assert_eq!(Some(until), self.earliest(others), "not the earliest end of the others");
        Ok(())
    }

    fn judge_run(&mut self, Turn { slot, member }: Turn, arrived: usize) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.health[slot][member], Health::Ready, "a benched or disabled member runs");
        prop_assert!(!self.is_out_for_good(slot, member), "who is out for good runs");
        self.judge_arrival(arrived)?;
        prop_assert!(!self.is_tired(slot, member), "who failed runs again in the same cycle");
        prop_assert_eq!(Some(member), self.next_of(slot), "not the next member of the walk");
        self.judge_lending(slot, arrived)?;
        self.judge_repeat(slot, member)?;
        self.waited[slot] = 0;
        self.judge_patience()
    }

    /// Whether the rotation may stand where it does: this is about turns, whoever then uses them.
    fn judge_arrival(&mut self, slot: usize) -> Result<(), TestCaseError> {
        prop_assert!(
            self.any(slot, |member| self.can(slot, member, true)),
            "nobody of the slot can run, whatever cycle it is"
        );
        let others_able =
            self.all().any(|other| Some(other) != self.turn.map(|turn| turn.0) && self.able(other));
        let (mut new_turn, mut new_cycle) = (true, false);
        if let Some((before, passed)) = self.turn {
            let (floor, ceiling) = limits(self.slots[before].quota);
            if before == slot {
                prop_assert!(self.able(slot), "goes on with who is out");
                prop_assert!(passed < floor || !others_able, "more than its quota though others can run");
                new_turn = passed >= ceiling;
                new_cycle = new_turn;
                let held = new_turn
                    && matches!(self.slots[slot].quota, Quota::Range { .. })
                    && !self.all().any(|other| other != slot && self.would_rest(other));
                let others = self.all().filter(|other| *other != slot);
                prop_assert!(
                    !held || self.earliest(others).is_none(),
                    "beyond its maximum, waiting would do"
                );
            } else {
                prop_assert!(passed >= floor || !self.able(before), "loses its turn before its quota");
                new_cycle = slot < before;
            }
            prop_assert!(passed <= ceiling, "more than its quota");
        }
        if new_turn {
            self.judge_order(slot, new_cycle)?;
            self.turn = Some((slot, 0));
            self.arrived[slot] = self.event();
        }
        if new_cycle {
            prop_assert!(self.all().any(|slot| self.able(slot)), "begins a new cycle without a back-off");
            self.new_cycle();
        }
        Ok(())
    }

    /// Who has the next run of a slot.
    fn next_of(&self, slot: usize) -> Option<usize> {
        let count = self.slots[slot].members.len();
        let first = self.last[slot].map_or(0, |last| last + 1);
        (first..first + count).map(|next| next % count).find(|next| self.can(slot, *next, false))
    }

    /// Only open slots lend and borrow, and the budget that is lost soonest is used; a turn stays where it is
    /// when it makes no difference.
    fn judge_lending(&self, slot: usize, arrived: usize) -> Result<(), TestCaseError> {
        let is_open = |slot: usize| self.slots[slot].quota == Quota::Open;
        if !is_open(arrived) {
            prop_assert_eq!(slot, arrived, "a slot with a quota is displaced");
            return Ok(());
        }
        prop_assert!(is_open(slot), "a slot with a quota has more than its share");
        let lost = |slot: usize| self.spare[slot][self.next_of(slot)?].or(Some(Timestamp::MAX));
        prop_assert!(slot == arrived || self.borrows(slot), "who failed borrows at once");
        for other in self.all().filter(|other| is_open(*other) && self.borrows(*other)) {
            prop_assert!(lost(other) >= lost(slot), "the budget of slot {other} is lost sooner");
            let same = lost(other) == lost(slot);
            prop_assert!(!same || slot == arrived || slot <= other, "not the first of equals");
            prop_assert!(!same || other != arrived || slot == arrived, "lent without need");
        }
        Ok(())
    }

    /// Whether a slot may have the turn of another: not if who is next failed in its own, or a borrowed one, and
    /// nothing has happened since that made it wait.
    fn borrows(&self, slot: usize) -> bool {
        let waited = self.arrived[slot].max(self.backed_off);
        self.next_of(slot).is_some_and(|member| {
            let Facts { failed, recovered, .. } = self.known(slot, member);
            failed <= waited.max(recovered)
        })
    }

    /// No hot loop: who failed is not tried again before somebody else was, nor before everybody had a chance
    /// since the cycle began in which it failed.
    fn judge_repeat(&self, slot: usize, member: usize) -> Result<(), TestCaseError> {
        let Facts { ran, failed, recovered, cycle, .. } = self.known(slot, member);
        let is_repeat = failed == ran && failed > recovered;
        for other in self.all().filter(|other| is_repeat && *other != slot && self.able(*other)) {
            let could = |since| self.able_since[other] < since;
            prop_assert!(!could(failed) || self.newest_run > failed, "who failed runs again at once");
            prop_assert!(!could(cycle) || self.ran[other] > cycle, "slot {other} had no chance before");
        }
        Ok(())
    }

    /// Nobody on the way from the last turn to this one is passed over.
    fn judge_order(&self, slot: usize, new_cycle: bool) -> Result<(), TestCaseError> {
        let begin = self.turn.map_or(0, |(before, _)| before + 1);
        let (passed_over, restarted) =
            if new_cycle { (begin..self.slots.len(), 0..slot) } else { (begin..slot, 0..0) };
        for other in passed_over {
            prop_assert!(!self.able(other), "slot {other} is passed over");
        }
        for other in restarted {
            let rested = self.any(other, |member| self.can(other, member, true));
            prop_assert!(!rested, "slot {other} is passed over by the new cycle");
        }
        Ok(())
    }

    /// With quotas, who stays able waits for one turn of everybody else at most; failures do not count.
    fn judge_patience(&self) -> Result<(), TestCaseError> {
        for slot in self.all().filter(|slot| self.waited[*slot] > 0 && self.able(*slot)) {
            let others = self.all().filter(|other| *other != slot);
            let floors = others.map(|other| limits(self.slots[other].quota).0);
            let bound = floors.fold(0, u32::saturating_add);
            prop_assert!(self.waited[slot] < bound, "slot {slot} starves");
        }
        Ok(())
    }

    fn record(&mut self, turn: Turn, verdict: Verdict) {
        let now = self.event();
        self.last[turn.slot] = Some(turn.member);
        (self.ran[turn.slot], self.newest_run) = (now, now);
        self.facts(turn.slot, turn.member).ran = now;
        match verdict {
            Verdict::Passed => {
                self.turn = self.turn.map(|(slot, passed)| (slot, passed + 1));
                for slot in self.all().filter(|slot| *slot != turn.slot) {
                    self.waited[slot] += 1;
                }
            }
            Verdict::Failed | Verdict::Skipped => {
                let cycle = self.cycle_began;
                let facts = self.facts(turn.slot, turn.member);
                (facts.failed, facts.cycle) = (now, cycle);
            }
            Verdict::FailedTerminally => self.facts(turn.slot, turn.member).failed_for_good = now,
        }
    }

    fn new_cycle(&mut self) {
        self.cycle_began = self.event();
        for slot in self.all() {
            self.idle[slot] &= !self.able(slot);
        }
    }

    fn new_pass(&mut self) {
        self.pass_began = self.event();
    }
}

fn relay(slots: Vec<Slot>, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut outside =
        Outside { now: 0, health: [[Health::Ready; ROLES]; RUNNERS], spare: [[None; ROLES]; RUNNERS] };
    let mut watcher = Watcher::new(slots.clone());
    let mut whole = Scheduler::new(slots.clone());
    let mut broken = Scheduler::new(slots.clone());
    let mut expects_run = None;
    for step in steps {
        match step.before {
            _ if expects_run.is_some() => {}
            Before::Nothing => {}
            Before::Bench { runner, variant, seconds } => outside.bench(runner, variant, seconds),
            Before::Recover { runner, variant } => outside.health[runner][variant] = Health::Ready,
            Before::Told { runner, variant, spare } => outside.spare[runner][variant] = spare,
            Before::NewPass => {
                whole.new_pass();
                broken.new_pass();
                watcher.new_pass();
            }
        }
        if step.restart {
            let stored = serde_json::to_string(broken.position()).unwrap();
            let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
            broken = Scheduler::restore(slots.clone(), Some(&stored));
        }
        let role = expects_run.unwrap_or(step.role);
        let see = |member: &Member| outside.see(member, role);
        let pick = whole.next(see);
        prop_assert_eq!(broken.next(see), pick, "a restart decides otherwise");
        prop_assert_eq!(broken.next(see), pick, "asking again decides otherwise");
        prop_assert_eq!(broken.position(), whole.position(), "a restart or asking again moves it");
        watcher.look(&outside, role);
        watcher.judge(pick, whole.at.current)?;
        let is_run = matches!(pick, Pick::Run(_));
        prop_assert!(is_run || expects_run.is_none(), "after a wait or a back-off somebody runs");
        expects_run = None;
        match pick {
            Pick::Run(turn) => {
                let verdict = match step.after {
                    After::Verdict(verdict) => verdict,
                    After::Limit(_) => Verdict::Failed,
                    After::Interrupted => continue,
                };
                whole.record(turn, verdict);
                broken.record(turn, verdict);
                watcher.record(turn, verdict);
                if let After::Limit(seconds) = step.after {
                    let runner = runner_of(whole.member(turn));
                    outside.bench(runner, variant(runner, role), Some(seconds));
                }
            }
            Pick::Wrap => {
                whole.wrap();
                broken.wrap();
                watcher.new_cycle();
                watcher.backed_off = watcher.cycle_began;
                watcher.turn = None;
                expects_run = Some(role);
            }
            Pick::Wait { until } => {
                outside.sleep(until);
                expects_run = Some(role);
            }
            Pick::Unavailable => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_decision_is_explained_by_the_history(
        slots in proptest::collection::vec(0..SLOT_CODES, 1..=6),
        steps in proptest::collection::vec(0..STEP_CODES, 1..40),
    ) {
        let slots: Vec<Slot> = slots.into_iter().map(slot).collect();
        let steps: Vec<Step> = steps.into_iter().map(step).collect();
        relay(slots.clone(), &steps).map_err(|error| {
            let lane: Vec<String> = slots.iter().map(|slot| slot.text.clone()).collect();
            TestCaseError::fail(format!("{error}\nlane: {lane:?}\nsteps: {steps:#?}"))
        })?;
    }
}
