//! Holds `docs/reliability.md` to its word: every requirement stands there, and every proof it names exists.

use std::path::{Path, PathBuf};

use regex::Regex;

/// Requirements, numbered from 1.
const REQUIREMENTS: usize = 28;

/// What the second column may say.
const VERDICTS: [&str; 3] = ["met", "partly", "not met"];

/// One line of the table.
#[derive(Debug)]
struct Row {
    /// Line of the document, from 1.
    at: usize,
    number: usize,
    verdict: String,
    holds: String,
    proofs: Vec<String>,
    missing: String,
}

/// The lines of the table: those that begin with `| R` and a number.
fn rows(text: &str) -> Result<Vec<Row>, String> {
    let head = Regex::new(r"^\|\s*R(\d+)\b").unwrap();
    let code = Regex::new(r"`([^`]+)`").unwrap();
    let mut rows = Vec::new();
    for (at, line) in (1..).zip(text.lines()) {
        let Some(number) = head.captures(line).map(|found| found[1].parse().unwrap()) else { continue };
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [_, verdict, holds, proofs, missing] = cells[..] else {
            return Err(format!("line {at}: {} cells instead of 5", cells.len()));
        };
        rows.push(Row {
            at,
            number,
            verdict: verdict.to_owned(),
            holds: holds.to_owned(),
            proofs: code.captures_iter(proofs).map(|found| found[1].to_owned()).collect(),
            missing: missing.to_owned(),
        });
    }
    Ok(rows)
}

/// Everything that is wrong with the document, one sentence each. `find` says what is wrong with a proof.
fn faults(text: &str, find: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let rows = match rows(text) {
        Ok(rows) => rows,
        Err(fault) => return vec![fault],
    };
    let numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
    let mut faults = Vec::new();
    if numbers != (1..=REQUIREMENTS).collect::<Vec<_>>() {
        faults.push(format!("R1 to R{REQUIREMENTS} each stand there once and in order, not {numbers:?}"));
    }
    for row in &rows {
        let mut fault = |what: String| faults.push(format!("line {}, R{}: {what}", row.at, row.number));
        if !VERDICTS.contains(&row.verdict.as_str()) {
            fault(format!("{:?} is none of {VERDICTS:?}", row.verdict));
        }
        if row.holds.is_empty() {
            fault("does not say what holds".into());
        }
        if row.proofs.is_empty() && row.verdict != "not met" {
            fault("names no test; without one it is not met".into());
        }
        if row.missing.is_empty() && row.verdict != "met" {
            fault("does not say what is missing".into());
        }
        row.proofs.iter().filter_map(|proof| find(proof)).for_each(fault);
    }
    faults
}

/// What is wrong with a proof such as `it: relay::freeze::name`, `lib: store::lock::tests::name` or
/// `chaos: rally killed`.
fn unproved(proof: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some((suite, name)) = proof.split_once(": ") else {
        return Some(format!("`{proof}` does not begin with a suite, such as `it: `"));
    };
    match suite {
        "it" => no_test(&root.join("tests/it"), name),
        "real" => no_test(&root.join("tests/real"), name),
        "lib" => no_test(&root.join("src"), name),
        "chaos" => {
            let faults = std::fs::read_to_string(root.join("tests/chaos/fault.rs")).unwrap();
            let known = faults.contains(&format!("=> \"{name}\","));
            (!known).then(|| format!("`{proof}`: no such fault in tests/chaos/fault.rs"))
        }
        _ => Some(format!("`{proof}`: there is no suite {suite:?}")),
    }
    .map(|what| if what.contains('`') { what } else { format!("`{proof}`: {what}") })
}

