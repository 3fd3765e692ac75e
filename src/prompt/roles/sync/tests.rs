//! The plan as tables, and what it does to real files.

use std::collections::BTreeMap;

use super::super::{Source, is_managed, lookup, survey};
use super::plan::plan;
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
        taken: user.iter().map(ToString::to_string).collect(),
        builtin: NAMES.into_iter().map(found).collect(),
    }
}

fn sync(agents: &Path) -> Result<Synced, RoleError> {
    prepare(agents)?.carry_out()
}

/// What a synchronisation tells, without the place.
fn told(agents: &Path) -> Option<String> {
    let notice = sync(agents).unwrap().notice?;
    Some(notice.strip_prefix(&format!("role files in {}: ", agents.display())).unwrap().to_owned())
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
    for (builtin, user, written, adopted, saved) in [
        (&[][..], &[][..], &[][..], &[][..], &[][..]),
        (&[("junior", "missing"), ("ui", "missing")], &[], &["junior", "ui"], &[], &[]),
        (&[("ui", ui)], &[], &["ui"], &[], &[]),
        (&[("ui", OLD)], &[], &["ui"], &[], &[]),
        (&[("ui", "\n")], &[], &["ui"], &[], &[]),
        (&[("ui", "mine")], &[], &["ui"], &["ui"], &[]),
        (&[("ui", "mine")], &["qa.md"], &["ui"], &["ui"], &[]),
        (&[("ui", "mine")], &["UI.txt"], &["ui"], &[], &["ui"]),
        (&[("ui", OLD)], &["ui.md"], &["ui"], &[], &[]),
    ] {
        let plan = plan(&seen(&[], user, builtin), managed);
        let found = (plan.written, plan.adopted, plan.saved);
        assert_eq!(found, (written.to_vec(), adopted.to_vec(), saved.to_vec()), "{builtin:?} {user:?}");
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
    assert_eq!(
        told(root.path()).unwrap(),
        "2 files put in order: 1 of rally's removed, 1 of yours moved to user/; \
         your edited builtin/verify.md moved to user/, where your own belongs"
    );
    let mut wanted: BTreeMap<String, String> = [
        ("ui.md", "older"),
        ("notes.txt", "no role"),
        (".hidden.md", "h"),
        ("user/ui.md", "mine too"),
        ("user/senior.md", "mine"),
        ("user/verify.md", "edited"),
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
fn a_missing_folder_is_made() {
    let root = with(&[]);
    let agents = root.path().join("agents");
    let synced = sync(&agents).unwrap();
    assert!(synced.changed && synced.notice.is_none() && agents.join("user").is_dir());
    assert_eq!(synced.written.len(), NAMES.len());
    assert_eq!(synced.written, synced.builtin);
}

// A blank file in user/ says nothing, so that it must not keep a text out of its place.
#[test]
fn a_blank_file_is_no_text() {
    for (blank, wanted) in [("senior.md", None), ("SENIOR.txt", Some(" \n"))] {
        let root = with(&[("senior.md", "mine"), ("qa.md", "q"), ("user/qa.txt", "other")]);
        std::fs::create_dir(root.path().join("builtin")).unwrap();
        std::fs::write(root.path().join("user").join(blank), " \n").unwrap();
        let notice = "1 file put in order: 0 of rally's removed, 1 of yours moved to user/";
        assert_eq!(told(root.path()).as_deref(), Some(notice));
        assert_eq!(lookup(root.path(), "senior").unwrap().unwrap().text, "mine");
        let files = files(root.path());
        assert_eq!((&*files["user/senior.md"], &*files["qa.md"]), ("mine", "q"));
        assert_eq!(files.get("user/SENIOR.txt").map(String::as_str), wanted);
        assert_eq!(told(root.path()), None);
    }
}

// What cannot be moved is said as it is, and stays in force.
#[test]
fn what_is_in_the_way_is_named() {
    let root = with(&[("senior.md", "mine"), ("qa.md", "q"), ("ui.md", "u"), ("user/senior.md/x", "")]);
    let pipe = root.path().join("user/qa.md");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let ui = root.path().join("ui.md");
    let blocked = "qa.md stays where it is, as user/qa.md is in the way; \
                   senior.md stays where it is, as user/senior.md is in the way";
    let first = told(root.path()).unwrap();
    let moved = "1 file put in order: 0 of rally's removed, 1 of yours moved to user/";
    assert_eq!(first, format!("{moved}; {blocked}"));
    assert!(!ui.exists());
    let again = sync(root.path()).unwrap();
    assert!(!again.changed && again.moved.is_empty());
    assert_eq!(told(root.path()).unwrap(), blocked);
    for (role, text) in [("senior", "mine"), ("qa", "q")] {
        assert_eq!(lookup(root.path(), role).unwrap().unwrap().text, text);
    }
    assert!(!root.path().join("builtin/senior.md").exists(), "it would win");
    std::fs::remove_dir_all(root.path().join("user/senior.md")).unwrap();
    std::fs::remove_file(&pipe).unwrap();
    assert!(sync(root.path()).unwrap().changed);
    assert_eq!(files(root.path())["user/senior.md"], "mine");
    assert!(root.path().join("builtin/senior.md").exists());
}

// Spec 10, section 14: builtin/ is regenerated; what people wrote there is not lost.
#[test]
fn an_edit_of_a_file_of_rallys_is_kept() {
    let root = with(&[("builtin/ui.md", "first"), ("user/UI.md", "mine"), (".ui.md.saved", "earlier")]);
    let notice = "builtin/ui.md holds rally's text again, your edited one is saved as .ui.md.saved-2";
    assert_eq!(told(root.path()).unwrap(), notice);
    let now = files(root.path());
    assert_eq!((&*now[".ui.md.saved"], &*now[".ui.md.saved-2"]), ("earlier", "first"));
    assert_eq!((&*now["user/UI.md"], now["builtin/ui.md"].clone()), ("mine", body("ui").unwrap()));
    assert_eq!(told(root.path()), None);
    // The same text again needs no other copy.
    std::fs::write(root.path().join("builtin/ui.md"), "first").unwrap();
    assert_eq!(told(root.path()).unwrap(), notice);
    assert_eq!(files(root.path()), now);

    // In force before and after.
    let root = with(&[("builtin/ui.md", "edited"), ("ui.md", "flat"), ("user/ui.md", "")]);
    assert_eq!(lookup(root.path(), "ui").unwrap().unwrap().text, "edited");
    assert_eq!(
        told(root.path()).unwrap(),
        "your edited builtin/ui.md moved to user/, where your own belongs"
    );
    assert_eq!(lookup(root.path(), "ui").unwrap().unwrap().text, "edited");
    assert_eq!(files(root.path())["ui.md"], "flat");

    // A link beside it leads where it led.
    let root = with(&[("docs/ui.md", "linked"), ("agents/builtin/x", "")]);
    let agents = root.path().join("agents");
    std::os::unix::fs::symlink("../../docs/ui.md", agents.join("builtin/ui.md")).unwrap();
    sync(&agents).unwrap();
    assert_eq!(std::fs::read_to_string(agents.join("user/ui.md")).unwrap(), "linked");
    assert_eq!(std::fs::read_to_string(root.path().join("docs/ui.md")).unwrap(), "linked");
    assert!(!agents.join("builtin/ui.md").is_symlink());
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
        let stays = match &before.source {
            Source::Embedded => false,
            Source::File(file) => {
                let folder = file.parent() == Some(root.path()) || file.starts_with(root.path().join("user"));
                folder || file.ends_with("builtin/senior.md")
            }
        };
        // Only a text of rally's own may give way to another of them.
        if stays && !is_managed("senior", &before.text) {
            let found = lookup(root.path(), "senior").unwrap().unwrap();
            assert_eq!(found.text, before.text, "{paths:?}");
        }
        let after = files(root.path());
        for (path, text) in &paths {
            let kept = after.iter().any(|(place, found)| {
                let same_place = place == path || *place == format!("user/{path}");
                let from_builtin = path == "builtin/senior.md"
                    && (place == "user/senior.md" || place == ".senior.md.saved");
                found == text && (same_place || from_builtin)
            });
            let in_user = path.starts_with("user/");
            let needless = text.trim().is_empty() || (is_managed("senior", text) && !in_user);
            assert!(kept || needless, "{path} is lost: {paths:?}");
        }
        assert_eq!(told(root.path()), None);
        assert_eq!(files(root.path()), after);
        assert_eq!(survey(root.path()).unwrap().len(), foretold.len());
    }
}
