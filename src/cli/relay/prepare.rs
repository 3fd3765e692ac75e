//! Everything that is checked before the first side effect.

use std::path::PathBuf;

use anyhow::Context;

use super::{Args, harnesses, task};
use crate::cli::error::CliError;
use crate::config::{self, Config};
use crate::executor::Registry;
use crate::git::{self, Git};
use crate::routing::{Catalog, Roster, Rules};

/// A command line that can be carried out.
pub struct Prepared {
    /// Who asked for what.
    pub args: Args,
    /// Top of the work tree.
    pub workspace: PathBuf,
    /// The repository.
    pub git: Git,
    /// Resolved configuration.
    pub config: Config,
    /// What the configuration says about who works.
    pub rules: Rules,
    /// The mix of the flags.
    pub flags: Option<Roster>,
    /// The task of the command line.
    pub prompt: Option<String>,
    /// Who can be driven.
    pub registry: Registry,
    /// Said on standard error before the relay begins.
    pub warnings: Vec<String>,
}

/// Iterations of a relay that nobody bounded.
pub const UNBOUNDED: u64 = 50;

/// Checks the command line, the repository and the configuration.
pub fn prepare(args: Args) -> anyhow::Result<Prepared> {
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let Some(git) = git::discover(&here)? else {
        anyhow::bail!("{} is not in a git repository; `rally init` makes one here", here.display());
    };
    let workspace = git.root().to_owned();
    let mut warnings = Vec::new();
    let loaded = config::load(&workspace, &config::Env::from_process())?;
    warnings.extend(loaded.warnings.iter().map(ToString::to_string));
    let config = loaded.config;
    check_queue(&args, &workspace, &mut warnings)?;
    let registry = harnesses::registry(&config);
    let rules = Rules::of(&config);
    let flags = flag_roster(&args, &config, &mut warnings)?;
    if !workspace.join(".rally").is_dir() {
        anyhow::bail!("{} has no .rally folder; run `rally init` first", workspace.display());
    }
    let prompt = task::typed(&args)?;
    Ok(Prepared { args, workspace, git, config, rules, flags, prompt, registry, warnings })
}

/// The queue is not built yet: a workspace that has one must not be run as if it had none.
fn check_queue(args: &Args, workspace: &std::path::Path, warnings: &mut Vec<String>) -> anyhow::Result<()> {
    let laps = workspace.join(".laps");
    if laps.join("laps.json").exists() && !args.no_laps {
        anyhow::bail!(
            "{} holds a lap queue, which this version of rally cannot work off yet; \
             pass --no-laps to run the task freely",
            laps.join("laps.json").display()
        );
    }
    if laps.is_dir() && !laps.join("laps.json").exists() {
        warnings.push(format!("{} holds no laps.json; running without a queue", laps.display()));
    }
    Ok(())
}

fn flag_roster(args: &Args, config: &Config, warnings: &mut Vec<String>) -> anyhow::Result<Option<Roster>> {
    let values = match (args.agent.is_empty(), args.mix.is_empty()) {
        (false, true) => &args.agent,
        (false, false) => {
            warnings.push("both --agent and --mix were given; ignoring --mix".to_owned());
            &args.agent
        }
        (true, false) => &args.mix,
        (true, true) => return Ok(None),
    };
    let roster = Roster::from_flags(values, &Catalog::new(config));
    roster.map(Some).map_err(|error| CliError::Usage(error.to_string()).into())
}

/// The mix of a relay that no flag chose.
pub fn configured_roster(rules: &Rules) -> anyhow::Result<Roster> {
    match Roster::from_routes(&rules.routes) {
        Some(routes) => Ok(routes),
        None => Ok(rules.mix.clone()?),
    }
}

/// The mix that a relay was begun with.
pub fn stored_roster(relay: &crate::store::records::RelayRecord, config: &Config) -> anyhow::Result<Roster> {
    let roster = Roster::from_record(&relay.agent_mix, &relay.entries, &Catalog::new(config));
    roster.with_context(|| {
        format!("the stored mix of relay #{} does not fit the configuration any more; give --agent", relay.id)
    })
}
