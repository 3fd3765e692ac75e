//! What the user may set of a built-in harness, and of a harness built on one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use super::{Invocation, SignIn};

/// A harness that is one of the built-in CLIs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HarnessSpec {
    /// Canonical name of the CLI, or the user's name of a harness built on it.
    pub name: String,
    /// Program name (looked up in PATH) or path.
    pub program: String,
    /// Arguments of the user. They stand before model, effort and session, which
    /// belong to the try and win when the CLI takes the last of two.
    pub extra_args: Vec<String>,
    /// Variables of the user, such as `CLAUDE_CONFIG_DIR` for a second account.
    pub extra_env: Vec<(String, String)>,
    /// Those of the variables that the repository's own file sets.
    pub foreign: BTreeSet<String>,
}

impl HarnessSpec {
    /// A built-in harness without anything of the user's.
    pub fn plain(name: &str, program: &str) -> HarnessSpec {
        HarnessSpec { name: name.to_owned(), program: program.to_owned(), ..HarnessSpec::default() }
    }

    /// A variable as the agent sees it: the harness' own come before rally's. An empty one counts as unset.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        let own = self.extra_env.iter().rev().find(|(key, _)| key == name);
        own.map(|(_, value)| value.into())
            .or_else(|| std::env::var_os(name))
            .filter(|value| !value.is_empty())
    }

    /// A folder named by a variable, else one below HOME.
    pub fn folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        self.variable(variable).map(PathBuf::from).or_else(|| self.home().map(|home| home.join(below_home)))
    }

    /// HOME as the agent sees it.
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// Whether one of these variables is set, or this file is there.
    pub fn signed_in(&self, variables: &[&str], file: Option<PathBuf>) -> SignIn {
        if let Some(variable) = variables.iter().find(|name| self.variable(name).is_some()) {
            return SignIn::Yes((*variable).to_owned());
        }
        match file {
            Some(file) if file.exists() => SignIn::Yes(file.display().to_string()),
            Some(file) => SignIn::No(format!("{} or {}", variables.join(", "), file.display())),
            None => SignIn::No(variables.join(", ")),
        }
    }

    /// Lays the user's variables over those that the executor sets: the user wins.
    pub fn overlay(&self, mut invocation: Invocation) -> Invocation {
        invocation.env.extend(self.extra_env.iter().map(|(key, value)| (key.into(), value.into())));
        invocation
    }
}

/// A setting that says something.
pub fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

/// A remark for an effort that is none of those the CLI documents; it is passed on all the same.
pub fn undocumented_effort(harness: &str, effort: &str, documented: &[&str]) -> Option<String> {
    let known = documented.contains(&effort.to_ascii_lowercase().as_str());
    (!known).then(|| {
        format!(
            "{harness}: `{effort}` is none of the documented efforts ({}); it is passed on as it is",
            documented.join(", ")
        )
    })
}

/// A remark for an effort that the CLI has no flag for.
pub fn effort_ignored(harness: &str, effort: &str, way_out: &str) -> String {
    format!("{harness}: takes no effort, so `{effort}` is not passed; {way_out}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_own_variables_come_first_and_empty_ones_are_unset() {
        let mut spec = HarnessSpec::plain("work", "claude");
        assert_eq!(spec.variable("HOME"), std::env::var_os("HOME"));
        spec.extra_env = vec![("HOME".into(), "/mine".into()), ("X_DIR".into(), String::new())];
        assert_eq!(spec.home(), Some("/mine".into()));
        assert_eq!(spec.folder("X_DIR", ".x"), Some("/mine/.x".into()));
        spec.extra_env.push(("X_DIR".into(), "/x".into()));
        assert_eq!(spec.folder("X_DIR", ".x"), Some("/x".into()));
    }
}
