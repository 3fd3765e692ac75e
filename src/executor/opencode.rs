//! opencode, driven by `opencode run --format json` with its log on standard error.
//!
//! Observed with 1.18.33; the recordings lie in `tests/fixtures/opencode`. What the command line rests on:
//! * `--print-logs --log-level INFO` costs some 5 KB a start and 1 KB a step, and tells what the events do not: the
//!   session before the first step, every failed request, the end of the turn.
//! * An option that is given twice ends the process before it begins.
//! * Relative paths are those of `--dir`; a session that is resumed in another folder hangs for ever.
//! * Every process leaves a library of 5.6 MB in TMPDIR.

mod disk_log;
mod errors;
mod event;
mod log_line;
mod parser;
mod said;
#[cfg(test)]
mod tests;
mod trouble;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

pub use parser::OpencodeParser;
pub use said::Narrator;

use super::spec::given;
use super::{
    Capabilities, DiskQuery, Executor, HarnessSpec, Home, Invocation, Parser, PrepareError, Request, SignIn,
    Stderr, Stdin,
};
use crate::model::Evidence;

/// Variables that are set unless the user has set them: nobody is there to be asked for permission, and a CLI that
/// replaces itself in the middle of a relay is not the one that was started.
const VARIABLES: [(&str, &str); 2] =
    [("OPENCODE_PERMISSION", r#"{"*":"allow"}"#), ("OPENCODE_DISABLE_AUTOUPDATE", "1")];

/// Describes opencode to the driver.
#[derive(Debug, Clone)]
pub struct Opencode {
    spec: HarnessSpec,
}

impl Opencode {
    /// A harness as specified.
    pub fn new(spec: HarnessSpec) -> Self {
        Opencode { spec }
    }

    /// Where opencode keeps its data.
    fn data(&self) -> Option<PathBuf> {
        let data = self.spec.variable("XDG_DATA_HOME").map(PathBuf::from).filter(|data| data.is_absolute());
        Some(data.or_else(|| Some(self.spec.home()?.join(".local/share")))?.join("opencode"))
    }

    /// Whether the user's own arguments hold this option.
    fn has(&self, option: &str) -> bool {
        self.spec.extra_args.iter().any(|arg| is_option(arg, option))
    }
}

impl Executor for Opencode {
    fn spec(&self) -> &HarnessSpec {
        &self.spec
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resume: true, effort: true, end_event: true }
    }

    /// The prompt goes by standard input: no size limit, nothing of it in `ps`, and a leading `-` is harmless.
    /// The effort is a variant of the model, and every provider has its own: it is passed as it is.
    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError> {
        let mut notes = Vec::new();
        let session = given(request.resume).filter(|session| {
            let known = is_session(session);
            if !known {
                notes.push(format!(
                    "{}: `{session}` is no session of opencode's; a new one is begun",
                    self.spec.name
                ));
            }
            known
        });
        let own = [
            (["--format", ""], Some(OsStr::new("json"))),
            (["--model", "-m"], given(request.model).map(OsStr::new)),
            (["--variant", ""], given(request.effort).map(OsStr::new)),
            (["--dir", ""], Some(request.workspace.as_os_str())),
            (["--session", "-s"], session.map(OsStr::new)),
        ];
        let mut args = vec![OsString::from("run")];
        if !self.has("--print-logs") {
            args.push("--print-logs".into());
        }
        if !self.has("--log-level") {
            args.extend(["--log-level", "INFO"].map(OsString::from));
        }
        let taken: Vec<&str> =
            own.iter().filter(|(_, value)| value.is_some()).flat_map(|(names, _)| *names).collect();
        args.extend(without(&self.spec.extra_args, &taken).map(OsString::from));
        for (names, value) in own {
            if let Some(value) = value {
                args.extend([names[0].into(), value.to_owned()]);
            }
        }
        let mut env: Vec<(OsString, OsString)> = vec![("TMPDIR".into(), request.scratch.into())];
        let unset = VARIABLES.iter().filter(|(name, _)| self.spec.variable(name).is_none());
        env.extend(unset.map(|(name, value)| (name.into(), value.into())));
        Ok(self.spec.overlay(Invocation {
            program: OsString::from(&self.spec.program),
            args,
            env,
            stdin: Stdin::Bytes(request.prompt.as_bytes().to_vec()),
            stderr: Stderr::Separate,
            log: None,
            notes,
        }))
    }

    fn parser(&self, _request: &Request<'_>) -> Box<dyn Parser> {
        Box::new(OpencodeParser::default())
    }

    fn disk_evidence(&self, query: &DiskQuery<'_>) -> Option<Evidence> {
        disk_log::evidence(&self.data()?.join("log"), query)
    }

    /// Its providers have accounts of their own.
    fn quota_scope(&self, model: Option<&str>) -> String {
        match model.map(|model| model.split_once('/').map_or(model, |(provider, _)| provider)) {
            Some(provider) => format!("{}:{provider}", self.spec.name),
            None => self.spec.name.clone(),
        }
    }

    fn homes(&self) -> Vec<Home> {
        const FOLDERS: [(&str, &str); 4] = [
            ("XDG_DATA_HOME", ".local/share/opencode"),
            ("XDG_CONFIG_HOME", ".config/opencode"),
            ("XDG_STATE_HOME", ".local/state/opencode"),
            ("XDG_CACHE_HOME", ".cache/opencode"),
        ];
        FOLDERS
            .iter()
            .filter_map(|(variable, below_home)| self.spec.own_folder((variable, "opencode"), below_home))
            .collect()
    }

    /// Without any key opencode answers with a free model of its own, and every provider has
    /// variables of its own: nothing found is no "no".
    fn sign_in(&self) -> SignIn {
        match self.spec.signed_in(&["OPENCODE_API_KEY"], self.data().map(|data| data.join("auth.json"))) {
            SignIn::Yes(by) => SignIn::Yes(by),
            SignIn::No(_) | SignIn::Unknown => SignIn::Unknown,
        }
    }
}

/// Whether the CLI would take this for one of its sessions.
fn is_session(id: &str) -> bool {
    id.starts_with("ses") && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// `--model` and `--model=x`.
fn is_option(arg: &str, option: &str) -> bool {
    !option.is_empty()
        && arg.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The user's arguments without the options that belong to the try, each with its value.
fn without<'a>(args: &'a [String], taken: &[&str]) -> impl Iterator<Item = &'a str> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if taken.iter().any(|option| is_option(arg, option)) {
            if !arg.contains('=') {
                args.next();
            }
        } else {
            kept.push(arg.as_str());
        }
    }
    kept.into_iter()
}

