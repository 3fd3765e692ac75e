//! Answers to edits: whole conversations over files in memory.

use std::path::Path;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::check::{Note, Weight};
use super::content::Content;
use super::field::Change;
use super::layout::{Form, Topic};
use super::session::{self, End, Session, summary};
use crate::config::edit::Draft;
use crate::terminal::prompt::LineReader;
use crate::terminal::style::Palette;

/// Answers that go through all pages and their two yes/no questions without a change.
const PAGES: usize = 6;

/// What came of a conversation.
struct Told {
    end: End,
    /// The file, if it were saved.
    text: String,
    /// The questions.
    shown: String,
    summary: Vec<String>,
    edits: Vec<Change>,
}

/// The answers, line by line, to the questions about a file with this text.
fn told(text: &str, answers: &[&str]) -> Told {
    told_with(text, answers, &|_| Vec::new())
}

fn told_with(text: &str, answers: &[&str], check: &dyn Fn(&str) -> Vec<Note>) -> Told {
    let draft = Draft::of(Path::new("/the/config.toml"), text.to_owned()).unwrap();
    let input: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
    let mut shown = Vec::new();
    let mut session = Session {
        draft: &draft,
        about: "About.",
        form: Form::load(&draft),
        lines: LineReader::new(input.as_bytes()),
        output: &mut shown,
        palette: Palette { colour: false },
        check,
    };
    let end = session.run().unwrap();
    let form = session.form;
    Told {
        end,
        text: session::text(&draft, &form).unwrap(),
        shown: String::from_utf8(shown).unwrap(),
        summary: form.edits().iter().map(summary).collect(),
        edits: form.edits(),
    }
}

/// What the file is after these answers on one page (from 0), all others skipped.
fn page(text: &str, index: usize, answers: &[&str]) -> Told {
    let mut all = vec![">"; index];
    all.extend(answers);
    all.resize(all.len() + PAGES - index, ">");
    all.extend(["save"]);
    told(text, &all)
}

const FULL: &str = "\u{feff}# mine\r\nschema_version = 2 # yes\r\ndata_dir = '~/data'\r\nrun_hooks_on_autocommit = true\r\n\
    unknown = 1\r\n\r\n[defaults]\r\nmix = 'cc cx' # both\r\niterations = 7\r\nclaude_model = \"opus\"\r\ncodex_model = ''\r\n\r\n\
    [laps]\r\ninstructions_file = 'a.md'\r\n[free_run]\r\nprompt_file = 'b.md'\r\n\r\n[routes]\r\n\
    VERIFY = [\r\n  'cc', # first\r\n  'agy:Gemini 3.5 Flash:2',\r\n]\r\ndefault = ['cc']\r\nzeta = ['op']\r\nAlpha = ['cx']\r\n\r\n\
    [reliability]\r\nstall_threshold_secs = 600\r\nretry_budget = 3\r\nliveness_probe = false\r\nrun_timeout_secs = 600\r\n\
    try_timeout_secs = 500\r\nhandoff_timeout_secs = 120\r\nretry_patience_secs = 60\r\n\r\n\
    [harness.mycode]\r\ncommand = ['mycode', 'run', \"it's $PROMPT\"]\r\nmodel_flag = ''\r\noutput_strategy = ''\r\n\
    output_lines = 9\r\ntail_stream = 'stderr'\r\n[harness.mycode.models]\r\nfast = 'm/1'\r\n[harness.cc.models]\r\nopus = 'claude-opus-4-7'\r\n\r\n\
    [reasoning]\r\nVERIFY = 'high'\r\n[providers]\r\nzen = ['op']\r\n[telemetry]\r\nenabled = false\r\n";

/// Tables of all other kinds.
const INLINE: &str = "routes = { default = ['cc'], ui = ['ge'] } # r\nreliability.retry_budget = 3\nreliability.try_timeout_secs = 4\n\
    [defaults]\n[harness]\nmycode = { command = ['m'], models = { fast = 'x' } } # h\n";

