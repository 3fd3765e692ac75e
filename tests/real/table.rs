//! Makes `docs/real-agents.md` of what the cells found. A cell without a result is a failure, and so is
//! a committed file that says something else.

use std::path::Path;

use super::cli::Cli;
use super::install::pin;
use super::matrix::{CELLS, place};

const INTRODUCTION: &str = "\
# What holds for the real agents

Made by the real-agent suite (`tests/real`): every cell is a test in which rally drives the real CLI against
model servers on loopback, asserted on what the server saw and on rally's records. Do not edit.

```sh
RALLY_TEST_REAL_AGENTS=1 cargo test --test real -- --test-threads 6   # the cells
RALLY_TEST_REAL_AGENTS=1 cargo test --test real table -- --ignored    # compares this file with them
.ci/move-pins                                                         # both with the newest versions
```

With `RALLY_UPDATE_TABLE=1` the second command writes this file.

";

#[test]
#[ignore = "needs the results of all cells"]
fn the_document_says_what_the_cells_found() {
    if std::env::var("RALLY_TEST_REAL_AGENTS").as_deref() != Ok("1") {
        println!("skipped: set RALLY_TEST_REAL_AGENTS=1");
        return;
    }
    let table = render(|cli, cell| std::fs::read_to_string(place(cli, cell)).ok()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/real-agents.md");
    if std::env::var("RALLY_UPDATE_TABLE").as_deref() == Ok("1") {
        std::fs::write(&path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == table,
        "docs/real-agents.md is not what the cells found; write it anew with\n\
         RALLY_TEST_REAL_AGENTS=1 RALLY_UPDATE_TABLE=1 cargo test --test real table -- --ignored\n\n{table}"
    );
}

/// The document, from the results; or which of them are missing.
fn render(result: impl Fn(Cli, &str) -> Option<String>) -> Result<String, String> {
    let mut remarks: Vec<String> = Vec::new();
    let mut missing = Vec::new();
    let heads = Cli::ALL.map(|cli| format!(" {cli} {} |", pin(cli).version)).concat();
    let mut table = format!("{INTRODUCTION}| |{heads}\n|---|---|---|---|---|\n");
    for (cell, title) in CELLS {
        table.push_str(&format!("| {title} |"));
        for cli in Cli::ALL {
            let Some(found) = result(cli, cell) else {
                missing.push(format!("{cli}: {title} (matrix::{cli}::{cell})"));
                continue;
            };
            let (word, remark) = found.split_once(": ").unwrap_or((&found, ""));
            let remark = match remark {
                "" => String::new(),
                remark => format!(" [{}]", number(&mut remarks, remark)),
            };
            table.push_str(&format!(" {word}{remark} |"));
        }
        table.push('\n');
    }
    if !missing.is_empty() {
        return Err(format!(
            "no result of these cells, so they failed or were not run:\n{}",
            missing.join("\n")
        ));
    }
    table.push('\n');
    for (index, remark) in remarks.iter().enumerate() {
        table.push_str(&format!("{}. {remark}\n", index + 1));
    }
    Ok(table)
}

/// The number of a remark, from 1; one that was made before keeps its number.
fn number(remarks: &mut Vec<String>, remark: &str) -> usize {
    let known = remarks.iter().position(|known| known == remark);
    known.unwrap_or_else(|| {
        remarks.push(remark.to_owned());
        remarks.len() - 1
    }) + 1
}

#[test]
fn a_cell_without_a_result_is_missed() {
    let all = |_: Cli, _: &str| Some("ok".to_owned());
    assert!(render(all).unwrap().contains("| makes a file, which rally commits | ok | ok | ok | ok |"));
    let but_one = |cli: Cli, cell: &str| all(cli, cell).filter(|_| (cli, cell) != (Cli::Codex, "cancel"));
    let missing = render(but_one).unwrap_err();
    assert!(missing.ends_with("(matrix::codex::cancel)"), "{missing}");
    let remark = |_: Cli, cell: &str| Some(if cell == "file" { "impossible: no" } else { "ok" }.to_owned());
    let table = render(remark).unwrap();
    assert!(
        table.contains("| impossible [1] | impossible [1] |") && table.contains("\n\n1. no\n"),
        "{table}"
    );
}
