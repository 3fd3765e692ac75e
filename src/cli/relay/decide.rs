//! What is going to happen, and who works. Decided by reading and asking alone: whatever is refused here
//! has left no trace.

use std::io::StdinLock;

use anyhow::Context;

use super::choose::{Chosen, choose, confirm};
use super::demand::{self, Demand};
use super::notice::warn;
use super::prepare::Prepared;
use super::startup::{self, Next};
use super::{Args, task};
use crate::cli::error::CliError;
use crate::config::DEFAULT_ROUTE;
use crate::relay::crew::Team;
use crate::routing::label::{ROUTES, display_label};
use crate::routing::{Catalog, Roster, RosterError};
use crate::store::Survey;
use crate::store::records::RelayRecord;
use crate::terminal::prompt::LineReader;

/// Nothing can be begun behind a closed gate.
const HELD: &str =
    "the queue is held at the gate of {scope}: no lap can be claimed before the gate is opened";

/// The one reader of all answers; none when the task takes up standard input.
pub type Answers = Option<LineReader<StdinLock<'static>>>;

/// Where answers come from.
pub fn answers(args: &Args) -> Answers {
    (!task::reads_stdin(args)).then(LineReader::stdin)
}

/// What is going to happen.
#[derive(Debug)]
pub enum Decision {
    /// Nothing is there to be resumed, and there is no task to begin something else with.
    Nothing,
    /// The relay that was to be resumed is complete.
    Complete(u64),
    /// There is no lap to begin a relay with.
    NoLaps,
    /// Work.
    Go {
        /// On what.
        on: Target,
        /// Who works.
        team: Team,
        /// What there is to do.
        demand: Demand,
    },
}

/// What is worked on.
#[derive(Debug)]
pub enum Target {
    /// Another relay.
    Fresh {
        /// Whether that was said: then pauses and freezes of agents are forgotten.
        anew: bool,
    },
    /// One that is unfinished.
    Stored {
        /// The relay as stored.
        relay: Box<RelayRecord>,
        /// Whether who works replaces the stored mix.
        overwrite_mix: bool,
    },
}

/// Decides from the command line, the configuration and what can be resumed.
pub fn decide(prepared: &Prepared, survey: &Survey, answers: &mut Answers) -> anyhow::Result<Decision> {
    let args = &prepared.args;
    let open = match open_relay(args, survey) {
        Open::Relay(relay) => Some(*relay),
        Open::Complete(relay) => return Ok(Decision::Complete(relay)),
        Open::None => None,
    };
    let flags = prepared.flags.as_ref().map(Roster::label);
    match choose(args.wish(), open, flags.as_deref(), answers.as_mut(), &mut |text| warn(&text))? {
        // Whoever resumes in a loop must not begin something new with it.
        Chosen::Fresh { .. } if args.resume && prepared.prompt.is_none() => Ok(Decision::Nothing),
        Chosen::Fresh { anew } => {
            let demand = Demand::of(prepared.queue.as_ref())?;
            if let Demand::Laps { next, .. } = &demand {
                match next {
                    demand::Next::Lap => {}
                    demand::Next::Held { scope } => anyhow::bail!(HELD.replace("{scope}", scope)),
                    demand::Next::Nothing => return Ok(Decision::NoLaps),
                }
            }
            let roster = match &prepared.flags {
                Some(flags) => flags.clone(),
                None if !prepared.config.routes.is_empty() => of_routes(prepared, &demand, answers)?,
                None => prepared.rules.mix.clone()?,
            };
            let team = team(prepared, &demand, roster, "a new relay")?;
            Ok(Decision::Go { on: Target::Fresh { anew }, team, demand })
        }
        Chosen::Resume { relay, overwrite_mix } => {
            check_target(args, &relay)?;
            check_kind(prepared, &relay)?;
            let demand = Demand::of(prepared.queue.as_ref())?;
            let roster = match &prepared.flags {
                Some(flags) if overwrite_mix => flags.clone(),
                _ if relay.agent_mix.trim() == ROUTES => of_routes(prepared, &demand, answers)?,
                _ => stored(&relay, prepared)?,
            };
            let team = team(prepared, &demand, roster, &format!("relay #{}", relay.id))?;
            Ok(Decision::Go { on: Target::Stored { relay, overwrite_mix }, team, demand })
        }
    }
}

/// Holds a decision against what was found once the state was ours and in order. A question may have
/// stood open for hours: if another process has replaced what the decision rests on, or if it is about
/// other relays than `seen`, everything is decided, and perhaps asked, again.
pub fn settle(
    prepared: &Prepared,
    decision: Decision,
    (seen, found): (&Survey, &Survey),
    answers: &mut Answers,
) -> anyhow::Result<Decision> {
    let id = |relay: &Option<RelayRecord>| relay.as_ref().map(|relay| relay.id);
    let ids = |survey: &Survey| (id(&survey.resumable), id(&survey.completed));
    match (decision, open_relay(&prepared.args, found)) {
        (Decision::Go { on: Target::Stored { relay, overwrite_mix }, team, demand }, Open::Relay(now))
            if now.id == relay.id && is_as_decided(&relay, &now, overwrite_mix) =>
        {
            check_target(&prepared.args, &now)?;
            check_kind(prepared, &now)?;
            Ok(Decision::Go { on: Target::Stored { relay: now, overwrite_mix }, team, demand })
        }
        (Decision::Go { on: Target::Stored { relay, .. }, .. }, _) => {
            match Some(relay.id) == id(&found.completed) {
                true => Ok(Decision::Complete(relay.id)),
                false => decide(prepared, found, answers),
            }
        }
        (decision @ Decision::Go { on: Target::Fresh { .. }, .. }, _) if prepared.args.new => Ok(decision),
        (decision, _) if ids(seen) == ids(found) => Ok(decision),
        _ => decide(prepared, found, answers),
    }
}