// 10-M9: pre-filled; fixed order of roles; six fields of reliability.
#[test]
fn every_question_shows_what_is_there() {
    let told = told(FULL, &[""; 60]);
    assert_eq!(told.end, End::Unchanged);
    let asked: Vec<&str> =
        told.shown.split('\n').flat_map(|line| line.split(": ")).filter(|part| part.ends_with(']')).collect();
    let asked: Vec<&str> = asked.into_iter().map(str::trim).collect();
    assert_eq!(
        asked,
        [
            "mix [cc cx]",
            "iterations [7]",
            "antigravity_model [not set; default the CLI's own]",
            "claude_model [opus]",
            "codex_model [empty]",
            "gemini_model [not set; default the CLI's own]",
            "opencode_model [not set; default the CLI's own]",
            "data_dir [~/data]",
            "laps.instructions_file [a.md]",
            "free_run.prompt_file [b.md]",
            "run_hooks_on_autocommit [yes]",
            "default [cc]",
            "junior [not set]",
            "senior [not set]",
            "ui [not set]",
            "VERIFY [cc, \"agy:Gemini 3.5 Flash:2\"]",
            "recovery [not set]",
            "Alpha [cx]",
            "zeta [op]",
            "Add another role? [y/N]",
            "stall_threshold_secs [600]",
            "retry_budget [3]",
            "liveness_probe [no]",
            "run_timeout_secs [600]",
            "try_timeout_secs [500]",
            "handoff_timeout_secs [120]",
            "Edit harnesses? [y/N]",
        ]
    );
    assert!(told.shown.contains("mycode: mycode run 'it'\\''s $PROMPT' (models: fast)\n"), "{}", told.shown);
    assert!(told.shown.contains("  cc: claude (models: opus)\n"), "{}", told.shown);
}

// 10-M9, 10-3.7, D20: a round trip without answers, and one that repeats what is there, keep every byte.
#[test]
fn an_unchanged_round_trip_keeps_every_byte() {
    let told = told(FULL, &[""; 60]);
    assert_eq!(told.text, FULL);
    assert!(told.summary.is_empty());

    let same = ["cc cx", "7", "", "opus", "\"\"", "", "", "~/data", "a.md", "b.md", "y"];
    let roles = ["cc", "-", "-", "", "cc,'agy:Gemini 3.5 Flash:2'", "", "cx", "op", "n"];
    let rest = ["600", "3", "no", "600", "500", "120", "y", "mycode", "mycode run \"it's $PROMPT\"", "\"\""];
    let last = ["", "9", "STDERR", "fast", "m/1", "", "cc", "opus", "", "", "", ""];
    let answers: Vec<&str> = [&same[..], &roles, &rest, &last].concat();
    let told = self::told(FULL, &answers);
    assert_eq!((told.end, told.text.as_str()), (End::Unchanged, FULL), "{}\n{:?}", told.shown, told.summary);
}

// 10-M9, D20: edits are saved where the keys are; comments, unknown keys and other tables stay.
#[test]
fn edits_change_their_lines_only() {
    let told = page(FULL, 4, &["900", "", "yes", "5000", "600", "999"]);
    assert_eq!(told.end, End::Save);
    let expected = FULL
        .replace("stall_threshold_secs = 600", "stall_threshold_secs = 900")
        .replace("liveness_probe = false", "liveness_probe = true")
        .replace("run_timeout_secs = 600", "run_timeout_secs = 5000")
        .replace("\ntry_timeout_secs = 500", "\ntry_timeout_secs = 600")
        .replace("handoff_timeout_secs = 120", "handoff_timeout_secs = 999");
    assert_eq!(told.text, expected);
    assert!(told.summary.contains(&"reliability.handoff_timeout_secs: 120 -> 999".to_owned()));
}

// 10-M9: an empty answer keeps the number; what is no number is asked again with the reason.
#[test]
fn a_cleared_number_keeps_what_was_loaded() {
    let told = page(FULL, 4, &["", "many", "-1", "99999999999", ""]);
    assert_eq!((told.end, told.text.as_str()), (End::Unchanged, FULL));
    for reason in ["must be a number", "must be at least 0", "must be at most 4294967295"] {
        assert!(told.shown.contains(&format!("  {reason}\n")), "{}", told.shown);
    }
    assert_eq!(told.shown.matches("retry_budget [3]: ").count(), 4);
    // - says on purpose what an empty line must not say by accident.
    assert_eq!(page("[reliability]\nretry_budget = 3\n", 4, &["", "-"]).text, "[reliability]\n");
}

