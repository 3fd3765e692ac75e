//! `rally routes check`: is everything that says who works next in order? People run it in CI.

use std::io::Write;

use super::report::Report;
use super::text;
use crate::cli::{error, output, workspace};
use crate::config::Env;
use crate::model::time;
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

/// What can be typed after `rally routes check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is run or written: programs are looked up, not called. It works outside of a git repository and
without .rally, too; then the user's configuration is what counts.

The report goes to standard output, errors to standard error, each with file and line.

Exit codes:
  0  in order; there may be warnings and infos
  1  at least one error, or a configuration that cannot be loaded
  2  wrong command line

Keys of --json (v is 1; what is not known is null; errors are in the object, not on standard error):
  v, workspace, loaded (whether there is a configuration to tell about)
  routes: name, file, line, valid, entries (text, harness, model, effort, quota {min, max},
    quota_scope, program, found); a quota of null stays until it fails
  mix: source (configured or built-in), used (false when routes replace it), and as a route
  providers: name, file, line, disabled, members (harness, model)
  reasoning: role, preference, file, line
  roles: name, tokens, source (null for one that rally brings), advisory
  errors, warnings, infos: file, line, key, message
  preview (null without --preview): lane, role, relay (whose position it begins with),
    passed_over (entry, harness, model, effort, why, provider, until),
    picks (entry, harness, model, effort, wait_until), end (why there are no more, or null)

Examples:
  rally routes check
  rally routes check --preview 10
  rally routes check --json | jq -r '.errors[] | \"\\(.file):\\(.line): \\(.message)\"'
  rally routes check --json --preview 1 | jq -r '.preview[] | \"\\(.lane): \\(.picks[0].harness)\"'")]
pub struct Args {
    /// Show who gets the next N runs of every lane if all of them pass (at most 1000)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000), allow_negative_numbers = true)]
    preview: Option<u16>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub fn run(args: Args) -> anyhow::Result<u8> {
    let root = workspace::root()?;
    let report = Report::gather(&root, &Env::from_process(), args.preview.map(usize::from), time::now());
    let printed = if args.json { output::json(&report) } else { print(&report).map_err(Into::into) };
    match printed {
        // Whoever reads only the beginning still gets the exit code.
        Err(error) if error::is_broken_pipe(&error) => {}
        printed => printed?,
    }
    if !args.json {
        let mut out = std::io::stderr();
        let palette = Palette::of(&out);
        for error in &report.errors {
            let text = sanitize::line(&error.to_string());
            let _ = writeln!(out, "{} {text}", palette.paint(Tone::Bad, "error:"));
        }
    }
    Ok(if report.errors.is_empty() { error::SUCCESS } else { error::FAILURE })
}

fn print(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let text: String =
        text::lines(report, Palette::of(&out)).iter().map(|line| format!("{line}\n")).collect();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}
