//! Where confined agents may write. What is wanted is a pure list; what becomes of it on this machine is settled once,
//! before the first agent starts: links are followed then, and never again, so that no agent can put one in the
//! place of a folder that the next one is given.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::executor::Home;

/// What everybody needs who works on a machine: devices that keep nothing, terminals, temporary files.
const COMMON: [&str; 9] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/shm",
    "/tmp",
    "/var/tmp",
];

/// What is confined to what, for the agents of a relay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Of everybody.
    shared: Vec<PathBuf>,
    /// Beside it, by harness.
    homes: BTreeMap<String, Vec<PathBuf>>,
}

/// A place that is to be writable, and what follows when it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As told.
    pub path: PathBuf,
    /// What follows.
    pub missing: Missing,
}

/// What follows from a place that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: this machine has none.
    Fine,
    /// The folder is made.
    Made,
    /// The operator is told who wanted it.
    Told(String),
}

/// What everybody shares: the workspace, the folders of git, temporary files, and what the user has added.
pub fn shared(workspace: &Path, git: &[PathBuf], temp: Option<&Path>, added: &[PathBuf]) -> Vec<Place> {
    let work = std::iter::once(workspace).chain(git.iter().map(PathBuf::as_path));
    let work = work.map(|path| told(path, "the workspace"));
    let common = COMMON.iter().map(Path::new).chain(temp.filter(|temp| temp.is_absolute()));
    let common = common.map(|path| Place { path: path.to_owned(), missing: Missing::Fine });
    work.chain(common).chain(added.iter().map(|path| told(path, "[sandbox].write"))).collect()
}

fn told(path: &Path, who: &str) -> Place {
    Place { path: path.to_owned(), missing: Missing::Told(who.to_owned()) }
}

/// What a harness needs beside that, and remarks about what it does not get.
pub fn of_harness(harness: &str, homes: &[Home]) -> (Vec<Place>, Vec<String>) {
    let (mut places, mut remarks) = (Vec::new(), Vec::new());
    for home in homes {
        match home {
            Home::Folder(path) => places.push(Place { path: path.clone(), missing: Missing::Made }),
            Home::File(path) => places.push(told(path, harness)),
            Home::Foreign(variable) => remarks.push(format!(
                "{variable} of {harness} is set by the repository, so the sandbox does not open what it names; \
                 set it in your own configuration"
            )),
        }
    }
    (places, remarks)
}

impl Sandbox {
    /// Settles on this machine what is wanted: by everybody, and by each harness. Says what could not be had.
    pub fn settle(shared: Vec<Place>, homes: Vec<(String, Vec<Place>)>) -> (Sandbox, Vec<String>) {
        let mut remarks = Vec::new();
        let mut settled = |places: Vec<Place>| {
            let found = places.into_iter().filter_map(|place| found(place, &mut remarks));
            outermost(found.collect())
        };
        let shared = settled(shared);
        let homes = homes.into_iter().map(|(harness, places)| (harness, settled(places))).collect();
        remarks.dedup();
        (Sandbox { shared, homes }, remarks)
    }

    /// Where an agent of this harness may write.
    pub fn of(&self, harness: &str) -> Vec<PathBuf> {
        let homes = self.homes.get(harness).into_iter().flatten();
        outermost(self.shared.iter().chain(homes).cloned().collect())
    }

