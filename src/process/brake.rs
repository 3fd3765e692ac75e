//! A brake on one piece of work that somebody waits for: a git, a hook, a program that keeps the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the call that runs just now, as its time limit would. Who has to clean up after it releases the brake first.
#[derive(Debug, Clone, Default)]
pub struct Brake(Arc<AtomicBool>);

impl Brake {
    /// Pulls it.
    pub fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// What begins now runs as if nothing had happened.
    pub fn release(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether what runs is to end.
    pub fn is_pulled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
