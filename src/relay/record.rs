//! From what was seen to what is remembered: pure assembly of a try's record.

use super::attempt::Seen;
use super::landing::Found;
use super::outcome::{DIRTY_TREE, Failure, Verdict, WORKSPACE};
use super::recovery::Classification;
use crate::executor::Counted;
use crate::failure;
use crate::failure::words::BAD_EXECUTABLE;
use crate::model::text::{FINAL_TEXT_LIMIT, bounded, chain, ellipsis, one_line};
use crate::model::{Category, Evidence, Spent, Timestamp, Usage, time};
use crate::process::SpawnError;
use crate::store::progress::{Reported, run_name};
use crate::store::records::{LapFields, LapRef, RECORD_VERSION, SummaryEntry, TryRecord, TryStarted};

/// Summary of a try that left none.
pub const NO_SUMMARY: &str = "(the agent left no final summary)";

/// Most paths in a record: beyond that the commit tells.
const FILES_LIMIT: usize = 1000;

/// Longest part of an error message in a reason, characters.
const DETAIL_LIMIT: usize = 200;

/// The try as it was allocated.
#[derive(Debug)]
pub struct Sitting<'a> {
    /// Allocation.
    pub started: &'a TryStarted,
    /// When.
    pub started_at: Timestamp,
    /// Name of the lane.
    pub route: &'a str,
    /// Whether its run is over with it.
    pub ends_run: bool,
    /// What was reported about its lap; nothing in a free run.
    pub reports: &'a Reported,
    /// Whether its lap was durably handed over.
    pub handed_over: bool,
}

/// Subject of the commit that a try's work gets.
pub fn commit_subject(record: &TryRecord) -> String {
    let TryRecord { relay_id, run_id, attempt_number, agent_type, .. } = record;
    format!("rally: relay {relay_id} run {run_id} attempt {attempt_number} ({agent_type})")
}

/// Message of that commit: its body names the lap, if there is one.
pub fn commit_message(record: &TryRecord) -> String {
    let subject = commit_subject(record);
    let LapRef { lap_id, lap_title, .. } = &record.lap.of;
    match (lap_id, lap_title) {
        (None, _) => subject,
        (Some(id), None) => format!("{subject}\n\nLap: {id}"),
        (Some(id), Some(title)) => format!("{subject}\n\nLap: {id} {title}"),
    }
}

/// Whether another attempt of the same runner is pointless: what is refused, missing or
/// used up stays so. A launch that failed is, where its cause says that it would fail again.
pub fn is_hopeless(failure: &Failure) -> bool {
    stays_so(failure.category, failure.evidence.cause.as_deref())
}

/// Something that starts programs may fail for a moment; the system's own word is final.
fn stays_so(category: Category, cause: Option<&str>) -> bool {
    let repeats = cause.is_some_and(|cause| cause != BAD_EXECUTABLE);
    category.is_terminal() || (category == Category::HarnessLaunch && repeats)
}

/// Whether the runner is out for the rest of the pass. An exhausted quota is not: it comes back. Neither is one that
/// says that a program could not be started: the words may be about another program.
pub fn is_out(record: &TryRecord) -> bool {
    let said = record.evidence.as_ref().is_some_and(|evidence| evidence.source == failure::words::SOURCE);
    match record.category {
        None | Some(Category::UsageLimit) => false,
        Some(Category::HarnessLaunch) if said => false,
        Some(category) => stays_so(category, record.cause.as_deref()),
    }
}

/// Why a try failed, for people.
/// Limits and rates say when they end; everything else says what the evidence says.
pub fn reason(failure: &Failure, now: Timestamp) -> String {
    let evidence = &failure.evidence;
    let label = match failure.reason {
        Some(reason) => return reason.to_owned(),
        None => failure::display_reason(failure.category, Some(evidence), now),
    };
    match failure.category {
        Category::UsageLimit | Category::ShortRateLimit | Category::IncompleteFinalization => label,
        _ => format!("{label}: {}", ellipsis(&one_line(&evidence.message), DETAIL_LIMIT)),
    }
}

