//! Files of records, one JSON object per line.
//!
//! A record and its newline are one `write`; a torn tail is repaired before the first
//! append; a bad line is skipped and counted, never fatal.

pub mod append;
pub mod backward;
pub mod forward;
pub(in crate::store) mod leftovers;
pub mod repair;
pub mod search;

pub use append::{Durability, append, append_all, undo};
pub use backward::RecordsBack;
pub use forward::read_all;
pub use repair::{Repair, repair_tail};
pub use search::find_by_id;

/// Longest line that is read or written, in bytes: the bound on memory.
pub const MAX_LINE: usize = 8 << 20;

/// Files are read in blocks of this many bytes.
pub const BLOCK: usize = 64 << 10;
