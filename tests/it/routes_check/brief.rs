//! What the command was ordered for, as written in the order.

use pretty_assertions::assert_eq;

use super::{lines, report, with_path, workspace};
use crate::support::{Sandbox, stderr, stdout};

// 10-K1
#[test]
fn a_route_with_two_entries() {
    let sandbox = workspace("schema_version = 2\n[routes]\ndefault = [\"cc:2\", \"cx:1\"]\n");
    let (out, err) = report(&sandbox, 0);
    assert_eq!((out.as_str(), err.as_str()), ("routes check summary:\n- default: 2 entries\n", ""));
}

/// Writes a file and checks, as the brief has it.
fn block(sandbox: &Sandbox, script: &str) -> (i32, String, String) {
    let mut shell = sandbox.command("sh");
    shell.arg("-c").arg(script);
    let path = std::env::join_paths(
        std::iter::once(sandbox.bin()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = with_path(sandbox, shell).env("PATH", path.unwrap()).output().unwrap();
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

// The brief, 2c, as written there; 10-K2, K8, 10-C18
#[test]
fn the_three_cases_of_the_brief() {
    let sandbox = workspace("");
    let (code, out, err) = block(
        &sandbox,
        "# Schema version warning
cat > .rally/config.toml << 'EOF'
schema_version = 99
[defaults]
mix = \"cc\"
claude_model = \"claude-haiku-*\"
EOF
rally routes check  # should warn about schema version",
    );
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("config.toml:1: schema_version is 99, expected 2"), "{out}");
    assert!(out.contains("config.toml:4: [defaults].claude_model: \"claude-haiku-*\" holds a *"), "{out}");

    let (code, out, err) = block(
        &sandbox,
        "# Invalid harness name
cat > .rally/config.toml << 'EOF'
schema_version = 2
[harness.123bad]
command = [\"echo\"]
EOF
rally routes check  # should error: invalid harness name",
    );
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.starts_with("error: ") && err.contains("config.toml:2: [harness.123bad]: invalid harness name")
    );
    assert_eq!(err.lines().count(), 1, "told once: {err}");

    let (code, out, err) = block(
        &sandbox,
        "# Missing default route with routes configured
cat > .rally/config.toml << 'EOF'
schema_version = 2
[defaults]
claude_model = \"claude-haiku-*\"
[routes]
planner = [\"cc:2\"]
EOF
rally routes check  # should warn: no default route",
    );
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("- planner: 1 entry\n"), "{out}");
    assert!(out.contains("config.toml:5: [routes]: no default route is configured"), "{out}");
    assert!(out.contains("\"claude-haiku-*\" holds a *"), "{out}");
}

// The brief, 2d; 10-K11
#[test]
fn every_route_is_in_the_summary() {
    let sandbox = workspace(
        "# Config with default route\n[routes]\ndefault = [\"cc:2\"]\nplanner = [\"cc:2\"]\nexecutor = [\"cc:1\"]\n",
    );
    let (out, _) = report(&sandbox, 0);
    let summary = "routes check summary:\n- default: 1 entry\n- executor: 1 entry\n- planner: 1 entry\n";
    assert!(out.starts_with(summary), "{out}");
    assert_eq!(lines(&out, "warning"), [""; 0]);
    assert_eq!(lines(&out, "info").len(), 3, "each has a single runner: {out}");
    assert!(lines(&out, "info")[0].starts_with("CONFIG:3: [routes].default has a single runner, claude"));
}