/// Evidence of a program that could not be started.
pub fn spawn_evidence(error: &SpawnError) -> Evidence {
    let evidence = Evidence::new("spawn", Some(Category::HarnessLaunch), chain(error));
    match error {
        SpawnError::NotFound { .. } => evidence.with_cause("missing_program"),
        SpawnError::NotExecutable { .. } => evidence.with_cause("not_executable"),
        SpawnError::TooLong { .. } => evidence.with_cause("prompt_too_long"),
        SpawnError::Failed { .. } | SpawnError::Guard { .. } => evidence,
    }
}

/// What the session has used up, as far as the CLI counts whole sessions.
pub fn session_total(seen: &Seen) -> Spent {
    Spent { cost: total(seen.report.cost), usage: total(seen.report.usage) }
}

fn total<T>(counted: Option<Counted<T>>) -> Option<T> {
    match counted? {
        Counted::WholeSession(total) => Some(total),
        Counted::ThisTry(_) => None,
    }
}

/// To a billionth of a dollar: the difference of two sums is no more precise.
fn cost_since(total: f64, before: f64) -> Option<f64> {
    Some((total - before) * 1e9).map(|part| part.round() / 1e9).filter(|part| *part >= 0.0)
}

/// The part of a figure that belongs to one try. `before` is where the session stood when the try
/// began: unknown, when an earlier try of it was cut before it told.
fn of_try<T>(counted: Counted<T>, before: Option<T>, since: impl FnOnce(T, T) -> Option<T>) -> Option<T> {
    match counted {
        Counted::ThisTry(figure) => Some(figure),
        Counted::WholeSession(total) => before.and_then(|before| since(total, before)),
    }
}

/// The tokens of a try alone. `asked` is the session that it was to resume, `told` the one that its CLI told, `before`
/// what the former had used up.
pub fn own_usage(
    asked: Option<&str>,
    told: Option<&str>,
    before: Option<Usage>,
    usage: Option<Counted<Usage>>,
) -> Option<Usage> {
    let before = if is_resumed(asked, told) { before } else { Some(Usage::default()) };
    of_try(usage?, before, Usage::since)
}

/// Another session than the one that was asked for begins at nothing.
fn is_resumed(asked: Option<&str>, told: Option<&str>) -> bool {
    asked.is_some() && asked == told
}

/// The record of a try, commits of its own still left out.
pub fn assemble(
    sitting: &Sitting<'_>,
    seen: &Seen,
    found: &Found,
    verdict: &Verdict,
    progress: Option<&SummaryEntry>,
    before: Spent,
) -> TryRecord {
    let Sitting { started, started_at, route, ends_run, .. } = sitting;
    let report = &seen.report;
    let failure = verdict.failure.as_ref();
    let (asked, told) = (started.resume.as_deref(), report.session_id.as_deref());
    let cost_before = if is_resumed(asked, told) { before.cost } else { Some(0.0) };
    let cost = report.cost.and_then(|cost| of_try(cost, cost_before, cost_since));
    let usage = own_usage(asked, told, before.usage, report.usage);
    TryRecord {
        v: RECORD_VERSION,
        id: started.try_id,
        run_id: started.run_id,
        relay_id: started.relay_id,
        agent_type: started.harness.clone(),
        completed: verdict.outcome.is_success(),
        outcome: Some(verdict.outcome),
        cancellation_source: verdict.source,
        resolved_route: Some((*route).to_owned()),
        summary: summary(seen, failure, progress),
        remaining_work: report.remaining_work.clone(),
        files_changed: found.files.iter().take(FILES_LIMIT).cloned().collect(),
        commit_hash: found.commits.last().cloned().unwrap_or_default(),
        commit_history: found.commits.clone(),
        started_at: *started_at,
        ended_at: time::now(),
        attempt_number: started.attempt,
        handoff_only: started.handoff_only,
        ends_run: *ends_run,
        log_path: Some(started.log_path.clone()),
        fail_reason: match (verdict.source, failure) {
            (Some(source), _) => Some(format!("cancelled ({})", source.as_str())),
            (None, Some(failure)) => Some(reason(failure, time::now())),
            (None, None) => None,
        },
        // Work without finalisation is an outcome of its own, with a reason and no category.
        category: failure
            .map(|failure| failure.category)
            .filter(|category| *category != Category::IncompleteFinalization)
            .filter(|_| !failure.is_some_and(Failure::is_mismatch)),
        cause: failure.and_then(|failure| failure.evidence.cause.clone()),
        runtime_ms: u64::try_from(seen.runtime.as_millis()).unwrap_or(u64::MAX),
        tool_calls: report.tool_calls,
        session_id: session(started, seen, failure),
        model: started.model.clone(),
        effort: started.effort.clone(),
        usage,
        cost_usd: cost,
        exit: seen.exit,
        leftovers: seen.leftovers.clone(),
        evidence: failure.map(|failure| failure.evidence.clone()),
        lap: lap_fields(sitting, found, progress),
    }
}

