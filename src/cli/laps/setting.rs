//! `init`, and `on` and `off`: what the queue leaves in the repository besides itself.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::desk::{Desk, Said};
use super::hooked::{Call, around};
use super::stop::{self, Stop};
use crate::git;
use crate::laps::file::json::Node;
use crate::model::text;
use crate::store::files;

/// What git should not see.
const IGNORED: [&str; 2] = [".laps/claim", ".laps/log.jsonl"];
/// Where agents find instructions; the first is made when it is missing.
const GUIDES: [&str; 3] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md"];
const OPENERS: [&str; 2] = ["<laps-instructions>", "<laps-instructions v=\"2\">"];
const CLOSER: &str = "</laps-instructions>";
const GUIDE: &str = "\
<laps-instructions v=\"2\">
## Tasks come from the queue `laps`

A lap is one task. Do one lap, and only that lap:

1. `laps claim` hands out the next lap and prints its title and description.
2. Do the work.
3. `laps done` completes the lap that you claimed, even if other laps are ahead of it by now.

`laps claim` and `laps get` tell by their exit code what to do: 0 work on the lap; 10 stop, the queue is held (a lap
that is already claimed may be finished); 11 the queue is empty, there is nothing to do; 12 everything is done.

Work that you discover belongs into the queue: `laps add tail --title \"...\" --description \"...\"`, or
`laps add head` if it comes first. `laps list` shows what waits.

A stint is a queue within the queue. It is entered and left by itself. To look elsewhere use `--root` or
`--stint NAME` rather than `--file`.
</laps-instructions>";

/// `init`.
pub fn init(desk: &Desk) -> Result<(), Stop> {
    let root = desk.folder.root();
    let created = desk.folder.init()?;
    let added = ignore(&root.join(".gitignore"))?;
    let mut text = String::new();
    if created {
        text += "Created .laps/laps.json\n";
    }
    if !added.is_empty() {
        text += &format!("Added to .gitignore: {}\n", added.join(", "));
    }
    if text.is_empty() {
        text += "Already initialized\n";
    } else if !desk.json {
        let mut paths = Vec::new();
        paths.extend(created.then_some(".laps/laps.json"));
        paths.extend((!added.is_empty()).then_some(".gitignore"));
        match commit(root, &paths) {
            Ok(()) => text += "Committed as 'chore: laps init'\n",
            Err(why) => stop::note(&format!("nothing was committed: {why}")),
        }
    }
    let json = [("created", created.into()), ("gitignoreModified", (!added.is_empty()).into())];
    desk.answer(&Said { text, json: Node::object(json), output: String::new(), lap: None })
}

fn commit(root: &Path, paths: &[&str]) -> Result<(), String> {
    let words = |error: git::GitError| text::chain(&error);
    let git = git::discover(root).map_err(words)?.ok_or("this is no git repository")?;
    if git.root() != root.canonicalize().map_err(|e| e.to_string())? {
        return Err(format!("{} is not the top of its repository", root.display()));
    }
    git.commit_paths(paths, "chore: laps init").map(drop).map_err(words)
}

/// Adds the lines that are missing, behind what is there, and says which.
fn ignore(path: &Path) -> Result<Vec<&'static str>, Stop> {
    let old = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Stop::store(format!("cannot read {}: {error}", path.display()))),
    };
    let has =
        |line: &str| old.split(|byte| *byte == b'\n').any(|known| known.trim_ascii() == line.as_bytes());
    let missing: Vec<&str> = IGNORED.into_iter().filter(|line| !has(line)).collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    let end = if old.ends_with(b"\r\n") { "\r\n" } else { "\n" };
    let mut lines = String::new();
    if !old.is_empty() && !old.ends_with(b"\n") {
        lines += end;
    }
    missing.iter().for_each(|line| lines += &format!("{line}{end}"));
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(lines.as_bytes()));
    written.map_err(|error| Stop::store(format!("cannot add to {}: {error}", path.display())))?;
    Ok(missing)
}

