//! What happened to the workspace: its state, what changed since a run began, and rally's own commits.
//!
//! Everything goes through the `git` binary, so that the user's worktrees, filters, attributes
//! and hooks behave. Three rules stand above all else: rally commits only what changed since the
//! run's [`Snapshot`] and its own tracked state; what the user has staged stays staged; and a
//! commit that cannot be made leaves the work where it is and is a warning.

mod changes;
mod command;
mod commit;
mod error;
mod fingerprint;
mod footing;
mod index;
mod ownership;
mod paths;
mod repository;
mod screen;
mod snapshot;
mod staged;
mod status;
mod swap;
mod work;

pub use changes::{Change, ChangeKind, State};
pub use command::Environment;
pub use commit::CommitReport;
pub use error::{GitError, Result};
pub use footing::Footing;
pub use ownership::is_rally_owned;
pub use repository::{Git, discover, discover_with, init, init_with};
pub use screen::{LeftOut, WhyLeft};
pub use snapshot::Snapshot;
pub use work::WorkCommit;