// 10-3.2: both spellings of the freeze threshold.
#[test]
fn the_spelling_of_the_freeze_threshold_stays() {
    for (before, after) in [
        ("", "schema_version = 2\n\n[reliability]\nfreeze_threshold_secs = 5\n"),
        ("[reliability]\nretry_budget = 1\n", "[reliability]\nretry_budget = 1\nfreeze_threshold_secs = 5\n"),
        ("[reliability]\nstall_threshold_secs = 9\n", "[reliability]\nstall_threshold_secs = 5\n"),
        ("[reliability]\nfreeze_threshold_secs = 9\n", "[reliability]\nfreeze_threshold_secs = 5\n"),
        (
            "[reliability]\nfreeze_threshold_secs = 9\nstall_threshold_secs = 8\n",
            "[reliability]\nfreeze_threshold_secs = 5\n",
        ),
    ] {
        assert_eq!(page(before, 4, &["5"]).text, after, "{before:?}");
    }
}

// 10-3.7: models are written under [defaults] only; older places are read, and make way.
#[test]
fn older_spellings_make_way() {
    let before = "claude_model = 'old' # o\n[defaults]\nclaude_model = ''\n";
    assert!(page(before, 1, &["", ""]).shown.contains("claude_model [old]: "));
    assert_eq!(page(before, 1, &["", "old"]).text, before);
    assert_eq!(page(before, 1, &["", "new"]).text, "[defaults]\nclaude_model = \"new\"\n");
    assert_eq!(page(before, 1, &["", "-"]).text, "[defaults]\n");
    let before = "[fallback]\ninstructions_file = 'p.md'\n";
    assert!(page(before, 2, &["", ""]).shown.contains("free_run.prompt_file [p.md]: "));
    let told = page(before, 2, &["", "", "q.md"]);
    assert_eq!(told.text, "[fallback]\n\n[free_run]\nprompt_file = \"q.md\"\n");
    assert_eq!(
        told.summary,
        ["fallback.instructions_file: \"p.md\" -> removed", "free_run.prompt_file: not set -> \"q.md\""]
    );
}

// 10-2.15: clearing a role deletes it; further roles.
#[test]
fn roles() {
    let before = "# r\n[routes]\nSenior = ['cc'] # s\ndefault = ['cc']\n";
    assert_eq!(page(before, 3, &["", "", "-"]).text, "# r\n[routes]\ndefault = ['cc']\n");
    let told = page(
        before,
        3,
        &["cc:2, op", "", "cx", "", "", "", "y", "docs", "cc cx", "SENIOR", "ge", "two words", ""],
    );
    assert_eq!(
        told.text,
        "# r\n[routes]\nSenior = [\"ge\"] # s\ndefault = [\"cc:2\", \"op\"]\ndocs = [\"cc\", \"cx\"]\n"
    );
    assert!(told.shown.contains("  Senior [cx]: "), "{}", told.shown);
    assert!(told.shown.contains("use a letter, then letters"), "{}", told.shown);
    // A role without entries is not made.
    assert_eq!(page(before, 3, &["", "", "", "", "", "", "y", "docs", "", ""]).end, End::Unchanged);
}

// 10-3.2: routes do not nest, and every entry keeps to the grammar.
#[test]
fn entries_of_roles_are_checked_where_they_are_typed() {
    let told = page("", 3, &["cc", "cc:0", "cx, cc:2-1", "junior, cx", "cx"]);
    for reason in
        ["must be positive", "must not exceed", "\"junior\" of junior is a role, and roles do not nest"]
    {
        assert_eq!(told.shown.matches(reason).count(), 1, "{reason}: {}", told.shown);
    }
    assert!(told.text.ends_with("[routes]\ndefault = [\"cc\"]\njunior = [\"cx\"]\n"), "{}", told.text);
    // Also when the role comes after the entry.
    let told = page("", 3, &["cc, junior:2", "cx", ""]);
    assert!(told.shown.contains("\"junior:2\" of default is a role"), "{}", told.shown);
    assert_eq!(told.summary.len(), 2, "{:?}", told.summary);
    let told = page("[routes]\ndefault = ['cc']\n", 3, &["", "default", "DEFAULT:2", "cx"]);
    assert_eq!(told.shown.matches("roles do not nest").count(), 2, "{}", told.shown);
    assert_eq!(told.text, "[routes]\ndefault = ['cc']\njunior = [\"cx\"]\n");
    let told = page("", 3, &["", "", "", "", "", "", "y", "cc", ""]);
    assert!(told.shown.contains("cc is a harness; a role needs a name of its own"), "{}", told.shown);
}

