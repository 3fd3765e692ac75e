//! One try of a run, from its prompt to its record.

use super::lap::in_doubt;
use super::{Aim, Errand, Next, Run, Tried, is_decided, witness};
use crate::executor::{self, DiskQuery, Ending};
use crate::git::Git;
use crate::model::text::{chain, one_line};
use crate::model::{Evidence, Outcome, Timestamp, time};
use crate::prompt;
use crate::relay::attempt::Seen;
use crate::relay::event::{Event, Retry, RunVerdict};
use crate::relay::inbox;
use crate::relay::landing::{self, Found};
use crate::relay::outcome::pin::Known;
use crate::relay::outcome::stall::Newest;
use crate::relay::outcome::{self, Failure, Observed, Verdict, Work};
use crate::relay::record::{self, Sitting};
use crate::relay::retry;
use crate::relay::scratch;
use crate::relay::world::PassError;
use crate::store::progress::run_name;
use crate::store::records::{Fact, LapRef, SummaryEntry, TryRecord, TryStarted};
use crate::store::{NewTry, RunState};

impl Run<'_> {
    /// Does one try: `number` counts all tries of the run, `used` those that count against its budget.
    pub(super) async fn attempt(&mut self, aim: Aim, number: u32, used: u32) -> Result<Tried, PassError> {
        let started_at = time::now();
        let text = match aim {
            Aim::Task => self.prompt_text().await?,
            Aim::HandOff => {
                self.announce_handoff();
                self.handoff_prompt()
            }
        };
        if aim == Aim::Task {
            self.world.persist(|store| store.write_current_task(&text)).await?;
        }
        let head_before = match self.head.take() {
            Some(head) => head,
            None => self.world.ask(Git::head).await?,
        };
        let started = self.allocate(aim, number, head_before.clone()).await?;
        self.show_active(&started, started_at).await?;
        self.world.emit(Event::TryStarted {
            try_id: started.try_id,
            attempt: used,
            max_attempts: self.max_attempts().max(used),
            log_path: started.log_path.clone().into(),
            resume: started.resume.clone(),
        });
        self.first_try.get_or_insert(started.try_id);
        let seen = self.perform(&started, &text, used).await;
        self.idle_since = time::now();
        self.budget.spend(seen.runtime);
        if let Some(error) = &seen.transcript_error {
            self.world.warn(format!("the transcript {} is not whole: {error}", started.log_path));
        }

        if let (Some(asked), Some(told)) = (&started.resume, &seen.report.session_id)
            && asked != told
        {
            let harness = &started.harness;
            self.world.warn(format!(
                "{harness} did not continue session {asked} but began {told}: it knows only what the prompt says"
            ));
        }

        let found = landing::look(self.world, head_before, &self.snapshot).await;
        self.world.complete_report(self.run_name(), started.lap.clone()).await?;
        let told = self.world.reported(&self.run_name()).await?;
        let mut of_try = told.entries.iter().rev().filter(|entry| entry.updated_at >= started_at);
        // What was asked for may be followed by something else.
        let handoff = of_try.clone().find(|entry| started.handoff_only && entry.handoff.is_some());
        let progress = handoff.or_else(|| of_try.next());
        let known = self.known(&told).await?;
        let handed_over = known.handed_over && !known.is_done();
        let verdict = self.verdict(&started, started_at, &seen, &found, (progress, &known))?;
        let mut verdict = self.weigh(verdict, &told, &known);
        self.warn_of_marker(&seen, progress, known.work());
        let got_on = seen.wrote || seen.report.tool_calls > Some(0) || found.changed() == Some(true);
        self.thread.weigh(started.resume.is_some(), verdict.failure.as_ref(), got_on);
        // Whether there is anything left decides what follows.
        self.note_disk_quota(&started, started_at, &seen);
        if !found.commits.is_empty() {
            self.newest = Newest::Agent;
        }
        let next = self.next(&mut verdict, &started, &seen, used);
        let next = self.recover(next, &mut verdict, &started, &seen, (&found, known.work()));
        let decided = matches!(&next, Next::Over(verdict) if is_decided(verdict));
        // A run whose lap may be done is not over before the queue has said so.
        let ends_run = decided
            && (known.doubt().is_none() || verdict.failure.as_ref().is_some_and(Failure::is_mismatch));
        let route = &self.assignment.route;
        let sitting = Sitting { started: &started, started_at, route, ends_run, reports: &told, handed_over };
        let mut record = record::assemble(&sitting, &seen, &found, &verdict, progress, self.thread.spent);
        let lost = |failure| retry::is_forgiven(failure, started.resume.is_some());
        let is_none = verdict.outcome == Outcome::Paused || verdict.failure.as_ref().is_some_and(lost);
        let used = if is_none { used - 1 } else { used };
        self.hand_on(&seen, &record).await?;
        let mut own = false;
        // What nobody can judge stays as it is, a broken queue above all. A clean handoff leaves rally's own files.
        let clean_handoff = verdict.outcome == Outcome::HandoffRequested && !found.uncommitted;
        if known.doubt().is_none() && (verdict.may_commit(known.work()) || clean_handoff) {
            own = self.land(&mut record, &found).await?;
            if own {
                self.newest = Newest::Rally;
            }
        } else if verdict.outcome == Outcome::HandoffRequested && !found.unknown && !found.uncommitted {
            // Nothing is left to judge but what the queue and the report became.
            landing::commit_state(self.world).await;
        }
        self.close_uncommitted(&record, &found).await?;
        let record = self.world.persist(|store| store.finish_try(record.clone())).await?;
        self.world.persist(|store| store.clear_active()).await?;
        let follows = verdict.outcome != Outcome::Paused && self.world.operator.halt().is_none();
        let retry = match &next {
            Next::Again { pause, .. } if follows => {
                Some(Retry { attempt: used, max_attempts: self.max_attempts(), wait: *pause })
            }
            Next::Again { .. } | Next::Over(_) | Next::HandOff => None,
        };
        self.world.emit(Event::TryEnded { record: Box::new(record.clone()), retry });
        if decided && !ends_run {
            in_doubt(&known)?;
        }
        let next = match next {
            Next::Over(RunVerdict::Passed { .. }) => {
                Next::Over(RunVerdict::Passed { commit: self.commit_of(&record, own).await })
            }
            next => next,
        };
        Ok(Tried { record, next, used })
    }

    /// Takes in what the CLI noted on disk about its account's windows, however the try ended.
    fn note_disk_quota(&mut self, started: &TryStarted, since: Timestamp, seen: &Seen) {
        let now = time::now();
        let session_id = seen.report.session_id.as_deref();
        let query = DiskQuery { session_id, workspace: &self.world.workspace, since, now };
        let executor = self.world.registry.get(&started.harness);
        let windows = executor.map(|executor| executor.disk_quota(&query)).unwrap_or_default();
        if windows.is_empty() {
            return;
        }
        let record = witness::quota_record(&self.assignment.quota_scope, started, windows);
        // A try is not worth less for it.
        if let Err(error) = self.world.store.append_quota(record) {
            self.world.warn(chain(&error));
        }
    }

    /// A command that was only written never ran.
    fn warn_of_marker(&mut self, seen: &Seen, progress: Option<&SummaryEntry>, work: Work) {
        let written = seen.report.summary.as_deref().and_then(outcome::marker);
        if let (Some(command), None, Work::Lap { finalised: false }) = (written, progress, work) {
            self.world.warn(format!("the agent wrote `{command}` as text, but did not execute it"));
        }
    }

    pub(super) fn run_name(&self) -> String {
        run_name(self.assignment.relay_id, self.assignment.run_id)
    }

    async fn prompt_text(&mut self) -> Result<String, PassError> {
        let mail = inbox::give(self.world, self.assignment.relay_id, self.assignment.run_id).await?;
        let settings = &self.world.settings;
        let tries = self.world.store.recent_tries(settings.recent_tries, Some(self.assignment.relay_id))?;
        let recent = prompt::recent_tries(&tries, settings.context_limits);
        let lap = self.lap_parts();
        Ok(prompt::compose(&prompt::Parts {
            leftovers: !self.snapshot.is_empty(),
            previous_summary: self.thread.summary.as_deref(),
            unfinalised: self.thread.unfinalised,
            recent_tries: Some(&recent),
            relay_message: mail.relay.as_deref(),
            inbox_message: mail.run.as_deref(),
            ..self.parts(&lap)
        }))
    }

    fn lap_ref(&self) -> LapRef {
        let Some(Errand { lap, role, .. }) = &self.assignment.lap else { return LapRef::default() };
        LapRef {
            lap_id: Some(lap.id.clone()),
            lap_title: Some(one_line(&lap.title)).filter(|title| !title.is_empty()),
            lap_assignee: lap.assignee.clone(),
            role: role.clone(),
        }
    }

    async fn allocate(
        &mut self,
        aim: Aim,
        number: u32,
        head_before: Option<String>,
    ) -> Result<TryStarted, PassError> {
        let runner = &self.assignment.runner;
        let tag = uuid::Uuid::new_v4().to_string();
        let scratch = scratch::place(&tag);
        let executor = self.world.registry.get(&runner.harness);
        let takes_session =
            self.thread.session.is_none() && executor.is_some_and(|executor| executor.takes_session());
        let new = NewTry {
            relay_id: self.assignment.relay_id,
            run_id: self.assignment.run_id,
            attempt: number,
            handoff_only: aim == Aim::HandOff,
            tag: tag.clone(),
            harness: runner.harness.clone(),
            model: runner.model.clone(),
            effort: runner.effort.clone(),
            resume: self.thread.session.clone(),
            session: takes_session.then(|| tag.clone()),
            scratch: Some(scratch),
            head_before,
            resolved_route: Some(self.assignment.route.clone()),
            lap: self.lap_ref(),
        };
        Ok(self.world.persist(|store| store.allocate_try(new.clone(), time::now())).await?)
    }

    /// The view for `rally tail` and for hooks.
    async fn show_active(&mut self, started: &TryStarted, at: Timestamp) -> Result<(), PassError> {
        let run_id = self.run_name();
        let TryStarted { relay_id, run_id: run, try_id, log_path, resume, .. } = started;
        let show = |view: &mut RunState| {
            // What a session has reported so far goes on with it, and ends with it.
            if resume.is_none() || view.run_id != run_id {
                *view = RunState { run_id: run_id.clone(), ..RunState::default() };
            }
            view.pinned_lap_id.clone_from(&started.lap.lap_id);
            view.session_id.clone_from(resume);
            view.set_active(*relay_id, *run, *try_id, log_path, at);
        };
        self.world.persist(|store| store.update_run_state(show)).await?;
        Ok(())
    }

    /// The verdict, with the CLI's own disk log asked only when nothing else tells.
    fn verdict(
        &self,
        started: &TryStarted,
        started_at: Timestamp,
        seen: &Seen,
        found: &Found,
        (progress, known): (Option<&SummaryEntry>, &Known),
    ) -> Result<Verdict, PassError> {
        let finding = || self.finding(started, started_at, seen);
        if started.handoff_only {
            return self.verdict_on_handoff(seen, progress, known, &finding);
        }
        Ok(outcome::decide(Observed {
            work: known.work(),
            stop: seen.stop.as_ref(),
            report: &seen.report,
            changes: (!found.unknown).then_some(&*found.files),
            runtime: seen.runtime,
            require_changes: self.world.settings.require_changes,
            handoff: match known.work() {
                Work::Free => progress.is_some_and(|entry| entry.handoff.is_some()),
                Work::Lap { .. } => known.handed_over && !known.is_done(),
            },
            finding: &finding,
        }))
    }

    fn finding(&self, started: &TryStarted, started_at: Timestamp, seen: &Seen) -> Evidence {
        let query = DiskQuery {
            session_id: seen.report.session_id.as_deref(),
            workspace: &self.world.workspace,
            since: started_at,
            now: time::now(),
        };
        let Seen { report, exit, oom, .. } = seen;
        let ending = Ending { report, unborn: seen.unborn.as_ref(), exit: *exit, oom: *oom };
        let executor = self.world.registry.get(&started.harness);
        executor::finding(executor, &query, &ending, &jiff::tz::TimeZone::system())
    }

    /// Hands session, cost and summary on to the next attempt. What a session has cost is
    /// journalled: after a crash the next try must not be charged for it.
    async fn hand_on(&mut self, seen: &Seen, record: &TryRecord) -> Result<(), PassError> {
        let resumes = self.resumes();
        self.thread.follow(record, record::session_total(seen), resumes);
        let spent = self.thread.spent;
        if let (Some(session_id), false) = (&record.session_id, spent.is_unknown()) {
            let (try_id, session_id) = (record.id, session_id.clone());
            let fact = Fact::Session { try_id, session_id, spent };
            self.world.persist(|store| store.note(fact.clone(), time::now())).await?;
        }
        Ok(())
    }

    /// Commits, with the decision on disk first: a crash in between is completed at the next start.
    /// Says whether there was a commit of work.
    async fn land(&mut self, record: &mut TryRecord, found: &Found) -> Result<bool, PassError> {
        let fact = Fact::TryResolved { record: Box::new(record.clone()) };
        self.world.persist(|store| store.note(fact.clone(), time::now())).await?;
        if record.ends_run {
            let entry = record::stub(record);
            self.world.persist(|store| store.append_summary_once(&entry)).await?;
        }
        let mut committed = None;
        if found.uncommitted {
            let message = record::commit_message(record);
            committed = landing::commit_work(self.world, &self.snapshot, message).await?;
        }
        if committed.is_none() && record.ends_run {
            landing::commit_state(self.world).await;
        }
        let own = committed.is_some();
        record.commit_history.extend(committed);
        record.commit_hash = record.commit_history.last().cloned().unwrap_or_default();
        Ok(own)
    }

    /// A run that is over without a commit has its line in the summary, too, and what it leaves is told.
    async fn close_uncommitted(&mut self, record: &TryRecord, found: &Found) -> Result<(), PassError> {
        /// More names make no better warning.
        const NAMED: usize = 5;
        if !record.ends_run {
            return Ok(());
        }
        if record.outcome == Some(Outcome::Incomplete) {
            let entry = record::stub(record);
            self.world.persist(|store| store.append_summary_once(&entry)).await?;
        }
        let is_left = matches!(record.outcome, Some(Outcome::Incomplete | Outcome::HandoffRequested));
        if is_left && record.commit_hash.is_empty() && found.uncommitted {
            let files = &found.files;
            let more = if files.len() > NAMED { ", …" } else { "" };
            let names = files[..files.len().min(NAMED)].join(", ");
            let run = record.run_id;
            self.world
                .warn(format!("run {run} leaves uncommitted, for the next agent to judge: {names}{more}"));
        }
        Ok(())
    }

    /// The last commit and its subject; `own` when rally made it in this try.
    pub(super) async fn commit_of(&mut self, record: &TryRecord, own: bool) -> Option<(String, String)> {
        let hash = record.commit_history.last()?.clone();
        if own {
            return Some((hash, record::commit_subject(record)));
        }
        let asked = hash.clone();
        let subject = self.world.off_loop(move |git| git.subject(&asked)).await.flatten();
        Some((hash, subject.unwrap_or_default()))
    }
}
