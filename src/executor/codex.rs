//! Codex, driven by `codex exec --json` with a JSON event per line.
//!
//! Observed with 0.169.0; the recordings lie in `tests/fixtures/codex`. What is relied on here:
//! * `-` makes it read the prompt from standard input, also when it resumes: 300 KB and a leading `-` went through.
//! * Every flag may stand before `resume`, and is honoured there.
//! * `--model` and the two flags of ours may be given only once (exit code 2); of several `-c` of one key the last wins.
//! * A session name that is no UUID and matches nothing silently begins a new session.
//!
//! No `--output-schema` is passed: it would force every answer of every task into one form. The last
//! message on the stream is read instead, structured or not.

mod errors;
mod event;
mod limits;
mod parser;
mod said;
mod session_log;
mod sign_in;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;

use uuid::Uuid;

pub use parser::CodexParser;
pub use said::Narrator;

use super::spec::{given, undocumented_effort};
use super::{
    Capabilities, DiskQuery, Executor, HarnessSpec, Home, Invocation, Parser, PrepareError, Request, SignIn,
    Stderr, Stdin,
};
use crate::config::builtin;
use crate::model::{Cli, Evidence, QuotaWindow};

/// What every try needs, once.
const ALWAYS: [&str; 2] = ["--json", "--dangerously-bypass-approvals-and-sandbox"];

/// Commands run in a plain shell: the profile of a login shell sets PATH anew, as Debian's does, and agents then do
/// not find the rally that runs them. Stands before the user's arguments, of which the last word counts.
const PLAIN_SHELL: [&str; 2] = ["-c", "allow_login_shell=false"];

/// Longest input that the CLI takes, characters: it refuses more with `input_too_large`, and keeps no session then.
const PROMPT_LIMIT: usize = 1 << 20;

/// Describes Codex to the driver.
#[derive(Debug, Clone)]
pub struct Codex {
    spec: HarnessSpec,
}

impl Codex {
    /// A harness as specified.
    pub fn new(spec: HarnessSpec) -> Self {
        Codex { spec }
    }

    /// The user's arguments without what may not be given twice: our own flags, and a model when the try names one.
    fn extra_args(&self, keep_model: bool) -> impl Iterator<Item = &String> {
        let mut value_of_dropped = false;
        self.spec.extra_args.iter().filter(move |arg| {
            if std::mem::take(&mut value_of_dropped) {
                return false;
            }
            let bare = matches!(arg.as_str(), "-m" | "--model");
            let joined = arg.starts_with("--model=") || (arg.starts_with("-m") && !bare);
            value_of_dropped = bare && !keep_model;
            !ALWAYS.contains(&arg.as_str()) && (keep_model || !(bare || joined))
        })
    }

    fn home(&self) -> Option<std::path::PathBuf> {
        self.spec.folder("CODEX_HOME", ".codex")
    }
}

impl Executor for Codex {
    fn spec(&self) -> &HarnessSpec {
        &self.spec
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resume: true, effort: true, end_event: true }
    }

    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError> {
        let size = request.prompt.chars().count();
        if size > PROMPT_LIMIT {
            let (harness, limit, unit) = (self.spec.name.clone(), PROMPT_LIMIT, "characters");
            return Err(PrepareError::PromptRefused { harness, size, limit, unit });
        }
        let model = given(request.model);
        let mut args: Vec<OsString> = vec!["exec".into()];
        args.extend(ALWAYS.into_iter().chain(PLAIN_SHELL).map(OsString::from));
        args.extend(self.extra_args(model.is_none()).map(OsString::from));
        if let Some(model) = model {
            args.extend(["-m".into(), model.into()]);
        }
        let mut notes = Vec::new();
        if let Some(effort) = given(request.effort) {
            notes.extend(undocumented_effort(&self.spec.name, effort, builtin::of(Cli::Codex).efforts));
            args.extend(["-c".into(), format!("model_reasoning_effort={effort}").into()]);
        }
        if let Some(session) = given(request.resume) {
            match Uuid::parse_str(session) {
                Ok(id) => args.extend(["resume".into(), id.hyphenated().to_string().into()]),
                Err(_) => notes.push(format!(
                    "{}: `{session}` is no session id of it, so a new session is begun",
                    self.spec.name
                )),
            }
        }
        args.push("-".into());
        Ok(self.spec.overlay(Invocation {
            program: OsString::from(&self.spec.program),
            args,
            env: Vec::new(),
            stdin: Stdin::Bytes(request.prompt.as_bytes().to_vec()),
            stderr: Stderr::Separate,
            log: None,
            notes,
        }))
    }

    fn parser(&self, _request: &Request<'_>) -> Box<dyn Parser> {
        Box::new(CodexParser::default())
    }

    fn disk_evidence(&self, query: &DiskQuery<'_>) -> Option<Evidence> {
        session_log::evidence(&self.home()?.join("sessions"), query)
    }

    fn disk_quota(&self, query: &DiskQuery<'_>) -> Vec<QuotaWindow> {
        self.home().map(|home| limits::windows(&home.join("sessions"), query)).unwrap_or_default()
    }

    fn homes(&self) -> Vec<Home> {
        self.spec.own_folder(("CODEX_HOME", ""), ".codex").into_iter().collect()
    }

    /// `OPENAI_API_KEY` is not read by `codex exec`.
    fn sign_in(&self) -> SignIn {
        let home = self.home();
        if sign_in::elsewhere(&self.spec.extra_args, home.as_deref()) {
            return SignIn::Unknown;
        }
        const VARIABLES: [&str; 2] = ["CODEX_API_KEY", "CODEX_ACCESS_TOKEN"];
        self.spec.signed_in(&VARIABLES, home.map(|home| home.join("auth.json")))
    }
}
