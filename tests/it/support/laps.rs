//! The program `laps` in a sandbox, played by the example `laps_stand_in`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::Sandbox;

impl Sandbox {
    /// Puts a `laps` of this version (`0.8.1`, `0.9.0`) into PATH, and says where it is.
    pub fn install_laps(&self, version: &str) -> PathBuf {
        let stand_in = stand_in().display();
        self.program("laps", &format!("LAPS_STAND_IN={version} exec '{stand_in}' \"$@\""));
        self.bin().join("laps")
    }

    /// `laps` of PATH with arguments, ready to be run.
    pub fn laps<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(&self, args: I) -> Command {
        let mut command = self.command(self.bin().join("laps"));
        command.args(args);
        command
    }
}

/// The stand-in beside rally's binary. `cargo test` builds it; `cargo test --test it` does not, so it is built here.
fn stand_in() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let profile = Sandbox::rally_path().parent().unwrap();
        let path = profile.join("examples/laps_stand_in");
        if !is_fresh(&path) {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--example", "laps_stand_in", "--manifest-path"]);
            cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
            cargo.arg("--target-dir").arg(profile.parent().unwrap());
            if profile.ends_with("release") {
                cargo.arg("--release");
            }
            assert!(cargo.status().unwrap().success(), "the example laps_stand_in cannot be built");
        }
        path
    })
}

/// Whether the program is newer than its sources.
fn is_fresh(program: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/laps_stand_in");
    let mut sources = sources.read_dir().unwrap().map(|entry| changed(&entry.unwrap().path()));
    changed(program).is_some_and(|built| sources.all(|source| source.is_some_and(|source| source <= built)))
}
