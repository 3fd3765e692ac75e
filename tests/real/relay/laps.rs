//! A queue of laps, which agents end with the commands that the queue gives them.

use serde_json::json;

use super::{Settings, initialise, rally, tries};
use crate::cli::Cli;
use crate::lab::{Done, Lab};
use crate::matrix::Found;

/// Commands of the queue as an operator types them.
fn laps(lab: &Lab, args: &[&str]) -> Done {
    lab.run(rally(lab, "ok", "laps", &[&["laps"], args].concat())).expect_code(0)
}

fn prepare(lab: &Lab, tasks: &[(&str, &str)]) {
    initialise(lab, &Settings::default());
    laps(lab, &["init"]);
    for (title, description) in tasks {
        laps(lab, &["add", "tail", "--title", title, "--description", description]);
    }
}

/// The titles of what waits.
fn waiting(lab: &Lab) -> Vec<String> {
    let list = laps(lab, &["list", "--json-output"]);
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let tasks = list["tasks"].as_array().unwrap();
    tasks.iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

fn relay(lab: &Lab, cli: Cli, iterations: &str) -> Done {
    let args = ["relay", "--new", "--iterations", iterations, "--agent", cli.alias()];
    lab.run(rally(lab, "ok", "lap", &args))
}

// 30-S9, 10-Z6, 30-198
pub fn done(lab: &Lab, cli: Cli) -> Found {
    let task = |file: &str| {
        format!("RUN(printf done >{file}; laps done && laps wrapup --summary 'made {file}' >>{file}.log)")
    };
    prepare(lab, &[("Task 1", &task("task1.txt")), ("Task 2", &task("task2.txt"))]);
    let done = relay(lab, cli, "2").expect_code(0);
    assert_eq!(done.stdout.matches("Installed rally hooks in ").count(), 1, "{done:#?}");
    assert_eq!(
        (lab.sandbox.read("task1.txt"), lab.sandbox.read("task2.txt")),
        ("done".into(), "done".into())
    );
    assert!(lab.sandbox.read("task1.txt.log").contains("Progress recorded."), "{done:#?}");
    assert_eq!(waiting(lab), Vec::<String>::new());

    let records: [_; 2] = tries(lab, &done);
    for (record, file) in records.iter().zip(["task1.txt", "task2.txt"]) {
        assert_eq!(record["outcome"], "completed", "{record:#}");
        assert_eq!(record["recorded_laps"], json!([record["lap_id"]]), "{record:#}");
        assert_eq!(record["summary"], format!("made {file}"), "{record:#}");
        assert!(record["files_changed"].as_array().unwrap().contains(&json!(file)), "{record:#}");
    }
    let entries = lab.sandbox.records(".rally/summary.jsonl");
    let completed: Vec<_> = entries.iter().map(|entry| &entry["laps_completed"]).collect();
    assert_eq!(completed, [&records[0]["recorded_laps"], &records[1]["recorded_laps"]], "{entries:#?}");
    Found::Works
}

pub fn handed_off(lab: &Lab, cli: Cli) -> Found {
    let task =
        "RUN(laps handoff && laps wrapup --summary blocked --followup 'the schema' --followup 'the rest')";
    prepare(lab, &[("Task 1", task)]);
    let done = relay(lab, cli, "1").expect_code(0);
    let [record] = tries(lab, &done);
    assert_eq!(record["outcome"], "handoff_requested", "{record:#}");
    assert_eq!(record["summary"], "blocked", "{record:#}");
    assert_eq!(waiting(lab), ["the schema", "the rest", "Task 1"], "{done:#?}");
    assert_eq!(record["handoff_created_lap_ids"].as_array().map(Vec::len), Some(2), "{record:#}");
    Found::Works
}

pub fn in_words(lab: &Lab, cli: Cli) -> Found {
    prepare(lab, &[("Task 1", "SAY(laps done)")]);
    let done = relay(lab, cli, "1").expect_code(1);
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], false, "{record:#}");
    assert_eq!(waiting(lab), ["Task 1"]);
    let story = format!("{}{}", done.stdout, done.stderr);
    assert!(story.contains("wrote `laps done` as text"), "{done:#?}");
    Found::Works
}
