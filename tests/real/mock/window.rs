//! The windows of an account's quota, which the providers tell of each in its own way.

use std::time::{SystemTime, UNIX_EPOCH};

/// A short window and a long one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Windows(pub [Window; 2]);

/// One window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// How long it is.
    pub minutes: u64,
    /// How much of it is used, of 100.
    pub percent: f64,
    /// When it begins anew, in epoch seconds.
    pub resets_at: u64,
}

impl Windows {
    /// Windows of five hours and of seven days, half as much of the long one used.
    pub fn new(percent: u32, resets_at: u64) -> Windows {
        let percent = f64::from(percent);
        /// The long one begins anew so many seconds later.
        const LATER: u64 = 4 * 86_400;
        Windows([
            Window { minutes: 300, percent, resets_at },
            Window { minutes: 10_080, percent: percent / 2.0, resets_at: resets_at + LATER },
        ])
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
