//! From what a user asks for (this key, these words) to edits of a file: the words become a value of
//! the key's shape, and a key that stands in the file under an old name or in another form is found.

use toml::{Table, Value as Toml};
use toml_edit::{Array, Value};

use super::edit::{Edit, dotted};
use super::schema::keys::{self, Found, KEYS, Key, Kind};

/// Why a key takes no value, or not this one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such key.
    #[error("unknown key {key}{hint}")]
    Unknown {
        /// As typed.
        key: String,
        /// `; did you mean …?`, or empty.
        hint: String,
    },
    /// The key is a table.
    #[error("{key} is a table; name a key in it, like {key}.{example}")]
    Table {
        /// As typed.
        key: String,
        /// A key in it.
        example: String,
    },
    /// The key does nothing, so a value would promise too much.
    #[error("{0} is of earlier versions and without effect; rally config unset {0} takes it out")]
    Inert(String),
    /// The value has the wrong shape.
    #[error("{key} must be {wanted}, found {found}")]
    Shape {
        /// As typed.
        key: String,
        /// What it must be.
        wanted: String,
        /// What was typed.
        found: String,
    },
}

/// The row of a key that can have a value.
///
/// # Errors
///
/// [`Refusal::Unknown`], [`Refusal::Table`] and [`Refusal::Inert`].
pub fn row(path: &[String]) -> Result<&'static Key, Refusal> {
    let key = dotted(path);
    match keys::find(path) {
        Found::Key(row) if row.kind == Kind::Anything => Err(Refusal::Inert(key)),
        Found::Key(row) => Ok(row),
        Found::Table => {
            let example = keys::names_in(path).first().map_or("NAME", |name| name).to_owned();
            Err(Refusal::Table { key, example })
        }
        Found::Unknown(hint) => Err(Refusal::Unknown { key, hint }),
    }
}

/// The value that `words` mean for a key. For a list, several words are its items, and one that
/// reads as a TOML list is that list. Ranges and names are checked with the whole file.
///
/// # Errors
///
/// See [`Refusal`].
pub fn value(path: &[String], words: &[String]) -> Result<Value, Refusal> {
    let row = row(path)?;
    let shape =
        |wanted: &str, found: String| Refusal::Shape { key: dotted(path), wanted: wanted.to_owned(), found };
    if row.kind == Kind::List {
        return Ok(Value::Array(list(words)));
    }
    let [word] = words else {
        let wanted = "one value; put quotes around one with blanks";
        return Err(shape(wanted, format!("{} values", words.len())));
    };
    let quoted = || format!("\"{}\"", word.escape_debug());
    match row.kind {
        Kind::Flag => match word.as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(shape("true or false", quoted())),
        },
        Kind::Number(..) => match word.parse::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(shape("a whole number", quoted())),
        },
        Kind::Fraction => match (word.parse::<i64>(), word.parse::<f64>()) {
            (Ok(number), _) => Ok(number.into()),
            (_, Ok(number)) if number.is_finite() => Ok(number.into()),
            _ => Err(shape("a number", quoted())),
        },
        Kind::OneOf(names) if !names.contains(&word.as_str()) && !word.is_empty() => {
            Err(shape(&names.join(", "), quoted()))
        }
        Kind::Text | Kind::Size(_) | Kind::OneOf(_) | Kind::List | Kind::Anything => Ok(word.as_str().into()),
    }
}

fn list(words: &[String]) -> Array {
    if let [word] = words
        && let Ok(Value::Array(items)) = word.parse::<Value>()
    {
        return items;
    }
    words.iter().map(String::as_str).collect()
}

/// The edits that set a key in a file with this text.
pub fn set(text: &str, path: &[String], value: Value) -> Vec<Edit> {
    let found = parse(text);
    let target = names(path).into_iter().find(|name| get(&found, name).is_some());
    let path = target.unwrap_or_else(|| super::inspect::canonical_name(path));
    if let [table, name, field @ ..] = path.as_slice()
        && table == "providers"
    {
        let whole = [table.clone(), name.clone()];
        let models = [table.clone(), name.clone(), "models".to_owned()];
        match (get(&found, &whole), field) {
            (Some(Toml::Array(_)), [field]) if field == "models" => {
                return vec![Edit::Set(whole.to_vec(), value)];
            }
            // The list stays where it is, with its comments, as the table's models.
            (Some(Toml::Array(_)), [_]) => {
                let to = vec![name.clone(), "models".to_owned()];
                return vec![Edit::Rename(whole.to_vec(), to), Edit::Set(path, value)];
            }
            (Some(Toml::Table(_)), []) => return vec![Edit::Set(models.to_vec(), value)],
            _ => {}
        }
    }
    vec![Edit::Set(path, value)]
}

