//! git, and the repository that rally would work in.

use std::path::Path;

use serde::Serialize;

use super::finding::{Finding, Group, Level};
use super::version;
use crate::cli::program::{self, Found};
use crate::git;
use crate::model::{Identity, text};
use crate::process;

/// What is known of git and the repository.
#[derive(Debug, Default, Serialize)]
pub struct Repository {
    /// The git that is run.
    path: Option<String>,
    version: Option<String>,
    /// Top of the work tree; `null` outside of any.
    root: Option<String>,
    /// Why git does not accept the repository.
    trouble: Option<String>,
    /// Who commits.
    identity: Option<Committer>,
    /// A merge, rebase or the like.
    under_way: Option<&'static str>,
    index_locked: bool,
}

#[derive(Debug, Serialize)]
struct Committer {
    name: String,
    email: String,
    /// Whether a part of it is rally's own, for want of a configured one.
    fallback: bool,
}

/// Looks at git from a folder.
pub fn gather(here: &Path) -> Repository {
    let Found::At(file) = program::find("git".as_ref(), std::env::var_os("PATH").as_deref(), here) else {
        return Repository::default();
    };
    let answer = process::ask(file.as_os_str(), &["--version"], &[], here);
    let mut found = Repository {
        path: Some(file.display().to_string()),
        version: answer.as_deref().and_then(version::find).map(str::to_owned),
        ..Repository::default()
    };
    match git::discover(here) {
        Ok(Some(git)) => {
            found.root = Some(git.root().display().to_string());
            found.under_way = git.busy();
            found.index_locked = git.index_locked();
            match git.identity() {
                Ok(identity) => found.identity = Some(Committer::new(identity)),
                Err(error) => found.trouble = Some(text::chain(&error)),
            }
        }
        Ok(None) => {}
        Err(error) => found.trouble = Some(text::chain(&error)),
    }
    found
}

impl Committer {
    fn new(Identity { name, email }: Identity) -> Committer {
        let own = Identity::fallback();
        let fallback = name == own.name || email == own.email;
        Committer { name, email, fallback }
    }
}

/// What is to be said about it.
pub fn findings(found: &Repository) -> Vec<Finding> {
    let say = |level, subject: &str, text: String| Finding::new(Group::Git, level, subject, text);
    let Some(path) = &found.path else {
        let text = "git is not in PATH".to_owned();
        return vec![say(Level::Problem, "git", text).way_out("install it; rally does nothing without it")];
    };
    let mut findings = vec![match &found.version {
        Some(version) => say(Level::Ok, "git", format!("{version}; {path}")),
        None => say(Level::Warning, "git", format!("{path} --version tells no version")),
    }];
    match (&found.root, &found.trouble) {
        (_, Some(trouble)) => findings.push(say(Level::Problem, "repository", trouble.clone())),
        (Some(root), None) => findings.push(say(Level::Ok, "repository", root.clone())),
        (None, None) => findings.push(
            say(Level::Warning, "repository", "this folder is in none".to_owned())
                .way_out("`rally init` makes one here"),
        ),
    }
    if let Some(committer) = &found.identity {
        let who = format!("{} <{}>", committer.name, committer.email);
        findings.push(if committer.fallback {
            say(
                Level::Note,
                "identity",
                format!("user.name or user.email is not set, rally commits as {who}"),
            )
            .way_out("git config sets them")
        } else {
            say(Level::Ok, "identity", who)
        });
    }
    if let Some(operation) = found.under_way {
        let text = format!("a {operation} is under way, and rally commits nothing until it is over");
        findings.push(say(Level::Warning, "operation", text).way_out("finish or abort it"));
    }
    if found.index_locked {
        let text = "index.lock is there: another git is at work, or one died".to_owned();
        findings.push(say(Level::Warning, "index", text).way_out("delete the file if no git runs"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Repository {
        Repository {
            path: Some("/bin/git".into()),
            version: Some("2.47.3".into()),
            root: Some("/repo".into()),
            identity: Some(Committer::new(Identity { name: "A".into(), email: "a@b".into() })),
            ..Repository::default()
        }
    }

    fn levels(found: &Repository) -> Vec<(String, Level)> {
        let findings = findings(found).into_iter().filter(|finding| finding.level != Level::Ok);
        findings.map(|finding| (finding.subject, finding.level)).collect()
    }

    #[test]
    fn what_is_worth_a_word() {
        let own = Committer::new(Identity::fallback());
        let table = [
            (whole(), None),
            (Repository { path: None, ..whole() }, Some(("git", Level::Problem))),
            (Repository { version: None, ..whole() }, Some(("git", Level::Warning))),
            (Repository { root: None, identity: None, ..whole() }, Some(("repository", Level::Warning))),
            (Repository { trouble: Some("bare".into()), ..whole() }, Some(("repository", Level::Problem))),
            (Repository { identity: Some(own), ..whole() }, Some(("identity", Level::Note))),
            (Repository { under_way: Some("merge"), ..whole() }, Some(("operation", Level::Warning))),
            (Repository { index_locked: true, ..whole() }, Some(("index", Level::Warning))),
        ];
        for (found, expected) in table {
            let expected: Vec<_> =
                expected.map(|(subject, level)| (subject.to_owned(), level)).into_iter().collect();
            assert_eq!(levels(&found), expected, "{found:?}");
        }
    }
}
