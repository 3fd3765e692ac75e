//! What is to be done? The lap queue: rally's own, in the files of the program `laps`, or that program itself
//! where it is installed. The relay asks [`Queue`] for a task and tells it what came of it; it knows no file.

pub mod external;
pub mod file;
pub mod folder;
pub mod hooks;
pub mod import;
mod installed;
pub mod queue;
pub mod report;

pub use queue::{Lap, NewLap, Offer, Place, Queue, QueueError, Standing};
