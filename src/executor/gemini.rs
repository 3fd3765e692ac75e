//! Gemini CLI, driven by `gemini --output-format stream-json` with a JSON event per line and the prompt on standard
//! input.
//!
//! Observed with 0.61.0; the recordings lie in `tests/fixtures/gemini`. The event stream came with 0.11.0.

mod answer;
mod event;
mod exit;
mod parser;
mod said;
mod stderr;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;

pub use parser::GeminiParser;
pub use said::Narrator;

use super::spec::{effort_ignored, given};
use super::{
    Ask, Capabilities, Executor, HarnessSpec, Home, Invocation, Parser, PrepareError, Request, SignIn,
    Stderr, Stdin, google,
};
use crate::failure::pattern::regex;

/// The first version that was seen to resume a session by its id; older ones take an index or `latest`.
const RESUMES_BY_ID: (u32, u32, u32) = (0, 61, 0);

/// A line that is nothing but a version, maybe with the program's name.
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?im)^\s*(?:gemini(?:-cli| cli)?)?\s*(?:version)?:?\s*v?(\d{1,5})\.(\d{1,5})\.(\d{1,5})(?:[-+]\S*)?\s*$",
    )
});

/// Longest prompt that the CLI reads from standard input, bytes: it cuts the rest off without a word.
const PROMPT_LIMIT: usize = 8 << 20;

/// Describes Gemini CLI to the driver.
#[derive(Debug, Clone)]
pub struct Gemini {
    spec: HarnessSpec,
    resumes: bool,
}

impl Gemini {
    /// A harness as specified. It claims to resume only after the installed version was asked.
    pub fn new(spec: HarnessSpec) -> Self {
        Gemini { spec, resumes: false }
    }

    /// What the CLI sets for its own work.
    ///
    /// * Without trust in the folder it refuses to work, whatever else it is told.
    /// * By default it starts itself once more, to let the heap grow to half of the memory (12 GB of 24, where Node by
    ///   itself stops at 4). Runs were seen to need less than 0.4 GB; one process less starts sooner and gets its
    ///   signals directly. An empty variable of the user's brings the second process back.
    /// * Reports of failed requests, prompt included, go to the temporary folder.
    /// * It hides the global git configuration from its tools, so the identity has to come another way.
    fn environment(&self, request: &Request<'_>) -> Vec<(OsString, OsString)> {
        let mut env: Vec<(OsString, OsString)> = vec![
            ("GEMINI_CLI_TRUST_WORKSPACE".into(), "true".into()),
            ("GEMINI_CLI_NO_RELAUNCH".into(), "true".into()),
            ("TMPDIR".into(), request.scratch.into()),
        ];
        if let Some(identity) = request.identity {
            for (variable, value) in [
                ("GIT_AUTHOR_NAME", &identity.name),
                ("GIT_AUTHOR_EMAIL", &identity.email),
                ("GIT_COMMITTER_NAME", &identity.name),
                ("GIT_COMMITTER_EMAIL", &identity.email),
            ] {
                if self.spec.variable(variable).is_none() {
                    env.push((variable.into(), value.into()));
                }
            }
        }
        env
    }
}

impl Executor for Gemini {
    fn spec(&self) -> &HarnessSpec {
        &self.spec
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resume: self.resumes, effort: false, end_event: true }
    }

    fn learn(&mut self, ask: Ask<'_>) {
        let version = ask(&["--version"]).and_then(|said| version(&said));
        self.resumes = version.is_some_and(|version| version >= RESUMES_BY_ID);
    }

    /// Without `-p`, and with a standard input that is no terminal, the CLI takes the prompt from there.
    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError> {
        if request.prompt.len() > PROMPT_LIMIT {
            let (harness, size) = (self.spec.name.clone(), request.prompt.len());
            return Err(PrepareError::PromptRefused { harness, size, limit: PROMPT_LIMIT, unit: "bytes" });
        }
        let mut args: Vec<OsString> =
            ["--output-format", "stream-json", "--yolo"].map(OsString::from).to_vec();
        args.extend(self.spec.extra_args.iter().map(OsString::from));
        let resume = given(request.resume).filter(|_| self.resumes);
        for (flag, value) in [("-m", given(request.model)), ("--resume", resume)] {
            if let Some(value) = value {
                args.extend([OsString::from(flag), OsString::from(value)]);
            }
        }
        let way_out = "choose another model, or set thinking in gemini's own settings";
        let notes = given(request.effort).map(|effort| effort_ignored(&self.spec.name, effort, way_out));
        Ok(self.spec.overlay(Invocation {
            program: OsString::from(&self.spec.program),
            args,
            env: self.environment(request),
            stdin: Stdin::Bytes(request.prompt.as_bytes().to_vec()),
            stderr: Stderr::Separate,
            log: None,
            notes: notes.into_iter().collect(),
        }))
    }

    fn parser(&self, _request: &Request<'_>) -> Box<dyn Parser> {
        Box::new(GeminiParser::default())
    }

    fn homes(&self) -> Vec<Home> {
        self.spec.own_folder(("GEMINI_CLI_HOME", ".gemini"), ".gemini").into_iter().collect()
    }

    /// A key may also stand in the CLI's own `.env`, or stored by the CLI itself.
    fn sign_in(&self) -> SignIn {
        const VARIABLES: [&str; 3] = ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"];
        const FILES: [&str; 3] = ["oauth_creds.json", "gemini-credentials.json", ".env"];
        let home = self.spec.variable("GEMINI_CLI_HOME").map(PathBuf::from).or_else(|| self.spec.home());
        let folder = home.map(|home| home.join(".gemini"));
        let file = folder.map(|folder| {
            let files = FILES.map(|name| folder.join(name));
            let [login, ..] = &files;
            files.iter().find(|file| file.exists()).unwrap_or(login).clone()
        });
        self.spec.signed_in(&VARIABLES, file)
    }
}

/// The version in what `--version` printed, warnings and all.
fn version(said: &str) -> Option<(u32, u32, u32)> {
    let found = VERSION.captures(said)?;
    let part = |at: usize| found[at].parse().ok();
    Some((part(1)?, part(2)?, part(3)?))
}