/// Why there is no test of this path below a folder: as the modules lead, from file to file.
fn no_test(root: &Path, path: &str) -> Option<String> {
    let (modules, test) = path.rsplit_once("::").unwrap_or(("", path));
    let mut folder = root.to_owned();
    let mut file =
        ["main.rs", "lib.rs"].map(|name| root.join(name)).into_iter().find(|file| file.exists())?;
    for module in modules.split("::").filter(|module| !module.is_empty()) {
        let inside = folder.join(module);
        let own = [inside.with_extension("rs"), inside.join("mod.rs")];
        if let Some(own) = own.into_iter().find(|own| own.exists()) {
            file = own;
        } else {
            let text = std::fs::read_to_string(&file).unwrap();
            if !Regex::new(&format!(r"(?m)^\s*mod {module} \{{")).unwrap().is_match(&text) {
                return Some(format!("no module {module:?} in {}", shown(&file)));
            }
        }
        folder = inside;
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let found =
        Regex::new(&format!(r"((?:^|\n)[ \t]*(?:#\[[^\n]*|//[^\n]*))*\n[ \t]*(?:async )?fn {test}\s*\("));
    let Some(found) = found.unwrap().find(&text) else {
        return Some(format!("no function {test:?} in {}", shown(&file)));
    };
    if !found.as_str().contains("test]") {
        return Some(format!("{test:?} in {} is no test", shown(&file)));
    }
    let ignored = found.as_str().contains("#[ignore");
    ignored.then(|| format!("{test:?} in {} is ignored", shown(&file)))
}

fn shown(file: &Path) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

#[test]
fn every_requirement_is_answered_and_every_proof_exists() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let text = std::fs::read_to_string(path).unwrap();
    super::none("docs/reliability.md claims what is not so:", faults(&text, unproved));
}

#[test]
fn what_is_wrong_with_the_table_is_found() {
    let good = |number: usize| format!("| R{number} | met | it holds | `it: a` | |\n");
    let all: String = (1..=REQUIREMENTS).map(good).collect();
    let fine = |_: &str| None;
    assert_eq!(faults(&all, fine), [""; 0]);
    let table = [
        ("R3 and R4 change places", all.replace("R3 ", "R4 ").replacen("R4 ", "R3 ", 2), "in order"),
        ("one is missing", all.replace(&good(7), ""), "in order"),
        ("one stands twice", all.clone() + &good(28), "in order"),
        ("no test", all.replacen("`it: a`", "somehow", 1), "names no test"),
        ("no reason", all.replacen("| met |", "| partly |", 1), "what is missing"),
        ("no verdict", all.replacen("| met |", "| nearly |", 1), "none of"),
        ("nothing", all.replacen("it holds", "", 1), "what holds"),
        ("a cell too many", all.replacen("| met |", "| met | |", 1), "instead of 5"),
    ];
    for (what, text, fault) in table {
        let found = faults(&text, fine);
        assert!(found.iter().any(|found| found.contains(fault)), "{what}: {found:?}");
    }
    assert_eq!(faults(&all, |proof| Some(format!("no {proof}"))).len(), REQUIREMENTS);
}

#[test]
fn a_proof_is_found_where_its_path_leads() {
    let table = [
        ("it: house::no_file_is_long", None),
        ("it: house::reliability::a_proof_is_found_where_its_path_leads", None),
        ("it: relay::basic::a_file_is_made_committed_and_recorded", None),
        ("lib: process::tree::tests::a_reused_pid_is_never_signalled", None),
        ("lib: store::disk::faults::tests::a_relay_survives_a_fault_at_every_call", None),
        ("chaos: rally killed", None),
        ("chaos: moon falls", Some("no such fault")),
        ("it: house::no_such_test", Some("no function")),
        ("it: house::sources", Some("is no test")),
        ("it: attic::no_file_is_long", Some("no module")),
        ("lib: process::tree::a_reused_pid::x", Some("no module")),
        ("moon: house::no_file_is_long", Some("no suite")),
        ("no_file_is_long", Some("begin with a suite")),
    ];
    for (proof, wanted) in table {
        let found = unproved(proof);
        match wanted {
            None => assert_eq!(found, None, "{proof}"),
            Some(wanted) => assert!(found.as_ref().is_some_and(|found| found.contains(wanted)), "{found:?}"),
        }
    }
}
