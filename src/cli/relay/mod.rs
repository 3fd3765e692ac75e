//! `rally relay`: everything that can be refused is refused before anything is written.

mod args;
mod choose;
mod decide;
mod go;
pub(in crate::cli) mod harnesses;
mod notice;
mod prepare;
mod startup;
mod surroundings;
mod task;

pub use args::Args;
pub use go::run;