/// The edits that take a key or a table out of a file with this text; none when it is not there.
/// A key goes under all its names, an old name alone.
pub fn unset(text: &str, path: &[String]) -> Vec<Edit> {
    let found = parse(text);
    let mut edits = Vec::new();
    for name in names(path) {
        if super::inspect::canonical_name(path) != path && name != path {
            continue;
        }
        if get(&found, &name).is_some() {
            // The key first: what is left of its table then is its header, and comments stay.
            edits.push(Edit::Unset(name.clone()));
            let table = alone(&found, &name);
            if table != name {
                edits.push(Edit::Unset(table));
            }
        }
    }
    if let [table, name, field] = path
        && (table.as_str(), field.as_str()) == ("providers", "models")
        && let whole = [table.clone(), name.clone()]
        && matches!(get(&found, &whole), Some(Toml::Array(_)))
    {
        edits.push(Edit::Unset(whole.to_vec()));
    }
    edits
}

/// An empty harness or provider is a mistake, so the last key takes its table with it.
fn alone(found: &Table, path: &[String]) -> Vec<String> {
    let mut path = path;
    while let [table, _, _, ..] = path
        && ["harness", "providers"].contains(&table.as_str())
        && let [above @ .., _] = path
        && matches!(get(found, above), Some(Toml::Table(keys)) if keys.len() == 1)
    {
        path = above;
    }
    path.to_vec()
}

/// The names of a key, the current one first.
fn names(path: &[String]) -> Vec<Vec<String>> {
    let current = super::inspect::canonical_name(path);
    let spelled = current.join(".");
    let old = KEYS.iter().filter(|row| row.current == Some(&spelled));
    let old: Vec<Vec<String>> = old.map(|row| row.path.split('.').map(str::to_owned).collect()).collect();
    [vec![current], old].concat()
}

/// Whether a file with this text has the key, under exactly this name.
pub fn stands(text: &str, path: &[String]) -> bool {
    get(&parse(text), path).is_some()
}

/// Names that differ from the last part of `path` by letter case only, as this text spells them.
pub fn other_spelling(text: &str, path: &[String]) -> Option<Vec<String>> {
    let found = parse(text);
    let mut table = &found;
    let mut spelled = Vec::new();
    for part in path {
        let (name, value) = table.get_key_value(part).or_else(|| {
            table.iter().find(|(name, _)| name.trim().to_lowercase() == part.trim().to_lowercase())
        })?;
        spelled.push(name.clone());
        match value {
            Toml::Table(inner) => table = inner,
            _ if spelled.len() == path.len() => {}
            _ => return None,
        }
    }
    (spelled != path).then_some(spelled)
}

/// A text that is no TOML has no keys; the edit itself says so.
fn parse(text: &str) -> Table {
    text.trim_start_matches('\u{feff}').parse().unwrap_or_default()
}

