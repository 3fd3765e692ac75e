//! The nouns: pure data that every room may know. No I/O, no clock beyond [`time::now`].

pub mod category;
pub mod cli;
pub mod evidence;
pub mod identity;
pub mod key;
pub mod mask;
pub mod outcome;
pub mod process;
pub mod quota;
pub mod runner;
pub mod text;
pub mod time;
pub mod usage;

pub use category::{Category, FailureClass};
pub use cli::Cli;
pub use evidence::Evidence;
pub use identity::Identity;
pub use key::Key;
pub use outcome::{CancelSource, Exit, Outcome};
pub use process::{Leftover, ProcessIdentity};
pub use quota::QuotaWindow;
pub use runner::Runner;
pub use time::Timestamp;
pub use usage::{Spent, Usage};
