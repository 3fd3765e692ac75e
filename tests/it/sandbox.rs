//! Agents under `[sandbox]`: a real relay, a real kernel, and a HOME that does not lie in a temporary folder.
//!
//! A kernel without Landlock cannot run these; they say so aloud. What happens there is told by the pure tests of
//! `cli/relay/sandbox.rs`, and by one here that such a kernel does run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use rally::process::sandbox::{OLDEST, version};

use crate::support::{Sandbox, stderr, stdout};

/// What confines; the user's own file.
const ON: &str = "schema_version = 2\n[sandbox]\nenabled = true\n";

/// Whether this kernel can confine anybody.
fn can_confine() -> bool {
    let can = version().is_ok_and(|version| version >= OLDEST);
    if !can {
        // Not by a macro: the harness swallows what a test that passes prints with one.
        let words = format!("\nNOT RUN: no Landlock {OLDEST} here: {:?}\n", version());
        let _ = std::io::stderr().write_all(words.as_bytes());
    }
    can
}

/// A sandbox with a HOME of its own in the build folder, where nobody confined may write.
struct Scene {
    sandbox: Sandbox,
    home: tempfile::TempDir,
}

impl Scene {
    fn new(config: &str) -> Scene {
        let sandbox = Sandbox::initialised();
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for folder in [".config/rally", ".claude", "out"] {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        std::fs::copy(sandbox.home().join(".gitconfig"), home.path().join(".gitconfig")).unwrap();
        std::fs::write(home.path().join(".claude.json"), "{}").unwrap();
        std::fs::write(home.path().join(".config/rally/config.toml"), config).unwrap();
        for file in ["out/kept", "out/cut", "out/moved", "out/gone"] {
            std::fs::write(home.path().join(file), "precious\n").unwrap();
        }
        Scene { sandbox, home }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.sandbox.rally(args);
        command.env("HOME", self.home());
        command
    }

    fn relay(&self, args: &[&str]) -> Output {
        self.command(&["relay"]).args(args).output().unwrap()
    }

    /// Lets a fake claude do this, in a relay that has to succeed, and says what was printed.
    #[track_caller]
    fn works(&self, script: &str) -> String {
        self.sandbox.claude(&format!("init\n{script}\nresult ok"));
        let output = self.relay(&["--new", "-i", "1", "--agent", "cc", "work"]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    /// The outcomes that the agent wrote into the workspace: a line for each attempt.
    fn outcomes(&self) -> Vec<String> {
        self.sandbox.read("outcomes").lines().map(str::to_owned).collect()
    }

    /// What lies in HOME's `out`, where nobody may write.
    #[track_caller]
    fn expect_untouched(&self) {
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(self.home().join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        let expected = ["cut", "gone", "kept", "moved"].map(|name| self.home().join("out").join(name));
        assert_eq!(names, expected);
        for file in names {
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious\n", "{}", file.display());
        }
    }
}

/// Tries a command and notes what came of it: `ok`, or the last words of the complaint.
const ATTEMPT: &str = r#"
attempt() {
  if why=$(LC_ALL=C sh -c "$2" 2>&1); then echo "$1 ok"; else echo "$1 ${why##*: }"; fi >> outcomes
}
"#;

#[test]
fn agents_write_to_their_places_and_nowhere_else() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    let said = scene.works(&format!(
        r#"{ATTEMPT}
attempt workspace 'mkdir -p a/b && echo x > a/b/c && mv a/b/c a/c && ln -s /etc a/etc && rm a/etc'
attempt home 'mkdir -p ~/.claude/projects && echo x > ~/.claude/projects/s && mv ~/.claude/projects/s ~/.claude/s'
attempt settings 'echo "{{\"a\":1}}" > ~/.claude.json'
attempt temp 'echo x > "$TMPDIR/x" && f=$(mktemp /tmp/rally-it-XXXXXX) && rm "$f"'
attempt null 'echo x > /dev/null'
attempt stderr 'echo x > /dev/stderr'
attempt read 'cat ~/out/kept'
attempt write 'echo x > ~/out/new'
attempt overwrite 'echo x > ~/out/kept'
attempt append 'echo x >> ~/out/kept'
attempt truncate 'truncate -s 0 ~/out/cut'
attempt remove 'rm ~/out/gone'
attempt mkdir 'mkdir ~/out/new'
attempt symlink 'ln -s /etc ~/out/new'
attempt fifo 'mkfifo ~/out/new'
attempt dotfile 'echo x >> ~/.bashrc'
attempt lock 'mkdir ~/.claude.json.lock'
attempt codex 'mkdir ~/.codex'
"#
    ));
    let denied = "Permission denied";
    let mut expected: Vec<String> = ["workspace", "home", "settings", "temp", "null", "stderr", "read"]
        .map(|name| format!("{name} ok"))
        .into();
    let refused = [
        "write",
        "overwrite",
        "append",
        "truncate",
        "remove",
        "mkdir",
        "symlink",
        "fifo",
        "dotfile",
        "lock",
        "codex",
    ];
    expected.extend(refused.map(|name| format!("{name} {denied}")));
    assert_eq!(scene.outcomes(), expected);
    scene.expect_untouched();
    assert_eq!(std::fs::read_to_string(scene.home().join(".claude.json")).unwrap(), "{\"a\":1}\n");
    assert!(said.contains("sandbox: agents write only to "), "{said}");
    assert!(said.contains(&scene.home().join(".claude.json").display().to_string()), "{said}");
}

#[test]
fn nothing_is_carried_over_the_border() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    // Between two file systems moving is copying: the files of HOME need a neighbour on theirs that is writable.
    scene.works(&format!(
        r#"{ATTEMPT}
echo mine > ~/.claude/mine
attempt 'move out' 'mv -n ~/.claude/mine ~/out/mine'
attempt 'move in' 'mv ~/out/moved ~/.claude/moved'
attempt 'link out' 'ln ~/.claude/mine ~/out/mine'
attempt 'through a link' 'ln -s ~/out out && echo x > out/new; s=$?; rm out; exit $s'
attempt 'over a link' 'ln -s ~/out/cut cut && : > cut; s=$?; rm cut; exit $s'
"#
    ));
    for outcome in scene.outcomes() {
        assert!(!outcome.ends_with(" ok"), "{outcome}");
    }
    assert_eq!(scene.outcomes().len(), 5);
    scene.expect_untouched();
}

#[test]
fn what_an_agent_starts_is_confined_however_it_runs() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    scene.works(&format!(
        r#"{ATTEMPT}
attempt child 'sh -c "sh -c \"echo x > ~/out/new\""'
attempt background 'sh -c "echo x > ~/out/new" & wait $!'
setsid sh -c 'if (echo x > ~/out/new) 2>/dev/null; then echo "daemon ok"; else echo "daemon denied"; fi >> outcomes; touch daemon' < /dev/null > /dev/null 2>&1 &
while [ ! -e daemon ]; do sleep 0.02; done
attempt environment 'env -i PATH="$PATH" sh -c "echo x > {}/out/new"'
"#,
        scene.home().display()
    ));
    let denied = "Permission denied";
    let expected = ["child", "background"].map(|name| format!("{name} {denied}"));
    let outcomes = scene.outcomes();
    assert_eq!(outcomes[..2], expected);
    assert_eq!(outcomes[2..], ["daemon denied".to_owned(), format!("environment {denied}")]);
    scene.expect_untouched();
}

#[test]
fn agents_commit_and_report_inside_also_in_a_linked_work_tree() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    // The repository lies where nobody may write unless it is theirs; only its work tree is temporary.
    let main = scene.home().join("main");
    scene.sandbox.git(["clone", "-q", ".", main.to_str().unwrap()]);
    let tree = scene.home().join("tree");
    scene.sandbox.git([
        "-C",
        main.to_str().unwrap(),
        "worktree",
        "add",
        "-q",
        "-b",
        "side",
        tree.to_str().unwrap(),
    ]);
    scene.sandbox.claude(&format!(
        "init; echo x > made; git add made; git commit -q -m 'by the agent' || exit 1\n\
         if echo x > {}/other; then exit 1; fi 2>/dev/null\n\
         rally progress --complete --summary 'said inside' || exit 1\nresult ok",
        main.display()
    ));
    let output =
        scene.command(&["relay", "--new", "-i", "1", "--agent", "cc", "work"]).current_dir(&tree).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains(&format!("{}/.git", main.display())), "{}", stdout(&output));
    let log = scene.sandbox.git(["-C", tree.to_str().unwrap(), "log", "--format=%s"]);
    assert!(log.contains("by the agent"), "{log}");
    let tries = std::fs::read_to_string(tree.join(".rally/state/tries.jsonl")).unwrap();
    assert!(tries.contains("said inside"), "{tries}");
}

