//! A commit that becomes HEAD only if HEAD is still the commit that it was made on.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::command::{Answer, Call, Environment};
use super::commit::{Message, Plan};
use super::error::{GitError, Result};
use super::repository::Git;
use crate::model::mask;

/// Everything of a commit but its tree.
#[derive(Debug, Default)]
struct Draft {
    parents: Vec<String>,
    /// Who wrote it, as variables of git; whoever is configured when empty.
    author: Vec<(&'static str, OsString)>,
    message: Vec<u8>,
}

impl Git {
    /// Commits what an index holds, without any hook; `None` when that is what HEAD holds. Everything in which it
    /// differs from HEAD must be picked.
    pub(super) fn swap_in(&self, plan: &Plan<'_>, index: Option<&Path>) -> Result<Option<String>> {
        let head = plan.head.as_deref();
        let tree = self.run(Call::new("write-tree").index(index))?.ok()?.line();
        let changed = self.changed_names(head, &tree)?;
        let mut changed = changed.split(|byte| *byte == 0).filter(|path| !path.is_empty()).peekable();
        if changed.peek().is_none() {
            return Ok(None);
        }
        // Somebody has staged something since the status was taken.
        if !changed.all(|path| plan.picks.iter().any(|pick| pick.path == path)) {
            return Err(GitError::Moved);
        }
        let (draft, kind) = match (plan.message, head) {
            (Message::New(text), None) => (Draft::new(&mask::text(text), None), "commit (initial)"),
            (Message::New(text), Some(head)) => (Draft::new(&mask::text(text), Some(head)), "commit"),
            (Message::Amend, Some(head)) => (self.draft_of(head)?, "commit (amend)"),
            (Message::Amend, None) => return Err(GitError::Moved),
        };
        let new = self.write_commit(&tree, &draft)?;
        // An operation that has begun meanwhile stores where HEAD was.
        self.check_free()?;
        self.move_head(head, &new, &[kind.as_bytes(), b": ", draft.subject()].concat())?;
        Ok(Some(new))
    }

    /// The paths in which two trees or commits differ, a NUL after each; without `before` all of `after`.
    pub(super) fn changed_names(&self, before: Option<&str>, after: &str) -> Result<Vec<u8>> {
        let options = ["-r", "-z", "--name-only"];
        let call = match before {
            Some(before) => {
                let call = Call::new("diff-tree").args(options);
                call.args(["--no-renames", "--ignore-submodules=none", before, after])
            }
            None => Call::new("ls-tree").args(options).args([after]),
        };
        Ok(self.run(call)?.ok()?.stdout)
    }

    fn draft_of(&self, commit: &str) -> Result<Draft> {
        let answer = self.run(Call::new("cat-file").args(["commit", commit]))?.ok()?;
        Draft::read(&answer.stdout).ok_or_else(|| GitError::Unexpected {
            command: "cat-file".to_owned(),
            detail: format!("commit {commit}"),
        })
    }

    /// Makes a commit that nothing refers to yet.
    fn write_commit(&self, tree: &str, draft: &Draft) -> Result<String> {
        let mut call = Call::new("commit-tree").args(["--no-gpg-sign"]);
        for parent in &draft.parents {
            call = call.args(["-p", parent]);
        }
        for setting in self.missing_identity()? {
            call = call.config(setting);
        }
        let call = call.args(["-F", "-", tree]).input(draft.message.clone());
        let author = |known: Environment, (name, value): &(&'static str, OsString)| known.set(*name, value);
        Ok(self.run_with(call, |known| draft.author.iter().fold(known, author))?.ok()?.line())
    }

    /// Makes a commit HEAD in the place of another; [`GitError::Moved`] when that is not HEAD any more.
    pub(super) fn move_head(&self, old: Option<&str>, new: &str, reason: &[u8]) -> Result<()> {
        let call = Call::new("update-ref").args([OsStr::new("-m"), OsStr::from_bytes(reason)]);
        // An empty old value: there must be none.
        let ended = self.run(call.args(["HEAD", new, old.unwrap_or_default()])).and_then(Answer::ok);
        let Err(error) = ended else { return Ok(()) };
        match self.head()? {
            Some(head) if head == new => Ok(()),
            head if head.as_deref() != old => Err(GitError::Moved),
            _ => Err(error),
        }
    }
}

impl Draft {
    fn new(text: &str, parent: Option<&str>) -> Draft {
        // Git takes no NUL in a message.
        let message = format!("{}\n", text.trim_end().replace('\0', "")).into_bytes();
        Draft { parents: parent.map(str::to_owned).into_iter().collect(), author: Vec::new(), message }
    }

    fn subject(&self) -> &[u8] {
        self.message.split(|byte| *byte == b'\n').next().unwrap_or_default()
    }

    /// Reads what `git cat-file commit` says.
    fn read(text: &[u8]) -> Option<Draft> {
        let end = text.windows(2).position(|two| two == b"\n\n")?;
        let mut draft = Draft { message: text[end + 2..].to_vec(), ..Draft::default() };
        for line in text[..end].split(|byte| *byte == b'\n') {
            if let Some(parent) = line.strip_prefix(b"parent ") {
                draft.parents.push(String::from_utf8(parent.to_vec()).ok()?);
            } else if let Some(author) = line.strip_prefix(b"author ") {
                let open = author.iter().position(|byte| *byte == b'<')?;
                let close = author.iter().rposition(|byte| *byte == b'>')?;
                let part = |bytes: &[u8]| OsStr::from_bytes(bytes.trim_ascii()).to_owned();
                let date = [b"@", author.get(close + 1..)?.trim_ascii()].concat();
                draft.author = vec![
                    ("GIT_AUTHOR_NAME", part(author.get(..open)?)),
                    ("GIT_AUTHOR_EMAIL", part(author.get(open + 1..close)?)),
                    ("GIT_AUTHOR_DATE", part(&date)),
                ];
            }
        }
        (!draft.author.is_empty()).then_some(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_back() {
        let text = b"tree 1\nparent 2\nparent 3\nauthor A <b> c <d@e> 12 +0200\ncommitter X <y> 1 +0000\n\nsubject\n\nbody\n";
        let draft = Draft::read(text).unwrap();
        assert_eq!(draft.parents, ["2", "3"]);
        assert_eq!((draft.message.as_slice(), draft.subject()), (&b"subject\n\nbody\n"[..], &b"subject"[..]));
        assert_eq!(draft.author[2], ("GIT_AUTHOR_DATE", "@12 +0200".into()));
        assert!(Draft::read(b"tree 1\n\nno author").is_none());
    }
}
