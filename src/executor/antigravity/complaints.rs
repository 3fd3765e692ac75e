//! What the CLI complained about, when, and which of it still stands at the end.
//!
//! A span such as `Resets in 4h` counts from when it was said, which may be hours before the try ends.
//! Where nothing but the log tells, an error that was overcome looks like one that was not: so an old one does not
//! count, nor one after which the log went on with other things. What a CLI that gives up still logs comes at once.

use std::collections::VecDeque;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::{glog, words};
use crate::model::{Evidence, Timestamp};

/// Most errors that are kept, the newest ones.
const MOST: usize = 20;

/// How long before the end an error may lie to be the reason.
const RECENT: SignedDuration = SignedDuration::from_mins(5);

/// What is logged within this time after an error may be part of giving up.
const AFTERMATH: SignedDuration = SignedDuration::from_secs(30);

/// Words, and when they were said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub at: Timestamp,
    pub text: String,
}

impl Told {
    /// What they prove, if anything.
    pub fn proof(&self, zone: &TimeZone) -> Option<Evidence> {
        words::evidence(&self.text, self.at, zone)
    }

    /// The same where they certainly are a failure.
    pub fn failure(&self, zone: &TimeZone) -> Evidence {
        words::failure(&self.text, self.at, zone)
    }
}

/// When a line was written, or else heard of: `now`.
pub(super) fn said_at(line: &glog::Line<'_>, now: Timestamp, zone: &TimeZone) -> Timestamp {
    line.time(now, zone).filter(|at| *at <= now).unwrap_or(now)
}

/// The errors of a log, oldest first.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    errors: VecDeque<Told>,
    /// When the log last told of something that is no error.
    went_on: Option<Timestamp>,
}

impl Complaints {
    /// The next error.
    pub fn push(&mut self, error: Told) {
        if self.errors.len() == MOST {
            self.errors.pop_front();
        }
        self.errors.push_back(error);
    }

    /// The log tells of something else.
    pub fn goes_on(&mut self, at: Timestamp) {
        self.went_on = self.went_on.max(Some(at));
    }

    /// The model works, whatever was wrong.
    pub fn clear(&mut self) {
        self.errors.clear();
    }

    /// Somebody is signed in now.
    pub fn signed_in(&mut self) {
        self.errors.retain(|error| !words::is_login(&error.text));
    }

    /// All errors, the newest first.
    pub fn all(&self) -> impl Iterator<Item = &Told> {
        self.errors.iter().rev()
    }

    /// Those that may be why it ended at `end`, the newest first.
    pub fn standing(&self, end: Timestamp) -> impl Iterator<Item = &Told> {
        self.all().filter(move |error| {
            let overcome = self.went_on.is_some_and(|at| at.duration_since(error.at) > AFTERMATH);
            !overcome && end.duration_since(error.at) <= RECENT
        })
    }
}
