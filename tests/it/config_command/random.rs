//! Random edits of random files: what is not meant stays.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use rally::config::{change, edit};

/// A file in pieces: those without a header come first.
#[derive(Debug, Clone)]
struct Pieces {
    head: Vec<&'static str>,
    tables: Vec<&'static str>,
    dos: bool,
    mark: bool,
    open_end: bool,
    blank: bool,
}

/// The same tables in every form that TOML has for them; of each group at most one is in a file.
const RELIABILITY: &[&str] = &[
    "",
    "[reliability] # r\nretry_budget = 3 # three\n# kept\nmax_failed_runs = 9\n# trailing\n",
    "reliability.retry_budget = 3 # three\n# between\nreliability.max_failed_runs = 9\n",
    "reliability = { retry_budget = 3, stall_threshold_secs = 60 } # inline\n",
    "reliability = {\n  retry_budget = 3, # three, or so\n  # own line\n  max_failed_runs = 9,\n}\n",
];
const ROUTES: &[&str] = &[
    "",
    "[routes]\n# about\nSENIOR = ['cc:opus', \"c,x\"] # big\n'my role' = [\n  'cx', # first\n  'op:z',\n]\n",
    "routes.SENIOR = ['cc'] # dotted\n",
    "routes = { SENIOR = ['a # no comment', 'b}'], default = [] }\n",
];
const HARNESS: &[&str] = &[
    "",
    "[harness.mine]\ncommand = [\"x\"]\n\n# names\n[harness.mine.models]\na = 'b' # c\n",
    "[harness.mine.models]\na = 'b'\n[harness.mine]\ncommand = ['''x''']\n",
    "[harness]\nmine.command = ['x']\nmine.models.a = \"\"\"b\n# no comment\n\"\"\"\n",
    "[harness]\nmine = { command = ['x'], models = { a = 'b' }, env.A = '1', env.B = '2' }\n",
    "harness = { mine = { command = ['x'], models.a = 'b' } }\n",
    "[harness.mine]\ncommand = ['x']\nmodels.a = 'b'\n# commented = 1\n\n[harness.other]\nbase = 'cc'\n",
];
const PROVIDERS: &[&str] = &[
    "",
    "[providers]\n# mine\ncodex = ['cx', 'op:*'] # both\nzen = ['op']\n",
    "[providers.codex]\nmodels = ['cx']\nexclude = ['cx:a']\n",
    "providers = { codex = ['cx'] }\n",
    "providers.codex = ['cx'] # c\n",
];
const ROOT: &[&str] = &[
    "",
    "# head\n\n",
    "data_dir = '''x''' # where\n",
    "# old\nclaude_model = 'm'\n",
    "schema_version = 2\n",
];
const OTHER: &[&str] = &[
    "",
    "[zzz.\"odd # name\"]\nx = { y = [1, { z = 2 }] }\n",
    "[[list]]\na = 1\n[[list]]\na = 2\n",
    "[defaults]\nclaude_model = 'n'\n",
];

fn pieces() -> impl Strategy<Value = Pieces> {
    let choice = (
        select(ROOT),
        select(RELIABILITY),
        select(ROUTES),
        select(HARNESS),
        select(PROVIDERS),
        select(OTHER),
    );
    (choice, any::<[bool; 4]>(), any::<u64>()).prop_map(
        |((a, b, c, d, e, f), [dos, mark, open_end, blank], order)| {
            let (mut tables, head): (Vec<&str>, Vec<&str>) =
                [b, c, d, e, f].into_iter().partition(|text| text.starts_with('['));
            if !tables.is_empty() {
                let turn = usize::try_from(order % 5).unwrap() % tables.len();
                tables.rotate_left(turn);
            }
            Pieces { head: [vec![a], head].concat(), tables, dos, mark, open_end, blank }
        },
    )
}