// 10-M9, 10-2.15: strategies blank or tail; names for models.
#[test]
fn harnesses() {
    let add =
        ["y", "mycode", "mycode \"$PROMPT\" 'a b'", "--model", "head", "tail", "20", "stdout", "fast", "m/1"];
    let told = page("[routes]\ndefault = ['cc']\n", 5, &[&add[..], &["", ""]].concat());
    assert_eq!(
        told.text,
        "[routes]\ndefault = ['cc']\n\n[harness.mycode]\ncommand = [\"mycode\", \"$PROMPT\", \"a b\"]\n\
         model_flag = \"--model\"\noutput_strategy = \"tail\"\noutput_lines = 20\ntail_stream = \"stdout\"\n\n\
         [harness.mycode.models]\nfast = \"m/1\"\n"
    );
    assert!(told.shown.contains("must be tail\n"), "{}", told.shown);

    let before = "[harness.x]\ncommand = ['x']\nmodel_flag = '-m'\noutput_strategy = 'tail'\n[harness.x.models]\na = '1'\nb = '2'\n";
    let told = page(before, 5, &["y", "x", "", "-", "-", "", "", "a", "-", "b", "3", "", ""]);
    assert_eq!(told.text, "[harness.x]\ncommand = ['x']\n[harness.x.models]\nb = \"3\"\n");

    // One that is built in, or built on one, has a command already.
    let before = "[harness.work]\nbase = 'claude'\n";
    let told = page(before, 5, &["y", "op", "zen", "opencode/zen", "", "work", "opus", "o-1", "", ""]);
    assert_eq!(
        told.text,
        "[harness.work]\nbase = 'claude'\n\n[harness.work.models]\nopus = \"o-1\"\n\n[harness.op.models]\nzen = \"opencode/zen\"\n"
    );
    assert!(told.shown.contains("work runs claude"), "{}", told.shown);

    let told = page("", 5, &["y", "mine", "", ""]);
    assert_eq!(told.end, End::Unchanged);
    assert!(told.shown.contains("without a command mine can run nothing"), "{}", told.shown);
}

#[test]
fn a_new_file_says_its_version_and_keeps_its_comments_on_top() {
    let told = page("# head\n# defaults.mix = 1\n", 0, &["cc:2", "3"]);
    assert_eq!(
        told.text,
        "# head\n# defaults.mix = 1\n\nschema_version = 2\n\n[defaults]\nmix = \"cc:2\"\niterations = 3\n"
    );
    let told = self::told("# head\n", &["cc", ">", ">", "/data", ">"]);
    assert_eq!(told.text, "# head\n\nschema_version = 2\ndata_dir = \"/data\"\n\n[defaults]\nmix = \"cc\"\n");
    let told = page("", 2, &["/data"]);
    assert_eq!(told.text, "schema_version = 2\ndata_dir = \"/data\"\n");
}

// D34: mistakes do not keep the form from opening; an answer replaces them.
#[test]
fn a_file_with_mistakes_opens() {
    let before = "routes = 'cc'\n[reliability]\nretry_budget = 'many'\nliveness_probe = [1]\nrun_timeout_secs = -5\n[harness.'a b']\ncommand = 1\n";
    let told = page(before, 4, &["", "2", "n", "60"]);
    assert!(told.shown.contains("retry_budget [many; must be a number]: "), "{}", told.shown);
    assert!(told.shown.contains("liveness_probe [[1]; must be yes or no]: "), "{}", told.shown);
    assert!(told.shown.contains("run_timeout_secs [-5; must be at least 0]: "), "{}", told.shown);
    assert!(
        told.text.contains("retry_budget = 2\nliveness_probe = false\nrun_timeout_secs = 60\n"),
        "{}",
        told.text
    );
    // Where a value is in the way of a table, that is said at once and not at the end.
    let told = page(before, 3, &["cc", ""]);
    assert!(told.shown.contains("routes is not a table"), "{}", told.shown);
    assert_eq!(told.text, before);
}

