//! `rally relay`: everything that can be refused is refused before anything is written.

mod args;
mod choose;
mod go;
mod harnesses;
mod prepare;
mod surroundings;
mod task;

pub use args::Args;
pub use go::run;
