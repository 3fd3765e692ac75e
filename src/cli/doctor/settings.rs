//! The configuration: which files, which keys from where, and what is wrong with them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::finding::{Finding, Group, Level};
use crate::config::{self, Config, ConfigError, Diagnostic, Env};
use crate::model::text;
use crate::routing::Rules;

/// What is known of the configuration.
#[derive(Debug, Default, Serialize)]
pub struct Settings {
    /// Where it may stand, the weaker first.
    files: Vec<ConfigFile>,
    /// Every key that is set, with the place that counts.
    keys: Vec<Key>,
    warnings: Vec<Complaint>,
    errors: Vec<Complaint>,
}

#[derive(Debug, Serialize)]
struct ConfigFile {
    path: PathBuf,
    present: bool,
}

#[derive(Debug, Serialize)]
struct Key {
    key: String,
    file: PathBuf,
    line: usize,
}

#[derive(Debug, Serialize)]
struct Complaint {
    file: Option<PathBuf>,
    line: Option<usize>,
    message: String,
}

/// Loads the configuration of a workspace; `None` beside its errors when it is broken.
pub fn gather(workspace: &Path) -> (Settings, Option<Config>) {
    let env = Env::from_process();
    let files = env.user_file().into_iter().chain([config::repository_file(workspace)]);
    let files = files.map(|path| ConfigFile { present: path.exists(), path }).collect();
    let mut settings = Settings { files, ..Settings::default() };
    match config::load(workspace, &env) {
        Ok(loaded) => {
            let config = loaded.config;
            settings.warnings.extend(loaded.warnings.into_iter().map(Complaint::from));
            let (errors, warnings) = Rules::of(&config).diagnostics();
            settings.errors.extend(errors.into_iter().map(Complaint::from));
            settings.warnings.extend(warnings.into_iter().map(Complaint::from));
            settings.keys = config
                .origins()
                .map(|(key, origin)| Key {
                    key: key.to_owned(),
                    file: origin.file.clone(),
                    line: origin.line,
                })
                .collect();
            (settings, Some(config))
        }
        Err(ConfigError::Invalid(errors)) => {
            settings.errors.extend(errors.into_iter().map(Complaint::from));
            (settings, None)
        }
        Err(error) => {
            // Its message names the cause already.
            settings.errors.push(Complaint::new(error.to_string()));
            (settings, None)
        }
    }
}

impl Complaint {
    fn new(message: String) -> Complaint {
        Complaint { file: None, line: None, message }
    }

    fn text(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{}:{line}: {}", file.display(), self.message),
            _ => self.message.clone(),
        }
    }
}

impl From<Diagnostic> for Complaint {
    fn from(diagnostic: Diagnostic) -> Complaint {
        let (file, line) = diagnostic.origin.map(|origin| (origin.file, origin.line)).unzip();
        Complaint { file, line, message: diagnostic.message }
    }
}

/// What is to be said about it.
pub fn findings(settings: &Settings) -> Vec<Finding> {
    let say = |level, subject: &str, text: String| Finding::new(Group::Configuration, level, subject, text);
    let mut findings = Vec::new();
    for file in &settings.files {
        let text = if file.present {
            let keys = settings.keys.iter().filter(|key| key.file == file.path).count();
            // Of a broken configuration no keys are known.
            match keys {
                0 if !settings.errors.is_empty() => file.path.display().to_string(),
                keys => format!("{} ({})", file.path.display(), text::count(keys, "key")),
            }
        } else {
            format!("{} (not there)", file.path.display())
        };
        findings.push(say(Level::Ok, "file", text));
    }
    findings.extend(settings.errors.iter().map(|error| say(Level::Problem, "error", error.text())));
    findings.extend(settings.warnings.iter().map(|warning| say(Level::Warning, "warning", warning.text())));
    findings
}
