//! Everything that is checked before the first side effect.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::notice::warn;
use super::{Args, harnesses, sandbox, surroundings, task};
use crate::cli::error::CliError;
use crate::config::{self, Config, ConfigError, Diagnostic};
use crate::executor::Registry;
use crate::git::{self, Git};
use crate::laps::Queue;
use crate::laps::folder::{Folder, ROOT_FILE};
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
    /// What is to be done; `None` in a free relay.
    pub queue: Option<Queue>,
    /// Who can be driven.
    pub registry: Registry,
    /// Doubts about the configured routes, for relays that use them.
    pub route_warnings: Vec<String>,
    /// The version of Landlock that confines the agents; `None`: nothing does.
    pub landlock: Option<i32>,
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
    let queue = find_queue(&args, &workspace)?;
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
    let landlock = sandbox::check(&config)?;
    let prompt = task::typed(&args)?;
    let prepared = Prepared {
        args,
        workspace,
        git,
        config,
        rules,
        flags,
        prompt,
        queue,
        registry,
        route_warnings,
        landlock,
    };
    Ok(prepared)
}

/// The queue of the workspace, unless it is to be left alone. Its laps are the tasks: there cannot be another one.
fn find_queue(args: &Args, workspace: &Path) -> anyhow::Result<Option<Queue>> {
    if args.no_laps {
        return Ok(None);
    }
    let Some(queue) = Queue::detect(workspace, std::env::var_os("PATH").as_deref()) else {
        let laps = workspace.join(".laps");
        if laps.is_dir() {
            let copy = Folder::of(workspace).kept(ROOT_FILE);
            let kept =
                copy.map_or(String::new(), |(copy, _)| format!(" (its last copy is {})", copy.display()));
            warn(&format!("{} holds no laps.json{kept}: there is no queue", laps.display()));
        }
        return Ok(None);
    };
    if let Some(advisory) = queue.advisory() {
        warn(&advisory);
    }
    if task::is_given(args) {
        let text = "this workspace has a queue, whose laps are the tasks: add yours with \
                    `rally laps add tail --title \"...\"`, or give --no-laps to run it without the queue";
        return Err(CliError::Usage(text.to_owned()).into());
    }
    Ok(Some(queue))
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
