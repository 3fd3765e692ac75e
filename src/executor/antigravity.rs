//! Antigravity, driven by `agy --print`.
//!
//! What is relied on here is reported by others who measured it, from 1.0.0 to 1.3.5: no `agy` was at hand. The
//! stand-in of the tests (`tests/it/support/agy.rs`) follows the same reports.
//!
//! * Versions differ a lot, so the installed one is asked for its flags. Before 1.1 there is no flag for the model:
//!   it stands in a settings file that all of the user's sessions share (see `settings`).
//! * `--print` takes the prompt as its value and has to come last: what follows it is dropped.

mod answer;
mod complaints;
mod disk_log;
mod document;
mod event;
mod flags;
mod glog;
mod parser;
mod said;
mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use parser::AntigravityParser;
pub use said::Narrator;

use self::flags::Flags;
use self::settings::LooseEnds;
use super::invocation::MAX_ARGUMENT;
use super::spec::{effort_ignored, given, undocumented_effort};
use super::{
    Ask, Capabilities, DiskQuery, Executor, HarnessSpec, Held, Home, Invocation, Parser, PrepareError,
    Request, SignIn, Stderr, Stdin,
};
use crate::config::builtin;
use crate::model::{Cli, Evidence, time};
use crate::process::identity;

/// After this the CLI gives up by itself, with exit code 0 and half an answer. rally's own bounds end a
/// try long before, and say so; "no bound" is spelled differently by different versions.
const PRINT_TIMEOUT: &str = "720h0m0s";

/// How long a repair waits for another rally that is at the settings.
const BRIEF: Duration = Duration::from_millis(100);

/// Name of the log inside the try's folder.
const LOG: &str = "agy.log";

/// Below the user's home.
const FOLDER: &str = ".gemini/antigravity-cli";

/// Describes Antigravity to the driver.
#[derive(Debug, Clone)]
pub struct Antigravity {
    spec: HarnessSpec,
    flags: Flags,
    /// What could not be tidied up in the settings yet.
    ends: LooseEnds,
}

impl Antigravity {
    /// A harness as specified, of the oldest version until it was asked.
    pub fn new(spec: HarnessSpec) -> Self {
        Antigravity { spec, flags: Flags::OLDEST, ends: LooseEnds::default() }
    }

    fn folder(&self) -> Option<PathBuf> {
        self.spec.home().map(|home| home.join(FOLDER))
    }
}

/// The settings file below a home.
fn settings_file(home: &Path) -> PathBuf {
    home.join(FOLDER).join("settings.json")
}

impl Executor for Antigravity {
    fn spec(&self) -> &HarnessSpec {
        &self.spec
    }

    /// The session is told by the stream, and by the log of versions that have none.
    fn capabilities(&self) -> Capabilities {
        let Flags { conversation, log_file, stream, effort, .. } = self.flags;
        Capabilities { resume: conversation && (log_file || stream), effort, end_event: stream }
    }

    fn learn(&mut self, ask: Ask<'_>) {
        self.flags = ask(&["--help"]).as_deref().and_then(Flags::from_help).unwrap_or(Flags::OLDEST);
    }

