//! Finding the repository.

use super::*;

// 30-93
#[test]
fn no_repository_is_none_and_no_error() {
    let sandbox = Sandbox::without_repository();
    let find = || discover_with(&sandbox.repo(), environment(&sandbox)).unwrap();
    assert!(find().is_none());
    std::fs::create_dir(sandbox.repo().join(".git")).unwrap();
    assert!(find().is_none(), "an empty .git");
    std::fs::remove_dir(sandbox.repo().join(".git")).unwrap();
    sandbox.write(".git", "gitdir: /nowhere\n");
    assert!(find().is_none(), "a .git that points nowhere");
}

#[test]
fn a_bare_repository_and_a_broken_configuration_are_clear_errors() {
    let sandbox = Sandbox::new();
    sandbox.git(["init", "-q", "--bare", "bare"]);
    for folder in ["bare", ".git"] {
        let error = discover_with(&sandbox.repo().join(folder), environment(&sandbox)).unwrap_err();
        assert!(matches!(error, GitError::NoWorkTree(_)), "{error}");
    }
    sandbox.write(".git/config", "[core\n");
    let error = discover_with(&sandbox.repo(), environment(&sandbox)).unwrap_err();
    assert!(error.to_string().contains("config"), "{error}");
}

#[test]
fn the_root_is_found_from_below_and_with_any_name() {
    let sandbox = Sandbox::without_repository();
    let root = sandbox.repo().join(OsStr::from_bytes(b"odd\n \xff name"));
    std::fs::create_dir_all(root.join("a/b")).unwrap();
    init_with(&root, &environment(&sandbox)).unwrap();
    let git = open_at(&sandbox, &root.join("a/b"));
    assert_eq!(git.root(), root.canonicalize().unwrap());
    assert_eq!(git.head().unwrap(), None);
    std::fs::write(root.join("a/b/file"), "x").unwrap();
    let empty = Snapshot::default();
    assert_eq!(changes(&git, &empty), [("a/b/file".to_owned(), ChangeKind::Added)]);
    let hash = work_well(&git, &empty);
    assert_eq!(git.head().unwrap(), Some(hash.clone()));
    assert_eq!(git.files_between(None, &hash), ["a/b/file"]);
}

#[test]
fn variables_of_a_calling_hook_do_not_lead_astray() {
    let sandbox = Sandbox::new();
    let elsewhere = environment(&sandbox).set("GIT_DIR", "/nowhere").set("GIT_INDEX_FILE", "/nowhere");
    let git = discover_with(&sandbox.repo(), elsewhere).unwrap().unwrap();
    assert_eq!(git.head().unwrap().unwrap(), sandbox.git(["rev-parse", "HEAD"]));
}
