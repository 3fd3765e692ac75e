//! What a run that ended does to the trouble of its runner.

use super::Trouble;
use crate::store::records::{AgentStatusKind, RETRIES_UNTIL_FREEZE};

/// How a run ended, as far as the health of its runner goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It did what was wanted.
    Passed,
    /// The work was done, but not finalised: the service answered.
    Incomplete,
    /// A quota is used up: the service answered, and the rest is a bench.
    Limited,
    /// The infrastructure failed more than once in it, and in the end.
    InfraTrouble,
    /// It failed in any other way.
    Otherwise,
}

/// The kinds of the events that follow, in order. A runner whose window is not over has no runs, so the
/// run of a paused one is an hourly retry, and that of a frozen one its probation.
pub fn after(trouble: Trouble, failed_retries: u32, ended: Ended) -> &'static [AgentStatusKind] {
    use AgentStatusKind::{Active, Frozen, Paused, RetryFailed};
    match (trouble, ended) {
        (_, Ended::Limited) => &[],
        (Trouble::None, Ended::InfraTrouble) => &[Paused],
        (Trouble::None, Ended::Passed | Ended::Incomplete | Ended::Otherwise) => &[],
        (Trouble::Paused { .. } | Trouble::Frozen { .. } | Trouble::Probation, Ended::Passed) => &[Active],
        (Trouble::Paused { .. }, Ended::InfraTrouble) if failed_retries + 1 >= RETRIES_UNTIL_FREEZE => {
            &[RetryFailed, Frozen]
        }
        (Trouble::Paused { .. }, Ended::InfraTrouble) => &[RetryFailed],
        // The window begins anew, or the next retry would follow at once; it does not count towards a freeze.
        (Trouble::Paused { .. }, Ended::Incomplete | Ended::Otherwise) => &[Paused],
        (Trouble::Frozen { .. } | Trouble::Probation, Ended::Incomplete) => &[Active],
        (Trouble::Frozen { .. } | Trouble::Probation, Ended::InfraTrouble | Ended::Otherwise) => &[Frozen],
    }
}
