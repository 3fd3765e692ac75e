//! What can be typed: one file per command. Each has `Args` (clap) and
//! `run(args) -> anyhow::Result<u8>`, whose value is the exit code.

pub mod completions;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod editor;
pub mod error;
pub mod gc;
pub mod guard;
pub mod hooks;
pub mod init;
pub mod instructions;
pub mod laps;
pub mod man;
pub mod message;
mod output;
mod program;
pub mod progress;
pub mod quota;
pub mod relay;
mod role_files;
pub mod routes;
pub mod runners;
pub mod scripted;
pub mod status;
pub mod tail;
pub mod version;
pub mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps coding-agent CLIs working on a repository, unattended, for hours.
#[derive(Debug, Parser)]
#[command(name = "rally", version = version::number(), disable_version_flag = true, arg_required_else_help = false)]
struct Cli {
    /// Print the version
    #[arg(short = 'v', long, global = false)]
    version: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run agents on this repository, or go on with an unfinished relay
    #[command(visible_alias = "start")]
    Relay(relay::Args),
    /// Prepare this repository for rally
    Init(init::Args),
    /// The queue of tasks: add, list, claim, complete
    Laps(laps::Line),
    /// Follow what an agent prints
    Tail(tail::Args),
    /// Record progress (called by agents)
    Progress(progress::Args),
    /// Leave messages for the agents of the next run or of a whole relay
    Message(message::Args),
    /// Read and change the configuration, by key or question by question
    Config(config::Args),
    /// Show or edit the instructions that every agent gets
    Instructions(instructions::Args),
    /// What runs here now, and the last relay
    Status(status::Args),
    /// How full the accounts' windows are, and when they begin anew
    Quota(quota::Args),
    /// The hooks of the lap queue, and when rally's were called
    Hooks(hooks::Args),
    /// Check who works next: routes, mixes, shared limits
    Routes(routes::Args),
    /// Who can be given a run, who cannot and why; end a pause, freeze or bench
    Runners(runners::Args),
    /// Delete logs that are too old or too many
    Gc(gc::Args),
    /// Check everything that a relay needs, and find what crashes left behind
    Doctor(doctor::Args),
    /// Watch a whole relay with built-in agents: no account, no network
    Demo(demo::Args),
    /// Print the version
    Version,
    /// Print a completion script for a shell
    #[command(visible_alias = "completion")]
    Completions(completions::Args),
    /// Print a manual page
    Man(man::Args),
    /// `init all`, under its old name
    #[command(hide = true)]
    InitRoles,
    /// Own one agent's process tree (internal)
    #[command(hide = true)]
    Guard(guard::Args),
    /// Play a scripted agent (for the demo and the tests)
    #[command(hide = true)]
    Scripted(scripted::Args),
}

/// The whole program.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os().peekable();
    if words.next().is_some_and(|program| std::path::Path::new(&program).file_name() == Some("laps".as_ref()))
    {
        return laps::main("laps", words);
    }
    if words.next_if(|word| word == "laps").is_some() {
        return laps::main("rally laps", words);
    }
    match Cli::try_parse() {
        Ok(cli) => match dispatch(cli) {
            Ok(code) => ExitCode::from(code),
            Err(error) => error::report(&error),
        },
        Err(error) => error::report_usage(&error),
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<u8> {
    if cli.version {
        return version::run();
    }
    let Some(command) = cli.command else {
        <Cli as clap::CommandFactory>::command().print_help()?;
        return Ok(error::SUCCESS);
    };
    match command {
        Command::Relay(args) => relay::run(args),
        Command::Init(args) => init::run(args),
        // Such a command line was taken above, before rally's own options could be read into it.
        Command::Laps(_) => Ok(error::USAGE),
        Command::Tail(args) => tail::run(args),
        Command::Progress(args) => progress::run(args),
        Command::Message(args) => message::run(args),
        Command::Instructions(args) => instructions::run(args),
        Command::Config(args) => config::run(args),
        Command::Status(args) => status::run(args),
        Command::Quota(args) => quota::run(args),
        Command::Hooks(args) => hooks::run(args),
        Command::Routes(args) => routes::run(args),
        Command::Runners(args) => runners::run(args),
        Command::Gc(args) => gc::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Version => version::run(),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::InitRoles => init::run(init::Args::all()),
        Command::Guard(args) => guard::run(args),
        Command::Scripted(args) => scripted::run(args),
    }
}

/// The command line as users know it, for completions and manual pages.
pub fn visible() -> clap::Command {
    let all = <Cli as clap::CommandFactory>::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let mut rally = clap::Command::new("rally").disable_version_flag(true);
    rally = rally.args(all.get_arguments().cloned()).subcommands(shown);
    match all.get_about() {
        Some(about) => rally.about(about.clone()),
        None => rally,
    }
}