/// Whether a relay is still the one that it was decided to go on with. Progress changes nothing; who
/// works, on what and how far does. The target of a relay that goes on until its queue is empty is progress, too.
fn is_as_decided(decided: &RelayRecord, now: &RelayRecord, overwrite_mix: bool) -> bool {
    let target = |relay: &RelayRecord| (!relay.until_empty).then_some(relay.target_iterations);
    let task = |relay: &RelayRecord| (target(relay), relay.prompt.clone(), relay.laps_backed);
    let same_mix = (&decided.agent_mix, &decided.entries) == (&now.agent_mix, &now.entries);
    (overwrite_mix || same_mix) && task(decided) == task(now)
}

/// What `--resume` would go on with.
enum Open {
    Relay(Box<RelayRecord>),
    Complete(u64),
    None,
}

fn open_relay(args: &Args, survey: &Survey) -> Open {
    match (&survey.resumable, &survey.completed) {
        (Some(relay), _) => Open::Relay(Box::new(relay.clone())),
        (None, Some(done)) if args.resume => match args.iterations {
            Some(target) if target > done.completed_iterations => {
                let further = RelayRecord {
                    ended_at: None,
                    target_iterations: target,
                    until_empty: false,
                    ..done.clone()
                };
                Open::Relay(Box::new(further))
            }
            _ => Open::Complete(done.id),
        },
        (None, _) => Open::None,
    }
}

/// The roster of the configured routes, if they may be used as they are.
fn of_routes(prepared: &Prepared, demand: &Demand, answers: &mut Answers) -> anyhow::Result<Roster> {
    if prepared.config.routes.is_empty() {
        return Err(RosterError::NeedsRoutes.into());
    }
    for warning in &prepared.route_warnings {
        warn(warning);
    }
    let names_default = prepared.config.routes.contains_key(DEFAULT_ROUTE);
    let judgement = startup::judge(&prepared.rules.routes, names_default, demand.queue());
    for warning in &judgement.warnings {
        warn(warning);
    }
    match judgement.next {
        Next::Go => {}
        Next::Refuse(why) => anyhow::bail!(why),
        Next::Ask(question) => {
            let Some(lines) = answers else {
                let text = "the task is read from standard input, so it cannot be asked whether to go on \
                            without the broken routes: mend them, or give --agent";
                return Err(CliError::Usage(text.to_owned()).into());
            };
            if !confirm(&question, lines)? {
                anyhow::bail!("aborted; mend [routes], or give --agent");
            }
        }
    }
    Ok(Roster::from_routes(&prepared.rules.routes).ok_or(RosterError::NeedsRoutes)?)
}

/// The mix that a relay was begun with.
fn stored(relay: &RelayRecord, prepared: &Prepared) -> anyhow::Result<Roster> {
    let roster = Roster::from_record(&relay.agent_mix, &relay.entries, &Catalog::new(&prepared.config));
    roster.with_context(|| {
        format!("the stored mix of relay #{} does not fit the configuration any more; give --agent", relay.id)
    })
}

/// The roster with everybody's limits; told what is fragile, refused what can never run.
fn team(prepared: &Prepared, demand: &Demand, roster: Roster, whose: &str) -> anyhow::Result<Team> {
    if let Err(problem) = &prepared.rules.mix
        && prepared.config.defaults.mix.is_some()
    {
        let mix = roster.label();
        warn(&format!("{problem}; it is not needed now: {whose} uses {}", display_label(&mix)));
    }
    let (needs, lanes) = (demand.sure(&roster)?, demand.lanes(&roster)?);
    let rules = &prepared.rules;
    let team = Team { roster, providers: rules.providers.clone(), reasoning: rules.reasoning.clone() };
    if let Some(why) = startup::refusal(&team, &needs) {
        anyhow::bail!(why);
    }
    for doubt in startup::doubts(&team, &lanes) {
        warn(&doubt);
    }
    Ok(team)
}

/// Refuses to go on with a relay in a workspace of the other kind.
fn check_kind(prepared: &Prepared, relay: &RelayRecord) -> anyhow::Result<()> {
    let id = relay.id;
    let text = match (relay.laps_backed, prepared.queue.is_some()) {
        (true, true) | (false, false) => return Ok(()),
        (true, false) if prepared.args.no_laps => format!(
            "relay #{id} works off the queue: go on with it without --no-laps, or begin another with --new"
        ),
        (true, false) => format!(
            "relay #{id} works off a queue, and {} is gone: restore that file, or begin another relay with --new",
            prepared.workspace.join(".laps/laps.json").display()
        ),
        (false, true) => format!(
            "relay #{id} was begun without the queue that is here now: go on with it with --no-laps, or work off the \
             queue with --new"
        ),
    };
    Err(CliError::Usage(text).into())
}

/// Refuses a target that has been reached already.
fn check_target(args: &Args, relay: &RelayRecord) -> anyhow::Result<()> {
    let done = relay.completed_iterations;
    match args.iterations {
        Some(target) if target <= done => {
            let text = format!(
                "relay #{} has done {done} of its iterations already; give -i more than that, or --new",
                relay.id
            );
            Err(CliError::Usage(text).into())
        }
        _ => Ok(()),
    }
}
