//! From configured harnesses to executors.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::builtin::{BUILTINS, Builtin};
use crate::config::{self, Config, HarnessConfig, builtin};
use crate::executor::custom::{Custom, CustomSpec, TailStream};
use crate::executor::{Executor, HarnessSpec, Registry, built_in};
use crate::process;
use crate::routing::Lane;

/// Every harness that this version can drive.
pub fn registry(config: &Config) -> Registry {
    let mut registry = Registry::default();
    for builtin in &BUILTINS {
        registry.insert(known(config, builtin.name, builtin));
    }
    for (name, harness) in &config.harnesses {
        if builtin::find(name).is_some() {
            continue;
        }
        registry.insert(match config.builtin(name) {
            Some(base) => known(config, name, base),
            None => custom(name, harness),
        });
    }
    registry
}

/// A built-in harness, or one of the user's that is built on it.
fn known(config: &Config, name: &str, base: &Builtin) -> Box<dyn Executor> {
    let launch = config.launch(name);
    let spec = HarnessSpec {
        name: name.to_owned(),
        program: base.program.to_owned(),
        extra_args: launch.args,
        extra_env: launch.env.into_iter().collect(),
        foreign: launch.foreign,
    };
    built_in(base.cli, spec)
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

/// Lets the executors of lanes ask their installed CLIs what they can do.
pub fn learn<'l>(registry: &mut Registry, lanes: impl IntoIterator<Item = &'l Lane>, workspace: &Path) {
    let harnesses: BTreeSet<&str> =
        lanes.into_iter().flat_map(Lane::members).map(|member| &*member.runner.harness).collect();
    for harness in harnesses {
        registry
            .learn(harness, &|program, variables, args| process::ask(program, args, variables, workspace));
    }
}
