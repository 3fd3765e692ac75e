//! The commands of others before and after those of laps: `hooks.json`.

use std::process::{Command, Stdio};

use regex::{Captures, Regex};
use serde_json::Value;

use crate::files::Dir;
use crate::{Fail, error};

/// The variables of a hook.
pub type Vars = Vec<(String, String)>;

/// The variables that every command has.
pub fn of_arguments(command: &str, dir: &Dir, args: &[String]) -> Vars {
    let plain = Regex::new("^[A-Za-z0-9_./-]+$").unwrap();
    let quoted = |arg: &String| {
        if plain.is_match(arg) { arg.clone() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
    };
    let mut vars = vec![
        ("command".to_owned(), command.to_owned()),
        ("file".to_owned(), dir.path.join("laps.json").display().to_string()),
        ("args".to_owned(), args.iter().map(quoted).collect::<Vec<_>>().join(" ")),
    ];
    vars.extend((1..).zip(args).map(|(number, arg): (usize, _)| (number.to_string(), arg.clone())));
    vars
}

/// Runs the hooks of a stage, and says what they pass back.
pub fn run(dir: &Dir, when: &str, command: &str, vars: &Vars) -> Result<String, Fail> {
    let Ok(text) = std::fs::read_to_string(dir.path.join("hooks.json")) else { return Ok(String::new()) };
    let file: Value = match serde_json::from_str(&text) {
        Ok(file) => file,
        Err(why) => return error(2, format!("cannot read hooks.json: {why}")),
    };
    let variable = Regex::new(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))").unwrap();
    let mut said = String::new();
    for hook in file["hooks"].as_array().into_iter().flatten() {
        if hook["command"] != command || hook["when"] != when {
            continue;
        }
        let script = variable.replace_all(hook["run"].as_str().unwrap_or_default(), |found: &Captures| {
            let name = found.get(1).or(found.get(2)).unwrap().as_str();
            let value = vars.iter().find(|(known, _)| known == name);
            value.map_or(found[0].to_owned(), |(_, value)| value.clone())
        });
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script]).current_dir(&dir.root).stdin(Stdio::null()).stderr(Stdio::inherit());
        let title = hook["title"].as_str().unwrap_or_default();
        match shell.output() {
            Ok(output) if output.status.success() => {
                if hook["passback"] == true {
                    said += &String::from_utf8_lossy(&output.stdout);
                }
            }
            _ if when == "before" => return error(4, format!("hook {title} failed")),
            _ => {
                eprintln!("laps: hook {title} failed");
                break;
            }
        }
    }
    Ok(said)
}
