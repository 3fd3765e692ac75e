//! Who works in a simulated week, and what happens to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::Key;
use crate::config;
use crate::model::{Category, QuotaWindow, Runner, Timestamp};
use crate::relay::crew::Team;
use crate::routing::{Catalog, Roster, Rules};
use crate::store::records::{QuotaRecord, RECORD_VERSION};

/// Everybody who may be in a lane. The models of `c` have quotas of their own.
const PEOPLE: [(&str, &str); 6] =
    [("a", "x-1"), ("a", "y-1"), ("b", ""), ("c", "x-1"), ("c", "y-1"), ("d", "")];

/// The quota that a runner draws from when no provider says it.
pub fn of_harness(runner: &Runner) -> String {
    match (&*runner.harness, &runner.model) {
        ("c", Some(model)) => format!("c:{model}"),
        (harness, _) => harness.to_owned(),
    }
}

fn entry((harness, model): (&str, &str)) -> String {
    if model.is_empty() { harness.to_owned() } else { format!("{harness}:{model}") }
}

/// A lane, and what a bystander knows of it.
pub struct Scene {
    pub flags: Vec<String>,
    text: String,
    plan: BTreeSet<Key>,
    pub is_plan_disabled: bool,
}

impl Scene {
    pub fn random(dice: &mut fastrand::Rng) -> Scene {
        let quotas = ["", "", ":1", ":2", ":3", ":1-2", ":2-4"];
        let any = |dice: &mut fastrand::Rng| PEOPLE[dice.usize(..PEOPLE.len())];
        let mut flags: Vec<String> =
            (0..dice.usize(1..5)).map(|_| entry(any(dice)) + quotas[dice.usize(..quotas.len())]).collect();
        let mut text = String::new();
        if dice.f64() < 0.3 {
            let walk = [any(dice), any(dice)].map(|one| format!("\"{}\"", entry(one)));
            text += &format!("[routes]\nwalk = [{}]\n", walk.join(", "));
            flags.push(format!("walk:{}", dice.u32(1..4)));
        }
        for harness in ["a", "b", "c", "d"] {
            text += &format!("[harness.{harness}]\ncommand = [\"{harness}\"]\nmodel_flag = \"-m\"\n");
        }
        let named: Vec<_> = PEOPLE.into_iter().filter(|(_, model)| !model.is_empty()).collect();
        let plan: Vec<_> = named.into_iter().filter(|_| dice.f64() < 0.4).collect();
        let is_plan_disabled = dice.f64() < 0.15;
        if !plan.is_empty() {
            let models: Vec<String> = plan.iter().map(|one| format!("\"{}\"", entry(*one))).collect();
            text += &format!(
                "[providers.plan]\nmodels = [{}]\ndisabled = {is_plan_disabled}\n",
                models.join(", ")
            );
        }
        let key = |(harness, model): (&str, &str)| (harness.to_owned(), Some(model.to_owned()));
        Scene { flags, text, plan: plan.into_iter().map(key).collect(), is_plan_disabled }
    }

    pub fn team(&self) -> Team {
        let config = config::of_text(&self.text);
        let rules = Rules::of(&config);
        assert!(rules.errors.is_empty(), "{:?}", rules.errors);
        let roster = Roster::from_flags(&self.flags, &Catalog::new(&config)).unwrap();
        Team { roster, providers: rules.providers, reasoning: rules.reasoning }
    }

    pub fn is_disabled(&self, runner: &Runner) -> bool {
        self.is_plan_disabled && self.plan.contains(&super::key(runner))
    }

    pub fn scope(&self, runner: &Runner) -> String {
        match self.plan.contains(&super::key(runner)) {
            true => "provider:plan".to_owned(),
            false => of_harness(runner),
        }
    }

    /// Everybody who draws from a quota.
    pub fn drawing_from<'s>(&'s self, scope: &'s str) -> impl Iterator<Item = Runner> + 's {
        let runner = |(harness, model): (&str, &str)| Runner {
            model: (!model.is_empty()).then(|| model.to_owned()),
            ..Runner::bare(harness)
        };
        PEOPLE.into_iter().map(runner).filter(move |runner| self.scope(runner) == scope)
    }
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    pub seconds: i64,
    /// `None`: it passed.
    pub category: Option<Category>,
    pub reset: Option<Timestamp>,
    /// Seconds that the provider asked to wait.
    pub hint: Option<u64>,
}

