//! Carrying out a checked command line: lock, open, choose, run.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

use super::decide::{self, Answers, Decision, Target, decide};
use super::demand::Demand;
use super::notice::warn;
use super::prepare::{Prepared, UNBOUNDED, prepare};
use super::{Args, harnesses, sandbox, surroundings, task};
use crate::cli::error::{CliError, FAILURE, SIGNAL_BASE, SUCCESS};
use crate::model::text::chain;
use crate::model::{Identity, Leftover, ProcessIdentity, time};
use crate::monitor::freeze::Limits;
use crate::process;
use crate::prompt::ContextLimits;
use crate::relay::event::{Event, PassEnd, Sink};
use crate::relay::half_done;
use crate::relay::keyboard::{Keyboard, NoKeyboard};
use crate::relay::operator::Operator;
use crate::relay::pass::{self, Plan};
use crate::relay::scratch;
use crate::relay::settings::Settings;
use crate::relay::world::World;
use crate::routing::Roster;
use crate::routing::label::display_label;
use crate::store::records::{RelayRecord, TryStarted};
use crate::store::{Layout, LockError, NewRelay, Reader, Store, Survey, WorkspaceLock};
use crate::terminal::Keys;
use crate::terminal::console::Console;
use crate::terminal::relay_log::RelayLog;

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let prepared = prepare(args)?;
    let layout = Layout::new(&prepared.workspace, &prepared.config.data_dir)
        .with_context(|| format!("cannot use the data folder {}", prepared.config.data_dir.display()))?;
    let reader = Reader::new(layout.clone());
    if let Some(holder) = reader.holder() {
        return Err(held(LockError::Held(holder)));
    }
    let seen = reader.survey()?;
    let mut answers = decide::answers(&prepared.args);
    let decision = decide(&prepared, &seen, &mut answers)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .context("cannot start the event loop")?;
    let code = runtime.block_on(go(prepared, layout, decision, seen, answers));
    // A git call that hangs must not hold the exit up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

