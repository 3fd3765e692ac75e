//! What can be typed after `rally laps`: the grammar of the program `laps`.

use clap::{Args, Parser, Subcommand};

/// The names that are commands here, aliases included. Any other name is a command only if a hook is declared for it.
pub const NAMES: [&str; 23] = [
    "add", "assign", "claim", "count", "delete", "done", "edit", "get", "handoff", "help", "import", "init",
    "list", "log", "ls", "move", "off", "on", "prune", "stints", "status", "version", "wrapup",
];

/// The queue of tasks of this repository: what agents are given, and what they report.
///
/// A lap is one task, done by one agent in one run. The queue is `.laps/laps.json`, in the format of the program
/// `laps`. The command is also `laps`, wherever a link of that name points to rally.
#[derive(Debug, Parser)]
#[command(
    name = "laps",
    disable_version_flag = true,
    subcommand_required = false,
    arg_required_else_help = false
)]
#[command(after_help = "\
Exit codes:
  0 done, 1 wrong command line, 2 unusable queue, 3 not found, 4 a before-hook failed
  get and claim: 10 held, 11 the queue is empty, 12 everything is done

Examples:
  rally laps init
  rally laps add tail --title \"Write the parser\" --assignee developer
  rally laps list")]
pub struct Line {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,

    /// What is to be done.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Use this queue file of the folder .laps
    #[arg(short, long, global = true, value_name = "NAME", allow_hyphen_values = true)]
    pub file: Option<String>,

    /// Print one line of JSON
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_name = "BOOL", hide_possible_values = true)]
    pub json_output: Option<bool>,

    /// Print the version
    #[arg(short = 'v', long, global = true)]
    pub version: bool,
}

/// The option that people type for `--json-output`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Json {
    /// The same as --json-output
    #[arg(long)]
    pub json: bool,
}

/// Which queue is meant: the root's, or that of a stint.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct Scope {
    /// The queue that is worked on now (the default)
    #[arg(short = 'c', long, conflicts_with = "file")]
    pub active: bool,

    /// The root queue, whatever stint is at its head
    #[arg(short, long, conflicts_with = "file")]
    pub root: bool,

    /// The queue of this stint
    #[arg(short, long, value_name = "NAME", conflicts_with = "file")]
    pub stint: Option<String>,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add laps, and print their ids
    Add(Add),
    /// Show a lap; nothing is claimed
    Get(Get),
    /// Take the next lap, or give it back with `claim undo`
    Claim(Claim),
    /// Complete the claimed lap, or take the newest completion back with `done undo`
    Done(Done),
    /// Hand the claimed lap over: it stays in the queue
    Handoff(Handoff),
    /// Report what came of the run
    Wrapup(Wrapup),
    /// List the laps that wait
    #[command(visible_alias = "ls")]
    List(List),
    /// Count laps by role
    Count(Count),
    /// Remove a lap
    Delete(Delete),
    /// Drop all but the newest completed laps
    Prune(Prune),
    /// Move a lap that waits
    Move(Move),
    /// Change the words of a lap
    Edit(Edit),
    /// Give a lap to a role
    Assign(Assign),
    /// Add every task of a file
    Import(Import),
    /// How the queue stands
    Status(Status),
    /// What happened to the laps: written for queues of version 3, and where .laps/log.jsonl exists
    Log(Log),
    /// Queues within the queue
    #[command(visible_alias = "st")]
    Stints(Stints),
    /// Make the queue of this repository
    Init(Plain),
    /// Teach agents the queue, in AGENTS.md and its like
    On(Plain),
    /// Remove what `on` wrote
    Off(Plain),
    /// Print the version
    Version(Plain),
}

/// A command without anything of its own.
#[derive(Debug, Args)]
pub struct Plain {
    #[command(flatten)]
    pub json: Json,
}

/// `handoff`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  rally laps handoff\n  rally laps wrapup --summary \"why you stop\"")]
pub struct Handoff {
    /// Nothing is needed; what is given is for hooks
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub words: Vec<String>,
}

/// `wrapup`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  rally laps wrapup --summary \"parser done, 14 tests pass\" --followup \"document it\""
)]
pub struct Wrapup {
    /// What happened
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub summary: String,
    /// What is left to do; becomes a lap (may be given several times)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub followup: Vec<String>,
    /// How a recovery run judges the work it found
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub classification: Option<String>,
}

/// `add`.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  rally laps add tail --title \"Write the parser\" --description \"See docs/grammar.md\"
  rally laps add head --title \"Fix the build\" --assignee developer
  rally laps add after work-1a2b --title \"Then this\"
  rally laps add tail --json '[{\"title\":\"One\"},{\"title\":\"Two\",\"assignee\":\"reviewer\"}]'
  generate-plan | rally laps add tail --json -")]
pub struct Add {
    /// head, tail, or after ID
    #[arg(value_name = "POSITION")]
    pub position: Vec<String>,

    /// One line that says what is to be done
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub title: Option<String>,

    /// The whole task; \n becomes a new line
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub description: Option<String>,

    /// The role that is to do it
    #[arg(long, value_name = "ROLE", allow_hyphen_values = true)]
    pub assignee: Option<String>,

    /// An object or an array with title, description, assignee; - reads it from standard input
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub json: Option<String>,

    /// Read the description from standard input
    #[arg(long)]
    pub stdin: bool,

    #[command(flatten)]
    pub scope: Scope,
}

