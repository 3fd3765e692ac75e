//! rally keeps coding-agent CLIs working on a repository, unattended, for hours.
//!
//! The rooms, and the one way their doors open (each may use the rooms below it, never above):
//!
//! | room | the question it answers |
//! |---|---|
//! | [`cli`] | what can I type? one file per command: parse, call, print |
//! | [`terminal`] | what does the operator see and press? |
//! | [`relay`] | the loop: a relay is a campaign of runs, a run is a row of tries, a try is one CLI invocation |
//! | [`prompt`] | what is the agent told? |
//! | [`laps`] | what is to be done? |
//! | [`git`] | what happened to the workspace? |
//! | [`executor`] | how is each agent CLI driven? |
//! | [`failure`] | why did the try fail? |
//! | [`monitor`] | is the agent alive? |
//! | [`process`] | who owns the agent's process tree? |
//! | [`routing`] | who works next? |
//! | [`store`] | what is remembered? |
//! | [`config`] | what did the user ask for? |
//! | [`model`] | the nouns, pure data |
//!
//! Beside them stands [`scripted`]: an agent that plays a script, for `rally demo` and the tests.

pub mod cli;
pub mod config;
pub mod executor;
pub mod failure;
pub mod git;
pub mod laps;
pub mod model;
pub mod monitor;
pub mod process;
pub mod prompt;
pub mod relay;
pub mod routing;
pub mod scripted;
pub mod store;
pub mod terminal;
