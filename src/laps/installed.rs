//! Which `laps` is installed, and is it another program than this one?

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What the program is called.
const NAME: &str = "laps";

/// The first `laps` of a search path, absolute; `None` when there is none, or when it is rally under that name.
pub(super) fn program(workspace: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    // What rally itself lays there for agents points at the one that is looked for.
    let own = workspace.join(".rally/state/bin").canonicalize().ok();
    let found = std::env::split_paths(path?)
        .filter(|folder| own.is_none() || folder.canonicalize().ok() != own)
        .map(|folder| folder.join(NAME))
        .find(|file| is_program(file))?;
    (!is_rally(&found)).then(|| std::path::absolute(&found).unwrap_or(found))
}

/// The `laps` beside rally's own file.
pub(super) fn companion() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(NAME);
    (is_program(&path) && !is_rally(&path)).then_some(path)
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Whether it is this binary, or another build of it.
fn is_rally(file: &Path) -> bool {
    let Ok(real) = file.canonicalize() else { return false };
    let this = std::env::current_exe().and_then(|exe| exe.canonicalize());
    this.is_ok_and(|this| this == real) || real.file_name().is_some_and(|name| name == "rally")
}

#[cfg(test)]
mod tests {
    use super::*;

    // 30-200: which program keeps the queue.
    #[test]
    fn a_foreign_program_is_told_from_this_one() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = scratch.path().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            folder
        };
        let foreign = folder("foreign").join("laps");
        std::fs::write(&foreign, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&foreign, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(folder("text").join("laps"), "no program\n").unwrap();
        std::os::unix::fs::symlink(std::env::current_exe().unwrap(), folder("this").join("laps")).unwrap();
        std::fs::copy(&foreign, folder("other").join("rally")).unwrap();
        std::os::unix::fs::symlink("rally", folder("other").join("laps")).unwrap();
        folder("work/folder/laps");
        let own = folder("work/.rally/state/bin");
        std::os::unix::fs::symlink(&foreign, own.join("laps")).unwrap();

        for (folders, found) in [
            (&[][..], false),
            (&["none"], false),
            (&["text"], false),
            (&["work/folder"], false),
            (&["foreign"], true),
            (&["text", "foreign"], true),
            (&["this", "foreign"], false),
            (&["other", "foreign"], false),
            (&["foreign", "this"], true),
            (&["work/.rally/state/bin"], false),
            (&["work/.rally/state/bin", "foreign"], true),
        ] {
            let path = std::env::join_paths(folders.iter().map(|name| scratch.path().join(name))).unwrap();
            let program = program(&scratch.path().join("work"), Some(&path));
            assert_eq!(program, found.then(|| foreign.clone()), "{folders:?}");
        }
        assert_eq!(program(scratch.path(), None), None);
    }
}
