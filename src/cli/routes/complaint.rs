//! One error, warning or info: where, about which key, and what.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{Config, Diagnostic, Origin};

/// `FILE:LINE: MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Complaint {
    /// The file, if one is to blame.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// The dotted key, such as `routes.default`.
    pub key: Option<String>,
    /// What is wrong, and the way out.
    pub message: String,
}

impl Complaint {
    /// About a key of the configuration, at the place where it stands.
    pub fn of_key(config: &Config, key: &str, message: impl Into<String>) -> Complaint {
        let (file, line) = place(config.origin(key));
        Complaint { file, line, key: Some(key.to_owned()), message: message.into() }
    }

    /// About a file as a whole, or a line of it.
    pub fn of_file(file: &Path, line: Option<usize>, message: impl Into<String>) -> Complaint {
        Complaint { file: Some(file.display().to_string()), line, key: None, message: message.into() }
    }

    /// Without a place.
    pub fn plain(message: impl Into<String>) -> Complaint {
        Complaint { message: message.into(), ..Complaint::default() }
    }
}

/// File and line of a key, for JSON.
pub fn place(origin: Option<&Origin>) -> (Option<String>, Option<usize>) {
    origin.map(|origin| (origin.file.display().to_string(), origin.line)).unzip()
}

impl From<Diagnostic> for Complaint {
    fn from(diagnostic: Diagnostic) -> Complaint {
        let (file, line) = place(diagnostic.origin.as_ref());
        let key = Some(diagnostic.key).filter(|key| !key.is_empty());
        Complaint { file, line, key, message: diagnostic.message }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: {}", self.message),
            (Some(file), None) => write!(f, "{file}: {}", self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

/// Sorts by file (in this order, others behind them, no file last) and line; says everything once.
pub fn sort(complaints: &mut Vec<Complaint>, files: &[PathBuf]) {
    let rank = |complaint: &Complaint| match &complaint.file {
        Some(file) => {
            files.iter().position(|known| known.display().to_string() == *file).unwrap_or(files.len())
        }
        None => usize::MAX,
    };
    complaints.sort_by_cached_key(|complaint| (rank(complaint), complaint.file.clone(), complaint.line));
    let mut said = std::collections::BTreeSet::new();
    complaints.retain(|complaint| said.insert(complaint.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_in_the_order_of_files_and_lines_and_said_once() {
        let at = |file: &str, line| Complaint::of_file(file.as_ref(), Some(line), "x");
        let mut complaints =
            vec![Complaint::plain("p"), at("/q", 9), at("/a", 2), at("/a", 10), at("/z", 3), at("/a", 2)];
        sort(&mut complaints, &["/z".into(), "/a".into()]);
        let shown: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
        assert_eq!(shown, ["/z:3: x", "/a:2: x", "/a:10: x", "/q:9: x", "p"]);
        assert_eq!(Complaint::of_file("/b".as_ref(), None, "y").to_string(), "/b: y");
    }
}
