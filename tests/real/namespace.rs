//! Runs a test in a network of its own that holds nothing but loopback, so that an agent
//! CLI can reach the mock and nobody else.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Tells the test process that it is inside, and where the CLIs are.
const INSIDE: &str = "RALLY_REAL_INSTALLED";

/// Brings loopback up and becomes the program behind it.
const UP: &str = r#"PATH=$PATH:/usr/sbin:/sbin ip link set lo up && exec "$@""#;

/// Runs a test with the folder of the CLIs, if real agents are wanted: this very test binary
/// is started again, for the one test of this name, inside the namespace.
pub fn on_loopback(name: &str, test: impl FnOnce(&Path)) {
    if let Some(installed) = std::env::var_os(INSIDE) {
        return test(Path::new(&installed));
    }
    if std::env::var("RALLY_TEST_REAL_AGENTS").as_deref() != Ok("1") {
        println!("skipped: set RALLY_TEST_REAL_AGENTS=1");
        return;
    }
    let installed = super::install::all();
    let (outer, note) = match enter() {
        Some(options) => (vec!["unshare", options, "sh", "-c", UP, "sh"], "on loopback alone"),
        None => (vec!["env"], "no namespace can be made: the CLI can reach what this machine can"),
    };
    let output = Command::new(outer[0])
        .args(&outer[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .env(INSIDE, installed)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    println!("{note}:\n{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("test result: ok. 1 passed"), "see above");
}

/// The option of `unshare` that works here, for root or for anybody.
fn enter() -> Option<&'static str> {
    static FOUND: OnceLock<Option<&str>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        ["-n", "-rn"].into_iter().find(|option| {
            let probe = Command::new("unshare").args([option, "sh", "-c", UP, "sh", "true"]).output();
            probe.is_ok_and(|output| output.status.success())
        })
    })
}

/// The name that libtest knows a test by, from the type of the closure inside it:
/// `real::relay::smoke::{{closure}}`.
pub fn name_of<F>() -> &'static str {
    let path = std::any::type_name::<F>();
    path.trim_end_matches("::{{closure}}").split_once("::").expect("a path inside the test crate").1
}
