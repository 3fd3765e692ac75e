//! The command line, and that nothing is written.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use pretty_assertions::assert_eq;

use super::{check, told, workspace};
use crate::support::{Sandbox, stderr, stdout};

#[test]
fn what_is_no_command_line() {
    let sandbox = workspace("");
    for (args, wanted) in [
        (&["routes"][..], "Usage: rally routes"),
        (&["routes", "chek"], "unrecognized subcommand 'chek'"),
        (&["routes", "check", "more"], "unexpected argument 'more'"),
        (&["routes", "check", "--preview", "0"], "0 is not in 1..=1000"),
        (&["routes", "check", "--preview", "1001"], "1001 is not in 1..=1000"),
        (&["routes", "check", "--preview", "-1"], "-1 is not in 1..=1000"),
    ] {
        let output = sandbox.rally(args).output().unwrap();
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{args:?}");
        assert!(stderr(&output).contains(wanted), "{args:?}: {}", stderr(&output));
    }
    let help = stdout(&sandbox.rally(["routes", "check", "--help"]).output().unwrap());
    assert!(help.contains("Exit codes:") && help.contains("Keys of --json"), "{help}");
}

/// Everything below a folder: when it was changed, and its bytes.
fn everything(folder: &Path, files: &mut BTreeMap<String, (SystemTime, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let changed = path.symlink_metadata().unwrap().modified().unwrap();
        let is_folder = path.is_dir() && !path.is_symlink();
        let bytes = if is_folder { Vec::new() } else { std::fs::read(&path).unwrap_or_default() };
        files.insert(path.display().to_string(), (changed, bytes));
        if is_folder {
            everything(&path, files);
        }
    }
}

fn tree(sandbox: &Sandbox) -> BTreeMap<String, (SystemTime, Vec<u8>)> {
    let mut files = BTreeMap::new();
    everything(sandbox.root(), &mut files);
    files
}

#[test]
fn nothing_is_written_anywhere() {
    let bare = Sandbox::without_repository();
    std::fs::create_dir_all(bare.home().join(".config/rally")).unwrap();
    std::fs::write(
        bare.home().join(".config/rally/config.toml"),
        "[routes]\ndefault = [\"cc:1\", \"cc:2\"]\n",
    )
    .unwrap();
    check(&bare, &[]);
    let before = tree(&bare);
    for args in [&[][..], &["--json"], &["--preview", "5"]] {
        let (out, _) = told(&bare, 0, args);
        assert!(out.contains("default"), "{out}");
    }
    assert_eq!(tree(&bare), before, "outside of any repository");

    let sandbox = Sandbox::initialised();
    sandbox.configure("[routes]\ndefault = [\"cc:2\", \"cx\"]\nbroken = [\"nonesuch\"]\n");
    sandbox.write(".laps/laps.json", "{\"tasks\": [{\"assignee\": \"x\"}]}");
    sandbox.write(".rally/state/agent_status.jsonl", "{\"torn");
    check(&sandbox, &[]);
    let before = tree(&sandbox);
    for args in [&[][..], &["--json"], &["--preview", "5"], &["--preview", "5", "--json"]] {
        told(&sandbox, 1, args);
    }
    assert_eq!(tree(&sandbox), before, "in a workspace");
}
