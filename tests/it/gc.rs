//! `rally gc` and what a relay deletes by itself.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use insta::assert_snapshot;

use crate::support::{Sandbox, rally, show};

const WORK: &str = "init; echo $N > task$N.txt; rally progress --run-complete --summary did; result ok";

fn data(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".local/share/rally")
}

/// The folder of this workspace's logs.
fn logs(sandbox: &Sandbox, kind: &str) -> PathBuf {
    let mut all = std::fs::read_dir(data(sandbox).join(kind)).unwrap();
    all.next().unwrap().unwrap().path()
}

/// Writes a log that is so many days old.
fn log(folder: &Path, name: &str, bytes: usize, days: u64) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), vec![b'x'; bytes]).unwrap();
    age(&folder.join(name), days);
}

fn age(path: &Path, days: u64) {
    let at = SystemTime::now() - Duration::from_secs(days * 86_400 + 60);
    File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
}

fn configure(sandbox: &Sandbox, text: &str) {
    let folder = sandbox.home().join(".config/rally");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

fn relayed() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.claude(WORK);
    show(&sandbox, 0, &sandbox.relay(&["--agent", "cc", "-i", "2", "Write"]));
    sandbox
}

/// What rally says, with what differs from machine to machine left out.
fn told(sandbox: &Sandbox, code: i32, args: &[&str]) -> String {
    let key = logs(sandbox, "tries").file_name().unwrap().to_str().unwrap().to_owned();
    rally(sandbox, code, args).replace(&key, "KEY")
}

#[test]
fn a_dry_run_says_what_a_run_deletes() {
    let sandbox = relayed();
    let (tries, relays) = (logs(&sandbox, "tries"), logs(&sandbox, "relays"));
    let outside = sandbox.root().join("outside.log");
    std::fs::write(&outside, "mine").unwrap();
    for entry in [&tries, &relays].into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    log(&tries, "try-1.log", 2048, 40);
    log(&tries, "try-1.netstat.jsonl", 1024, 41);
    log(&tries, "try-2.log", 1000, 20);
    log(&tries, "try-2.log.old-1", 500, 400);
    log(&relays, "relay-1.log", 100, 50);
    log(&tries, "notes.txt", 10, 500);
    std::os::unix::fs::symlink(&outside, tries.join("try-9.log")).unwrap();
    let would = told(&sandbox, 0, &["gc", "--dry-run", "--keep-days", "30"]);
    assert_snapshot!(would, @r"
    would delete try 2: 500 B, 400 days old: ROOT/home/.local/share/rally/tries/KEY/try-2.log.old-1
    would delete relay 1: 100 B, 50 days old: ROOT/home/.local/share/rally/relays/KEY/relay-1.log
    would delete try 1: 3.0 KiB, 40 days old: ROOT/home/.local/share/rally/tries/KEY/try-1.log
    left ROOT/home/.local/share/rally/tries/KEY/notes.txt: not a name of rally's
    left ROOT/home/.local/share/rally/tries/KEY/try-9.log: a link or no file
    would delete 3 logs, 3.6 KiB
    left 1 log, 1000 B
    ");
    assert!(tries.join("try-1.log").exists());
    let did = told(&sandbox, 0, &["gc", "--keep-days", "30"]);
    assert_eq!(did, would.replace("would delete", "deleted"));
    assert!(!tries.join("try-1.log").exists() && !tries.join("try-1.netstat.jsonl").exists());
    assert!(tries.join("try-2.log").exists() && tries.join("notes.txt").exists() && outside.exists());
    assert!(tries.join("try-9.log").is_symlink());
    assert_eq!(sandbox.records(".rally/state/tries.jsonl").len(), 2);
    assert!(told(&sandbox, 0, &["gc"]).contains("no limit is set"));
    assert!(
        told(&sandbox, 1, &["tail", "--try", "1"]).contains("the log was removed by retention (`rally gc`)")
    );
    told(&sandbox, 0, &["status"]);
}

#[test]
fn what_is_in_use_stays() {
    let sandbox = relayed();
    let tries = logs(&sandbox, "tries");
    let held = File::open(tries.join("try-1.log")).unwrap();
    held.lock_shared().unwrap();
    let said = told(&sandbox, 0, &["gc", "--keep-bytes", "0"]);
    assert!(said.contains("1 in use") && tries.join("try-1.log").exists(), "{said}");
    assert!(!tries.join("try-2.log").exists());
    drop(held);
    told(&sandbox, 0, &["gc", "--keep-bytes", "0"]);
    assert!(!tries.join("try-1.log").exists());
}

#[test]
fn other_workspaces_keep_their_newest_logs_and_links_are_not_followed() {
    let sandbox = relayed();
    let all = data(&sandbox).join("tries");
    let other = all.join("other-0123abcd");
    (1..=3).for_each(|id| log(&other, &format!("try-{id}.log"), 100, 90));
    let outside = sandbox.root().join("outside");
    log(&outside, "try-1.log", 100, 90);
    std::os::unix::fs::symlink(&outside, all.join("link-0123abcd")).unwrap();
    told(&sandbox, 0, &["gc", "--keep-days", "30"]);
    assert!(other.join("try-1.log").exists());
    let said = told(&sandbox, 0, &["gc", "--all", "--keep-days", "30"]);
    assert!(!other.join("try-2.log").exists() && other.join("try-3.log").exists(), "{said}");
    assert!(outside.join("try-1.log").exists() && said.contains("a link or no folder"), "{said}");
}

#[test]
fn a_relay_deletes_old_logs_by_itself_and_an_open_one_keeps_its_newest() {
    let sandbox = relayed();
    let tries = logs(&sandbox, "tries");
    for file in std::fs::read_dir(&tries).unwrap() {
        age(&file.unwrap().path(), 40);
    }
    configure(&sandbox, "[logs]\nkeep_days = 30\n");
    sandbox.claude("exit 1");
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    show(&sandbox, 1, &sandbox.relay(&["--agent", "cc", "-i", "2", "Fail"]));
    assert!(!tries.join("try-1.log").exists() && tries.join("try-3.log").exists());
    let said = told(&sandbox, 0, &["gc", "--keep-bytes", "0"]);
    assert!(said.contains("of what can be resumed") && tries.join("try-3.log").exists(), "{said}");
    sandbox.claude(WORK);
    show(&sandbox, 0, &sandbox.relay(&["--resume"]));
}
