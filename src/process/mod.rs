//! Who owns the agent's process tree?
//!
//! rally never starts an agent itself. [`spawn()`] re-executes rally as a [`guard`], which starts the
//! agent and owns every process that comes of it; rally holds an [`Agent`]: the pipes, the reports,
//! and the socket whose closing ends the tree whatever became of rally. After a guard's own death
//! [`sweep_orphans`] ends what fell to rally, and after both died [`by_tag`] finds the rest.
//!
//! While rally reads single keys, a [`Keeper`] stands by to give the terminal back.
//!
//! No signal is ever sent to a bare pid: start time and boot tell processes apart ([`identity`]).
//!
//! Linux only (`/proc`, pidfds, child subreapers).

pub mod agent;
pub mod ask;
mod brake;
pub mod clock;
pub mod guard;
pub mod identity;
pub mod keeper;
pub mod ladder;
mod link;
pub mod modes;
pub mod protocol;
pub mod sandbox;
pub mod signals;
pub mod spawn;
pub mod sweep;
pub mod tagged;
pub mod tree;

pub use agent::{Agent, Report};
pub use ask::ask;
pub use brake::Brake;
pub use clock::ActiveClock;
pub use keeper::Keeper;
pub use ladder::Ladder;
pub use protocol::TreeSignal;
pub use signals::{OperatorSignal, Signals, stop_job, stop_self};
pub use spawn::{GuardProgram, Spawn, SpawnError, spawn};
pub use sweep::{adopt_orphans, by_tag, reap_adopted, sweep_orphans};

/// The environment variable that marks every process of a try; its value is unique to the try.
pub const TAG: &str = "RALLY_TRY";

/// Names the session of an agent to the program `laps`: the same value as [`TAG`].
pub const LAPS_SESSION: &str = "LAPS_SESSION";

/// With it the program `laps` would send telemetry of its own. Agents do not get it.
pub const LAPS_LICENSE: &str = "LAPS_NEW_RELIC_LICENSE_KEY";
