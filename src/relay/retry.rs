//! What follows a failed try: the end of its run, or another attempt, after which pause and in which
//! session. Pure: chance is passed in.

use std::time::Duration;

use super::budget::Budget;
use super::outcome::Failure;
use super::record;
use super::{backoff, toll};
use crate::failure::signs;
use crate::failure::wait;
use crate::model::{Category, FailureClass};

/// So many resumed tries in a row may fail by themselves and get nowhere; then the session is to blame.
const FRUITLESS: u32 = 2;

/// What is known when a try has failed.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Why it failed.
    pub failure: &'a Failure,
    /// Whether it resumed a session.
    pub resumed: bool,
    /// Tries in a row, this one included, that resumed, failed by themselves and got nowhere.
    pub fruitless: u32,
    /// Attempts used up, this one included.
    pub used: u32,
    /// Attempts of the run.
    pub allowed: u32,
    /// Whether a window of the account is known to be used up.
    pub used_up: bool,
    /// Time of the run.
    pub budget: Budget,
    /// First pause between attempts; zero: no pauses but those that stand with the failure.
    pub backoff: Duration,
    /// From 0 to 1: spreads pauses.
    pub jitter: f64,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The run is over.
    Over(Why),
    /// Another attempt.
    Again {
        /// After this long.
        wait: Duration,
        /// In which session, should there be one.
        session: Session,
    },
}

/// Why no attempt follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// What is refused, missing or used up stays so.
    Hopeless,
    /// The provider asks for a wait that would use the run up.
    LongWait,
    /// The account's window is used up: whatever was wrong, another try can only be refused.
    UsedUp,
    /// The run has no time left.
    Budget,
    /// The run has no attempt left.
    Attempts,
}

/// Where the next attempt works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// In the newest one, if the CLI has told it and can go on in it.
    Resume,
    /// In a new one.
    Fresh,
}

/// Decides.
pub fn after(situation: &Situation<'_>) -> Step {
    let Situation { failure, used, allowed, budget, .. } = *situation;
    let forgiven = is_forgiven(failure, situation.resumed);
    let pause = if forgiven { Duration::ZERO } else { pause(situation) };
    if record::is_hopeless(failure) {
        Step::Over(Why::Hopeless)
    } else if failure.evidence.retry_after.is_some_and(toll::is_long) {
        Step::Over(Why::LongWait)
    } else if situation.used_up {
        Step::Over(Why::UsedUp)
    } else if budget.is_spent() {
        Step::Over(Why::Budget)
    } else if used >= allowed && !forgiven {
        Step::Over(Why::Attempts)
    } else if !budget.outlasts(pause) {
        Step::Over(Why::Budget)
    } else {
        Step::Again { wait: pause, session: session(situation) }
    }
}

/// Whether the try was none: its CLI had lost the session. The next one begins a new session, so this
/// cannot go on for ever.
pub fn is_forgiven(failure: &Failure, resumed: bool) -> bool {
    resumed && failure.is_lost_session()
}

/// What the provider asks for, however short; else the own pause, which is longer when a provider needs relief.
fn pause(situation: &Situation<'_>) -> Duration {
    let Situation { failure, used, backoff, jitter, .. } = *situation;
    if let Some(asked) = failure.evidence.retry_after.filter(|asked| !asked.is_zero()) {
        return asked;
    }
    let own = backoff::pause(used, backoff, None, jitter);
    let relief = if backoff.is_zero() { None } else { wait::usual(failure.category) };
    own.max(relief.unwrap_or_default())
}

/// A session is worth keeping, unless the CLI did not even start in it, has lost it, has filled its model's
/// context with it, or fails in it again and again without getting anywhere.
fn session(situation: &Situation<'_>) -> Session {
    let Situation { failure, fruitless, .. } = *situation;
    let full =
        failure.category.class() == FailureClass::Agent && signs::is_context_full(&failure.evidence.message);
    let useless = fruitless >= FRUITLESS || full;
    if failure.category == Category::HarnessLaunch || failure.is_lost_session() || useless {
        Session::Fresh
    } else {
        Session::Resume
    }
}

#[cfg(test)]
mod tests;
