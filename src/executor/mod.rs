//! How each agent CLI is driven: argv in, typed events out.
//!
//! An [`Executor`] only describes. It spawns nothing, waits for nothing and prints
//! nothing; one driver in the relay room does that for all of them.

pub mod claude;
pub mod contract;
pub mod custom;
pub mod final_text;
pub mod invocation;
pub mod lines;
pub mod plain;
pub mod registry;
pub mod report;

pub use claude::{Claude, ClaudeSpec};
pub use contract::{Capabilities, DiskQuery, Executor, Parser};
pub use custom::{Custom, CustomSpec, TailStream};
pub use invocation::{Invocation, PrepareError, Request, Stderr, Stdin};
pub use registry::Registry;
pub use report::{AgentEvent, Cost, Report, Stream};
