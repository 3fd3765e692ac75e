//! The text for one role, as the agent of a lap gets it.

use std::path::{Path, PathBuf};

use super::folder::{RoleError, first, list};
use super::{BUILTIN, USER, canonical, embedded};

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// From rally itself.
    Embedded,
    /// From this file.
    File(PathBuf),
}

/// What a role is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleText {
    /// The text, never blank; a file's is passed on as it is.
    pub text: String,
    /// Where it comes from.
    pub source: Source,
}

/// What the role `assignee` is told, given the folder `.rally/agents`, which may be missing. `None`
/// for a role that nobody has a text for. The name is only ever compared with names of files, so
/// that it cannot lead out of the folder.
///
/// # Errors
///
/// [`RoleError`] when a folder or a file of this role cannot be read; [`embedded`] still works then.
pub fn lookup(agents_dir: &Path, assignee: &str) -> Result<Option<RoleText>, RoleError> {
    let role = canonical(assignee);
    for folder in [agents_dir.join(USER), agents_dir.join(BUILTIN), agents_dir.to_owned()] {
        let entries = list(&folder)?;
        if let Some((entry, text)) = first([entries.as_slice()], &role)? {
            return Ok(Some(RoleText { text, source: Source::File(entry.path.clone()) }));
        }
    }
    Ok(embedded(&role).map(|text| RoleText { text: text.to_owned(), source: Source::Embedded }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    struct Agents(tempfile::TempDir);

    impl Agents {
        fn with(files: &[(&str, &str)]) -> Agents {
            let root = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = root.path().join("agents").join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Agents(root)
        }

        fn dir(&self) -> PathBuf {
            self.0.path().join("agents")
        }

        /// The file, without the folder, that decides; `embedded` or `nothing`.
        #[track_caller]
        fn of(&self, assignee: &str) -> String {
            match lookup(&self.dir(), assignee).unwrap() {
                None => "nothing".to_owned(),
                Some(RoleText { source: Source::Embedded, text }) => {
                    assert_eq!(embedded(assignee), Some(text.as_str()));
                    "embedded".to_owned()
                }
                Some(RoleText { source: Source::File(path), text }) => {
                    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "verbatim");
                    path.strip_prefix(self.dir()).unwrap().to_str().unwrap().to_owned()
                }
            }
        }
    }

    // 10-I10, 30-37
    #[test]
    fn a_file_is_found_by_its_base_name() {
        for (files, assignee, wanted) in [
            (&["qa.md"][..], "qa", "qa.md"),
            (&["QA.md"], " qa\n", "QA.md"),
            (&["qa.md"], "Qa", "qa.md"),
            (&["qa.txt"], "qa", "qa.txt"),
            (&["qa"], "qa", "qa"),
            (&["qa.v2.md"], "qa.v2", "qa.v2.md"),
            (&["qa.md", "qA.md", "QA.txt"], "qa", "QA.txt"),
            (&["qa.txt", "qa.md"], "qa", "qa.md"),
            (&["\u{c4}rger.md"], "\u{e4}rger", "\u{c4}rger.md"),
            (&["qa.md/inner.md", "qa.txt"], "qa", "qa.txt"),
            (&[".qa.md"], ".qa", "nothing"),
            (&["qa.md"], "q", "nothing"),
            (&["qa.md"], "", "nothing"),
            (&["qa.md"], "qa.md", "nothing"),
            (&["user/qa.md"], "user/qa", "nothing"),
            (&["user/qa.md"], "..", "nothing"),
            (&["user/qa.md"], "../agents/user/qa", "nothing"),
            (&["user/qa.md"], "user", "nothing"),
            (&[], "qa", "nothing"),
            (&[], "../senior", "nothing"),
        ] {
            let files: Vec<(&str, &str)> = files.iter().map(|file| (*file, " the text\n\n")).collect();
            assert_eq!(Agents::with(&files).of(assignee), wanted, "{files:?} {assignee:?}");
        }
    }

    // 10-I12, 30-38
    #[test]
    fn the_project_comes_before_rally() {
        let agents = Agents::with(&[]);
        for role in ["senior", "RECOVERY", " ui "] {
            assert_eq!(agents.of(role), "embedded");
        }
        for (files, wanted) in [
            (
                &[("user/senior.md", "u"), ("builtin/senior.md", "b"), ("senior.md", "f")][..],
                "user/senior.md",
            ),
            (&[("user/junior.md", "u"), ("builtin/senior.md", "b"), ("senior.md", "f")], "builtin/senior.md"),
            (&[("builtin/junior.md", "b"), ("senior.md", "f")], "senior.md"),
            (&[("user/SENIOR.txt", "u"), ("builtin/senior.md", "b")], "user/SENIOR.txt"),
            (&[("user/senior.md", " \n\t"), ("user/senior.txt", "u")], "user/senior.txt"),
            (&[("user/senior.md", ""), ("builtin/senior.md", "b")], "builtin/senior.md"),
            (&[("user/senior.md", ""), ("senior.md", "\n")], "embedded"),
        ] {
            assert_eq!(Agents::with(files).of("senior"), wanted, "{files:?}");
        }
        assert_eq!(Agents::with(&[("user/recovery.md", "mine")]).of("recovery"), "user/recovery.md");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let agents = Agents::with(&[("user/qa.md", "q")]);
        std::os::unix::fs::symlink("nowhere", agents.dir().join("user/senior.md")).unwrap();
        let problem = lookup(&agents.dir(), "senior").unwrap_err().to_string();
        let wanted = format!("cannot read {}: ", agents.dir().join("user/senior.md").display());
        assert!(problem.starts_with(&wanted), "{problem}");
        assert_eq!(agents.of("qa"), "user/qa.md", "another role's file is no obstacle");

        let agents = Agents::with(&[("user", "a file")]);
        let problem = lookup(&agents.dir(), "senior").unwrap_err().to_string();
        assert!(problem.starts_with(&format!("cannot read {}: ", agents.dir().join("user").display())));
    }

    #[test]
    fn only_files_count_and_any_bytes_do() {
        let agents = Agents::with(&[("user/qa.txt", "q")]);
        let pipe = agents.dir().join("user/qa.md");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(agents.of("qa"), "user/qa.txt");
        std::fs::write(agents.dir().join("user/latin.md"), b"gr\xfc\xdfe").unwrap();
        assert_eq!(lookup(&agents.dir(), "latin").unwrap().unwrap().text, "gr\u{fffd}\u{fffd}e");
    }
}
