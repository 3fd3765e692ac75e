//! The plan as tables, and what it does to real files.

use std::collections::BTreeMap;

use super::super::{Source, lookup, survey};
use super::*;
use pretty_assertions::assert_eq;

/// Stands for a text that an older version shipped; only its hash is known.
const OLD: &str = "an older text";

fn managed(role: &str, text: &str) -> bool {
    is_managed(role, text) || text.trim() == OLD
}

fn seen(flat: &[(&str, &str)], user: &[&str], builtin: &[(&str, &str)]) -> Seen {
    let entry = |name: &str| Entry::new(Path::new("agents"), name).unwrap();
    let found = |role| {
        let text = builtin.iter().find(|(name, _)| *name == role).map(|(_, text)| (*text).to_owned());
        (role, text.or_else(|| body(role)).filter(|text| text != "missing"))
    };
    Seen {
        flat: flat.iter().map(|(name, text)| (entry(name), (*text).to_owned())).collect(),
        user: user.iter().map(|name| entry(name).role).collect(),
        builtin: NAMES.into_iter().map(found).collect(),
    }
}

/// What a synchronisation tells.
fn told(agents: &Path) -> Option<String> {
    sync(agents).unwrap().and_then(|synced| synced.notice)
}

// 10-I8, 30-45
#[test]
fn files_of_the_old_place_are_sorted() {
    let junior = embedded("junior").unwrap();
    let spaced = format!("\n{junior}\n\n");
    for (flat, user, outdated, theirs) in [
        (&[][..], &[][..], &[][..], &[][..]),
        (&[("junior.md", junior)], &[], &["junior.md"], &[]),
        (&[("JUNIOR.md", &spaced)], &[], &["JUNIOR.md"], &[]),
        (&[("verify.md", OLD)], &[], &["verify.md"], &[]),
        (&[("senior.md", "mine")], &[], &[], &["senior.md"]),
        (&[("senior.md", junior)], &[], &[], &["senior.md"]),
        (&[("qa.md", "mine"), ("qa.txt", "other")], &[], &[], &["qa.md"]),
        (&[("qa.MD", "")], &[], &[], &["qa.MD"]),
        // What is in user/ stays in force.
        (&[("senior.md", "mine")], &["senior.md"], &[], &[]),
        (&[("SENIOR.md", "mine")], &["senior.md"], &[], &[]),
        (&[("senior.md", "mine")], &["senior.txt"], &[], &[]),
        (&[("junior.md", junior)], &["junior.md"], &["junior.md"], &[]),
        // builtin/ must not win over what people wrote, whatever its extension.
        (&[("senior.txt", "mine")], &[], &[], &["senior.txt"]),
        (&[("senior", "mine"), ("senior.md", " ")], &[], &[], &["senior", "senior.md"]),
        (&[("senior.txt", OLD)], &[], &[], &[]),
        (&[("senior.md", OLD), ("senior.md~", "draft")], &[], &["senior.md"], &[]),
        (&[("senior.md", "mine"), ("senior.md~", "draft")], &[], &[], &["senior.md"]),
        (&[("lead.txt", "mine")], &[], &[], &[]),
    ] {
        let new = NAMES.map(|role| (role, "missing"));
        let plan = plan(&seen(flat, user, &new), managed);
        assert_eq!((plan.outdated, plan.theirs), (strings(outdated), strings(theirs)), "{flat:?} {user:?}");
    }
    // What was not in force does not come into force: builtin/ has won over it already.
    let flat = [("ui.txt", "draft"), ("ui.md~", "draft"), ("senior.md", "mine")];
    assert_eq!(plan(&seen(&flat, &[], &[]), managed).theirs, ["senior.md"]);
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

// 10-I8, 30-45
#[test]
fn rallys_own_files_are_kept_as_they_are_shipped() {
    let ui = embedded("ui").unwrap();
    for (builtin, written, edited) in [
        (&[][..], &[][..], &[][..]),
        (&[("junior", "missing"), ("ui", "missing")], &["junior", "ui"], &[]),
        (&[("ui", ui)], &["ui"], &[]),
        (&[("ui", OLD)], &["ui"], &[]),
        (&[("ui", "\n")], &["ui"], &[]),
        (&[("ui", "mine")], &["ui"], &["ui"]),
    ] {
        let plan = plan(&seen(&[], &[], builtin), managed);
        assert_eq!((plan.written, plan.edited), (written.to_vec(), edited.to_vec()), "{builtin:?}");
    }
}

fn files(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for folder in ["", USER, BUILTIN] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_dir() {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

fn with(given: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in given {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

// 10-I8, 30-45
#[test]
fn a_folder_is_brought_in_order_once() {
    let root = with(&[
        ("junior.md", embedded("junior").unwrap()),
        ("senior.md", "mine"),
        ("ui.md", "older"),
        ("notes.txt", "no role"),
        (".hidden.md", "h"),
        ("user/ui.md", "mine too"),
        ("builtin/verify.md", "edited"),
        ("builtin/.rally-new-x", "half"),
    ]);
    let notice = told(root.path()).unwrap();
    assert_eq!(
        notice,
        format!(
            "role files in {}: 2 files put in order: 1 of rally's removed, 1 of yours moved to user/; \
             rally's text is back in builtin/verify.md; your own belongs in user/",
            root.path().display()
        )
    );
    let mut wanted: BTreeMap<String, String> = [
        ("ui.md", "older"),
        ("notes.txt", "no role"),
        (".hidden.md", "h"),
        ("user/ui.md", "mine too"),
        ("user/senior.md", "mine"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .into();
    for role in NAMES {
        wanted.insert(format!("builtin/{role}.md"), body(role).unwrap());
    }
    assert_eq!(files(root.path()), wanted);
    let senior = lookup(root.path(), "senior").unwrap().unwrap();
    assert_eq!(senior.text, "mine");

    let modified = |name: &str| std::fs::metadata(root.path().join(name)).unwrap().modified().unwrap();
    let before = modified("builtin/ui.md");
    assert_eq!(told(root.path()), None);
    assert_eq!(files(root.path()), wanted);
    assert_eq!(modified("builtin/ui.md"), before, "nothing is written again");
    let again = prepare(root.path()).unwrap().carry_out().unwrap();
    assert!(!again.changed && again.notice.is_none());
}

#[test]
fn only_a_folder_that_is_there_is_brought_in_order_by_itself() {
    let root = with(&[]);
    let agents = root.path().join("agents");
    assert_eq!(told(&agents), None);
    assert!(!agents.exists());
    let synced = prepare(&agents).unwrap().carry_out().unwrap();
    assert!(synced.changed && synced.notice.is_none() && agents.join("user").is_dir());
    assert_eq!(synced.own_files.len(), NAMES.len());
}

#[test]
fn a_link_leads_where_it_led() {
    let root = with(&[("docs/senior.md", "linked"), ("agents/x", "")]);
    let agents = root.path().join("agents");
    std::os::unix::fs::symlink("../docs/senior.md", agents.join("senior.md")).unwrap();
    std::os::unix::fs::symlink(root.path().join("docs/senior.md"), agents.join("ui.md")).unwrap();
    sync(&agents).unwrap();
    for role in ["senior", "ui"] {
        let file = agents.join(format!("user/{role}.md"));
        assert!(file.is_symlink());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "linked");
        assert!(agents.join(format!("{role}.md")).symlink_metadata().is_err());
    }
}

#[test]
fn nothing_is_touched_when_something_cannot_be_read() {
    let root = with(&[("junior.md", embedded("junior").unwrap())]);
    std::os::unix::fs::symlink("nowhere", root.path().join("senior.md")).unwrap();
    let problem = sync(root.path()).unwrap_err().to_string();
    assert!(problem.contains("cannot read ") && problem.contains("senior.md: "), "{problem}");
    assert!(root.path().join("junior.md").exists() && !root.path().join("builtin").exists());
}

#[test]
fn files_have_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let root = with(&[("plain", "")]);
    sync(root.path()).unwrap();
    let mode = |name: &str| std::fs::metadata(root.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("builtin/ui.md"), mode("plain"));
}

/// Few names and texts, so that they meet often.
const FOLDERS: [&str; 3] = ["", "user/", "builtin/"];
const FILES: [&str; 8] =
    ["senior.md", "Senior.MD", "SENIOR.txt", "senior", "senior.md~", "qa.md", "QA.txt", ".senior.md"];

fn text(kind: usize) -> &'static str {
    match kind {
        0 => "",
        1 => " \n",
        2 => embedded("senior").unwrap_or_default(),
        3 => "mine",
        _ => "another's",
    }
}

proptest::proptest! {
    /// Whatever lies around: the survey foretells what agents get after the files were put in order,
    /// what people wrote is never lost, user/ stays, and doing it again does nothing.
    #[test]
    fn any_folder_comes_into_order(given in proptest::collection::btree_map((0..3_usize, 0..8_usize), 0..5_usize, 0..12)) {
        let paths: Vec<(String, &str)> = given
            .iter()
            .map(|((folder, file), kind)| (format!("{}{}", FOLDERS[*folder], FILES[*file]), text(*kind)))
            .collect();
        let root = with(&paths.iter().map(|(path, text)| (path.as_str(), *text)).collect::<Vec<_>>());
        std::fs::create_dir_all(root.path().join("user")).unwrap();
        let foretold = survey(root.path()).unwrap();
        let before = lookup(root.path(), "senior").unwrap().unwrap();

        sync(root.path()).unwrap();

        for role in &foretold {
            let found = lookup(root.path(), &role.name).unwrap().unwrap();
            assert_eq!(found.text.trim().len(), role.bytes, "{}: {paths:?}", role.name);
            if role.source == Source::Embedded {
                assert_eq!(found.text.trim(), embedded(&role.name).unwrap(), "{paths:?}");
            }
        }
        let in_user = paths.iter().any(|(path, _)| path.to_lowercase().starts_with("user/senior"));
        let from_top = match &before.source {
            Source::Embedded => false,
            Source::File(file) => file.parent() == Some(root.path()),
        };
        if from_top && !in_user && !is_managed("senior", &before.text) {
            let found = lookup(root.path(), "senior").unwrap().unwrap();
            assert_eq!(found.text, before.text, "{paths:?}");
        }
        let after = files(root.path());
        for (path, text) in &paths {
            let moved = after.get(&format!("user/{path}"));
            let kept = after.get(path).or(moved).is_some_and(|found| found == text);
            let ours = is_managed("senior", text) || path == "builtin/senior.md";
            assert!(kept || (ours && !path.starts_with("user/")), "{path} is lost: {paths:?}");
        }
        assert_eq!(told(root.path()), None);
        assert_eq!(files(root.path()), after);
        assert_eq!(survey(root.path()).unwrap().len(), foretold.len());
    }
}
