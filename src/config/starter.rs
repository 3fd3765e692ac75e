//! What role set-up puts into a configuration that does not say otherwise: a model for every built-in
//! harness and a route for every role.

use toml_edit::{Array, DocumentMut, TableLike, Value};

use super::builtin::BUILTINS;
use super::edit::Edit;

/// Models by harness.
const MODELS: [(&str, &str); 5] = [
    ("opencode", "opencode-go/kimi-k2.6"),
    ("claude", "claude-opus-4-7"),
    ("codex", "gpt-5.5"),
    ("gemini", "gemini-3.1-pro-preview"),
    ("antigravity", "Gemini 3.5 Flash (High)"),
];

/// Routes, each with one entry.
const ROUTES: [(&str, &str); 6] = [
    ("default", "opencode"),
    ("junior", "opencode"),
    ("senior", "claude"),
    ("ui", "ag"),
    ("verify", "codex"),
    ("recovery", "claude"),
];

/// The keys that a file lacks, as edits of it. What the file has in any
/// spelling stays: an empty model counts as none, names of routes are compared as rally compares them.
pub fn missing(document: &DocumentMut) -> Vec<Edit> {
    let set = |table: &str, key: &str, value: Value| Edit::Set(vec![table.to_owned(), key.to_owned()], value);
    let mut edits = Vec::new();
    for (harness, model) in MODELS {
        let Some(builtin) = BUILTINS.iter().find(|builtin| builtin.name == harness) else { continue };
        let key = builtin.model_key;
        // At the top level is the old place, which still counts.
        let kept = |table: &dyn TableLike| table.get(key).is_some_and(|item| item.as_str() != Some(""));
        let in_defaults = document.get("defaults").and_then(|item| item.as_table_like()).is_some_and(kept);
        if !in_defaults && !kept(document.as_table()) {
            edits.push(set("defaults", key, model.into()));
        }
    }
    let there = Routes::of(document);
    for (role, entry) in ROUTES {
        if there.has_room_for(role, entry) {
            edits.push(set("routes", role, Value::Array(Array::from_iter([entry]))));
        }
    }
    edits
}

/// Routes of a file, in the form in which they are compared.
struct Routes {
    names: Vec<String>,
    /// What the entries begin with.
    heads: Vec<String>,
}

impl Routes {
    fn of(document: &DocumentMut) -> Routes {
        let mut routes = Routes { names: Vec::new(), heads: Vec::new() };
        let Some(table) = document.get("routes").and_then(|item| item.as_table_like()) else { return routes };
        for (name, item) in table.iter() {
            routes.names.push(name.trim().to_lowercase());
            let entries = item.as_array().into_iter().flatten().filter_map(Value::as_str);
            routes.heads.extend(entries.map(head));
        }
        routes
    }

    /// A route cannot be an entry of another, so a harness that is called like a role keeps that role's
    /// route out, and a route that is called like a harness those that would use it.
    fn has_room_for(&self, role: &str, entry: &str) -> bool {
        let names = |name: &str| self.names.iter().any(|other| other == name);
        !names(role) && !names(&head(entry)) && !self.heads.iter().any(|head| head == role)
    }
}

fn head(entry: &str) -> String {
    entry.split(':').next().unwrap_or_default().trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// The changes as `key = value`.
    fn changes(text: &str) -> Vec<String> {
        let document: DocumentMut = text.parse().unwrap();
        let shown = |edit| match edit {
            Edit::Set(path, value) => format!("{} = {value}", path.join(".")),
            other => panic!("{other:?}"),
        };
        missing(&document).into_iter().map(shown).collect()
    }

    // 10-I4, 10-I5: the defaults; gemini's is added although later versions of the defaults lost it
    #[test]
    fn an_empty_file_lacks_everything() {
        let wanted = [
            "defaults.opencode_model = \"opencode-go/kimi-k2.6\"",
            "defaults.claude_model = \"claude-opus-4-7\"",
            "defaults.codex_model = \"gpt-5.5\"",
            "defaults.gemini_model = \"gemini-3.1-pro-preview\"",
            "defaults.antigravity_model = \"Gemini 3.5 Flash (High)\"",
            "routes.default = [\"opencode\"]",
            "routes.junior = [\"opencode\"]",
            "routes.senior = [\"claude\"]",
            "routes.ui = [\"ag\"]",
            "routes.verify = [\"codex\"]",
            "routes.recovery = [\"claude\"]",
        ];
        assert_eq!(changes(""), wanted);
        assert_eq!(changes("[defaults]\nclaude_model = \"\"\n[routes]\n"), wanted);
    }

    // 10-I6, D55
    #[test]
    fn what_is_there_stays() {
        for (text, keys) in [
            ("[defaults]\nclaude_model = \"mine\"", &["defaults.claude_model"][..]),
            ("defaults = { claude_model = \"mine\" }", &["defaults.claude_model"]),
            ("defaults.claude_model = \"mine\"", &["defaults.claude_model"]),
            ("claude_model = \"mine\"", &["defaults.claude_model"]),
            // Not ours to judge.
            ("[defaults]\nclaude_model = 3", &["defaults.claude_model"]),
            ("[routes]\nSENIOR = [\"cx\"]", &["routes.senior"]),
            ("[routes]\n' Ui ' = []", &["routes.ui"]),
            ("[routes]\nsenior = 1", &["routes.senior"]),
            ("routes = { verify = [\"cc\"] }", &["routes.verify"]),
            ("[routes]\nlead = [\"cc\"]", &[]),
            // Otherwise the file would be refused from then on: routes do not nest.
            ("[routes]\nlead = [\"UI:fast\", \"cc\"]", &["routes.ui"]),
            ("[routes]\nclaude = [\"cc\"]", &["routes.senior", "routes.recovery"]),
        ] {
            let mut wanted = changes("");
            wanted.retain(|change| !keys.iter().any(|key| change.starts_with(&format!("{key} ="))));
            assert_eq!(changes(text), wanted, "{text}");
        }
    }
}