#[test]
fn a_lap_is_done_inside() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    for args in [&["laps", "init"][..], &["laps", "add", "tail", "--title", "One"]] {
        let output = scene.command(args).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    scene
        .sandbox
        .claude("init; echo x > made; laps done && laps wrapup --summary 'all done' || exit 1; result ok");
    let output = scene.relay(&["--agent", "cc"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let queue = scene.sandbox.read(".laps/laps.json");
    assert!(queue.contains("One"), "{queue}");
    let tries = scene.sandbox.tries();
    assert_eq!((tries.len(), tries[0]["outcome"].as_str()), (1, Some("completed")), "{tries:?}");
}

#[test]
fn rally_still_ends_the_whole_tree_and_the_agent_cannot_end_rally() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    let scoped = version().is_ok_and(|version| version >= rally::process::sandbox::SCOPED);
    scene.sandbox.claude(
        "init; trap '' INT TERM\n\
         if kill -0 $PPID 2>/dev/null; then echo could; else echo could not; fi > \"$S/signal\"\n\
         setsid sh -c 'trap \"\" INT TERM; while :; do sleep 1; done' &\n\
         here; while :; do sleep 1; done",
    );
    let mut command = scene.command(&["relay", "--new", "--agent", "cc", "work"]);
    let child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut child = Killed(child);
    scene.sandbox.wait_for_note("here.1");
    assert_eq!(scene.sandbox.note("signal").trim(), if scoped { "could not" } else { "could" });
    child.0.kill().unwrap();
    let mark = format!("HOME={}\0", scene.home().display());
    scene.sandbox.wait_for("every process to be gone", || {
        std::fs::read_dir("/proc").unwrap().flatten().all(|entry| {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            !String::from_utf8_lossy(&[environment.as_slice(), b"\0"].concat()).contains(&mark)
        })
    });
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_frozen_agent_is_still_seen() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    scene
        .sandbox
        .configure("[reliability]\nfreeze_threshold_secs = 2\nnetwork_silence_secs = 1\nretry_budget = 2\n");
    scene.sandbox.claude("init; if [ $N = 1 ]; then exec sleep 1000; fi; echo x > made; result ok");
    let output = scene.relay(&["--new", "-i", "1", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = scene.sandbox.tries();
    assert_eq!(tries.len(), 2, "{tries:?}");
    assert!(stdout(&output).contains("frozen"), "{}", stdout(&output));
}

#[test]
fn a_repository_can_open_nothing() {
    if !can_confine() {
        return;
    }
    let scene = Scene::new(ON);
    let out = scene.home().join("out");
    scene.sandbox.configure(&format!(
        "[sandbox]\nenabled = false\nrequired = false\nwrite = [\"/\"]\n[harness.claude]\nenv = {{ CLAUDE_CONFIG_DIR = \"{}\" }}\n",
        out.display()
    ));
    scene.sandbox.claude(&format!("init\n{ATTEMPT}\nattempt write 'echo x > ~/out/new'\nresult ok"));
    let output = scene.relay(&["--new", "-i", "1", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(scene.outcomes(), ["write Permission denied"]);
    scene.expect_untouched();
    let said = stderr(&output);
    for key in ["[sandbox].enabled is ignored here", "[sandbox].required is", "[sandbox].write is"] {
        assert!(said.contains(key), "{key}: {said}");
    }
    assert!(said.contains("CLAUDE_CONFIG_DIR of claude is set by the repository"), "{said}");
}

#[test]
fn what_the_user_adds_is_open_and_without_the_sandbox_everything_is() {
    if !can_confine() {
        return;
    }
    let attempt = format!("{ATTEMPT}\nattempt write 'echo x > ~/out/kept'");
    let scene = Scene::new(&format!("{ON}write = [\"~/out\", \"~/not-there\"]\n"));
    let said = scene.works(&attempt);
    assert_eq!(scene.outcomes(), ["write ok"]);
    assert!(said.contains("/out"), "{said}");
    let scene = Scene::new("schema_version = 2\n");
    let said = scene.works(&attempt);
    assert_eq!(scene.outcomes(), ["write ok"]);
    assert!(!said.contains("sandbox"), "{said}");
}

#[test]
fn a_kernel_without_landlock_refuses_to_start() {
    if version().is_ok_and(|version| version >= OLDEST) {
        // Told by the pure tests; this kernel cannot show it.
        return;
    }
    let scene = Scene::new(ON);
    scene.sandbox.claude("init; echo x > made; result ok");
    let output = scene.relay(&["--new", "--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("[sandbox].enabled"), "{}", stderr(&output));
    assert_eq!(scene.sandbox.tries().len(), 0);
}

#[test]
fn doctor_tells_whether_agents_are_confined() {
    let scene = Scene::new(ON);
    let output = scene.command(&["doctor", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["sandbox"]["enabled"], true);
    assert_eq!(report["sandbox"]["landlock"].as_i64(), version().ok().map(i64::from));
    let finding =
        report["findings"].as_array().unwrap().iter().find(|one| one["subject"] == "sandbox").unwrap();
    let level = if version().is_ok_and(|version| version >= OLDEST) { "ok" } else { "problem" };
    assert_eq!(finding["level"], level, "{finding}");
}
