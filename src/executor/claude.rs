//! Claude Code, driven by `claude -p` with a JSON event per line.
//!
//! Observed with 2.1.330 and 2.1.197; the recordings lie in `tests/fixtures/claude`.

mod errors;
mod event;
mod parser;
mod session_log;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;

pub use parser::ClaudeParser;

use super::{Capabilities, DiskQuery, Executor, Invocation, Parser, PrepareError, Request, Stderr, Stdin};
use crate::model::Evidence;

/// Efforts that the CLI documents; others are passed on with a remark.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// A harness that is Claude Code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaudeSpec {
    /// `claude`, or the user's name of a harness built on it.
    pub name: String,
    /// Program name (looked up in PATH) or path.
    pub program: String,
    /// Arguments of the user. They stand before model, effort and session, which
    /// belong to the try and win when the CLI takes the last of two.
    pub extra_args: Vec<String>,
    /// Variables of the user, such as `CLAUDE_CONFIG_DIR` for a second account.
    pub extra_env: Vec<(String, String)>,
}

impl Default for ClaudeSpec {
    fn default() -> Self {
        ClaudeSpec {
            name: "claude".to_owned(),
            program: "claude".to_owned(),
            extra_args: Vec::new(),
            extra_env: Vec::new(),
        }
    }
}

/// Describes Claude Code to the driver.
#[derive(Debug, Clone, Default)]
pub struct Claude {
    spec: ClaudeSpec,
}

impl Claude {
    /// A harness as specified.
    pub fn new(spec: ClaudeSpec) -> Self {
        Claude { spec }
    }

    /// Where the CLI keeps its own files: as the agent sees it, so the harness' own
    /// variables come before rally's.
    fn config_dir(&self) -> Option<PathBuf> {
        let variable = |name: &str| -> Option<OsString> {
            let own = self.spec.extra_env.iter().rev().find(|(key, _)| key == name);
            own.map(|(_, value)| value.into())
                .or_else(|| std::env::var_os(name))
                .filter(|value| !value.is_empty())
        };
        variable("CLAUDE_CONFIG_DIR")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".claude")))
    }
}

impl Executor for Claude {
    fn harness(&self) -> &str {
        &self.spec.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resume: true, effort: true, end_event: true }
    }

    /// The prompt goes by standard input: no size limit, nothing of it in `ps`, and a
    /// leading `-` is harmless. The environment is passed on as it is; above all
    /// `IS_SANDBOX` stays the user's own decision.
    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError> {
        let mut args: Vec<OsString> =
            ["-p", "--dangerously-skip-permissions", "--output-format", "stream-json", "--verbose"]
                .map(OsString::from)
                .to_vec();
        args.extend(self.spec.extra_args.iter().map(OsString::from));
        let mut notes = Vec::new();
        let effort = given(request.effort);
        if let Some(effort) = effort
            && !EFFORTS.contains(&effort.to_ascii_lowercase().as_str())
        {
            notes.push(format!(
                "{}: `{effort}` is none of the documented efforts ({}); it is passed on as it is",
                self.spec.name,
                EFFORTS.join(", ")
            ));
        }
        for (flag, value) in
            [("--model", given(request.model)), ("--effort", effort), ("--resume", given(request.resume))]
        {
            if let Some(value) = value {
                args.extend([OsString::from(flag), OsString::from(value)]);
            }
        }
        Ok(Invocation {
            program: OsString::from(&self.spec.program),
            args,
            env: self.spec.extra_env.iter().map(|(key, value)| (key.into(), value.into())).collect(),
            stdin: Stdin::Bytes(request.prompt.as_bytes().to_vec()),
            stderr: Stderr::Merged,
            notes,
        })
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(ClaudeParser::default())
    }

    fn disk_evidence(&self, query: &DiskQuery<'_>) -> Option<Evidence> {
        session_log::evidence(&self.config_dir()?, query)
    }
}

/// A setting that says something.
fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}
