//! A harness that the user describes: any program that takes a prompt and prints.

mod parser;
#[cfg(test)]
mod tests;

use std::ffi::OsString;

pub use parser::CustomParser;

use super::invocation::MAX_ARGUMENT;
use super::{Capabilities, Executor, HarnessSpec, Invocation, Parser, PrepareError, Request, Stderr, Stdin};

/// Stands for the prompt inside an argument.
const PLACEHOLDER: &str = "$PROMPT";

/// Which output the summary is taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TailStream {
    /// Standard output, then standard error.
    #[default]
    Combined,
    /// Standard output alone.
    Stdout,
    /// Standard error alone.
    Stderr,
}

/// A harness as the user describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomSpec {
    /// The user's name for it.
    pub name: String,
    /// Program and arguments; `$PROMPT` anywhere in them stands for the prompt.
    pub command: Vec<String>,
    /// The flag that takes the model: `None`, the model is not passed; empty, it is passed without a flag.
    pub model_flag: Option<String>,
    /// How many of the last lines make the summary.
    pub output_lines: usize,
    /// Where the summary is taken from.
    pub tail_stream: TailStream,
    /// Further arguments, after those of `command`.
    pub args: Vec<String>,
    /// Variables set on top of rally's own environment.
    pub env: Vec<(String, String)>,
}

/// Describes a custom harness to the driver.
#[derive(Debug, Clone)]
pub struct Custom {
    spec: CustomSpec,
    common: HarnessSpec,
}

impl Custom {
    /// A harness as specified.
    pub fn new(spec: CustomSpec) -> Self {
        let common = HarnessSpec {
            name: spec.name.clone(),
            program: spec.command.first().cloned().unwrap_or_default(),
            extra_env: spec.env.clone(),
            ..HarnessSpec::default()
        };
        Custom { spec, common }
    }

    /// An argument with the prompt in it, if it fits.
    fn substituted(&self, argument: &str, prompt: &str) -> Result<OsString, PrepareError> {
        let count = argument.matches(PLACEHOLDER).count();
        if count == 0 {
            return Ok(argument.into());
        }
        let rest = argument.len() - count * PLACEHOLDER.len();
        let limit = (MAX_ARGUMENT - 1).saturating_sub(rest) / count;
        PrepareError::of_argument(&self.spec.name, prompt, limit)?;
        Ok(argument.replace(PLACEHOLDER, prompt).into())
    }
}

impl Executor for Custom {
    fn spec(&self) -> &HarnessSpec {
        &self.common
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resume: false, effort: false, end_event: false }
    }

    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError> {
        let spec = &self.spec;
        let template: Vec<&String> = spec.command.iter().chain(&spec.args).collect();
        let by_argument = template.iter().any(|argument| argument.contains(PLACEHOLDER));
        let mut words = template
            .into_iter()
            .map(|argument| self.substituted(argument, request.prompt))
            .collect::<Result<Vec<OsString>, PrepareError>>()?
            .into_iter();
        let program = words.next().unwrap_or_default();
        let mut args: Vec<OsString> = words.collect();
        let mut notes = Vec::new();
        if let Some(model) = request.model.map(str::trim).filter(|model| !model.is_empty()) {
            match spec.model_flag.as_deref() {
                Some("") => args.push(model.into()),
                Some(flag) => args.extend([OsString::from(flag), OsString::from(model)]),
                None => notes.push(format!(
                    "{}: no `model_flag` is configured, so the model `{model}` is not passed",
                    spec.name
                )),
            }
        }
        if let Some(effort) = request.effort.map(str::trim).filter(|effort| !effort.is_empty()) {
            notes.push(format!("{}: takes no effort, so `{effort}` is not passed", spec.name));
        }
        Ok(Invocation {
            program,
            args,
            // The user's own comes last and wins.
            env: [("TMPDIR".into(), request.scratch.into())]
                .into_iter()
                .chain(spec.env.iter().map(|(key, value)| (key.into(), value.into())))
                .collect(),
            stdin: if by_argument { Stdin::Null } else { Stdin::Bytes(request.prompt.as_bytes().to_vec()) },
            stderr: Stderr::Separate,
            log: None,
            notes,
        })
    }

    fn parser(&self, _request: &Request<'_>) -> Box<dyn Parser> {
        Box::new(CustomParser::new(self.spec.tail_stream, self.spec.output_lines))
    }
}