/// Carries out what was decided from what was `seen`.
async fn go(
    mut prepared: Prepared,
    layout: Layout,
    decision: Decision,
    seen: Survey,
    mut answers: Answers,
) -> anyhow::Result<u8> {
    process::adopt_orphans().context("cannot adopt orphans")?;
    let lock = WorkspaceLock::acquire(&layout).map_err(held)?;
    surroundings::data_dir(&prepared.workspace, &prepared.config)?;
    let (mut store, opened) = Store::open(layout.clone(), lock, time::now(), &mut reap)?;
    for warning in &opened.warnings {
        warn(warning);
    }
    for record in &opened.interrupted {
        warn(&format!("try {} was cut while it ran; its work is kept", record.id));
    }
    if let Err(error) = prepared.git.take_back_staged() {
        warn(&format!("the index still holds what a killed rally has staged: {}", chain(&error)));
    }
    let mut survey = opened.survey;
    if !opened.half_done.is_empty() {
        for half in opened.half_done {
            let id = half.record.id;
            let run_hooks = prepared.config.run_hooks_on_autocommit;
            for warning in half_done::complete(&prepared.git, &mut store, half, run_hooks)? {
                warn(&warning);
            }
            warn(&format!("try {id} was cut after its verdict; its commit and record are completed"));
        }
        survey = store.survey(time::now())?;
    }

    let decision = decide::settle(&prepared, decision, (&seen, &survey), &mut answers)?;
    drop(answers);
    let (on, team, demand) = match decision {
        Decision::Nothing => {
            warn(match prepared.queue {
                Some(_) => "leave --resume out to begin a new relay",
                None => "give a task to begin a new relay",
            });
            return Ok(SUCCESS);
        }
        Decision::NoLaps => {
            writeln!(
                std::io::stdout(),
                "The queue is empty: add laps with `rally laps add tail --title \"...\"`."
            )?;
            return Ok(SUCCESS);
        }
        Decision::Complete(relay) => {
            writeln!(std::io::stdout(), "Relay {relay} is complete.")?;
            return Ok(SUCCESS);
        }
        Decision::Go { on, team, demand } => (on, team, demand),
    };
    let mut registry = std::mem::take(&mut prepared.registry);
    for repaired in registry.repair() {
        warn(&repaired);
    }
    let lanes = demand.lanes(&team.roster)?;
    let lanes = || lanes.iter().map(|lane| &team.roster.lanes[*lane]);
    harnesses::learn(&mut registry, lanes(), &prepared.workspace);
    let sandbox = match prepared.landlock {
        Some(version) => {
            // A lap that is added meanwhile may bring any lane to work.
            let lanes = &team.roster.lanes;
            Some(sandbox::settle(&prepared.config, &prepared.git, &registry, lanes, version)?)
        }
        None => None,
    };
    // Whatever may fail stands before the first word about the relay is written. Until here a signal simply
    // ends us, as questions need it: no agent is at work, and what it cuts, the next start completes.
    let agent_path = surroundings::agent_path(&layout, prepared.queue.as_ref())?;
    // A repository that cannot say has other troubles, which will be told.
    let identity = prepared.git.identity().unwrap_or_else(|_| Identity::fallback());
    // git may hang, and nobody listens to single keys yet.
    surroundings::role_files(&prepared.git, &prepared.workspace);
    if prepared.queue.is_some() {
        surroundings::laps_hooks(&prepared.git, &prepared.workspace)?;
    }
    let at_terminal = std::io::stdin().is_terminal();
    let keyboard: Box<dyn Keyboard> = match at_terminal {
        true => Box::new(Keys::open(warn)),
        false => Box::new(NoKeyboard),
    };
    let operator = Operator::install(keyboard, at_terminal).context("cannot listen to signals")?;
    let resumed = matches!(on, Target::Stored { .. });
    let relay = match on {
        Target::Fresh { anew } => fresh(&mut store, &prepared, &team.roster, &demand, anew)?,
        Target::Stored { relay, overwrite_mix } => {
            resume(&mut store, &prepared, *relay, overwrite_mix.then_some(&team.roster))?
        }
    };
    let mut listeners = surroundings::Listeners::default();
    listeners.0.push(Box::new(Console::standard()));
    match RelayLog::open(&layout.relay_log(relay.id), prepared.config.logs.relay_max_bytes) {
        Ok(log) => listeners.0.push(Box::new(log)),
        Err(error) => warn(&format!("no relay log: {}: {error}", layout.relay_log(relay.id).display())),
    }
    let sandbox = sandbox.map(|(sandbox, line)| {
        listeners.event(&Event::Notice(line));
        sandbox
    });
    let settings = settings(&prepared);
    let instructions = instructions(&prepared, &layout);
    let mut world = World {
        identity,
        operator,
        sink: Box::new(listeners),
        agent_path,
        sandbox,
        instructions,
        settings,
        git: prepared.git,
        registry,
        workspace: prepared.workspace,
        own_commit: None,
        store,
        queue: prepared.queue,
    };
    let open_run = survey.open_run.filter(|open| resumed && open.relay_id == relay.id);
    let plan = Plan { relay, team, resumed, open_run };
    Ok(exit_code(&pass::run(&mut world, plan).await))
}

/// Ends what an interrupted try left alive.
fn reap(started: &TryStarted, identities: Option<(&ProcessIdentity, &ProcessIdentity)>) -> Vec<Leftover> {
    let mut swept = match identities {
        Some((_, guard)) => process::sweep::of_guard(guard),
        None => Vec::new(),
    };
    swept.extend(process::sweep::by_tag(&started.tag));
    if let Some(scratch) = &started.scratch
        && let Err(error) = scratch::remove(Path::new(scratch), &started.tag)
    {
        warn(&format!("cannot remove {scratch}: {error}"));
    }
    swept
}

fn held(error: LockError) -> anyhow::Error {
    match error {
        LockError::Held(_) => CliError::Held(error.to_string()).into(),
        error => error.into(),
    }
}

