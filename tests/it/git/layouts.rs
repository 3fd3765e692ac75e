//! Repositories of other shapes.

use super::*;

#[test]
fn detached_head() {
    let sandbox = Sandbox::new();
    sandbox.git(["checkout", "-q", "--detach"]);
    let git = open(&sandbox);
    sandbox.write("file", "agent\n");
    let hash = work_well(&git, &Snapshot::default());
    assert_eq!(sandbox.git(["rev-parse", "HEAD"]), hash);
    assert_ne!(sandbox.git(["rev-parse", "main"]), hash);
}

#[test]
fn no_commit_yet_with_something_staged() {
    let sandbox = Sandbox::without_repository();
    init_with(&sandbox.repo(), &environment(&sandbox)).unwrap();
    sandbox.write("mine", "user\n");
    sandbox.git(["add", "mine"]);
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    assert_eq!(snapshot.head(), None);
    sandbox.write("file", "agent\n");
    let hash = work_well(&git, &snapshot);
    assert_eq!(names(&sandbox, &hash), ["A file"]);
    assert_eq!(status(&sandbox), ["A  mine"]);
    assert_eq!(git.commits_between(None, &hash), vec![hash]);
}

#[test]
fn linked_work_tree() {
    let sandbox = Sandbox::new();
    sandbox.git(["worktree", "add", "-q", "-b", "lane", "../lane"]);
    let lane = sandbox.root().join("lane");
    let git = open_at(&sandbox, &lane);
    assert_eq!(git.root(), lane.canonicalize().unwrap());
    std::fs::write(lane.join("staged"), "user\n").unwrap();
    sandbox.git(["-C", "../lane", "add", "staged"]);
    let snapshot = git.snapshot().unwrap();
    std::fs::write(lane.join("file"), "agent\n").unwrap();
    let hash = work_well(&git, &snapshot);
    assert_eq!(sandbox.git(["rev-parse", "lane"]), hash);
    assert_eq!(sandbox.git(["-C", "../lane", "status", "--porcelain"]), "A  staged");
    assert_eq!(status(&sandbox), no_changes());
}

#[test]
fn submodules_as_workspace_and_inside_it() {
    let sandbox = Sandbox::new();
    let source = sandbox.root().join("source");
    sandbox.git(["clone", "-q", ".", "../source"]);
    let clone = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    sandbox.git(clone.iter().map(OsStr::new).chain([source.as_os_str(), OsStr::new("sub")]));
    sandbox.git(["commit", "-qm", "submodule"]);
    let outer = open(&sandbox);
    let inner = open_at(&sandbox, &sandbox.repo().join("sub"));
    assert_eq!(inner.root(), sandbox.repo().join("sub").canonicalize().unwrap());
    let snapshot = outer.snapshot().unwrap();
    sandbox.write("sub/file", "agent\n");
    let seen = [("sub".to_owned(), ChangeKind::Modified)];
    assert_eq!(changes(&outer, &snapshot), seen, "dirt inside a submodule is work");
    let request = WorkCommit { snapshot: &snapshot, message: "outer", run_hooks: false };
    let report = outer.commit_work(&request).unwrap();
    assert_eq!(report.hash, None, "but it can only be committed there");
    assert!(report.left[0].to_string().contains("submodule"), "{:?}", report.left);
    let hash = work_well(&inner, &Snapshot::default());
    assert_eq!(inner.head().unwrap(), Some(hash.clone()));
    let dirty = outer.snapshot().unwrap();
    assert_eq!(changes(&outer, &snapshot), [("sub".to_owned(), ChangeKind::Modified)]);
    assert_eq!(changes(&outer, &dirty), [], "the same commit is no change");
    let bump = work_well(&outer, &snapshot);
    assert_eq!(names(&sandbox, &bump), ["M sub"]);
    assert!(sandbox.git(["ls-tree", "HEAD", "sub"]).contains(&hash));
}
