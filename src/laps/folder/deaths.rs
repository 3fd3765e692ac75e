//! Deaths at every step of a change: a process of its own works on a folder and is killed at the n-th point.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::laps::file::{At, Edit};
use crate::laps::{NewLap, Standing};
use crate::model::Timestamp;

const AT: &str = "RALLY_TEST_DIES_AT";
const IN: &str = "RALLY_TEST_DIES_IN";

static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Kills the process without any farewell when its number is up.
pub(super) fn point() {
    let left = LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left == Ok(1) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

fn now(minute: i64) -> Timestamp {
    let start: Timestamp = "2026-04-28T10:15:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_mins(minute)
}

fn lap(title: &str) -> Vec<NewLap> {
    vec![NewLap { title: title.to_owned(), ..NewLap::default() }]
}

/// What is there before: a stint with a stint with a lap, and a lap behind them.
fn prepare(folder: &Folder) {
    folder.new_stint("outer").unwrap();
    folder.new_stint("inner").unwrap();
    folder.enqueue("outer", &At::Tail, now(0)).unwrap();
    folder.add(&Scope::Root, &At::Tail, &lap("last"), now(0)).unwrap();
    let lock = folder.lock().unwrap();
    lock.edit("stints/outer.laps.json", |tasks| Ok(tasks.enqueue(&At::Tail, "inner", "oute", now(0))?))
        .unwrap();
    drop(lock);
    folder.add(&Scope::Stint("inner".to_owned()), &At::Tail, &lap("deep"), now(0)).unwrap();
}

fn work(folder: &Folder) {
    folder.add(&Scope::Root, &At::Tail, &lap("new"), now(1)).unwrap();
    let Handed::Lap { entry, .. } = folder.claim(&Scope::Active, now(2)).unwrap() else { panic!("no lap") };
    let edit = Edit { assignee: Some("qa".to_owned()), ..Edit::default() };
    folder.edit(&Scope::Active, &entry.id, &edit, "assign", now(3)).unwrap();
    folder.done(&Scope::Active, None, now(4)).unwrap();
    folder.undo(&Scope::Active, false, now(5)).unwrap();
    folder.claim(&Scope::Active, now(6)).unwrap();
    folder.done(&Scope::Active, None, now(7)).unwrap();
}

/// The process that dies; nothing when it is run as a test.
#[test]
fn victim() {
    if let (Ok(at), Ok(dir)) = (std::env::var(AT), std::env::var(IN)) {
        LEFT.store(at.parse().unwrap(), Ordering::SeqCst);
        work(&Folder::of(Path::new(&dir)));
    }
}

fn run(dir: &Path, at: usize) -> ExitStatus {
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "laps::folder::deaths::victim", "--quiet"]).env(AT, at.to_string()).env(IN, dir);
    victim.output().unwrap().status
}

/// Every file under the folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

// 40-14.10, 13.4
#[test]
fn a_death_at_any_step_leaves_whole_files_and_every_lap() {
    let mut deaths = 0;
    for at in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        prepare(&folder);
        let status = run(dir.path(), at);
        for path in files(folder.dir()).iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
            let bytes = std::fs::read(path).unwrap();
            let tasks = TaskFile::parse(&bytes).unwrap().unwrap();
            assert_eq!(tasks.bytes(), bytes, "death {at}: {} is not whole", path.display());
        }
        // The queue goes on: every lap is handed out until all are done.
        let mut rounds = 0;
        while let Handed::Lap { entry, .. } = folder.claim(&Scope::Active, now(8)).unwrap() {
            assert_eq!(folder.done(&Scope::Active, None, now(9)).unwrap().0.id, entry.id);
            rounds += 1;
            assert!(rounds < 4, "death {at}: a lap is handed out again");
        }
        let left: Vec<PathBuf> = files(folder.dir());
        assert!(left.iter().all(|path| path.extension().is_none_or(|e| e != "tmp")), "death {at}: {left:?}");
        for title in ["deep", "last"] {
            let all = folder.all_files().unwrap();
            let mut entries = all.iter().flat_map(|file| folder.tasks_of(file).unwrap().entries);
            let entry = entries.find(|entry| entry.title == title).unwrap();
            assert_eq!(folder.standing(&entry.id).unwrap(), Standing::Done, "death {at}: {title}");
        }
        for name in ["outer", "inner"] {
            let stints = folder.stints().unwrap();
            assert!(stints.iter().all(|stint| stint.archived), "death {at}: {name} is not archived");
        }
        assert_eq!(folder.claimed().unwrap(), None, "death {at}");
        if status.success() {
            break;
        }
        assert_eq!(status.signal(), Some(9), "death {at}");
        deaths += 1;
    }
    assert!(deaths > 40, "only {deaths} deaths");
}