    /// The places that are worth a word.
    pub fn describe(&self) -> String {
        let all = outermost(self.shared.iter().chain(self.homes.values().flatten()).cloned().collect());
        let named = all.iter().filter(|path| !path.starts_with("/dev"));
        named.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// Where a place really is.
fn found(place: Place, remarks: &mut Vec<String>) -> Option<PathBuf> {
    let Place { path, missing } = place;
    let real = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && missing == Missing::Made => {
            std::fs::create_dir_all(&path).and_then(|()| path.canonicalize())
        }
        real => real,
    };
    match (real, missing) {
        (Ok(real), _) => Some(real),
        (Err(_), Missing::Fine) => None,
        (Err(error), Missing::Made) => {
            remarks.push(format!("agents cannot write to {}: {error}", path.display()));
            None
        }
        (Err(error), Missing::Told(who)) => {
            remarks.push(format!("agents cannot write to {} ({who}): {error}", path.display()));
            None
        }
    }
}

/// Those that lie in no other. Nobody confined to them can put something else in their place.
fn outermost(mut places: Vec<PathBuf>) -> Vec<PathBuf> {
    places.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for place in places {
        // Sorted by components, a folder stands before all that is in it.
        if !kept.iter().any(|outer| place.starts_with(outer)) {
            kept.push(place);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(texts: &[&str]) -> Vec<PathBuf> {
        texts.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn everybody_has_the_workspace_git_temporary_folders_and_what_was_added() {
        type Texts = &'static [&'static str];
        let table: [(Texts, Option<&str>, Texts, Texts); 4] = [
            (&["/w/.git", "/w/.git"], None, &[], &["/w"]),
            // A linked work tree: its own part lies in the shared one.
            (&["/main/.git/worktrees/w", "/main/.git"], None, &[], &["/main/.git", "/w"]),
            (&["/w/.git"], Some("/scratch"), &["/home/me/.cargo"], &["/home/me/.cargo", "/scratch", "/w"]),
            (&["/w/.git"], Some("relative"), &["/w/target"], &["/w"]),
        ];
        for (git, temp, added, expected) in table {
            let places = shared(Path::new("/w"), &paths(git), temp.map(Path::new), &paths(added));
            let all = outermost(places.into_iter().map(|place| place.path).collect());
            let beside: Vec<PathBuf> =
                all.iter().filter(|path| !COMMON.map(Path::new).contains(&path.as_path())).cloned().collect();
            assert_eq!(beside, paths(expected));
            assert_eq!(all.len(), beside.len() + COMMON.len());
        }
    }

    #[test]
    fn homes_are_made_and_files_and_foreign_folders_are_not() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        symlink(root.join("real"), root.join("linked")).unwrap();
        let homes = [
            Home::Folder(root.join("made/home")),
            Home::Folder(root.join("linked")),
            Home::File(root.join("lost.json")),
            Home::Foreign("CODEX_HOME".into()),
        ];
        let (places, said) = of_harness("cx", &homes);
        assert!(
            said.len() == 1 && said[0].starts_with("CODEX_HOME of cx is set by the repository"),
            "{said:?}"
        );
        let wanted = shared(&root.join("nowhere"), &[], None, &[]);
        let (sandbox, remarks) = Sandbox::settle(wanted, vec![("cx".into(), places)]);
        assert_eq!(sandbox.homes["cx"], [root.join("made/home"), root.join("real")]);
        assert!(root.join("made/home").is_dir() && !root.join("lost.json").exists());
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(remarks[0].contains("nowhere (the workspace)"), "{remarks:?}");
        assert!(remarks[1].contains("lost.json (cx)"), "{remarks:?}");
    }

    #[test]
    fn each_harness_has_its_own_homes_alone() {
        let sandbox = Sandbox {
            shared: paths(&["/tmp", "/w"]),
            homes: [("cc".into(), paths(&["/h/.claude"])), ("cx".into(), paths(&["/h/.codex", "/w/in"]))]
                .into(),
        };
        assert_eq!(sandbox.of("cc"), paths(&["/h/.claude", "/tmp", "/w"]));
        assert_eq!(sandbox.of("cx"), paths(&["/h/.codex", "/tmp", "/w"]));
        assert_eq!(sandbox.of("other"), paths(&["/tmp", "/w"]));
        assert_eq!(sandbox.describe(), "/h/.claude, /h/.codex, /tmp, /w");
    }

    #[test]
    fn neighbours_with_a_common_beginning_stay() {
        assert_eq!(outermost(paths(&["/a-b", "/a/c", "/a", "/a"])), paths(&["/a", "/a-b"]));
    }
}
