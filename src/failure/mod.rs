//! Why did the try fail? Evidence is weighed by where it comes from: what a CLI reports in a typed
//! event, then what kept it from starting, then its plain words, then how its process ended.
//!
//! Everything here is pure; the current time and zone are passed in.

pub mod brief;
pub mod classify;
pub mod disk;
pub mod pattern;
pub mod reason;
pub mod reset;
pub mod secrets;
pub mod signs;
pub mod status;
pub mod wait;
pub mod window;
pub mod words;

pub use brief::brief;
pub use classify::{Observation, classify};
pub use reason::display_reason;