impl Tried {
    fn new(seconds: i64, category: Option<Category>) -> Tried {
        Tried { seconds, category, reset: None, hint: None }
    }

    /// Whether another try of the same runner is pointless.
    fn is_final(&self) -> bool {
        self.category.is_none_or(Category::is_terminal)
    }
}

/// The truth, which rally can only find out by running somebody.
#[derive(Default)]
pub struct Outside {
    limits: BTreeMap<String, Timestamp>,
    outages: BTreeMap<String, Timestamp>,
    logged_out: BTreeSet<String>,
}

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now + SignedDuration::from_secs(seconds)
}

impl Outside {
    /// The operator logs in everywhere.
    pub fn log_in(&mut self) {
        self.logged_out.clear();
    }

    /// The tries of a run: until one passes, or another is pointless, or there are no more.
    pub fn work(
        &mut self,
        dice: &mut fastrand::Rng,
        (runner, scope): (&Runner, &str),
        mut now: Timestamp,
        attempts: u32,
    ) -> Vec<Tried> {
        let mut tries: Vec<Tried> = Vec::new();
        while tries.len() < attempts.max(1) as usize && !tries.last().is_some_and(Tried::is_final) {
            let tried = self.attempt(dice, (runner, scope), now);
            now = after(now, tried.seconds);
            tries.push(tried);
        }
        tries
    }

    fn attempt(
        &mut self,
        dice: &mut fastrand::Rng,
        (runner, scope): (&Runner, &str),
        now: Timestamp,
    ) -> Tried {
        let harness = &runner.harness;
        match dice.u32(..1000) {
            0..30 => drop(self.limits.insert(scope.to_owned(), after(now, dice.i64(60..110_000)))),
            30..42 => drop(self.outages.insert(harness.clone(), after(now, dice.i64(300..20_000)))),
            // Long enough for whatever repeated failures lead to.
            42..45 => drop(self.outages.insert(harness.clone(), after(now, dice.i64(20_000..120_000)))),
            45..48 => drop(self.logged_out.insert(harness.clone())),
            _ => {}
        }
        if self.logged_out.contains(harness) {
            return Tried::new(dice.i64(1..5), Some(Category::AuthOrProxy));
        }
        if let Some(until) = self.limits.get(scope).filter(|until| **until > now) {
            let reset = (dice.f64() < 0.7).then_some(*until);
            return Tried { reset, ..Tried::new(dice.i64(1..30), Some(Category::UsageLimit)) };
        }
        if self.outages.get(harness).is_some_and(|until| *until > now) {
            return Tried::new(dice.i64(10..90), Some(Category::TransientInfra));
        }
        match dice.u32(..100) {
            0..12 => Tried::new(dice.i64(60..1200), Some(Category::UnidentifiedIssue)),
            12..16 => Tried::new(dice.i64(60..300), Some(Category::TransientInfra)),
            16..20 => {
                let hint = Some(dice.u64(5..1800));
                Tried { hint, ..Tried::new(dice.i64(5..60), Some(Category::ShortRateLimit)) }
            }
            _ => Tried::new(dice.i64(60..3600), None),
        }
    }

    /// What the CLI tells about the windows of its account, if it does.
    pub fn tell(&mut self, dice: &mut fastrand::Rng, scope: &str, now: Timestamp) -> Option<QuotaRecord> {
        if dice.f64() < 0.8 {
            return None;
        }
        let name = ["five_hour", "seven_day"][dice.usize(..2)];
        let used = dice.f64() * 1.1;
        let resets_at = (dice.f64() < 0.9).then(|| after(now, dice.i64(60..30_000)));
        if let (true, Some(at)) = (used >= 1.0, resets_at) {
            self.limits.insert(scope.to_owned(), at);
        }
        let rejected = false;
        let window =
            QuotaWindow { name: name.to_owned(), minutes: None, used: Some(used), resets_at, rejected };
        let (scope, source) = (scope.to_owned(), "test".to_owned());
        Some(QuotaRecord { v: RECORD_VERSION, scope, source, at: now, try_id: None, windows: vec![window] })
    }
}