impl Pieces {
    fn text(&self) -> String {
        let gap = if self.blank { "\n" } else { "" };
        let mut text = self.head.concat();
        for table in &self.tables {
            text += gap;
            text += table;
        }
        if self.open_end {
            text = text.trim_end_matches('\n').to_owned();
        }
        if self.dos {
            text = text.replace('\n', "\r\n");
        }
        if self.mark { format!("\u{feff}{text}") } else { text }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Set(&'static str, Vec<&'static str>),
    Unset(&'static str),
}

const SETS: &[(&str, &[&str])] = &[
    ("defaults.mix", &["cc:2 cx"]),
    ("defaults.claude_model", &["opus"]),
    ("claude_model", &["haiku"]),
    ("data_dir", &["~/x # y"]),
    ("schema_version", &["2"]),
    ("reliability.retry_budget", &["7"]),
    ("reliability.freeze_threshold_secs", &["70"]),
    ("reliability.require_changes", &["false"]),
    ("routes.SENIOR", &["cc", "cx:2"]),
    ("routes.\"my role\"", &["[]"]),
    ("routes.new", &["op"]),
    ("harness.mine.command", &["a \"b\"", "c"]),
    ("harness.mine.models.a", &["z"]),
    ("harness.mine.models.z", &["z"]),
    ("harness.mine.env.A", &["z\ny"]),
    ("harness.work.base", &["cc"]),
    ("harness.work.env.HOME", &["~/w"]),
    ("providers.codex", &["cc"]),
    ("providers.codex.models", &["cc", "op"]),
    ("providers.codex.disabled", &["true"]),
    ("providers.codex.exclude", &["a"]),
];

const UNSETS: &[&str] = &[
    "routes",
    "harness",
    "harness.mine",
    "harness.mine.models",
    "harness.mine.env",
    "harness.work",
    "providers",
    "reliability",
    "zzz",
    "list",
    "nothing.at.all",
    "reliability.stall_threshold_secs",
    "reliability.max_failed_runs",
    "routes.default",
];

fn step() -> impl Strategy<Value = Step> {
    let set = select(SETS).prop_map(|(key, values)| Step::Set(key, values.to_vec()));
    let unset = select(UNSETS).prop_map(Step::Unset);
    let again = select(SETS).prop_map(|(key, _)| Step::Unset(key));
    prop_oneof![3 => set, 1 => unset, 2 => again]
}

/// Every value by its path, with a provider's list as what it means.
fn values(text: &str) -> BTreeMap<Vec<String>, String> {
    fn walk(table: &toml::Table, path: &mut Vec<String>, found: &mut BTreeMap<Vec<String>, String>) {
        for (key, value) in table {
            path.push(key.clone());
            match value {
                toml::Value::Table(inner) => walk(inner, path, found),
                value => {
                    let mut path = path.clone();
                    if path.len() == 2 && path[0] == "providers" {
                        path.push("models".to_owned());
                    }
                    found.insert(path, format!("{value:?}"));
                }
            }
            path.pop();
        }
    }
    let mut found = BTreeMap::new();
    walk(&text.trim_start_matches('\u{feff}').parse().unwrap(), &mut Vec::new(), &mut found);
    found
}

/// Lines that are comments, by what TOML says, not by how they begin.
fn comments(text: &str) -> Vec<&str> {
    let known =
        ["head", "kept", "trailing", "between", "own line", "about", "names", "mine", "old", "commented"];
    text.lines()
        .filter(|line| known.iter().any(|word| line.trim().starts_with(&format!("# {word}"))))
        .collect()
}

/// The comments that are not between the header and the last key of a table that `after` does not have.
fn outside<'a>(before: &'a str, after: &str) -> Vec<&'a str> {
    let lines: Vec<&str> = before.lines().collect();
    let is_header = |line: &str| line.starts_with('[');
    let is_key = |line: &str| !line.trim().is_empty() && !line.starts_with('#') && !is_header(line);
    let mut kept = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let length = 1 + lines[at + 1..].iter().take_while(|line| !is_header(line)).count();
        let section = &lines[at..at + length];
        let keys = section.iter().rposition(|line| is_key(line)).map_or(1, |last| last + 1);
        let gone = is_header(section[0]) && !after.lines().any(|line| line == section[0]);
        kept.extend(&section[if gone { keys } else { 0 }..]);
        at += length;
    }
    let whole = !after.contains("reliability");
    let comments = |line: &&&str| comments(line).len() == 1 && !(whole && line.contains("own line"));
    kept.iter().filter(comments).copied().collect()
}