/// `on` and `off`.
pub fn guide(desk: &Desk, on: bool) -> Result<(), Stop> {
    let event = if on { "on" } else { "off" };
    around(desk, Call::new(event, &[]), || {
        let mut changes = Vec::new();
        // Everything is read and judged before anything is written.
        for (index, name) in GUIDES.into_iter().enumerate() {
            let path = desk.folder.root().join(name);
            let old = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !(on && index == 0) => continue,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(Stop::store(format!("cannot read {}: {error}", path.display()))),
            };
            let new = if on { with_guide(&old) } else { without_guide(&old) };
            let new = new.map_err(|why| Stop::store(format!("{name}: {why}; nothing was changed")))?;
            if new != old {
                changes.push((path, new));
            }
        }
        for (path, text) in changes {
            let path = path.canonicalize().unwrap_or(path);
            files::replace(&path, text.as_bytes()).map_err(|error| Stop::store(text::chain(&error)))?;
        }
        let word = if on { "enabled" } else { "disabled" };
        let json = Node::object([("status", word.into())]);
        Ok(Said { text: format!("Laps instructions {word}\n"), json, output: String::new(), lap: None })
    })
}

/// The block's place in a text, or what is wrong with its marks.
fn block(text: &str) -> Result<Option<(usize, usize)>, &'static str> {
    let opened: usize = OPENERS.iter().map(|opener| text.matches(opener).count()).sum();
    let closed = text.matches(CLOSER).count();
    let start = OPENERS.iter().filter_map(|opener| text.find(opener)).min();
    match (opened, closed, start, text.find(CLOSER)) {
        (0, 0, ..) => Ok(None),
        (1, 1, Some(start), Some(end)) if start < end => Ok(Some((start, end + CLOSER.len()))),
        (_, 0, ..) => {
            Err("the block <laps-instructions> has no end; write </laps-instructions> where it ends")
        }
        (0, ..) => Err("there is a </laps-instructions> without its beginning; remove it"),
        _ => Err("there is more than one block <laps-instructions>; leave one"),
    }
}

fn with_guide(text: &str) -> Result<String, &'static str> {
    Ok(match block(text)? {
        Some((start, end)) => format!("{}{GUIDE}{}", &text[..start], &text[end..]),
        None if text.is_empty() => format!("{GUIDE}\n"),
        None if text.ends_with('\n') => format!("{text}\n{GUIDE}\n"),
        None => format!("{text}\n\n{GUIDE}\n"),
    })
}

fn without_guide(text: &str) -> Result<String, &'static str> {
    let Some((start, end)) = block(text)? else { return Ok(text.to_owned()) };
    let (before, after) = (text[..start].trim_end_matches('\n'), text[end..].trim_start_matches('\n'));
    Ok(match (before, after) {
        ("", after) => after.to_owned(),
        (before, after) => format!("{before}\n{after}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // 40-13.27
    #[test]
    fn a_block_is_put_in_once_and_taken_out_whole() {
        for text in ["", "# Mine\n", "# Mine", "a\n<laps-instructions>\nold\n</laps-instructions>\nb\n"] {
            let on = with_guide(text).unwrap();
            assert_eq!(with_guide(&on).unwrap(), on);
            let off = without_guide(&on).unwrap();
            assert!(!off.contains("laps"), "{off}");
            assert_eq!(without_guide(&off).unwrap(), off);
        }
        assert_eq!(without_guide(&with_guide("# Mine\n").unwrap()).unwrap(), "# Mine\n");
        assert_eq!(without_guide(&with_guide("").unwrap()).unwrap(), "");
    }

    // 40-13.27
    #[test]
    fn an_unbalanced_block_is_refused() {
        for text in [
            "<laps-instructions>\nthe rest of the file",
            "</laps-instructions>",
            "</laps-instructions><laps-instructions>",
            "<laps-instructions></laps-instructions><laps-instructions v=\"2\"></laps-instructions>",
        ] {
            assert!(with_guide(text).is_err() && without_guide(text).is_err(), "{text}");
        }
    }
}
