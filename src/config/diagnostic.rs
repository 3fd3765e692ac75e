//! Complaints about the configuration: each says where, what, and the way out.

use std::fmt;
use std::path::PathBuf;

use toml_edit::Key;

/// Where a key stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One error or warning: `FILE:LINE: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; `None` when no file is to blame.
    pub origin: Option<Origin>,
    /// The dotted key, for example `reliability.retry_budget`, with quotes around parts that TOML
    /// wants quoted; empty for a syntax error.
    pub key: String,
    /// A fragment that names the key and the way out.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Why no configuration could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no home directory, and one is needed.
    #[error("no home directory, which {needed_for} needs: set HOME to an absolute path, or {instead}")]
    NoHome {
        /// What it is needed for.
        needed_for: String,
        /// What to set instead.
        instead: &'static str,
    },
    /// A path that only a shell would understand.
    #[error(
        "{key}: \"{path}\": variables and other users' homes are not expanded; write the path in full, or with ~/"
    )]
    NotExpanded {
        /// The key.
        key: String,
        /// As written.
        path: String,
    },
    /// A configuration file exists but cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The files hold mistakes: all that were found, by file and line.
    #[error("{}", lines(.0))]
    Invalid(Vec<Diagnostic>),
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

/// Collects what is found while a file, or the merged configuration, is checked.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    /// Whether a file is no TOML, so that nobody knows what it would say.
    pub(super) is_partial: bool,
}

impl Findings {
    pub(super) fn error(&mut self, origin: &Origin, path: &[String], message: impl Into<String>) {
        self.errors.push(diagnostic(origin, path, message.into()));
    }

    pub(super) fn warning(&mut self, origin: &Origin, path: &[String], message: impl Into<String>) {
        self.warnings.push(diagnostic(origin, path, message.into()));
    }
}

fn diagnostic(origin: &Origin, path: &[String], message: String) -> Diagnostic {
    Diagnostic { origin: Some(origin.clone()), key: dotted(path), message }
}

/// How a message names a key: `[reliability].retry_budget`, or `schema_version` at the top level.
pub(super) fn label(path: &[String]) -> String {
    match path {
        [tables @ .., key] if !tables.is_empty() => {
            format!("[{}].{}", dotted(tables), dotted(std::slice::from_ref(key)))
        }
        _ => dotted(path),
    }
}

/// How a message names a table: `[harness.mycode]`.
pub(super) fn table_label(path: &[String]) -> String {
    format!("[{}]", dotted(path))
}

/// A path as a TOML file would spell it: `providers."a.b".models`. Two paths never look the same.
pub(super) fn dotted(path: &[String]) -> String {
    path.iter().map(|part| Key::new(part).display_repr().into_owned()).collect::<Vec<_>>().join(".")
}