/// What is remembered of a lap.
fn lap_fields(sitting: &Sitting<'_>, found: &Found, progress: Option<&SummaryEntry>) -> LapFields {
    let Sitting { started, reports, handed_over, .. } = sitting;
    if started.lap.lap_id.is_none() {
        return LapFields::default();
    }
    let word = progress.and_then(|entry| entry.classification.as_deref());
    let class = started.lap.role.as_deref().and_then(|role| Classification::of(role, word));
    LapFields {
        of: started.lap.clone(),
        recorded_laps: reports.laps_done().into_iter().map(str::to_owned).collect(),
        laps_attempted: reports.attempted(),
        dirty_handoff: *handed_over && found.uncommitted,
        handoff_created_lap_ids: if *handed_over { reports.created.clone() } else { Vec::new() },
        recovery_classification: class.map(|class| class.as_str().to_owned()),
    }
}

/// The session that the try told, resumed, or was given before it was stopped too early to tell; none when
/// its CLI had lost it.
pub fn session(started: &TryStarted, seen: &Seen, failure: Option<&Failure>) -> Option<String> {
    if failure.is_some_and(Failure::is_lost_session) {
        return None;
    }
    let given = started.session.as_ref().filter(|_| seen.stop.is_some() && seen.exit.is_some());
    seen.report.session_id.as_ref().or(started.resume.as_ref()).or(given).cloned()
}

/// The agent's own report first, then its final text, then the error.
fn summary(seen: &Seen, failure: Option<&Failure>, progress: Option<&SummaryEntry>) -> String {
    let told = progress.map(|entry| {
        let handoff = entry.handoff.as_ref().map(|handoff| handoff.summary.as_str());
        Some(entry.summary.as_str()).filter(|text| !text.trim().is_empty()).or(handoff).unwrap_or_default()
    });
    let said = seen.report.summary.as_deref();
    // What is missing in the workspace is no error of the CLI.
    let error = failure
        .filter(|failure| ![WORKSPACE, DIRTY_TREE].contains(&failure.evidence.source.as_str()))
        .map(|failure| format!("harness error: {}", one_line(&failure.evidence.message)));
    [told, said, error.as_deref()]
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|text| !text.is_empty())
        .map_or_else(|| NO_SUMMARY.to_owned(), |text| bounded(text, limit_of(progress)))
}

/// What the agent reported on purpose may be longer than what it happened to say last.
fn limit_of(progress: Option<&SummaryEntry>) -> usize {
    match progress {
        Some(_) => crate::model::text::RECORD_TEXT_LIMIT,
        None => FINAL_TEXT_LIMIT,
    }
}

