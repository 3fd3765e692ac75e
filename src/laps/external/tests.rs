//! Programs called `laps` that behave badly.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::*;

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    /// A workspace, and a `laps` that is this shell script. `$1` is the command.
    fn new(script: &str) -> (Scene, External) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".laps")).unwrap();
        let program = folder.path().join("laps");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let external = External::new(program, folder.path());
        (Scene { folder }, external)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(".laps").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn words<T: std::fmt::Debug>(result: Result<T, QueueError>) -> String {
    result.unwrap_err().to_string()
}

// 30-L1: whatever is no clear word about the queue is an error, and shows what was said.
#[test]
fn only_a_clear_word_ends_the_queue() {
    for (version, exit, offer) in [
        ("0.9.0", 11, Some(Offer::Empty)),
        ("0.9.0", 12, Some(Offer::Complete)),
        ("0.9.0", 10, Some(Offer::Held { scope: String::new() })),
        ("0.9.0", 3, None),
        ("0.8.1", 3, Some(Offer::Empty)),
        ("0.8.1", 0, None),
        ("0.8.1", 1, None),
        ("0.8.1", 2, None),
        ("0.9.0", 2, None),
        ("0.9.0", 4, None),
        ("0.9.0", 127, None),
        ("nothing", 3, None),
        ("nothing", 11, Some(Offer::Empty)),
    ] {
        let (_scene, laps) = Scene::new(&format!(
            "case $1 in version) echo {version};; list) echo '{{\"tasks\":[]}}';;
             claim|get) echo '{{\"error\":\"the disk is gone\",\"exitCode\":2}}' >&2; exit {exit};;
             *) echo huh;; esac"
        ));
        for result in [laps.claim(), laps.head()] {
            match &offer {
                Some(offer) => assert_eq!(result.unwrap(), *offer, "{version}, {exit}"),
                None if exit == 0 => assert!(words(result).contains("nothing that can be read")),
                None => {
                    let error = words(result);
                    assert!(error.contains(&format!("(exit {exit}): the disk is gone")), "{error}");
                }
            }
        }
    }
}

// A call that hangs is ended with what it started, and named.
#[test]
fn a_call_has_a_limit_of_time() {
    let (scene, mut laps) = Scene::new("echo $$ > pid; sleep 300 & wait");
    laps.patience = Duration::from_millis(300);
    let error = words(laps.claim());
    assert!(error.contains("claim` did not end within 0.3 s"), "{error}");
    let leader = std::fs::read_to_string(scene.folder.path().join("pid")).unwrap();
    let begun = Instant::now();
    let group = rustix::process::Pid::from_raw(leader.trim().parse().unwrap()).unwrap();
    while rustix::process::test_kill_process_group(group).is_ok() {
        assert!(begun.elapsed().as_secs() < 30, "its group is still there");
    }
}

// Garbage is no lap, no list and no end.
#[test]
fn garbage_is_an_error() {
    let (_scene, laps) = Scene::new("echo '<html>'; echo oops");
    assert!(words(laps.claim()).contains("nothing that can be read"));
    assert!(words(laps.head()).contains("nothing that can be read"));
    assert!(words(laps.waiting()).contains("nothing that can be read"));
    assert!(words(laps.standing("proj-12ab")).contains("nothing that can be read"));
    let lap = NewLap { title: "One".to_owned(), ..NewLap::default() };
    assert!(words(laps.add(Place::Head, &[lap])).contains("was given 1 laps and named 0"));
    let gone = External::new("/nonexistent/laps".into(), Path::new("/"));
    assert!(words(gone.claim()).contains("cannot run /nonexistent/laps claim"));
}

// 30-199, 30-L13: text is understood where there is no JSON.
#[test]
fn text_is_read_where_there_is_no_json() {
    let (scene, laps) = Scene::new(
        "case $1 in version) echo 0.8.1;;
         claim) printf 'One\\nAssignee: dev\\n\\nText\\n\\n-----\\nNot the lap you intended? ...\\n';;
         get) echo One;; list) echo '1. proj-12ab \u{2014} One';; add) echo proj-34cd;; esac",
    );
    assert!(words(laps.claim()).contains("nothing that can be read"), "which lap was it?");
    scene.write("claim", "proj-12ab\n");
    let lap = Lap {
        id: "proj-12ab".to_owned(),
        title: "One".to_owned(),
        description: "Text".to_owned(),
        assignee: Some("dev".to_owned()),
    };
    assert_eq!(laps.claim().unwrap(), Offer::Lap(lap.clone()));
    let bare = Lap { description: String::new(), assignee: None, ..lap };
    assert_eq!(laps.head().unwrap(), Offer::Lap(bare.clone()));
    assert_eq!(laps.waiting().unwrap(), [bare]);
    let new = NewLap { title: "Two".to_owned(), ..NewLap::default() };
    assert_eq!(laps.add(Place::Tail, &[new]).unwrap(), ["proj-34cd"]);
}

// The environment, the folder and the input of a call.
#[test]
fn a_call_works_in_the_workspace_and_reads_nothing() {
    let (scene, laps) = Scene::new(
        "pwd > seen; cat >> seen; echo key=$LAPS_NEW_RELIC_LICENSE_KEY >> seen; echo '{\"tasks\":[]}'",
    );
    assert_eq!(laps.list(&[]).unwrap(), []);
    let root = scene.folder.path().canonicalize().unwrap();
    let seen = std::fs::read_to_string(root.join("seen")).unwrap();
    assert_eq!(seen, format!("{}\nkey=\n", root.display()));
}

// What lies in a stint or its archive is neither gone nor guessed.
#[test]
fn stints_and_their_archive_are_searched() {
    let (scene, laps) = Scene::new("case $1 in version) echo 0.9.0;; list) echo '{\"tasks\":[]}';; esac");
    assert_eq!(laps.standing("auth-12ab").unwrap(), Standing::Gone);
    scene.write("stints/auth.laps.json", r#"{"version":3,"tasks":[{"id":"auth-12ab","extra":1}]}"#);
    scene.write(
        "stints/archive/old.laps.json",
        r#"{"tasks":[{"ID":"old-1","completedAt":"2026-04-28T10:15:00Z"}]}"#,
    );
    assert_eq!(laps.standing("auth-12ab").unwrap(), Standing::Todo);
    assert_eq!(laps.standing("old-1").unwrap(), Standing::Done);
    assert!(words(laps.claim_again("old-1")).contains("is done"));
    assert!(words(laps.claim_again("zz-1")).contains("in no file of the queue"));
    scene.write("stints/broken.laps.json", "{");
    assert_eq!(laps.standing("old-1").unwrap(), Standing::Done);
    assert!(words(laps.standing("zz-1")).contains("broken.laps.json"));
}
