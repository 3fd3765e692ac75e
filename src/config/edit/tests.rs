//! Edits of real files.

use super::*;
use pretty_assertions::assert_eq;

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/config.toml");
    std::fs::create_dir(folder.path().join("new")).unwrap();
    (folder, file)
}

/// Sets a dotted key to a value, or removes it with `None`; says whether anything changed.
fn set(file: &Path, key: &str, value: Option<toml_edit::Value>) -> Result<bool, EditError> {
    let path = path(key)?;
    let edit = match value {
        Some(value) => Edit::Set(path, value),
        None => Edit::Unset(path),
    };
    let draft = Draft::open(file)?;
    draft.save(&draft.with(&[edit])?)
}

fn number(value: i64) -> Option<toml_edit::Value> {
    Some(value.into())
}

#[test]
fn edits_keep_everything_else() {
    let (_folder, file) = file();
    let before = "\u{feff}# head\r\n\r\n[reliability] # table\r\n# about retries\r\nretry_budget = 3  # three\r\n\r\n\
                  [harness.a]\r\ncommand = [\r\n  'x', # program\r\n]\r\nmodel_flag = ''\r\n[reasoning]\r\nVERIFY = 'high'\r\n";
    std::fs::write(&file, before).unwrap();

    assert!(set(&file, "reliability.retry_budget", number(9)).unwrap());
    let replaced = before.replace("retry_budget = 3", "retry_budget = 9");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), replaced);
    assert!(!set(&file, "reliability.retry_budget", number(9)).unwrap(), "nothing to do");

    set(&file, "reliability.max_failed_runs", number(2)).unwrap();
    let inserted = replaced.replace("# three\r\n", "# three\r\nmax_failed_runs = 2\r\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), inserted);

    set(&file, "reliability.retry_budget", None).unwrap();
    let removed = inserted.replace("retry_budget = 9  # three\r\n", "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), removed);

    set(&file, "harness.cc.models.\"opus\"", Some("x".into())).unwrap();
    // 10-C15, C16: nothing is rewritten, so nothing is lost. A new table stands beside its relatives.
    let added = removed
        .replace("model_flag = ''\r\n", "model_flag = ''\r\n\r\n[harness.cc.models]\r\nopus = \"x\"\r\n\r\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), added);
}

#[test]
fn edits_reach_every_kind_of_table() {
    let (_folder, file) = file();
    for (before, key, value, after) in [
        ("", "defaults.iterations", number(3), "[defaults]\niterations = 3\n"),
        ("", "schema_version", number(2), "schema_version = 2\n"),
        (
            "# only comments\n",
            "defaults.iterations",
            number(3),
            "# only comments\n\n[defaults]\niterations = 3\n",
        ),
        ("a = { b = 1, c = 2 } # c\n", "a.b", number(7), "a = { b = 7, c = 2 } # c\n"),
        ("a = { b = 1, c = 2 } # c\n", "a.c", None, "a = { b = 1 } # c\n"),
        ("a.b = 1\n", "a.c", number(2), "a.b = 1\na.c = 2\n"),
        ("[a]\nb = 1\n", "a.c", number(2), "[a]\nb = 1\nc = 2\n"),
        ("[a]\nb = 1", "a.b", None, "[a]\n"),
        ("[a]\nb = 1\n", "a.z", None, "[a]\nb = 1\n"),
        ("[a]\nb = 1\n", "x.y.z", None, "[a]\nb = 1\n"),
        ("a = [\n 1,\n 2,\n]\nb = 2\n", "a", None, "b = 2\n"),
    ] {
        std::fs::write(&file, before).unwrap();
        set(&file, key, value).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), after, "{before:?} {key}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(set(&file, "defaults.iterations", number(1)).unwrap(), "a missing file is made");
}

#[test]
fn a_refused_edit_leaves_the_file_alone() {
    let (_folder, file) = file();
    for (before, key, value, wanted) in [
        ("a = 1\n", "a.b", number(1), "a is not a table, so a.b cannot be in it; take it out first"),
        ("a = 1\n", "a.b", None, "a is not a table"),
        ("[a]\nb = 1\n", "a", number(1), "a is a table; name a key in it"),
        ("[[a]]\nb = 1\n", "a.b", number(1), "a is not a table"),
        ("ok = 1\na = \n", "a", number(1), "config.toml:2: not valid TOML"),
        ("a = 1\n", "a b", number(1), "\"a b\" is no key"),
    ] {
        std::fs::write(&file, before).unwrap();
        let error = set(&file, key, value).unwrap_err().to_string();
        assert!(error.contains(wanted), "{before:?} {key}: {error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    }
}

#[test]
fn an_edit_keeps_links_and_permissions() {
    let (folder, file) = file();
    let real = folder.path().join("dotfiles.toml");
    std::fs::write(&real, "a = 1\n").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&real, &file).unwrap();
    set(&file, "a", number(2)).unwrap();
    assert!(file.is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "a = 2\n");
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
}
