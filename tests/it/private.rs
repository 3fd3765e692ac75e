//! What rally keeps of a relay is readable by its owner alone, whatever the umask says.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::support::{Sandbox, rally, stderr, stdout};

/// Everything below a folder, links left out: (path, whether it is a folder, mode).
fn below(root: &Path) -> Vec<(PathBuf, bool, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let (path, data) = (entry.path(), entry.path().symlink_metadata().unwrap());
            if data.is_symlink() {
                continue;
            }
            if data.is_dir() {
                folders.push(path.clone());
            }
            found.push((path, data.is_dir(), data.mode() & 0o777));
        }
    }
    found
}

#[track_caller]
fn only_for_the_owner(root: &Path) {
    let found = below(root);
    assert!(!found.is_empty(), "{} is empty", root.display());
    let open: Vec<String> = found
        .iter()
        .filter(|(_, is_dir, mode)| *mode != if *is_dir { 0o700 } else { 0o600 })
        .map(|(path, _, mode)| format!("{mode:o} {}", path.display()))
        .collect();
    assert!(open.is_empty(), "open to others:\n{}", open.join("\n"));
    assert_eq!(root.metadata().unwrap().mode() & 0o777, 0o700, "{}", root.display());
}

fn data(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".local/share/rally")
}

/// Runs a command line of rally's with this umask.
fn under(sandbox: &Sandbox, umask: &str, args: &[&str]) -> String {
    let script = format!("umask {umask}; exec \"$0\" \"$@\"");
    let mut command = sandbox.command("sh");
    let output = command.args(["-c", &script]).arg(Sandbox::rally_path()).args(args).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

const WORK: &str = "init; ls -ld \"$TMPDIR\"/rally-* > \"$S/scratch\"; echo $N > task$N.txt; \
                    if [ -e .laps/laps.json ]; then laps done && laps wrapup --summary did; \
                    else rally progress --run-complete --summary did; fi; result ok";

fn lived_in(umask: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.claude(WORK);
    under(&sandbox, umask, &["message", "add", "--relay", "hear"]);
    under(&sandbox, umask, &["relay", "--agent", "cc", "work"]);
    under(&sandbox, umask, &["laps", "init"]);
    under(&sandbox, umask, &["laps", "add", "tail", "--title", "one", "--description", "do it"]);
    under(&sandbox, umask, &["message", "add", "hear"]);
    under(&sandbox, umask, &["relay", "--new", "--agent", "cc"]);
    under(&sandbox, umask, &["runners", "clear", "cc"]);
    sandbox
}

#[test]
fn state_and_logs_are_private_whatever_the_umask() {
    for umask in ["000", "022"] {
        let sandbox = lived_in(umask);
        only_for_the_owner(&sandbox.repo().join(".rally/state"));
        only_for_the_owner(&data(&sandbox));
        // What git tracks is a file like any other.
        let usual = 0o666 & !u32::from_str_radix(umask, 8).unwrap();
        let mode = sandbox.repo().join(".rally/summary.jsonl").metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, usual, "umask {umask}: {mode:o}");
        assert!(sandbox.note("scratch").starts_with("drwx------"), "{}", sandbox.note("scratch"));
    }
}

#[test]
fn what_an_older_version_left_open_is_closed() {
    let sandbox = lived_in("022");
    let (state, data) = (sandbox.repo().join(".rally/state"), data(&sandbox));
    for root in [&state, &data] {
        for (path, is_dir, _) in below(root) {
            let mode = if is_dir { 0o755 } else { 0o644 };
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    rally(&sandbox, 0, &["laps", "add", "tail", "--title", "two", "--description", "do it"]);
    under(&sandbox, "022", &["relay", "--new", "--agent", "cc"]);
    let open = |path: &Path| path.metadata().unwrap().mode() & 0o077 != 0;
    assert!(!open(&state));
    for name in ["tries.jsonl", "relays.jsonl", "journal.jsonl", "journal.lock", "lock", "bin"] {
        assert!(!open(&state.join(name)), "{name}");
    }
    for (path, is_dir, _) in below(&data) {
        assert!(!is_dir || !open(&path), "{}", path.display());
    }
}
