//! `rally scripted`: an agent that plays a script, for the demo and the tests.

use std::path::PathBuf;

use crate::scripted::{Harness, Play, Script, play};

/// What can be typed after `rally scripted`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose manners the agent has
    #[arg(value_enum)]
    harness: Manners,
    /// The script, TOML or (by its name) JSON
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// Counts invocations and remembers what sessions were told
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Gets a line of JSON about every invocation
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// What the agent's own command line would be
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

/// Whose manners an agent can have.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Manners {
    Claude,
    Codex,
    Gemini,
    Opencode,
    Antigravity,
    Plain,
}

impl From<Manners> for Harness {
    fn from(manners: Manners) -> Harness {
        match manners {
            Manners::Claude => Harness::Claude,
            Manners::Codex => Harness::Codex,
            Manners::Gemini => Harness::Gemini,
            Manners::Opencode => Harness::Opencode,
            Manners::Antigravity => Harness::Antigravity,
            Manners::Plain => Harness::Plain,
        }
    }
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let harness = Harness::from(args.harness);
    let script = Script::load(&args.script)?;
    script.suits(harness)?;
    let code = play(
        &Play {
            harness,
            script: &script,
            state: args.state.as_deref(),
            record: args.record.as_deref(),
            args: &args.args,
        },
        &mut std::io::stdout(),
        &mut std::io::stderr(),
    )?;
    Ok(code)
}
