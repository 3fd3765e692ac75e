//! What is the agent told? A prompt is put together from its parts, always in the same
//! order; the fixed texts stand in `snippets/`, those of the roles in `roles/`.

pub mod compose;
pub mod context;
pub mod roles;
pub mod snippets;

pub use compose::{Parts, Queue, compose, handoff_only};
pub use context::{ContextLimits, recent_tries};
