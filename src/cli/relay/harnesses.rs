//! From configured harnesses to executors.

use crate::cli::error::CliError;
use crate::config::{self, Config, HarnessConfig, builtin};
use crate::executor::claude::{Claude, ClaudeSpec};
use crate::executor::custom::{Custom, CustomSpec, TailStream};
use crate::executor::{Executor, Registry};
use crate::routing::roster::Roster;

/// Every harness that this version can drive.
pub fn registry(config: &Config) -> Registry {
    let mut registry = Registry::default();
    registry.insert(claude(config, "claude"));
    for (name, harness) in &config.harnesses {
        if builtin::find(name).is_some() {
            continue;
        }
        match config.builtin(name) {
            Some(base) if base.name == "claude" => registry.insert(claude(config, name)),
            Some(_) => {}
            None => registry.insert(custom(name, harness)),
        }
    }
    registry
}

/// Claude Code, or a harness of the user's that is built on it.
fn claude(config: &Config, name: &str) -> Box<dyn Executor> {
    let launch = config.launch(name);
    Box::new(Claude::new(ClaudeSpec {
        name: name.to_owned(),
        program: "claude".to_owned(),
        extra_args: launch.args,
        extra_env: launch.env.into_iter().collect(),
    }))
}

fn custom(name: &str, harness: &HarnessConfig) -> Box<dyn Executor> {
    Box::new(Custom::new(CustomSpec {
        name: name.to_owned(),
        command: harness.command.clone(),
        model_flag: harness.model_flag.clone(),
        output_lines: harness.output_lines,
        tail_stream: match harness.tail_stream {
            config::TailStream::Stdout => TailStream::Stdout,
            config::TailStream::Stderr => TailStream::Stderr,
            config::TailStream::Combined => TailStream::Combined,
        },
        args: harness.args.clone(),
        env: harness.env.clone().into_iter().collect(),
    }))
}

/// Refuses a mix that names a harness nobody can drive.
pub fn check(roster: &Roster, registry: &Registry) -> anyhow::Result<()> {
    for entry in &roster.entries {
        if registry.get(&entry.runner.harness).is_none() {
            let text = format!(
                "{}: this version of rally cannot drive {} yet; it drives {}",
                entry.text,
                entry.runner.harness,
                registry.names().collect::<Vec<_>>().join(", ")
            );
            return Err(CliError::Usage(text).into());
        }
    }
    Ok(())
}