#[cfg(test)]
mod describing {
    use std::path::Path;

    use pretty_assertions::assert_eq;

    use super::*;

    fn built(spec: &HarnessSpec, request: &Request<'_>) -> Invocation {
        Opencode::new(spec.clone()).invocation(request).unwrap()
    }

    fn args(invocation: &Invocation) -> Vec<&str> {
        invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect()
    }

    fn request() -> Request<'static> {
        Request::new("- item", "/w".as_ref(), "/s".as_ref())
    }

    // 20-AF-OC-12, 20-AF-EX-05, 20-AF-EX-06, 20-AF-EX-07, 20-AF-RE-01, 20-AF-RE-03
    #[test]
    fn the_command_line() {
        let spec =
            HarnessSpec { extra_args: vec!["--pure".into()], ..HarnessSpec::plain("opencode", "opencode") };
        let fresh = built(&spec, &request());
        let start = ["run", "--print-logs", "--log-level", "INFO", "--pure", "--format", "json"];
        assert_eq!(args(&fresh), [&start[..], &["--dir", "/w"]].concat());
        assert_eq!((fresh.stdin.clone(), fresh.stderr), (Stdin::Bytes(b"- item".to_vec()), Stderr::Separate));
        let asked = Request {
            model: Some("zai-coding-plan/glm-5.1"),
            effort: Some(" wibble "),
            resume: Some("ses-resume-99"),
            ..request()
        };
        let asked = built(&spec, &asked);
        let own = [
            "--model",
            "zai-coding-plan/glm-5.1",
            "--variant",
            "wibble",
            "--dir",
            "/w",
            "--session",
            "ses-resume-99",
        ];
        assert_eq!(args(&asked), [&start[..], &own].concat());
        assert_eq!(asked.notes, [""; 0]);
    }

    #[test]
    fn what_is_no_session_is_not_passed() {
        let spec = HarnessSpec::plain("opencode", "opencode");
        for resume in ["banana", "ses_1 --share", "92025d41-e24c-43d2-8774-fec03b1ea385"] {
            let invocation = built(&spec, &Request { resume: Some(resume), ..request() });
            assert!(!args(&invocation).contains(&"--session"), "{resume}");
            assert!(invocation.notes[0].contains(resume));
        }
    }

    #[test]
    fn no_option_is_given_twice() {
        let spec = HarnessSpec {
            extra_args: [
                "--log-level=DEBUG",
                "--print-logs",
                "-m",
                "mine/x",
                "--model=mine/y",
                "--dir",
                "/elsewhere",
                "--variant",
                "low",
                "--modelling",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..HarnessSpec::plain("opencode", "opencode")
        };
        let invocation = built(&spec, &Request { model: Some("a/b"), ..request() });
        let expected = [
            "run",
            "--log-level=DEBUG",
            "--print-logs",
            "--variant",
            "low",
            "--modelling",
            "--format",
            "json",
            "--model",
            "a/b",
            "--dir",
            "/w",
        ];
        assert_eq!(args(&invocation), expected);
    }

    #[test]
    fn the_users_variables_win() {
        let variable = |spec: &HarnessSpec, name: &str| {
            let env = built(spec, &request()).env;
            env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        };
        let mut spec = HarnessSpec::plain("opencode", "opencode");
        assert_eq!(variable(&spec, "TMPDIR"), Some("/s".into()));
        assert_eq!(variable(&spec, "OPENCODE_PERMISSION"), Some(r#"{"*":"allow"}"#.into()));
        spec.extra_env = vec![("OPENCODE_PERMISSION".into(), "{}".into()), ("TMPDIR".into(), "/mine".into())];
        assert_eq!(variable(&spec, "TMPDIR"), Some("/mine".into()));
        assert_eq!(variable(&spec, "OPENCODE_PERMISSION"), Some("{}".into()));
    }

    #[test]
    fn signed_in_by_a_file_or_nobody_knows() {
        let home = tempfile::tempdir().unwrap();
        let home_text = home.path().to_str().unwrap();
        let mut spec = HarnessSpec::plain("opencode", "opencode");
        spec.extra_env = vec![
            ("HOME".into(), home_text.into()),
            ("XDG_DATA_HOME".into(), String::new()),
            ("OPENCODE_API_KEY".into(), String::new()),
        ];
        assert_eq!(Opencode::new(spec.clone()).sign_in(), SignIn::Unknown);
        for (data, folder) in [("", ".local/share/opencode"), ("data", "data/opencode")] {
            let file = home.path().join(folder).join("auth.json");
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "{}").unwrap();
            if !data.is_empty() {
                let data = Path::new(home_text).join(data);
                spec.extra_env.push(("XDG_DATA_HOME".into(), data.to_str().unwrap().into()));
            }
            assert_eq!(Opencode::new(spec.clone()).sign_in(), SignIn::Yes(file.display().to_string()));
        }
    }
}
