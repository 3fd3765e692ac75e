//! Takes the words of the command line apart: what stands before the name of the command, the name, what follows.

use super::grammar::NAMES;

/// A command line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// Global options in front of the name.
    pub before: Vec<String>,
    /// The first word that is no option.
    pub name: Option<String>,
    /// Everything behind it, as it was typed.
    pub after: Vec<String>,
}

/// Takes the words apart. Only `-f` and `-s` take a value in front of the name.
pub fn split(words: Vec<String>) -> Words {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match word.as_str() {
            "-f" | "--file" | "-s" | "--stint" => at += 2,
            "--" => break,
            word if word.starts_with('-') && word.len() > 1 => at += 1,
            _ => break,
        }
    }
    let at = at.min(words.len());
    let mut before = words;
    let mut rest = before.split_off(at).into_iter();
    Words { before, name: rest.next(), after: rest.collect() }
}

impl Words {
    /// Whether JSON was asked for. Of a name that is no command only what stands in front of it counts.
    pub fn json(&self) -> bool {
        let asked = |word: &String| {
            matches!(word.as_str(), "--json-output" | "--json-output=true")
                || (word == "--json" && self.name.as_deref() != Some("add"))
        };
        let own = || self.after.iter().take_while(|word| *word != "--").any(asked);
        self.before.iter().any(asked) || (self.name.as_deref().is_some_and(is_parsed) && own())
    }

    /// The words in the order in which they are parsed: options in front of the name count as if behind it.
    pub fn in_order(&self) -> impl Iterator<Item = &String> {
        self.name.iter().chain(&self.before).chain(&self.after)
    }
}

/// Whether this is a command whose options the grammar knows. Those of any other are its own.
pub fn is_parsed(name: &str) -> bool {
    name == "st" || (NAMES.contains(&name) && !matches!(name, "handoff" | "wrapup"))
}

/// The command that was probably meant.
pub fn suggestion(name: &str, declared: &[String]) -> Option<String> {
    let known = NAMES.iter().copied().chain(declared.iter().map(String::as_str));
    known
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|(distance, other)| *distance <= 2 && *distance < other.len())
        .min()
        .map(|(_, other)| other.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_name_is_the_first_word_that_is_no_option() {
        let table = [
            ("list --all", "", Some("list"), "--all"),
            ("-f auth list", "-f auth", Some("list"), ""),
            ("--file=auth --json-output get x", "--file=auth --json-output", Some("get"), "x"),
            ("-s auth -v", "-s auth -v", None, ""),
            ("wrapup --summary -v", "", Some("wrapup"), "--summary -v"),
            ("-f", "-f", None, ""),
            ("", "", None, ""),
        ];
        for (line, before, name, after) in table {
            let wanted = Words { before: words(before), name: name.map(str::to_owned), after: words(after) };
            assert_eq!(split(words(line)), wanted, "{line}");
        }
    }

    // 40-13.18
    #[test]
    fn options_behind_a_name_that_is_no_command_are_its_own() {
        let table = [
            ("list --json-output", true),
            ("list --json", true),
            ("--json-output list", true),
            ("--json-output wrapup --summary x", true),
            ("wrapup --json-output", false),
            ("handoff --json", false),
            ("add tail --json {}", false),
            ("add tail --json-output=true", true),
            ("list --json-output=false", false),
            ("edit x -- --json", false),
        ];
        for (line, json) in table {
            assert_eq!(split(words(line)).json(), json, "{line}");
        }
    }

    // 40-13.19
    #[test]
    fn a_slip_finds_its_name() {
        let declared = ["deploy".to_owned()];
        let table = [
            ("clam", Some("claim")),
            ("lsit", Some("list")),
            ("deplo", Some("deploy")),
            ("wrapip", Some("wrapup")),
            ("transmogrify", None),
        ];
        for (typed, meant) in table {
            assert_eq!(suggestion(typed, &declared).as_deref(), meant, "{typed}");
        }
    }
}
