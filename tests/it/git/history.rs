//! Asking about commits.

use super::*;

// 30-86, 30-87: the commits of an agent, in order. Deviation from 87: no commit for a leftover summary.
#[test]
fn commits_of_a_try_come_oldest_first() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    let before = git.head().unwrap().unwrap();
    let mut made = Vec::new();
    for name in ["one", "two", "three"] {
        sandbox.write(name, name);
        sandbox.git(["add", "."]);
        sandbox.git(["commit", "-qm", name]);
        made.push(git.head().unwrap().unwrap());
    }
    assert_eq!(git.commits_between(Some(&before), &made[2]), made);
    assert_eq!(git.commits_between(None, &made[2]).len(), 4);
    assert_eq!(git.subject(&made[1]).as_deref(), Some("two"));
    // 30-88
    assert_eq!(git.files_between(Some(&before), &made[2]), ["one", "three", "two"]);
    // Backwards, unknown and damaged hashes fall back.
    assert_eq!(git.commits_between(Some(&made[2]), &made[0]), [made[0].clone()]);
    let unknown = "0".repeat(40);
    assert_eq!(git.commits_between(Some(&unknown), &made[0]), [made[0].clone()]);
    assert_eq!(git.commits_between(Some("--all"), &made[0]), [made[0].clone()]);
    assert_eq!(git.subject(&unknown), None);
    assert_eq!(git.subject("--output=x"), None);
    assert_eq!(git.files_between(Some("HEAD"), &made[0]), no_changes());
}
