//! `rally relay`: everything that can be refused is refused before anything is written.
//!
//! `prepare` checks command line and configuration, `decide` says what is going to happen and who works, with the
//! questions of `choose` and the judgement of `startup`; both only read. `go` carries it out.

mod args;
mod choose;
mod decide;
mod demand;
mod go;
pub(in crate::cli) mod harnesses;
mod notice;
mod prepare;
pub mod sandbox;
mod startup;
mod surroundings;
mod task;

pub use args::Args;
pub use go::run;
