//! Where `import` reads its laps.

use super::grammar::{Format, Import};
use super::stop::Stop;
use super::{input, stop};
use crate::laps::{NewLap, import};

/// The laps of a file or of standard input.
pub fn read(wanted: &Import) -> Result<Vec<NewLap>, Stop> {
    let (text, name) = match wanted.from.as_str() {
        "-" => (input::stdin("import -")?, "standard input"),
        path => {
            let bytes = std::fs::read(path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Stop::not_found(format!("import: there is no file {path}")),
                _ => Stop::store(format!("import: cannot read {path}: {error}")),
            })?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Stop::usage(format!("import: {path} is not UTF-8 text")))?;
            (text, path)
        }
    };
    let found = match wanted.format.unwrap_or_else(|| of_name(name)) {
        Format::Md => import::markdown(&text),
        Format::Jsonl => import::json_lines(&text),
    };
    let found = found.map_err(|error| Stop::usage(format!("import: {name}: {error}")))?;
    for (number, lap) in (1..).zip(&found.laps) {
        input::check_title(&lap.title, &format!("import: {name}: item {number}: "))?;
    }
    if found.done > 0 {
        stop::note(&format!("import: {} checked items were left out", found.done));
    }
    Ok(found.laps)
}

fn of_name(name: &str) -> Format {
    match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("jsonl" | "ndjson" | "json") => Format::Jsonl,
        _ => Format::Md,
    }
}
