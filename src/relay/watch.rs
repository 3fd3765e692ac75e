//! The number of dirty files on the status line, counted beside the loop and never
//! often enough to matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::git::Git;

/// At least this long between two counts.
const PAUSE: Duration = Duration::from_secs(5);

/// A count may use one part in this many of the time.
const SHARE: u32 = 50;

/// Counts dirty files in the background.
#[derive(Debug)]
pub struct FileCount {
    git: Git,
    shared: Arc<Shared>,
    next: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    files: AtomicUsize,
    busy: AtomicBool,
    cost_ms: AtomicUsize,
}

impl FileCount {
    /// Nothing is counted yet.
    pub fn new(git: Git) -> FileCount {
        FileCount { git, shared: Arc::default(), next: Instant::now() }
    }

    /// The newest count; starts another one when it is time.
    pub fn poll(&mut self) -> usize {
        let now = Instant::now();
        if now >= self.next && !self.shared.busy.swap(true, Ordering::AcqRel) {
            let cost = Duration::from_millis(self.shared.cost_ms.load(Ordering::Relaxed) as u64);
            self.next = now + PAUSE.max(cost * SHARE);
            let (git, shared) = (self.git.clone(), Arc::clone(&self.shared));
            tokio::task::spawn_blocking(move || {
                let begun = Instant::now();
                shared.files.store(git.dirty_count(), Ordering::Relaxed);
                let cost = usize::try_from(begun.elapsed().as_millis()).unwrap_or(usize::MAX);
                shared.cost_ms.store(cost, Ordering::Relaxed);
                shared.busy.store(false, Ordering::Release);
            });
        }
        self.shared.files.load(Ordering::Relaxed)
    }
}
