//! The house rules that no compiler checks: which way the doors open, how long a file may be,
//! and what never stands in the code.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic too")]

use std::path::{Path, PathBuf};

use regex::Regex;

mod reliability;

/// From the top; a room may use itself and the rooms after it.
const ROOMS: [&str; 14] = [
    "cli", "terminal", "relay", "prompt", "laps", "git", "executor", "failure", "monitor", "process",
    "routing", "store", "config", "model",
];

/// Doors that are narrower or wider than the order says: (from a room, to a path, open?).
/// The first that fits decides.
const EXCEPTIONS: [(&str, &str, bool); 6] = [
    // The terminal consumes the relay's events, and never reaches into the loop.
    ("terminal", "relay::event", true),
    // It is also the keyboard of the loop.
    ("terminal", "relay::keyboard", true),
    ("terminal", "relay", false),
    // The scripted agent is a program of its own that merely lives in the same binary.
    ("cli", "scripted", true),
    ("scripted", "scripted", true),
    ("scripted", "model", true),
];

/// Longest file, unit tests included.
const MOST_LINES: usize = 600;

/// Files that may hold `unsafe`: none.
const UNSAFE_ALLOWED: [&str; 0] = [];

/// Files that may start a shell: with what the user wrote for one. The scripted agent plays tools.
const SHELLS: [&str; 3] = ["cli/editor.rs", "laps/hooks/run.rs", "scripted/children.rs"];

struct Source {
    /// From `src`, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Files that hold nothing but tests.
    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The lines that are compiled into rally, numbered from 1: no comments, no unit tests.
    fn code(&self) -> Vec<(usize, &str)> {
        let mut lines = Vec::new();
        if self.is_test() {
            return lines;
        }
        let mut test = false;
        for (number, line) in (1..).zip(self.text.lines()) {
            // rustfmt puts the end of a module at the start of a line.
            test |= line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
            let code = line.find("//").filter(|at| !line[..*at].contains('"')).map_or(line, |at| &line[..at]);
            if !test && !code.trim().is_empty() {
                lines.push((number, code));
            }
            test &= line != "}" && (line.starts_with(char::is_whitespace) || !line.ends_with(';'));
        }
        lines
    }

    fn at(&self, line: usize, what: &str) -> String {
        format!("src/{}:{line}: {what}", self.path)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 20, "the sources are not where they should be");
    sources
}

/// Fails with every offence on a line of its own.
fn none(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}\n  {}\n", offences.join("\n  "));
}

/// What a source uses of the crate: (line, path below the crate), groups taken apart.
fn doors(source: &Source) -> Vec<(usize, String)> {
    let door = Regex::new(r"\bcrate::(\{|[\w:]+)").unwrap();
    let lines = source.code();
    let mut found = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        for hit in door.captures_iter(line) {
            if &hit[1] != "{" {
                found.push((*number, hit[1].to_owned()));
                continue;
            }
            let rest: Vec<&str> = lines[index..].iter().map(|(_, line)| *line).collect();
            let rest = rest.join(" ");
            let start = rest.find("crate::{").unwrap_or_default() + "crate::{".len();
            found.extend(group(&rest[start..]).into_iter().map(|path| (*number, path)));
        }
    }
    found
}

/// The first paths of a `{…}` group, of which `text` begins after the brace.
fn group(text: &str) -> Vec<String> {
    let mut depth = 0;
    let mut paths = vec![String::new()];
    for letter in text.chars() {
        match letter {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => paths.push(String::new()),
            _ if depth == 0 && !letter.is_whitespace() => paths.last_mut().unwrap().push(letter),
            _ => {}
        }
    }
    paths.retain(|path| !path.is_empty());
    paths
}

fn is_open(from: &str, path: &str) -> bool {
    let fits = |to: &str| path == to || path.starts_with(&format!("{to}::"));
    if let Some((_, _, open)) = EXCEPTIONS.iter().find(|(room, to, _)| *room == from && fits(to)) {
        return *open;
    }
    let height = |room: &str| ROOMS.iter().position(|name| *name == room);
    let to = path.split("::").next().unwrap_or_default();
    matches!((height(from), height(to)), (Some(from), Some(to)) if from <= to)
}

#[test]
fn doors_open_downwards() {
    let mut offences = Vec::new();
    for source in sources().iter().filter(|source| !["lib", "main"].contains(&source.room())) {
        for (line, path) in doors(source) {
            if !is_open(source.room(), &path) {
                offences.push(source.at(line, &format!("`{}` may not use `crate::{path}`", source.room())));
            }
        }
    }
    none(&format!("a room may use only the rooms after it in {}:", ROOMS.join(" > ")), offences);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    none(
        "every file starts with a `//!` line:",
        silent.map(|source| source.at(1, "no module doc")).collect(),
    );
}

#[test]
fn no_file_is_long() {
    let offences = sources()
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(source, lines)| source.at(lines, &format!("{lines} lines, {MOST_LINES} are allowed")))
        .collect();
    none("one job per file (big tests go to tests/it, or to a tests.rs beside the file):", offences);
}