/// The names that an edit of `key` may touch.
fn meant(key: &[String], path: &[String], before: &BTreeMap<Vec<String>, String>) -> bool {
    let names: [(&str, &str); 2] = [
        ("defaults.claude_model", "claude_model"),
        ("reliability.freeze_threshold_secs", "reliability.stall_threshold_secs"),
    ];
    let same =
        |a: &str, b: &str| names.iter().any(|(new, old)| (a, b) == (*new, *old) || (a, b) == (*old, *new));
    // Nothing but this key was in the table, which goes with it.
    let table = &key[..key.len().min(2)];
    let alone = before.keys().filter(|other| other.starts_with(table)).count() <= 1;
    path.starts_with(key) || same(&key.join("."), &path.join(".")) || (alone && path.starts_with(table))
}

fn is_subsequence<'a>(short: impl IntoIterator<Item = &'a str>, long: &str) -> bool {
    let mut lines = long.lines();
    short.into_iter().all(|wanted| lines.any(|line| line == wanted))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_meant_stays(pieces in pieces(), steps in proptest::collection::vec(step(), 1..6)) {
        let mut text = pieces.text();
        // Both may have begun with the same table.
        prop_assume!(text.trim_start_matches('\u{feff}').parse::<toml::Table>().is_ok());
        for step in steps {
            let before = text.clone();
            let old = values(&before);
            let (Step::Set(key, _) | Step::Unset(key)) = &step;
            let path = edit::path(key).unwrap();
            let edits = match &step {
                Step::Set(_, words) => {
                    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                    change::set(&before, &path, change::value(&path, &words).unwrap())
                }
                Step::Unset(_) => change::unset(&before, &path),
            };
            text = match edit::edited(Path::new("f"), &before, &edits) {
                Ok(text) => text,
                Err(error) => return Err(TestCaseError::fail(format!("{step:?}: {error}\n{before}"))),
            };
            let told = format!("{step:?}\n--- before\n{before}\n--- after\n{text}");
            let new = values(&text);
            // The other keys keep their values, and none comes from nowhere.
            for (other, value) in &old {
                if !meant(&path, other, &old) {
                    prop_assert_eq!(new.get(other), Some(value), "{:?} {}", other, told);
                }
            }
            for other in new.keys() {
                let whole = path.len() == 2 && path[0] == "providers" && other.starts_with(&path);
                prop_assert!(old.contains_key(other) || meant(&path, other, &old) || whole, "{other:?} {told}");
            }
            let mark_less = |text: &str| text.trim_start_matches('\u{feff}').to_owned();
            let (before, after) = (mark_less(&before), mark_less(&text));
            match &step {
                Step::Set(..) => {
                    // At most one line is another one; comments of their own lines are all there.
                    prop_assert!(is_subsequence(comments(&before), &after), "{told}");
                    prop_assert!(is_another(&before, &after), "{told}");
                }
                Step::Unset(_) => {
                    prop_assert!(!change::stands(&text, &path), "{told}");
                    // Nothing is new but the line of an inline table that lost a key, and no comment is lost
                    // but in a table that went.
                    let lines: Vec<&str> = before.lines().collect();
                    let others = after.lines().filter(|line| !lines.contains(line)).count();
                    prop_assert!(others <= 1, "{told}");
                    prop_assert!(is_subsequence(outside(&before, &after), &after), "{told}");
                }
            }
            // Line ends and the mark stay.
            prop_assert_eq!(text.starts_with('\u{feff}'), pieces.mark, "{}", told);
            if pieces.dos && before.contains("\r\n") && !before.replace("\r\n", "").contains('\n') {
                prop_assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{}", told);
            }
        }
    }
}

/// Whether the lines of `before` are in `after`, in order, but for those of one value.
fn is_another(before: &str, after: &str) -> bool {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    // The longest value of the files above has four lines, and a provider gets its key as well.
    old.len() - head - tail <= 5
}
