//! The loop. A pass ([`pass`]) is a sequence of runs ([`run`]), a run is a sequence
//! of tries ([`attempt`]). Beside them stand the pure deciders: [`life`], [`outcome`],
//! [`backoff`], [`budget`], [`clearing`], [`course`], [`ledger`], [`recovery`], [`rescue`], [`resilience`], [`retry`], [`start`],
//! [`strangers`],
//! [`tally`], [`toll`], [`waiting`].
//!
//! Nothing here prints: everything is told as [`event::Event`]s.

pub mod attempt;
pub mod backoff;
pub mod budget;
pub mod capture;
pub mod clearing;
pub mod course;
pub mod crew;
pub mod event;
pub mod growing;
pub mod half_done;
pub mod inbox;
pub mod keyboard;
pub mod landing;
pub mod ledger;
pub mod life;
pub mod liveness;
pub mod meanwhile;
pub mod operator;
pub mod outcome;
pub mod pass;
pub mod record;
pub mod recovery;
pub mod rescue;
pub mod resilience;
pub mod retry;
pub mod run;
pub mod sandbox;
pub mod scratch;
pub mod settings;
pub mod start;
pub mod strangers;
pub mod tally;
pub mod tokens;
pub mod toll;
pub mod waiting;
pub mod watch;
pub mod world;
