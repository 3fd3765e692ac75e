//! The stage of one try: what has to be there before its agent starts, and gone when it has ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Run;
use super::witness::Journal;
use crate::executor::{Held, Hold, Request};
use crate::model::{Category, Evidence};
use crate::monitor::freeze;
use crate::relay::attempt::{self, Seen, Task};
use crate::relay::event::Event;
use crate::relay::life::Limits;
use crate::relay::operator::Scene;
use crate::relay::scratch;
use crate::relay::tokens::Meter;
use crate::relay::world::World;
use crate::store::records::TryStarted;

/// How often somebody else's hold is asked about.
const HOLD_RETRY: Duration = Duration::from_millis(500);

impl Run<'_> {
    /// Sets the stage, lets the agent work, and clears up.
    pub(super) async fn perform(&mut self, started: &TryStarted, text: &str, used: u32) -> Seen {
        let folder = started.scratch.as_deref().map(PathBuf::from).unwrap_or_default();
        if let Err(error) = scratch::make(&folder) {
            let why = format!("cannot make {}: {error}; TMPDIR says where", folder.display());
            return Seen::unborn(Evidence::new("prepare", Some(Category::HarnessLaunch), why));
        }
        let seen = self.play(started, text, used, &folder).await;
        let (gone, tag) = (folder.clone(), started.tag.clone());
        let removing = tokio::task::spawn_blocking(move || scratch::remove(&gone, &tag));
        let World { operator, sink, .. } = &mut *self.world;
        let removed = operator.during(removing, &mut **sink, || {}).await;
        if let Ok(Err(error)) = removed {
            self.world.warn(format!("cannot remove {}: {error}", folder.display()));
        }
        seen
    }

    /// What a try of the run's task may take.
    fn bounds(&self) -> (Limits, freeze::Limits) {
        let World { registry, settings, .. } = &*self.world;
        let executor = registry.get(&self.assignment.runner.harness);
        let streams = executor.is_some_and(|executor| executor.capabilities().end_event);
        let limits = Limits {
            try_cap: self.budget.cap(settings.try_timeout),
            run_budget: Some(self.budget.left()),
            startup: streams.then_some(settings.startup_timeout),
            retry_patience: Some(settings.retry_patience),
        };
        (limits, settings.silence)
    }

    async fn play(&mut self, started: &TryStarted, text: &str, used: u32, folder: &Path) -> Seen {
        let max_attempts = self.max_attempts().max(used);
        let (limits, silence) = if started.handoff_only { self.handoff_bounds() } else { self.bounds() };
        let harness = &self.assignment.runner.harness;
        let bytes_per_token = self.world.settings.chars_per_token.get(harness).copied();
        let meter = Meter::new(bytes_per_token, started.resume.clone(), self.thread.spent.usage);
        let Run { world, assignment, files, .. } = self;
        let World {
            store, settings, registry, operator, sink, workspace, agent_path, identity, sandbox, ..
        } = &mut **world;
        let Some(executor) = registry.get(&assignment.runner.harness) else {
            let why = format!("harness {} has no executor", assignment.runner.harness);
            let evidence = Evidence::new("spawn", Some(Category::HarnessLaunch), why);
            return Seen::unborn(evidence.with_cause("missing_executor"));
        };
        let request = Request {
            model: started.model.as_deref(),
            effort: started.effort.as_deref(),
            resume: started.resume.as_deref(),
            session: started.session.as_deref(),
            identity: Some(identity),
            ..Request::new(text, workspace, folder)
        };
        let invocation = match executor.invocation(&request) {
            Ok(invocation) => invocation,
            Err(error) => return Seen::unborn(error.evidence()),
        };
        for note in &invocation.notes {
            sink.event(&Event::Notice(note.clone()));
        }
        // Whoever ordered something just now does not want to see an agent start first.
        operator.catch_up(&mut **sink).await;
        if let Some(wish) = operator.wish() {
            return Seen::stopped(wish.stop());
        }
        let mut told = false;
        let hold = loop {
            match executor.hold(&request) {
                Ok(Held::Nothing) => break None,
                Ok(Held::Ready(hold)) => break Some(hold),
                Ok(Held::Busy(why)) => {
                    if !std::mem::replace(&mut told, true) {
                        sink.event(&Event::Notice(why));
                    }
                }
                Err(error) => return Seen::unborn(error.evidence()),
            }
            operator.listen(HOLD_RETRY, Scene::Try, &mut **sink).await;
            if let Some(wish) = operator.wish() {
                return Seen::stopped(wish.stop());
            }
        };
        let task = Task {
            invocation,
            parser: executor.parser(&request),
            path: agent_path.clone(),
            tag: &started.tag,
            log_path: Path::new(&started.log_path),
            mask_transcript: settings.logs.mask_transcripts,
            try_max_bytes: settings.logs.try_max_bytes,
            workspace,
            confined: sandbox.as_ref().map(|sandbox| sandbox.of(&assignment.runner.harness)),
            limits,
            silence,
            meter,
            attempt: used,
            max_attempts,
        };
        let scope = &assignment.quota_scope;
        let mut witness = Journal { store, started, scope, trouble: None };
        let seen = attempt::drive(task, operator, files, &mut witness, &mut **sink).await;
        if let Some(trouble) = witness.trouble {
            sink.event(&Event::Warning(trouble));
        }
        for remark in hold.map(Hold::release).into_iter().flatten() {
            sink.event(&Event::Warning(remark));
        }
        seen
    }
}
