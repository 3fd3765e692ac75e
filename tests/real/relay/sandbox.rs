//! The real CLIs under `[sandbox]`: they find open what they need, and nothing else of HOME.

use rally::process::sandbox::{OLDEST, version};
use serde_json::json;

use super::{Settings, initialise, new_relay, relay_log, tries};
use crate::cli::Cli;
use crate::lab::{Lab, lab_in_build_folder};

/// Works, reports, keeps its session for the next, and cannot write into HOME.
fn works_confined(lab: &Lab, cli: Cli) {
    assert!(version().is_ok_and(|version| version >= OLDEST), "NOT RUN: no Landlock here: {:?}", version());
    initialise(lab, &Settings::default());
    let config = lab.sandbox.home().join(".config/rally/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(config, "schema_version = 2\n[sandbox]\nenabled = true\n").unwrap();
    let prompt = "Remember CODEWORD=zebra7. Then RUN(echo x > made.txt; echo x > $HOME/escaped || echo x > refused.txt; \
                  git add . && git commit -q -m inside; rally progress --complete --summary inside)";
    let done = lab.run(new_relay(lab, cli, "ok", prompt)).expect_code(0);
    let [record] = tries(lab, &done);
    assert_eq!(record["completed"], true, "{record:#}\n{done:#?}");
    assert_eq!(record["exit"], json!({"code": 0}), "{record:#}");
    assert_eq!(record["summary"], "inside", "{record:#}");
    assert_eq!((lab.sandbox.read("made.txt"), lab.sandbox.read("refused.txt")), ("x\n".into(), "x\n".into()));
    assert!(!lab.sandbox.home().join("escaped").exists());
    assert!(lab.sandbox.git(["log", "--format=%s"]).contains("inside"));
    assert!(done.stdout.contains("sandbox: agents write only to "), "{done:#?}");
    lab.wait_for_session(cli, "zebra7");
    println!("{}\n{}", done.stderr, relay_log(lab));
    let log = std::fs::read_to_string(record["log_path"].as_str().unwrap()).unwrap();
    println!("{log}");
    // What the CLI itself complains of stands on a line of its own; the tool's own words are inside an event.
    let complaints: Vec<&str> =
        log.lines().filter(|line| !line.starts_with('{') && line.contains("EACCES")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// The same for each CLI.
macro_rules! for_each_cli {
    ($($cli:ident: $variant:expr;)*) => {$(
        #[test]
        fn $cli() {
            lab_in_build_folder(&[$variant], |lab| works_confined(lab, $variant));
        }
    )*};
}

for_each_cli! {
    claude: Cli::Claude;
    codex: Cli::Codex;
    gemini: Cli::Gemini;
    opencode: Cli::Opencode;
}
