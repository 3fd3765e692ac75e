//! Everything that is checked before the first side effect.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::notice::warn;
use super::{Args, harnesses, surroundings, task};
use crate::cli::error::CliError;
use crate::config::{self, Config, ConfigError, Diagnostic};
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
    /// Doubts about the configured routes, for relays that use them.
    pub route_warnings: Vec<String>,
}

/// Iterations of a relay that nobody bounded.
pub const UNBOUNDED: u64 = 50;

/// The key of doubts about the routes as a whole.
const ROUTES: &str = "routes";

/// Checks the command line, the repository and the configuration; warnings are told at once.
pub fn prepare(args: Args) -> anyhow::Result<Prepared> {
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let Some(git) = git::discover(&here)? else {
        anyhow::bail!("{} is not in a git repository; `rally init` makes one here", here.display());
    };
    let workspace = git.root().to_owned();
    let loaded = config::load(&workspace, &config::Env::from_process())?;
    let config = loaded.config;
    let mut rules = Rules::of(&config);
    let doubts = [loaded.warnings, std::mem::take(&mut rules.warnings)].concat();
    let (routes, others): (Vec<Diagnostic>, Vec<Diagnostic>) =
        doubts.into_iter().partition(|doubt| doubt.key == ROUTES);
    for doubt in others {
        warn(&doubt.to_string());
    }
    let route_warnings = routes.iter().map(ToString::to_string).collect();
    check_queue(&args, &workspace)?;
    // Who shares a limit, and what a role wants, may concern any relay.
    if !rules.errors.is_empty() {
        let mut errors = std::mem::take(&mut rules.errors);
        errors.sort_by_key(|error| error.origin.clone());
        return Err(ConfigError::Invalid(errors).into());
    }
    let registry = harnesses::registry(&config);
    let flags = flag_roster(&args, &config)?;
    if !workspace.join(".rally").is_dir() {
        anyhow::bail!("{} has no .rally folder; run `rally init` first", workspace.display());
    }
    surroundings::check_data_dir(&workspace, &config)?;
    let prompt = task::typed(&args)?;
    Ok(Prepared { args, workspace, git, config, rules, flags, prompt, registry, route_warnings })
}

/// The queue is not built yet: a workspace that has one must not be run as if it had none.
fn check_queue(args: &Args, workspace: &Path) -> anyhow::Result<()> {
    let laps = workspace.join(".laps");
    if laps.join("laps.json").exists() && !args.no_laps {
        anyhow::bail!(
            "{} holds a lap queue, which this version of rally cannot work off yet; \
             pass --no-laps to run the task freely",
            laps.join("laps.json").display()
        );
    }
    if laps.is_dir() && !laps.join("laps.json").exists() {
        warn(&format!("{} holds no laps.json; running without a queue", laps.display()));
    }
    Ok(())
}

fn flag_roster(args: &Args, config: &Config) -> anyhow::Result<Option<Roster>> {
    let values = match (args.agent.is_empty(), args.mix.is_empty()) {
        (false, true) => &args.agent,
        (false, false) => {
            warn("both --agent and --mix were given; ignoring --mix");
            &args.agent
        }
        (true, false) => &args.mix,
        (true, true) => return Ok(None),
    };
    let roster = Roster::from_flags(values, &Catalog::new(config));
    roster.map(Some).map_err(|error| CliError::Usage(error.to_string()).into())
}