fn fresh(
    store: &mut Store,
    prepared: &Prepared,
    roster: &Roster,
    demand: &Demand,
    anew: bool,
) -> anyhow::Result<RelayRecord> {
    let target = prepared.args.iterations.or(prepared.config.defaults.iterations);
    let (laps_backed, until_empty, target) = match (demand, target) {
        (Demand::Laps { .. }, Some(target)) => (true, false, target),
        (Demand::Laps { .. }, None) => (true, true, demand.waiting()),
        (Demand::Free, Some(target)) => (false, false, target),
        (Demand::Free, None) if prepared.prompt.is_some() => (false, false, 1),
        (Demand::Free, None) => {
            warn(&format!("no iteration limit specified; stopping after {UNBOUNDED} successful runs"));
            (false, false, UNBOUNDED)
        }
    };
    let file = prepared.config.free_run_prompt_file.as_deref().filter(|_| !laps_backed);
    let prompt = prepared.prompt.clone().or_else(|| task::configured(file, &mut |text| warn(&text)));
    let now = time::now();
    for id in store.close_open_relays(now)? {
        warn(&format!("relay #{id} was unfinished; it is closed now"));
    }
    if anew {
        store.clear_status_keeping_resets(now, prepared.args.forget_limits)?;
    }
    let new = NewRelay {
        target_iterations: target,
        agent_mix: roster.label(),
        entries: roster.texts.clone(),
        prompt,
        laps_backed,
        until_empty,
    };
    Ok(store.create_relay(new, now)?)
}

/// Goes on with a relay; `mix` replaces the stored one.
fn resume(
    store: &mut Store,
    prepared: &Prepared,
    mut relay: RelayRecord,
    mix: Option<&Roster>,
) -> anyhow::Result<RelayRecord> {
    if let Some(roster) = mix
        && roster.label() != relay.agent_mix
    {
        relay.agent_mix = roster.label();
        relay.entries.clone_from(&roster.texts);
        let mix = display_label(&relay.agent_mix);
        warn(&format!("the mix of relay #{} is replaced by {mix}", relay.id));
        relay.position = None;
    }
    if let Some(prompt) = &prepared.prompt
        && relay.prompt.as_deref() != Some(prompt)
    {
        warn(&format!("the task of relay #{} is replaced", relay.id));
        relay.prompt = Some(prompt.clone());
    }
    if let Some(target) = prepared.args.iterations
        && (relay.until_empty || target != relay.target_iterations)
    {
        let before = match std::mem::take(&mut relay.until_empty) {
            true => "to empty the queue".to_owned(),
            false => relay.target_iterations.to_string(),
        };
        warn(&format!("the target of relay #{} is {target} now, it was {before}", relay.id));
        relay.target_iterations = target;
    }
    Ok(store.save_relay(&relay)?)
}

/// The project's instructions; with a queue a file of the user's may stand for them. An unreadable file is a
/// warning, a missing one of the project's is none.
fn instructions(prepared: &Prepared, layout: &Layout) -> Option<String> {
    let text = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    if let (Some(file), Some(_)) = (&prepared.config.laps_instructions_file, &prepared.queue) {
        match std::fs::read_to_string(file) {
            Ok(said) => return text(said),
            Err(error) => warn(&format!(
                "{} ([laps].instructions_file) is left out, the project's instructions are used: {error}",
                file.display()
            )),
        }
    }
    match std::fs::read_to_string(layout.instructions()) {
        Ok(said) => text(said),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            warn(&format!("{} is left out: {error}", layout.instructions().display()));
            None
        }
    }
}

fn settings(prepared: &Prepared) -> Settings {
    let config = &prepared.config;
    let reliability = &config.reliability;
    Settings {
        retry_budget: reliability.retry_budget,
        retry_backoff: reliability.retry_backoff,
        run_timeout: reliability.run_timeout,
        try_timeout: reliability.try_timeout,
        silence: Limits { threshold: reliability.freeze_threshold, network: reliability.network_silence },
        chars_per_token: config.chars_per_token(),
        startup_timeout: reliability.startup_timeout,
        retry_patience: reliability.retry_patience,
        max_wait: reliability.max_wait,
        handoff_timeout: reliability.handoff_timeout,
        max_failed_runs: reliability.max_failed_runs,
        require_changes: reliability.require_changes,
        logs: config.logs,
        run_hooks: config.run_hooks_on_autocommit,
        recent_tries: reliability.recent_try_count,
        context_limits: ContextLimits {
            summary: reliability.recent_try_char_limit,
            total: reliability.recent_context_char_limit,
        },
    }
}

fn exit_code(end: &PassEnd) -> u8 {
    match end {
        PassEnd::Completed | PassEnd::QueueEmpty | PassEnd::Stopped => SUCCESS,
        PassEnd::QuitNow => SIGNAL_BASE + 2,
        PassEnd::Signalled(signal) => SIGNAL_BASE.saturating_add(u8::try_from(*signal).unwrap_or(0)),
        PassEnd::Failed { .. } => FAILURE,
    }
}