    /// The prompt goes as an argument: that newer versions take it by standard input is not documented.
    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError> {
        PrepareError::of_argument(&self.spec.name, request.prompt, MAX_ARGUMENT - 1)?;
        let Flags { model, stream, disable_slash_commands, effort, log_file, print_timeout, conversation } =
            self.flags;
        let mut args: Vec<OsString> = Vec::new();
        let mut push = |words: &[&str]| args.extend(words.iter().map(OsString::from));
        if print_timeout {
            push(&["--print-timeout", PRINT_TIMEOUT]);
        }
        push(&["--dangerously-skip-permissions"]);
        if disable_slash_commands {
            // A prompt that begins with `/help` is a prompt.
            push(&["--disable-slash-commands"]);
        }
        if stream {
            push(&["--output-format", "stream-json"]);
        }
        self.spec.extra_args.iter().for_each(|arg| push(&[arg]));
        let mut notes = Vec::new();
        if let Some(wanted) = given(request.model).filter(|_| model) {
            push(&["--model", wanted]);
        }
        match given(request.effort) {
            Some(wanted) if effort => {
                notes.extend(undocumented_effort(
                    &self.spec.name,
                    wanted,
                    builtin::of(Cli::Antigravity).efforts,
                ));
                push(&["--effort", wanted]);
            }
            Some(wanted) => {
                let way_out = "choose a model whose label names it, such as `Gemini 3.5 Flash (High)`";
                notes.push(effort_ignored(&self.spec.name, wanted, way_out));
            }
            None => {}
        }
        if let Some(session) = given(request.resume).filter(|_| conversation) {
            push(&["--conversation", session]);
        }
        let log = log_file.then(|| request.scratch.join(LOG));
        if let Some(log) = &log {
            args.extend([OsString::from("--log-file"), log.into()]);
        }
        args.extend([OsString::from("--print"), OsString::from(request.prompt)]);
        Ok(self.spec.overlay(Invocation {
            program: OsString::from(&self.spec.program),
            args,
            env: Vec::new(),
            stdin: Stdin::Null,
            stderr: Stderr::Separate,
            log,
            notes,
        }))
    }

    fn hold(&self, request: &Request<'_>) -> Result<Held, PrepareError> {
        let model = given(request.model);
        let Some(home) = self.spec.home() else {
            return match model {
                Some(_) if !self.flags.model => Err(PrepareError::Settings {
                    harness: self.spec.name.clone(),
                    file: settings_file(Path::new("~")),
                    why: "HOME is not set, so the model cannot be chosen; set it".to_owned(),
                }),
                _ => Ok(Held::Nothing),
            };
        };
        if self.flags.model {
            // The flag wins over the file; but what an earlier version's try left in it goes.
            settings::repair(&home, Duration::ZERO);
            return Ok(Held::Nothing);
        }
        let me = identity::of(std::process::id().cast_signed());
        settings::hold(&home, &self.spec.name, model, me, &self.ends)
    }

    fn repair(&self) -> Vec<String> {
        self.spec.home().map(|home| settings::repair(&home, BRIEF)).unwrap_or_default()
    }

    fn parser(&self, _request: &Request<'_>) -> Box<dyn Parser> {
        Box::new(AntigravityParser::new(self.flags.stream, time::now))
    }

    fn disk_evidence(&self, query: &DiskQuery<'_>) -> Option<Evidence> {
        disk_log::evidence(&self.folder()?.join("log"), query)
    }

    /// Families of models have quotas of their own.
    fn quota_scope(&self, model: Option<&str>) -> String {
        let Some(label) = model.map(str::to_lowercase) else { return self.spec.name.clone() };
        let family = ["claude", "flash", "pro"].into_iter().find(|family| label.contains(family));
        format!("{}:{}", self.spec.name, family.unwrap_or(&label))
    }

    fn homes(&self) -> Vec<Home> {
        // Some of it, such as what it shares with Gemini CLI, lies beside its own folder there.
        match self.spec.own_file(".gemini") {
            Some(Home::File(folder)) => vec![Home::Folder(folder)],
            home => home.into_iter().collect(),
        }
    }

    /// Most keep the account in the system's key ring, where nobody looks; so nothing ever says no.
    fn sign_in(&self) -> SignIn {
        let Some(folder) = self.folder() else { return SignIn::Unknown };
        let token = folder.join("antigravity-oauth-token");
        if token.exists() {
            return SignIn::Yes(token.display().to_string());
        }
        let by_key = self.spec.variable("GEMINI_API_KEY").is_some()
            && self.spec.home().is_some_and(|home| settings::uses_api_key(&home));
        if by_key { SignIn::Yes("GEMINI_API_KEY".to_owned()) } else { SignIn::Unknown }
    }
}