fn get<'a>(table: &'a Table, path: &[String]) -> Option<&'a Toml> {
    match path {
        [] => None,
        [last] => table.get(last),
        [first, rest @ ..] => get(table.get(first)?.as_table()?, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edit;

    fn path(key: &str) -> Vec<String> {
        edit::path(key).unwrap()
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn words_get_the_shape_of_the_key() {
        for (key, typed, wanted) in [
            ("defaults.mix", &["cc:2 cx"][..], "\"cc:2 cx\""),
            ("defaults.iterations", &["3"], "3"),
            ("reliability.require_changes", &["false"], "false"),
            ("routes.senior", &["cc:opus", "cx:2"], "[\"cc:opus\", \"cx:2\"]"),
            ("routes.senior", &["cc"], "[\"cc\"]"),
            ("routes.senior", &["[\"cc\", 'cx']"], "[\"cc\", \"cx\"]"),
            ("routes.senior", &["[]"], "[]"),
            ("routes.senior", &["['cc']", "x"], "[\"['cc']\", \"x\"]"),
            ("harness.a.tail_stream", &["stderr"], "\"stderr\""),
            ("harness.a.model_flag", &[""], "\"\""),
            ("harness.a.env.A", &["a\nb \"c\" \u{7f}"], r#""a\nb \"c\" \u007f""#),
            ("data_dir", &["true"], "\"true\""),
        ] {
            let value = value(&path(key), &words(typed)).unwrap();
            assert_eq!(edit::literal(&value), wanted, "{key}");
        }
    }

    #[test]
    fn what_the_schema_does_not_know_is_refused() {
        for (key, typed, wanted) in [
            (
                "reliability.retry_buget",
                &["3"][..],
                "unknown key reliability.retry_buget; did you mean retry_budget?",
            ),
            ("harness.work", &["x"], "harness.work is a table; name a key in it, like harness.work.base"),
            ("routes", &["x"], "routes is a table; name a key in it, like routes.NAME"),
            ("telemetry", &["x"], "telemetry is of earlier versions"),
            ("reliability.retry_budget", &["many"], "must be a whole number, found \"many\""),
            ("reliability.retry_budget", &["1", "2"], "must be one value; put quotes"),
            ("reliability.require_changes", &["yes"], "must be true or false, found \"yes\""),
            ("harness.a.tail_stream", &["both"], "must be stdout, stderr, combined, found \"both\""),
        ] {
            let error = value(&path(key), &words(typed)).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    fn after(text: &str, edits: &[Edit]) -> String {
        edit::edited(std::path::Path::new("x"), text, edits).unwrap()
    }

    #[test]
    fn a_key_is_found_under_its_old_name() {
        for (before, key, set_to, unset_to) in [
            ("claude_model = 'a' # c\n", "defaults.claude_model", "claude_model = \"b\" # c\n", ""),
            ("", "claude_model", "[defaults]\nclaude_model = \"b\"\n", ""),
            (
                "claude_model = 'a'\n[defaults]\nclaude_model = 'x'\n",
                "defaults.claude_model",
                "claude_model = 'a'\n[defaults]\nclaude_model = \"b\"\n",
                "[defaults]\n",
            ),
            (
                "claude_model = 'a'\n[defaults]\nclaude_model = 'x'\n",
                "claude_model",
                "claude_model = 'a'\n[defaults]\nclaude_model = \"b\"\n",
                "[defaults]\nclaude_model = 'x'\n",
            ),
            (
                "[fallback]\ninstructions_file = 'a'\n",
                "free_run.prompt_file",
                "[fallback]\ninstructions_file = \"b\"\n",
                "[fallback]\n",
            ),
        ] {
            assert_eq!(after(before, &set(before, &path(key), "b".into())), set_to, "{before:?} {key}");
            assert_eq!(after(before, &unset(before, &path(key))), unset_to, "{before:?} {key}");
        }
    }

    // D27; 10-P9 for edits in place: list form, table form, disabled and exclude survive
    #[test]
    fn a_provider_keeps_its_members_in_every_form() {
        let members = || Value::Array(list(&words(&["cc"])));
        for (before, key, value, wanted) in [
            (
                "[providers]\n# mine\ncodex = [ # both\n 'cx', # first\n] # end\nzen = ['op']\n",
                "providers.codex.disabled",
                Value::from(true),
                "[providers]\n# mine\ncodex.models = [ # both\n 'cx', # first\n] # end\ncodex.disabled = true\nzen = ['op']\n",
            ),
            (
                "providers.codex = ['cx']\n",
                "providers.codex.disabled",
                true.into(),
                "providers.codex.models = ['cx']\nproviders.codex.disabled = true\n",
            ),
            (
                "providers = { codex = ['cx'], zen = ['op'] }\n",
                "providers.codex.disabled",
                true.into(),
                "providers = { codex.models = ['cx'], zen = ['op'], codex.disabled = true }\n",
            ),
            (
                "[providers]\ncodex = ['cx']\n",
                "providers.codex.models",
                members(),
                "[providers]\ncodex = [\"cc\"]\n",
            ),
            (
                "[providers.codex]\nmodels = ['cx']\n",
                "providers.codex",
                members(),
                "[providers.codex]\nmodels = [\"cc\"]\n",
            ),
            ("", "providers.codex", members(), "[providers]\ncodex = [\"cc\"]\n"),
        ] {
            assert_eq!(after(before, &set(before, &path(key), value)), wanted, "{before:?} {key}");
        }
        let text = "[providers]\ncodex = ['cx']\n";
        assert_eq!(after(text, &unset(text, &path("providers.codex.models"))), "[providers]\n");
    }

    #[test]
    fn the_last_key_takes_its_harness_with_it() {
        let text = "[harness.a]\ncommand = ['x']\n[harness.b]\nbase = 'cc'\nargs = []\n";
        assert_eq!(
            after(text, &unset(text, &path("harness.a.command"))),
            "[harness.b]\nbase = 'cc'\nargs = []\n"
        );
        assert_eq!(
            after(text, &unset(text, &path("harness.b.args"))),
            "[harness.a]\ncommand = ['x']\n[harness.b]\nbase = 'cc'\n"
        );
        let text = "[harness.cc.models]\nopus = 'x'\n";
        assert_eq!(after(text, &unset(text, &path("harness.cc.models.opus"))), "");
        assert!(unset(text, &path("harness.cc.models.haiku")).is_empty());
        assert_eq!(
            other_spelling("[routes]\nSENIOR = []\n", &path("routes.senior")),
            Some(path("routes.SENIOR"))
        );
        assert_eq!(other_spelling("[routes]\nSENIOR = []\n", &path("routes.SENIOR")), None);
    }
}
