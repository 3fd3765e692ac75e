//! Who works next?
//!
//! What people type ([`entry`]) is split ([`split`]) and resolved against the configuration
//! ([`resolve`]) into the lanes of a [`Roster`]: those of a flag, of the configured [`routes`], or of
//! a mix. A task gets one of them ([`choice`]), a [`Scheduler`] walks over its slots, and the role of
//! the task may change the runner's model or effort ([`reasoning`]). [`providers`] say who shares a
//! limit. [`rules`] puts together what a configuration says about all that, with every [`problem`]. Everything here is pure.

pub mod choice;
pub mod entry;
pub mod label;
pub mod lane;
pub mod problem;
pub mod providers;
pub mod reasoning;
pub mod resolve;
pub mod roster;
pub mod routes;
pub mod rules;
pub mod scheduler;
pub mod split;
mod wildcard;

pub use choice::{Choice, NoLane};
pub use entry::{Entry, EntryError, Quota};
pub use label::display_label;
pub use lane::{Lane, Member, Slot};
pub use problem::{Place, RosterError};
pub use providers::{Provider, Providers};
pub use reasoning::Reasoning;
pub use resolve::{Catalog, ResolveError};
pub use roster::{Roster, Source};
pub use routes::{Broken, Routes};
pub use rules::Rules;
pub use scheduler::{Health, Pick, Position, Scheduler, Turn, Verdict};
