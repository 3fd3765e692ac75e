//! An agent that plays a script: for `rally demo`, and as a fake CLI in tests.
//!
//! A script is TOML or JSON, one `[[try]]` per invocation; the last one repeats. Without a state
//! file every invocation is the first one. For example, "fails once, then succeeds":
//!
//! ```toml
//! [[try]]
//! steps = [{ say = "hm" }, { exit = 1 }]
//!
//! [[try]]
//! steps = [
//!     { write = { path = "made-$N.txt", content = "hello\n" } },
//!     { commit = { message = "Add a file" } },
//!     { result = { text = "done" } },
//! ]
//! ```
//!
//! A script is played in the manner of one CLI: with its command line, its events, its exit codes. What that CLI
//! has no words for is refused before anything is played.
//!
//! In texts, paths and arguments `$N` is the number of the invocation, `$SESSION` the session, `$MODEL` the
//! model, `$RECALL` what this session was told to remember, and `$RALLY` this very program.

pub mod arguments;
pub mod children;
mod ordered;
pub mod player;
pub mod script;
pub mod state;
pub mod voice;

pub use player::{Play, play};
pub use script::{Harness, Script, ScriptError};
