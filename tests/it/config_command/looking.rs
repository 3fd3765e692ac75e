//! What `get` says of a configuration with mistakes, and what an editor leaves behind.

use pretty_assertions::assert_eq;

use super::REPO;
use crate::support::{Sandbox, stderr, stdout};

#[test]
fn a_value_of_a_broken_configuration_is_no_success() {
    let sandbox = Sandbox::new();
    let user = sandbox.home().join(".config/rally/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    std::fs::write(&user, "[reliability]\nretry_budget = 7\n").unwrap();
    let get = || sandbox.rally(["config", "get", "reliability.retry_budget"]).output().unwrap();
    let output = get();
    assert_eq!(
        (output.status.code(), stdout(&output).as_str(), stderr(&output).as_str()),
        (Some(0), "7\n", "")
    );
    for broken in ["[defaults\n", "[defaults]\nmix = 5\n", "[defaults]\nmix = 'nobody'\n"] {
        sandbox.write(REPO, broken);
        let output = get();
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), "7\n"), "{broken}");
        assert!(stderr(&output).contains(".rally/config.toml:"), "{broken}: {}", stderr(&output));
    }
}

#[test]
fn examples_that_nobody_saved_do_not_count() {
    let sandbox = Sandbox::new();
    let user = sandbox.home().join(".config/rally/config.toml");
    for (editor, code) in [("true", 0), ("false", 1)] {
        for (args, file) in [
            (&["config", "edit"][..], user.clone()),
            (&["config", "edit", "--repo"], sandbox.repo().join(REPO)),
        ] {
            let output = sandbox.rally(args).env("EDITOR", editor).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{editor}: {}", stderr(&output));
            assert!(!file.exists(), "{editor}: {}", file.display());
        }
    }
    // Whoever writes something keeps it, and the examples above it.
    let output = sandbox.rally(["config", "edit"]).env("EDITOR", "echo '# mine' >>").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(&user).unwrap();
    assert!(text.contains("schema_version") && text.ends_with("# mine\n"), "{text}");
    // What was there before stays whatever the editor does.
    let output = sandbox.rally(["config", "edit"]).env("EDITOR", "false").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&user).unwrap(), text);
}

// Scripts set several keys at once: nobody's edit may be lost, and nobody be told of one that is not there.
#[test]
fn edits_at_the_same_moment_are_all_made() {
    let sandbox = Sandbox::new();
    sandbox.write(REPO, "# mine\n");
    let edit = |n: u32| {
        let key = format!("harness.cc.models.m{n}");
        sandbox
            .rally(["config", "set", "--repo", &key, "claude-x.1"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let edits: Vec<_> = (0..12).map(edit).collect();
    for mut edit in edits {
        assert!(edit.wait().unwrap().success());
    }
    let text = sandbox.read(REPO);
    for n in 0..12 {
        assert!(text.contains(&format!("m{n} = \"claude-x.1\"\n")), "{n}: {text}");
    }
    assert!(text.starts_with("# mine\n"), "{text}");
}
