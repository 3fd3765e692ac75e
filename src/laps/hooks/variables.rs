//! What a hook is told: variables in its text, put in before the shell sees it, and the same in its environment,
//! where no character means anything to the shell.

/// What a command has for its hooks. `None` is no variable: it is left to the shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vars {
    /// The lap.
    pub id: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The role that is to do it.
    pub assignee: Option<String>,
    /// Absolute path of the queue file.
    pub file: String,
    /// `root`, or the stint.
    pub scope: String,
    /// Of the command; empty before it.
    pub exit_code: String,
    /// What the command printed, or the ids it is about; empty before it.
    pub output: String,
    /// Positional arguments.
    pub args: Vec<String>,
}

impl Vars {
    /// All with a value: name and text.
    fn named<'a>(&'a self, command: &'a str) -> impl Iterator<Item = (&'static str, &'a str)> {
        let lap = [
            ("id", &self.id),
            ("title", &self.title),
            ("description", &self.description),
            ("assignee", &self.assignee),
        ];
        let always = [
            ("command", command),
            ("file", &self.file),
            ("scope", &self.scope),
            ("exit_code", &self.exit_code),
            ("output", &self.output),
        ];
        lap.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).chain(always)
    }

    /// For the environment: `LAPS_ID`, `LAPS_TITLE`, ...
    pub(super) fn environment(&self, command: &str) -> Vec<(String, String)> {
        let name = |name: &str| format!("LAPS_{}", name.to_uppercase());
        self.named(command).map(|(key, value)| (name(key), value.replace('\0', ""))).collect()
    }

    /// The text of a hook with its variables put in.
    pub(super) fn fill(&self, command: &str, run: &str) -> String {
        let mut filled = String::new();
        let mut rest = run;
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            let from = &rest[at + 1..];
            let braced = from.starts_with('{');
            let inner = if braced { &from[1..] } else { from };
            let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
            let closed = !braced || inner[end..].starts_with('}');
            match self.value(command, &inner[..end]).filter(|_| closed) {
                Some(value) => {
                    filled.push_str(&value);
                    rest = &inner[end + usize::from(braced)..];
                }
                None => {
                    filled.push('$');
                    rest = from;
                }
            }
        }
        filled + rest
    }

    fn value(&self, command: &str, name: &str) -> Option<String> {
        if name == "args" {
            return Some(self.args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "));
        }
        if let Ok(n @ 1..) = name.parse::<usize>() {
            return self.args.get(n - 1).cloned();
        }
        self.named(command).find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    /// The first variable of this text whose value the shell would take for more than text.
    pub(super) fn risk(&self, command: &str, run: &str) -> Option<&'static str> {
        let texts = ["title", "description", "assignee"];
        let named = self.named(command).filter(|(name, _)| texts.contains(name));
        let mut risky =
            named.filter(|(_, value)| value.contains(['`', '$', '"', '\'', '\\', ';', '&', '|', '<', '>']));
        risky.find_map(|(name, _)| {
            let probe = Vars { title: None, description: None, assignee: None, ..self.clone() };
            let used = probe.with(name).fill(command, run) != probe.fill(command, run);
            used.then_some(name)
        })
    }

    fn with(&self, name: &str) -> Vars {
        let mut vars = self.clone();
        match name {
            "title" => vars.title = Some("\u{1}".to_owned()),
            "description" => vars.description = Some("\u{1}".to_owned()),
            _ => vars.assignee = Some("\u{1}".to_owned()),
        }
        vars
    }
}

/// As one word for the shell.
fn quoted(arg: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    match !arg.is_empty() && arg.chars().all(is_plain) {
        true => arg.to_owned(),
        false => format!("'{}'", arg.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_others_left_to_the_shell() {
        let vars = Vars {
            id: Some("a-1".into()),
            title: Some("it's".into()),
            args: vec!["--summary".into(), "a 'b' $(x) *".into(), String::new()],
            ..Vars::default()
        };
        for (run, wanted) in [
            ("x \"$id\"", "x \"a-1\""),
            ("${id}b $idb $id-", "a-1b $idb a-1-"),
            ("$args", "--summary 'a '\\''b'\\'' $(x) *' ''"),
            ("$1 $4 $0", "--summary $4 $0"),
            ("$description $HOME $$ $", "$description $HOME $$ $"),
            ("${id", "${id"),
            ("$command[$exit_code]", "done[]"),
        ] {
            assert_eq!(vars.fill("done", run), wanted, "{run}");
        }
        let env = vars.environment("done");
        assert!(env.contains(&("LAPS_TITLE".into(), "it's".into())), "{env:?}");
        assert_eq!(vars.risk("done", "echo $title"), Some("title"));
        assert_eq!(vars.risk("done", "echo $id"), None);
    }
}