// D24: the question names the file, and what was answered is not lost on the way.
#[test]
fn the_end_shows_what_will_change() {
    let told = self::told(
        "[defaults]\nmix = 'cc'\n",
        &["cx", ">", "<", "<", "", "4", ">", ">", ">", ">", ">", "what", "back"],
    );
    let end = "Changes in /the/config.toml\n  defaults.mix: \"cc\" -> \"cx\"\n  defaults.iterations: not set -> 4\n\
               Save to /the/config.toml? [Save/discard/back]:   answer with save, discard or back\n";
    assert!(told.shown.contains(end), "{}", told.shown);
    assert_eq!(told.end, End::NoInput);
    assert_eq!(told.shown.matches("Who works, and how often (1/6)").count(), 4, "{}", told.shown);
    let discarded = self::told("", &["cx", ">", ">", ">", ">", ">", ">", "d"]);
    assert_eq!(discarded.end, End::Discard);
}

#[test]
fn the_end_of_the_input_leads_to_the_question_whether_to_save() {
    let told = self::told("", &["cx"]);
    assert_eq!(told.end, End::NoInput);
    assert!(told.shown.contains("defaults.mix: not set -> \"cx\"\n"), "{}", told.shown);
}

// D34: what would become a mistake is said before it is saved, and then saving is no default.
#[test]
fn new_mistakes_are_said_before_saving() {
    let check = |text: &str| {
        let weight = if text.contains("cx") { Weight::New } else { Weight::Warning };
        let note = Note { weight, text: "config.toml:1: \x1b[31mhm".to_owned() };
        vec![note]
    };
    let told = told_with(
        "",
        &["cx", ">", ">", ">", ">", ">", ">", "", "cc", ">", ">", ">", ">", ">", ">", ""],
        &check,
    );
    assert!(told.shown.contains("error: config.toml:1: hm\nSave to /the/config.toml? [save/discard/Back]: "));
    assert!(
        told.shown.contains("warning: config.toml:1: hm\nSave to /the/config.toml? [Save/discard/back]: ")
    );
    assert_eq!((told.end, told.summary.len()), (End::Save, 2));
}

#[test]
fn foreign_text_is_sanitised() {
    let before = "[defaults]\nmix = \"a\\u001b[2Jb\"\n[routes]\n\"e\\u001b]0;x\\u0007f\" = ['c']\n[harness.\"\\u001b[1mh\"]\n";
    let told = page(before, 3, &["cc", "", "", "", "", "", "cx", ""]);
    assert!(told.shown.contains("  ef [c]: ") && told.shown.contains("  h: no command\n"), "{}", told.shown);
    assert!(!told.shown.contains(['\x1b', '\x07']), "{:?}", told.shown);
    assert_eq!(told.summary.len(), 2);
    assert!(told.summary.iter().all(|line| !line.contains('\x1b')), "{:?}", told.summary);
}

#[test]
fn questions_explain_themselves() {
    let told = self::told("", &["?", "", "?", "", ">", ">", ">", "?"]);
    assert!(told.shown.contains("Who works when --agent is not given"), "{}", told.shown);
    assert!(told.shown.contains("At least 1."), "{}", told.shown);
    assert!(told.shown.contains("frozen. From 0 to 3155760000."), "{}", told.shown);
    // Every question has something to say.
    let draft = Draft::of(Path::new("f"), FULL.to_owned()).unwrap();
    let form = Form::load(&draft);
    assert_eq!(form.pages.len(), PAGES);
    assert!(form.pages.iter().flat_map(|page| &page.fields).all(|field| !field.help.is_empty()));
    assert_eq!(form.pages.iter().map(|page| page.topic).filter(|topic| *topic != Topic::Fields).count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // Whatever is typed: no panic, and what could be saved holds exactly what was announced.
    #[test]
    fn any_conversation_leaves_a_file_that_opens(
        before in prop_oneof![Just(""), Just(FULL), Just(INLINE)],
        answers in proptest::collection::vec(
            prop_oneof!["[yn<>?-]?", "cc|cx:2|default|mycode|fast|7|\"\"|tail", "[ -~]{0,8}"], 0..60),
    ) {
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        let told = self::told(before, &answers);
        let draft = Draft::of(Path::new("f"), told.text.clone()).unwrap();
        for edit in &told.edits {
            prop_assert_eq!(draft.get(&edit.path).map(Content::of), edit.new.clone(), "{}", summary(edit));
        }
        prop_assert_eq!(told.edits.is_empty(), told.text == before);
    }
}
