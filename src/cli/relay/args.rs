//! What can be typed after `rally relay`.

use std::path::PathBuf;

use crate::relay::start::Wish;

/// Run agents on this repository, or go on with an unfinished relay.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Examples:
  rally relay --agent cc \"Add tests for the parser\"
      one run with Claude Code
  rally relay --new -i 6 --agent \"cc:2 mycode\" \"Fix the open TODOs\"
      six runs, two with Claude Code, one with your own harness, and again
  rally relay --agent 'cc:claude-sonnet-4-5' --prompt-file task.md
      a given model, the task from a file
  rally relay -i 10 \"Work through the issues\"
      whoever [routes] names for the default role, else [defaults].mix
  rally relay -i 9 --agent \"cc SENIOR:2\" \"Refactor the parser\"
      a run with Claude Code, two with the agents of the role SENIOR, and again
  rally relay --resume
      go on where the last relay was cut

Exit codes:
  0  the target was reached, or the operator stopped gracefully
  1  something failed, or the pass ended short of its target
  2  wrong command line
  75 another rally holds the workspace
  128+n  ended by signal n")]
pub struct Args {
    /// The task, in words; `-` reads it from standard input
    #[arg(value_name = "PROMPT", conflicts_with = "prompt_file")]
    pub prompt: Vec<String>,

    /// Read the task from a file
    #[arg(long, value_name = "FILE")]
    pub prompt_file: Option<PathBuf>,

    /// How many successful runs (at least 1)
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub iterations: Option<u64>,

    /// Who works: aliases, models, roles and numbers of runs, such as "cc:2 mycode:fast SENIOR" (repeatable)
    #[arg(short, long, value_name = "MIX")]
    pub agent: Vec<String>,

    /// Old name of --agent
    #[arg(short, long, value_name = "MIX", hide_short_help = true)]
    pub mix: Vec<String>,

    /// Go on with the unfinished relay, without asking
    #[arg(long, conflicts_with = "new")]
    pub resume: bool,

    /// Close any unfinished relay and begin another; also forgets pauses and freezes of agents
    #[arg(long)]
    pub new: bool,

    /// With --new: also forget when exhausted accounts come back, and how full their windows are
    #[arg(long, requires = "new", conflicts_with = "resume")]
    pub forget_limits: bool,

    /// Ignore the queue in .laps and run the task freely
    #[arg(long)]
    pub no_laps: bool,
}

impl Args {
    /// New, resume, or not said.
    pub fn wish(&self) -> Wish {
        match (self.new, self.resume) {
            (true, _) => Wish::New,
            (false, true) => Wish::Resume,
            (false, false) => Wish::Unsaid,
        }
    }
}
