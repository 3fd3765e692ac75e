//! Why a try failed, by everything that its executor can tell.

use jiff::tz::TimeZone;

use super::{DiskQuery, Executor, Report};
use crate::failure::{self, Observation};
use crate::model::{Evidence, Exit};

/// How a try ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// What its output amounts to.
    pub report: &'a Report,
    /// Why it did not start.
    pub unborn: Option<&'a Evidence>,
    /// How its main process ended.
    pub exit: Option<Exit>,
    /// Whether the kernel says that it killed a process of the agent for lack of memory.
    pub oom: bool,
}

/// The verdict. What the CLI told counts first; where that names no category, its own log of this very session is
/// asked, then what is left is weighed by [`failure::classify()`]. Times that a text names without a zone are read in
/// `zone`.
pub fn finding(
    executor: Option<&dyn Executor>,
    query: &DiskQuery<'_>,
    ending: &Ending<'_>,
    zone: &TimeZone,
) -> Evidence {
    let told = ending.report.evidence.clone();
    let typed = told.clone().filter(|evidence| evidence.category.is_some());
    let logged = || executor?.disk_evidence(query);
    let reported = typed.or_else(logged).or(told);
    let observation = Observation {
        reported: reported.as_ref(),
        spawn: ending.unborn,
        exit: ending.exit,
        oom: ending.oom,
        log_tail: &ending.report.plain_tail,
    };
    failure::classify(&observation, query.now, zone)
}
