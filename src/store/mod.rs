//! What is remembered: records, journal, lock, paths, migration.
//!
//! Everything is append-only JSONL, one `write` per record. [`Store`] is the one writer
//! of a workspace and holds its lock; [`Reader`] looks without lock, repair or migration;
//! [`Shared`] covers the few files that other processes write beside it.

pub mod active;
mod aside;
pub mod digest;
mod disk;
pub mod error;
pub mod files;
pub mod glance;
pub mod journal;
pub mod jsonl;
pub mod lock;
pub mod logs;
pub mod messages;
pub mod migrate;
pub mod open;
pub mod open_run;
pub mod paths;
pub mod private;
pub mod progress;
pub mod quota;
pub mod reader;
pub mod reconcile;
pub mod records;
pub mod relays;
pub mod run_state;
pub mod shared;
pub mod status;
pub mod tries;

pub use error::StoreError;
pub use glance::Glance;
pub use lock::{Holder, LockError, WorkspaceLock};
pub use open::{Opened, Store, Survey};
pub use open_run::{OpenRun, Over};
pub use paths::Layout;
pub use reader::Reader;
pub use reconcile::HalfDone;
pub use relays::NewRelay;
pub use run_state::RunState;
pub use shared::Shared;
pub use tries::NewTry;
