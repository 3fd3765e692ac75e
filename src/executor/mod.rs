//! How each agent CLI is driven: argv in, typed events out.
//!
//! An [`Executor`] only describes. It spawns nothing, waits for nothing and prints
//! nothing; one driver in the relay room does that for all of them.

pub mod antigravity;
pub mod built_in;
pub mod claude;
pub mod codex;
pub mod contract;
pub mod custom;
pub mod final_text;
pub mod finding;
mod form;
pub mod gemini;
mod google;
pub mod hold;
pub mod home;
pub mod invocation;
pub mod json;
pub mod line_parser;
pub mod lines;
pub mod log_end;
pub mod opencode;
pub mod plain;
#[cfg(test)]
mod playing;
pub mod proven;
pub mod registry;
pub mod report;
pub mod said;
pub mod spec;

pub use antigravity::Antigravity;
pub use built_in::built_in;
pub use claude::Claude;
pub use codex::Codex;
pub use contract::{Ask, Capabilities, DiskQuery, Executor, Parser, SignIn};
pub use custom::{Custom, CustomSpec, TailStream};
pub use finding::{Ending, finding};
pub use gemini::Gemini;
pub use hold::{Held, Hold};
pub use home::Home;
pub use invocation::{Invocation, PrepareError, Request, Stderr, Stdin};
pub use opencode::Opencode;
pub use proven::proven;
pub use registry::Registry;
pub use report::{AgentEvent, Counted, Report, Stream};
pub use spec::HarnessSpec;
