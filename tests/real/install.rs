//! Installs the agent CLIs of `agents.toml` once, into a folder that is kept: all in one call of npm,
//! as native packages that need no install script (Gemini CLI alone needs Node to run).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::cli::Cli;

/// One table of `agents.toml`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The pinned version.
    pub version: String,
    /// What npm installs, with `{version}` in it.
    package: String,
    /// The program below `node_modules`.
    program: PathBuf,
}

static PINS: LazyLock<BTreeMap<String, Pin>> =
    LazyLock::new(|| toml::from_str(include_str!("../../agents.toml")).unwrap());

/// The pin of a CLI.
pub fn pin(cli: Cli) -> &'static Pin {
    &PINS[cli.name()]
}

/// The program of a CLI below the folder that [`all`] returns.
pub fn program(installed: &Path, cli: Cli) -> PathBuf {
    installed.join("node_modules").join(&pin(cli).program)
}

/// The folder with all CLIs, installed if need be. Its name has the versions in it, so that a moved
/// pin makes another.
pub fn all() -> PathBuf {
    let cache = cache();
    let versions: Vec<String> = Cli::ALL.map(|cli| format!("{cli}-{}", pin(cli).version)).to_vec();
    let home = cache.join(versions.join("_"));
    std::fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap(); // other tests, and other test processes, wait here
    if !home.exists() {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            panic!(
                "the packages are for Linux on x86_64: provide programs for this machine below {}",
                home.display()
            );
        }
        install(&cache, &home);
    }
    for cli in Cli::ALL {
        let program = program(&home, cli);
        assert!(program.exists(), "npm installed {cli} without {}", program.display());
    }
    println!("{}", versions.join(" "));
    home
}

/// What is kept from one run of the suite to the next.
pub fn cache() -> PathBuf {
    match std::env::var_os("RALLY_REAL_AGENTS_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("real-agents"),
    }
}

/// Into a folder of its own first: what stands under the final name is always complete.
fn install(cache: &Path, home: &Path) {
    let partial = tempfile::Builder::new().prefix("partial-").tempdir_in(cache).unwrap();
    let packages = Cli::ALL.map(|cli| pin(cli).package.replace("{version}", &pin(cli).version));
    let output = Command::new("npm")
        .args(["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"])
        .arg("--prefix")
        .arg(partial.path())
        .args(&packages)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run npm ({error}): install Node.js, or set RALLY_REAL_AGENTS_DIR to a folder that has the CLIs")
        });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "npm cannot install {packages:?}:\n{errors}");
    std::fs::rename(partial.keep(), home).unwrap();
}
