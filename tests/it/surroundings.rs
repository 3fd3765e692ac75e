//! What an agent finds around it is what docs/agents-environment.md says, and no shell reads what is passed on to it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{Sandbox, stderr, stdout};

/// Told by what the agent prints as plain text; rally need not understand it.
const DUMP: &str = "\
    case \"$1\" in --version|--help) echo 1.0.0; exit 0;; esac
    N='@NOTES@'
    cat > \"$N/stdin\"; tr '\\0' '\\n' < /proc/$$/environ > \"$N/environ\"
    printf '%s\\n' \"$@\" > \"$N/args\"; pwd > \"$N/cwd\"; umask > \"$N/umask\"
    cat /proc/$$/oom_score_adj > \"$N/oom\"; cat /proc/$$/limits > \"$N/limits\"
    cat /proc/$$/status > \"$N/status\"; cat /proc/$$/stat > \"$N/stat\"
    ls -l /proc/self/fd > \"$N/fds\"";

fn dump(sandbox: &Sandbox) -> String {
    DUMP.replace("@NOTES@", &sandbox.notes().display().to_string())
}

/// The rows of the document's table for one harness: variable -> value.
fn documented(harness: &str) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/agents-environment.md");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [who, variable, value] = cells[..] else { return None };
        (who == "every" || who == harness).then(|| (variable.trim_matches('`').to_owned(), value.to_owned()))
    });
    let rows: BTreeMap<String, String> =
        rows.filter(|(variable, _)| variable.contains(char::is_uppercase)).collect();
    assert!(rows.len() >= 4, "{rows:?}");
    rows
}

/// What is set or removed on top of rally's own environment.
fn changed(sandbox: &Sandbox, own: &[(&str, &str)]) -> BTreeMap<String, Option<String>> {
    let text = sandbox.note("environ");
    let found: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let mut changed: BTreeMap<String, Option<String>> = found
        .iter()
        .filter(|(name, value)| !own.contains(&(**name, **value)))
        .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
        .collect();
    let gone = own.iter().filter(|(name, _)| !found.contains_key(name));
    changed.extend(gone.map(|(name, _)| ((*name).to_owned(), None)));
    changed
}