#[test]
fn some_words_stay_out() {
    let words = Regex::new(r"\b(todo|unimplemented|println|eprintln|print|eprint|dbg)!|\bunsafe\b").unwrap();
    let mut offences = Vec::new();
    for source in &sources() {
        for (line, code) in source.code() {
            for hit in words.find_iter(code) {
                if hit.as_str() == "unsafe" && UNSAFE_ALLOWED.contains(&source.path.as_str()) {
                    continue;
                }
                offences.push(source.at(line, &format!("`{}` in: {}", hit.as_str(), code.trim())));
            }
        }
    }
    none("write to a locked stream, finish what is begun, and leave `unsafe` to the libraries:", offences);
}

/// Where a line of the store changes the disk without the one place for that, which tests let fail. Private files are
/// opened for everybody in one more; the store asks for them through the first.
fn changes_the_disk(source: &Source) -> Vec<String> {
    if source.room() != "store" || source.path.starts_with("store/disk") || source.path == "store/private.rs"
    {
        return Vec::new();
    }
    let change = Regex::new(
        r"\bfs::(write|rename|copy|remove_\w+|create_\w+|hard_link|symlink|set_\w+|OpenOptions|DirBuilder)\b|\bOpenOptions\b|\bDirBuilder\b|\bFile::(create\w*|options)\b|(?:\bfile|\))\.(set_len|set_modified|set_times|set_permissions|sync_all|sync_data|write_all)\(|\bprivate::\w|\bio::(\{[^}]*)?\bWrite\b|\btempfile\b",
    );
    let change = change.unwrap();
    let found = source.code().into_iter().filter(|(_, code)| change.is_match(code));
    found.map(|(line, code)| source.at(line, code.trim())).collect()
}

#[test]
fn the_store_changes_the_disk_in_one_place() {
    let offences = sources().iter().flat_map(changes_the_disk).collect();
    none("what changes the disk goes through `store/disk.rs`, where tests let it fail:", offences);
}

#[test]
fn no_shell_is_started() {
    let shell = Regex::new(r#""(/usr)?(/bin/)?(ba|da|z|k)?sh""#).unwrap();
    let mut offences = Vec::new();
    for source in sources().iter().filter(|source| !SHELLS.contains(&source.path.as_str())) {
        for (line, code) in source.code() {
            if shell.is_match(code)
                && code.contains("ommand") | code.contains("spawn") | code.contains("args(")
            {
                offences.push(source.at(line, code.trim()));
            }
        }
    }
    none("no shell stands between rally and what it starts:", offences);
}

#[test]
fn only_the_command_line_has_untyped_errors() {
    let mut offences = Vec::new();
    for source in sources().iter().filter(|source| source.room() != "cli") {
        for (line, code) in source.code() {
            if code.contains("anyhow") {
                offences.push(source.at(line, code.trim()));
            }
        }
    }
    none("`anyhow` is for `cli/`; a room has errors that its callers can match on:", offences);
}

#[test]
fn the_rules_find_what_they_look_for() {
    let text = "//! crate::cli\nuse crate::model::Usage;\nuse crate::{\n    cli::{self, error}, // crate::no\n    store,\n};\n\
                fn f() { crate::relay::run() }\n#[cfg(test)]\nmod tests {\n    use crate::terminal;\n}\nfn g() {}\n";
    let source = Source { path: "git/x.rs".to_owned(), text: text.to_owned() };
    let wanted = [(2, "model::Usage"), (3, "cli::"), (3, "store"), (7, "relay::run")];
    assert_eq!(doors(&source), wanted.map(|(line, path)| (line, path.to_owned())));
    assert_eq!(source.code().last(), Some(&(12, "fn g() {}")));
    let change = [
        ("std::fs::rename(a, b)", true),
        ("fs::create_dir_all(a)", true),
        ("OpenOptions::new().write(true)", true),
        ("File::create_new(path)", true),
        ("file.set_len(0)?;", true),
        ("File::open(dir).and_then(|d| d).sync_all()", true),
        ("use std::io::{self, ErrorKind, Write};", true),
        ("disk::rename(a, b)", false),
        ("disk::set_len(&file, 0)?;", false),
        ("File::open(path)?.read_exact_at(&mut found, 0)", false),
        ("std::fs::read_to_string(path)", false),
    ];
    for (code, found) in change {
        let text = format!("//! x\nfn f() {{ {code} }}\n");
        for (path, found) in [("store/x.rs", found), ("store/disk.rs", false), ("git/x.rs", false)] {
            let source = Source { path: path.to_owned(), text: text.clone() };
            assert_eq!(!changes_the_disk(&source).is_empty(), found, "{path}: {code}");
        }
    }
    let table = [
        ("cli", "model", true),
        ("cli", "scripted::run", true),
        ("git", "git::status", true),
        ("git", "executor", true),
        ("git", "prompt", false),
        ("model", "store", false),
        ("terminal", "relay::event::Event", true),
        ("terminal", "relay::run", false),
        ("terminal", "relay::events", false),
        ("scripted", "model::text", true),
        ("scripted", "store", false),
        ("relay", "scripted", false),
        ("relay", "unheard_of", false),
        ("unheard_of", "model", false),
    ];
    for (from, to, open) in table {
        assert_eq!(is_open(from, to), open, "{from} -> {to}");
    }
}