/// `get`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  rally laps get\n  rally laps get work-1a2b --json")]
pub struct Get {
    /// head (the default) or an id
    #[arg(value_name = "head|ID")]
    pub target: Vec<String>,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `claim` and `claim undo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rally laps claim             the next lap
  rally laps claim work-1a2b   this lap
  rally laps claim undo        give it back")]
pub struct Claim {
    /// head (the default), an id, or undo
    #[arg(value_name = "head|ID|undo")]
    pub target: Vec<String>,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `done` and `done undo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rally laps done              the claimed lap
  rally laps done work-1a2b    this lap
  rally laps done undo         reopen what was completed last; -y if that is over 5 minutes ago")]
pub struct Done {
    /// An id (else the claimed lap), or undo
    #[arg(value_name = "ID|undo")]
    pub target: Vec<String>,
    /// Reopen it however long ago it was completed (with undo)
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `list`.
#[derive(Debug, Default, Args)]
#[command(
    after_help = "Examples:\n  rally laps list\n  rally laps list --all --oneline\n  rally laps list --tree --json"
)]
pub struct List {
    /// Those that wait, then those that are done
    #[arg(long)]
    pub all: bool,
    /// Those that are done, the newest first
    #[arg(long)]
    pub done: bool,
    /// One line for each lap
    #[arg(long)]
    pub oneline: bool,
    /// From the root, with the laps of every stint
    #[arg(long)]
    pub tree: bool,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `count`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rally laps count")]
pub struct Count {
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `delete`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rally laps delete work-1a2b")]
pub struct Delete {
    /// Which lap
    #[arg(value_name = "ID")]
    pub id: Vec<String>,
    /// Also the claimed lap; the claim goes with it
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `prune`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  rally laps prune\n  rally laps prune 0")]
pub struct Prune {
    /// How many completed laps are kept [default: 20]
    #[arg(value_name = "N", allow_negative_numbers = true)]
    pub keep: Vec<String>,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `move`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rally laps move work-1a2b head\n  rally laps move work-1a2b after work-3c4d"
)]
pub struct Move {
    /// Which lap, then head, tail, or after ID
    #[arg(value_name = "ID POSITION")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `edit`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rally laps edit work-1a2b --title \"Write the lexer first\"\n  rally laps edit work-1a2b --assignee \"\""
)]
pub struct Edit {
    /// Which lap
    #[arg(value_name = "ID")]
    pub id: Vec<String>,
    /// The new title
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub title: Option<String>,
    /// The new description; empty clears it, \n becomes a new line
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub description: Option<String>,
    /// The new role; empty clears it
    #[arg(long, value_name = "ROLE", allow_hyphen_values = true)]
    pub assignee: Option<String>,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `assign`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rally laps assign work-1a2b reviewer\n  rally laps assign work-1a2b \"\""
)]
pub struct Assign {
    /// Which lap, then the role; an empty one clears it
    #[arg(value_name = "ID ROLE")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rally laps import plan.md
  rally laps import tasks.jsonl --head
  generate-plan | rally laps import - --format jsonl")]
pub struct Import {
    /// The file; - reads standard input
    #[arg(value_name = "FILE")]
    pub from: String,
    /// How it is written; else .jsonl, .ndjson and .json say jsonl, and everything else md
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// They are done next, not last
    #[arg(long)]
    pub head: bool,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// How a file of tasks is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A Markdown list of tasks.
    Md,
    /// One JSON object a line.
    Jsonl,
}

/// `status`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rally laps status --json")]
pub struct Status {
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `log`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rally laps log\n  rally laps log -n 100 --lap work-1a2b\n  rally laps log --since 2026-01-31T00:00:00Z --json"
)]
pub struct Log {
    /// How many of the newest events
    #[arg(short = 'n', long, value_name = "N", default_value = "20", allow_hyphen_values = true)]
    pub limit: String,
    /// Only those of this lap
    #[arg(long, value_name = "ID")]
    pub lap: Option<String>,
    /// Only those of this session
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// Only those of this scope
    #[arg(long = "scope", value_name = "NAME")]
    pub of_scope: Option<String>,
    /// Only those since this moment, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub json: Json,
}

/// `stints`.
#[derive(Debug, Args)]
pub struct Stints {
    /// What is to be done.
    #[command(subcommand)]
    pub command: StintCommand,
}

/// What can be done with stints.
#[derive(Debug, Subcommand)]
pub enum StintCommand {
    /// Every stint, the archived ones included
    Ls(Plain),
    /// The laps of a stint
    Show(Stint),
    /// Make a stint, and print the prefix of its ids
    New(Stint),
    /// Put a stint into the root queue
    Enqueue(Enqueue),
    /// Close a stint: none of its laps is handed out
    Hold(Stint),
    /// Open a stint again
    Release(Stint),
    /// Remove a stint with all its laps
    Rm(Rm),
}

/// A command about one stint.
#[derive(Debug, Args)]
pub struct Stint {
    /// Which stint
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub json: Json,
}

/// `stints enqueue`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  rally laps stints enqueue auth\n  rally laps stints enqueue auth head")]
pub struct Enqueue {
    /// Which stint
    #[arg(value_name = "NAME")]
    pub name: String,
    /// head, tail (the default), or after ID
    #[arg(value_name = "POSITION")]
    pub position: Vec<String>,
    #[command(flatten)]
    pub json: Json,
}

/// `stints rm`.
#[derive(Debug, Args)]
pub struct Rm {
    /// Which stint
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Also one that is queued or has the claimed lap
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub json: Json,
}