// 50-R6, R26
#[test]
fn the_environment_is_the_documented_one() {
    for (harness, program, alias) in [
        ("claude", "claude", "cc"),
        ("codex", "codex", "cx"),
        ("gemini", "gemini", "ge"),
        ("opencode", "opencode", "op"),
        ("antigravity", "agy", "ag"),
        ("custom", "mine", "mine"),
    ] {
        let sandbox = Sandbox::initialised();
        sandbox.configure(
            "[harness.mine]\ncommand = [\"mine\"]\n[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n",
        );
        sandbox.program(program, &dump(&sandbox));
        let mut relay = sandbox.rally(["relay", "--agent", alias, "work"]);
        relay.env("SOME_KEY", "inherited-as-it-is").env("LAPS_NEW_RELIC_LICENSE_KEY", "0123456789");
        let own: Vec<(String, String)> = relay
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
            .collect();
        let output = relay.output().unwrap();
        let said = format!("{harness}: {}{}", stdout(&output), stderr(&output));
        assert!(sandbox.notes().join("fds").exists(), "{said}");

        let own: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut found = changed(&sandbox, &own);
        // A shell sets these for itself; they are not the agent's.
        found.retain(|name, _| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()));
        let rows = documented(harness);
        let names = |map: &BTreeMap<String, Option<String>>| map.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), rows.keys().cloned().collect::<Vec<_>>(), "{said}");
        let tag = found["RALLY_TRY"].clone();
        for (name, value) in &found {
            let means = rows[name].strip_suffix(", unless it is set").unwrap_or(&rows[name]);
            let value = value.as_deref();
            match name.as_str() {
                "PATH" => {
                    let bin = sandbox.repo().canonicalize().unwrap().join(".rally/state/bin");
                    let usual = own.iter().find(|(name, _)| *name == "PATH").unwrap().1;
                    assert_eq!(value.unwrap(), format!("{}:{usual}", bin.display()));
                    assert!(bin.join("rally").exists());
                }
                "RALLY_TRY" | "LAPS_SESSION" => assert_eq!(value, tag.as_deref()),
                "TMPDIR" => {
                    let folder = sandbox.root().join("tmp").join(format!("rally-{}", tag.as_ref().unwrap()));
                    assert_eq!(value.unwrap(), folder.display().to_string());
                }
                name if name.starts_with("GIT_") => {
                    let usual = if name.ends_with("NAME") { "Tester" } else { "tester@localhost" };
                    assert_eq!(value, Some(usual), "{name}");
                }
                _ if means == "removed" => assert_eq!(value, None, "{name}"),
                _ => assert_eq!(value, Some(means.trim_matches('`')), "{name}"),
            }
        }

        assert_eq!(sandbox.note("cwd").trim(), sandbox.repo().canonicalize().unwrap().display().to_string());
        let here = |file: &str| std::fs::read_to_string(Path::new("/proc/self").join(file)).unwrap();
        let score = here("oom_score_adj").trim().parse::<i32>().unwrap() + 500;
        assert_eq!(sandbox.note("oom").trim(), score.min(1000).to_string());
        assert_eq!(sandbox.note("limits"), here("limits"), "{harness}");
        let fields = sandbox.note("stat");
        let fields: Vec<&str> = fields.rsplit(')').next().unwrap().split_whitespace().collect();
        let (group, session, terminal) = (fields[2], fields[3], fields[4]);
        let pid = sandbox.note("stat").split_whitespace().next().unwrap().to_owned();
        assert_eq!((group, terminal), (pid.as_str(), "0"));
        assert_ne!(session, pid);
        // Three, and the folder that ls itself reads.
        let fds = sandbox.note("fds");
        let given: Vec<&str> =
            fds.lines().filter(|line| line.contains("->") && !line.contains("/proc/")).collect();
        assert_eq!(given.len(), 3, "{fds}");
        let by_argument = harness == "antigravity";
        assert_eq!(fds.contains("/dev/null"), by_argument, "{harness}: {fds}");
        assert_eq!(sandbox.note("stdin").contains("work"), !by_argument, "{harness}");
    }
}

/// What a shell would obey, in every place that a user or an agent fills.
const BAIT: [&str; 6] = [
    "$(touch @)",
    "`touch @`",
    "; touch @ ;",
    "\ntouch @\n",
    "'; touch @; '\"; touch @; \"",
    "-x $(touch @) | touch @",
];

fn bait(sandbox: &Sandbox) -> Vec<String> {
    let target = sandbox.root().join("pwned").display().to_string();
    BAIT.iter().map(|bait| bait.replace('@', &target)).collect()
}

#[track_caller]
fn nobody_bit(sandbox: &Sandbox, what: &str) {
    assert!(!sandbox.root().join("pwned").exists(), "a shell read {what}");
}

#[test]
fn no_shell_reads_prompts_models_messages_or_branches() {
    let sandbox = Sandbox::initialised();
    sandbox.git(["checkout", "-q", "-b", "$(touch${IFS}pwned);`touch${IFS}pwned`"]);
    sandbox.configure(
        "[harness.mine]\ncommand = [\"mine\", \"--\", \"$PROMPT\"]\nmodel_flag = \"--model\"\n\
         [harness.plain]\ncommand = [\"mine\"]\n[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n",
    );
    for program in ["claude", "codex", "gemini", "opencode", "agy", "mine"] {
        sandbox.program(program, &dump(&sandbox));
    }
    for bait in bait(&sandbox) {
        sandbox.rally(["message", "add", "--", &bait]).output().unwrap();
        for alias in ["cc", "cx", "ge", "op", "ag", "mine", "plain"] {
            let entry = format!("'{alias}:m {}'", bait.replace(['\'', '\n'], " "));
            for agent in [alias, &entry] {
                for note in ["args", "stdin"] {
                    let _ = std::fs::remove_file(sandbox.notes().join(note));
                }
                sandbox.rally(["relay", "--new", "--agent", agent, "--", &bait]).output().unwrap();
                nobody_bit(&sandbox, &format!("{bait:?} for {agent}"));
                if agent == alias {
                    let told = sandbox.note("args") + &sandbox.note("stdin");
                    assert!(told.contains(bait.trim()), "{alias} was not told {bait:?}: {told}");
                }
            }
        }
    }
    assert!(!sandbox.repo().join("pwned").exists(), "a shell read the name of the branch");
}

