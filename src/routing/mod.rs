//! Who works next?
//!
//! What people type ([`entry`]) is split ([`split`]) and resolved against the configuration
//! ([`resolve`]) into a [`Roster`], over which the [`Scheduler`] walks. All of it is pure.

pub mod entry;
pub mod label;
pub mod resolve;
pub mod roster;
pub mod scheduler;
pub mod split;

pub use entry::{Entry, EntryError, Identifier, Quota};
pub use label::display_label;
pub use resolve::{Catalog, ResolveError};
pub use roster::{LaneEntry, Roster, RosterError};
pub use scheduler::{Health, Pick, Position, Scheduler, Verdict};
