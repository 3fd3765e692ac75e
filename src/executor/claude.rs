//! Claude Code, driven by `claude -p` with a JSON event per line.
//!
//! Observed with 2.1.330 and 2.1.197; the recordings lie in `tests/fixtures/claude`.

mod errors;
mod event;
mod limits;
mod parser;
mod said;
mod session_log;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;

pub use parser::ClaudeParser;
pub use said::Narrator;

use super::spec::{given, undocumented_effort};
use super::{
    Capabilities, DiskQuery, Executor, HarnessSpec, Home, Invocation, Parser, PrepareError, Request, SignIn,
    Stderr, Stdin,
};
use crate::config::builtin;
use crate::model::{Cli, Evidence};

/// Describes Claude Code to the driver.
#[derive(Debug, Clone)]
pub struct Claude {
    spec: HarnessSpec,
}

impl Claude {
    /// A harness as specified.
    pub fn new(spec: HarnessSpec) -> Self {
        Claude { spec }
    }
}

impl Executor for Claude {
    fn spec(&self) -> &HarnessSpec {
        &self.spec
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
        notes.extend(effort.and_then(|effort| {
            undocumented_effort(&self.spec.name, effort, builtin::of(Cli::Claude).efforts)
        }));
        for (flag, value) in [
            ("--model", given(request.model)),
            ("--effort", effort),
            ("--resume", given(request.resume)),
            ("--session-id", request.session.filter(|_| given(request.resume).is_none())),
        ] {
            if let Some(value) = value {
                args.extend([OsString::from(flag), OsString::from(value)]);
            }
        }
        Ok(self.spec.overlay(Invocation {
            program: OsString::from(&self.spec.program),
            args,
            env: Vec::new(),
            stdin: Stdin::Bytes(request.prompt.as_bytes().to_vec()),
            stderr: Stderr::Merged,
            log: None,
            notes,
        }))
    }

    fn parser(&self, _request: &Request<'_>) -> Box<dyn Parser> {
        Box::new(ClaudeParser::default())
    }

    fn disk_evidence(&self, query: &DiskQuery<'_>) -> Option<Evidence> {
        session_log::evidence(&self.spec.folder("CLAUDE_CONFIG_DIR", ".claude")?, query)
    }

    /// Unless the user's own arguments say which session it is, or that there is to be none.
    fn takes_session(&self) -> bool {
        const CHOSEN: [&str; 6] =
            ["--session-id", "--resume", "-r", "--continue", "-c", "--no-session-persistence"];
        let flag = |arg: &String| arg.split('=').next().is_some_and(|flag| CHOSEN.contains(&flag));
        !self.spec.extra_args.iter().any(flag)
    }
    fn homes(&self) -> Vec<Home> {
        // With a folder of its own the file lies in it.
        let file = match self.spec.variable("CLAUDE_CONFIG_DIR") {
            Some(_) => None,
            None => self.spec.own_file(".claude.json"),
        };
        let folder = self.spec.own_folder(("CLAUDE_CONFIG_DIR", ""), ".claude");
        let cache = self.spec.own_folder(("XDG_CACHE_HOME", "claude-cli-nodejs"), ".cache/claude-cli-nodejs");
        [folder, file, cache].into_iter().flatten().collect()
    }

    fn sign_in(&self) -> SignIn {
        const VARIABLES: [&str; 3] = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"];
        self.spec.signed_in(
            &VARIABLES,
            self.spec.folder("CLAUDE_CONFIG_DIR", ".claude").map(|home| home.join(".credentials.json")),
        )
    }
}
