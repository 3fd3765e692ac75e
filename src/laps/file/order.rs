//! The order of entries, and the numbers that keep it.

use std::cmp::Ordering;

use super::{Entry, OpError, TaskFile};

/// Distance of neighbours.
pub(super) const STEP: i64 = 65536;

/// Where an entry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// It is done next.
    Head,
    /// It is done last.
    Tail,
    /// Behind this id.
    After(String),
}

impl At {
    /// Its word in the log.
    pub fn word(&self) -> &'static str {
        match self {
            At::Head => "head",
            At::Tail => "tail",
            At::After(_) => "after",
        }
    }
}

/// Done entries by completion, then the waiting ones by number.
pub(super) fn canonical(a: &Entry, b: &Entry) -> Ordering {
    let completed = |e: &Entry| e.completed_at.as_ref().filter(|_| e.is_done).map(|at| at.at());
    let rank = |e: &Entry| (!e.is_done, completed(e), e.order);
    rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id))
}

impl TaskFile {
    pub(super) fn sort(&mut self) {
        self.entries.sort_by(canonical);
    }

    /// The number for a place, as seen by an entry that is not in the file. Also says whether the place is behind a
    /// done entry, which means the head.
    pub(super) fn order_for(&mut self, at: &At) -> Result<(i64, bool), OpError> {
        self.sort();
        let target = match at {
            At::After(id) => Some(self.find(id)?),
            At::Head | At::Tail => None,
        };
        if target.is_some_and(|target| target.is_done) {
            return Ok((self.order_for(&At::Head)?.0, true));
        }
        let target = target.map(|target| target.id.clone());
        if let Some(order) = self.gap(at, target.as_deref()) {
            return Ok((order, false));
        }
        let waiting = self.entries.iter_mut().filter(|entry| !entry.is_done);
        for (n, entry) in (1..).zip(waiting) {
            entry.order = STEP * n;
        }
        Ok((self.gap(at, target.as_deref()).unwrap_or(STEP), false))
    }

    /// The number, unless neighbours leave none between them.
    fn gap(&self, at: &At, target: Option<&str>) -> Option<i64> {
        let orders: Vec<i64> = self.waiting().map(|entry| entry.order).collect();
        let (Some(first), Some(last)) = (orders.first(), orders.last()) else { return Some(STEP) };
        match at {
            At::Head => first.checked_sub(STEP),
            At::Tail => last.checked_add(STEP),
            At::After(_) => {
                let place = self.waiting().position(|entry| Some(entry.id.as_str()) == target)?;
                match orders.get(place + 1) {
                    None => orders[place].checked_add(STEP),
                    Some(next) => match next.checked_sub(orders[place]) {
                        Some(gap) if gap >= 2 => Some(orders[place] + gap / 2),
                        _ => None,
                    },
                }
            }
        }
    }
}