#[test]
fn no_shell_reads_what_stands_in_the_queue() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude(
        "init; echo $N > made$N.txt; laps done && laps wrapup --summary \"$BAIT\" --followup \"$BAIT\"; result \"ok\"",
    );
    sandbox.rally(["laps", "init"]).output().unwrap();
    // A hook of the user's is a script, and what it is about comes in variables.
    let hook = r#"{"title":"mine","command":"done","when":"after","run":"printf '%s\n' \"$LAPS_TITLE\" >> ../hooked"}"#;
    sandbox.write(".laps/hooks.json", &format!("{{\"version\":1,\"hooks\":[{hook}]}}"));
    for bait in bait(&sandbox) {
        let given = ["laps", "add", "tail", "--title", &bait, "--description", &bait, "--assignee", &bait];
        sandbox.rally(given).output().unwrap();
        let title = ["laps", "add", "tail", "--title", &bait, "--description", &bait];
        sandbox.rally(title).output().unwrap();
        let output = sandbox
            .rally(["relay", "--new", "--agent", "cc", "-i", "2"])
            .env("BAIT", &bait)
            .output()
            .unwrap();
        nobody_bit(&sandbox, &format!("{bait:?}"));
        assert!(!sandbox.note("prompt.1").is_empty(), "{}{}", stdout(&output), stderr(&output));
    }
    assert!(sandbox.tries().len() >= BAIT.len(), "the laps were worked on");
    let heard = std::fs::read_to_string(sandbox.root().join("hooked")).unwrap_or_default();
    assert!(heard.contains("$(touch"), "the hook ran: {heard}");
}

// Somebody's repository can be looked at before it is trusted
#[test]
fn looking_at_a_repository_runs_nothing_of_it() {
    let sandbox = Sandbox::new();
    let ran = sandbox.root().join("ran");
    let trap = format!("echo \"$0 $*\" >> '{}'", ran.display());
    for name in ["evil", "claude", "laps-hook"] {
        sandbox.program(name, &trap);
    }
    let (evil, claude) = (sandbox.bin().join("evil"), sandbox.bin().join("claude"));
    sandbox.write(
        ".rally/config.toml",
        &format!(
            "schema_version = 2\n[defaults]\nmix = \"evil cc\"\n[routes]\ndefault = [\"evil\", \"cc\"]\n\
             [harness.evil]\ncommand = [\"{}\"]\n[harness.claude]\nenv = {{ PATH = \"{}\", BASE = \"x\" }}\n\
             [reliability]\nretry_budget = 1\nmax_failed_runs = 1\n",
            evil.display(),
            claude.parent().unwrap().display()
        ),
    );
    let hook = r#"{"title":"t","command":"add","when":"after","run":"laps-hook"}"#;
    sandbox.write(".laps/hooks.json", &format!("{{\"version\":1,\"hooks\":[{hook}]}}"));
    for looking in [
        &["status"][..],
        &["tail"],
        &["runners"],
        &["quota"],
        &["routes", "check"],
        &["routes", "check", "--preview", "3"],
        &["config", "list", "--origin"],
        &["message", "list"],
        &["hooks", "list"],
        &["doctor"],
        &["doctor", "--json"],
        &["--help"],
    ] {
        sandbox.rally(looking).output().unwrap();
        let ran = std::fs::read_to_string(&ran).unwrap_or_default();
        assert_eq!(ran, "", "{looking:?}");
    }
    // It is a trap indeed.
    sandbox.rally(["relay", "--no-laps", "-i", "1", "--agent", "evil", "work"]).output().unwrap();
    assert!(ran.exists());
}