/// The line that `summary.jsonl` gets when the agent did not write one.
pub fn stub(record: &TryRecord) -> SummaryEntry {
    SummaryEntry {
        run_id: run_name(record.relay_id, record.run_id),
        summary: record.summary.clone(),
        classification: None,
        updated_at: time::now(),
        laps_completed: record.lap.of.lap_id.as_ref().map(|_| match record.lap.recorded_laps.as_slice() {
            [] => "none".into(),
            laps => laps.into(),
        }),
        created_lap_ids: Vec::new(),
        followups: Vec::new(),
        handoff: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CancelSource, Outcome};
    use crate::relay::life::Stop;
    use std::time::Duration;

    const NOW: &str = "2026-11-22T11:00:00Z";

    fn failure(category: Category) -> Failure {
        let evidence = Evidence::new("stream", Some(category), "its  own\nwords");
        Failure { category, reason: None, evidence }
    }

    fn started() -> TryStarted {
        let text = r#"{"try_id":7,"relay_id":1,"run_id":2,"attempt":3,"handoff_only":true,"tag":"t",
            "harness":"claude","resume":"s1","log_path":"/logs/7"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn record(verdict: &Verdict) -> TryRecord {
        let started = started();
        let sitting = Sitting {
            started: &started,
            started_at: NOW.parse().unwrap(),
            route: "default",
            ends_run: false,
            reports: &Reported::default(),
            handed_over: false,
        };
        let seen = Seen::stopped(Stop::Cancelled(CancelSource::Skip));
        assemble(&sitting, &seen, &Found::default(), verdict, None, Spent::default())
    }

    // 30-65, 30-66: when it is worth trying again stands for itself; else the words of the evidence follow
    #[test]
    fn reasons_for_people() {
        let now = NOW.parse().unwrap();
        let mut limit = failure(Category::UsageLimit);
        assert_eq!(reason(&limit, now), "usage limit");
        limit.evidence.reset_at = Some("2026-11-27T14:50:00Z".parse().unwrap());
        assert_eq!(reason(&limit, now), "usage limit, resets in 123h50m");
        let mut rate = failure(Category::ShortRateLimit);
        rate.evidence.retry_after = Some(Duration::from_secs(120));
        assert_eq!(reason(&rate, now), "rate limit, waiting 2m");
        for (category, expected) in [
            (Category::InvalidModel, "invalid model: its own words"),
            (Category::AuthOrProxy, "auth/proxy error: its own words"),
            (Category::ProviderOverloaded, "provider overloaded: its own words"),
            (Category::IncompleteFinalization, "incomplete: file changes without finalization"),
        ] {
            assert_eq!(reason(&failure(category), now), expected);
        }
        let named = Failure { reason: Some("run timeout"), ..failure(Category::ShortRateLimit) };
        assert_eq!(reason(&named, now), "run timeout");
    }

    // 30-59, 20-AF-CT-03, 30-62: an outcome of its own has no category, whatever kept it from ending well has
    #[test]
    fn only_failures_have_a_category() {
        let incomplete = Verdict {
            outcome: Outcome::Incomplete,
            source: None,
            failure: Some(failure(Category::IncompleteFinalization)),
        };
        let stored = record(&incomplete);
        assert_eq!((stored.outcome, stored.category), (Some(Outcome::Incomplete), None));
        assert_eq!(stored.fail_reason.as_deref(), Some("incomplete: file changes without finalization"));
        let timeout = Verdict {
            outcome: Outcome::RunTimeout,
            failure: Some(failure(Category::UsageLimit)),
            ..incomplete
        };
        assert_eq!(record(&timeout).category, Some(Category::UsageLimit));
        assert!(!record(&timeout).is_infra_failure());
    }

    // 30 section 13.5
    #[test]
    fn a_commit_names_its_lap() {
        let verdict = Verdict { outcome: Outcome::Completed, source: None, failure: None };
        let mut record = record(&verdict);
        let subject = "rally: relay 1 run 2 attempt 3 (claude)";
        assert_eq!(commit_message(&record), subject);
        record.lap.of.lap_id = Some("work-1a2b".to_owned());
        assert_eq!(commit_message(&record), format!("{subject}\n\nLap: work-1a2b"));
        record.lap.of.lap_title = Some("Build it".to_owned());
        assert_eq!(commit_message(&record), format!("{subject}\n\nLap: work-1a2b Build it"));
        assert_eq!(commit_subject(&record), subject);
    }

    // 30-163, 30-73
    #[test]
    fn a_handoff_try_is_told_apart() {
        let source = Some(CancelSource::GracefulStop);
        let stored = record(&Verdict { outcome: Outcome::Cancelled, source, failure: None });
        assert!(stored.handoff_only && !stored.completed);
        assert_eq!(stored.fail_reason.as_deref(), Some("cancelled (graceful_stop)"));
        assert_eq!((stored.category, stored.evidence), (None, None));
        assert_eq!(stored.session_id.as_deref(), Some("s1"));
    }

    #[test]
    fn a_lost_session_is_not_remembered() {
        let mut lost = failure(Category::AgentError);
        lost.evidence.cause = Some(crate::model::evidence::SESSION_LOST.to_owned());
        let verdict = Verdict { outcome: Outcome::Failed, source: None, failure: Some(lost) };
        assert_eq!(record(&verdict).session_id, None);
    }
}
