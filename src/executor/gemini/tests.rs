//! The command line, and what the installed version can do.

use pretty_assertions::assert_eq;

use super::*;
use crate::model::Identity;

fn asked(version: Option<&str>) -> Gemini {
    let mut gemini = Gemini::new(HarnessSpec::plain("gemini", "gemini"));
    gemini.learn(&|args| {
        assert_eq!(args, ["--version"]);
        version.map(str::to_owned)
    });
    gemini
}

// 20-AF-GE-09; deviation, decided: versions that resume by id say so
#[test]
fn only_versions_that_take_an_id_claim_to_resume() {
    for (said, resumes) in [
        (Some("0.61.0\n"), true),
        (Some("Warning: 256-color support not detected.\n0.62.1-preview.3\n"), true),
        (Some("1.0.0"), true),
        (Some("Gemini CLI v0.61.4"), true),
        (Some("0.60.9"), false),
        (Some("0.6.100"), false),
        (Some("node 20.1.2 is too old, 99.0.0 needed"), false),
        (Some(""), false),
        (None, false),
    ] {
        assert_eq!(asked(said).capabilities().resume, resumes, "{said:?}");
    }
    let never_asked = Gemini::new(HarnessSpec::plain("gemini", "gemini")).capabilities();
    assert_eq!(never_asked, Capabilities { resume: false, effort: false, end_event: true });
}

// 20-AF-GE-12, 20-AF-RE-04, 20-AF-RE-06, 20-AF-EX-05, 20-AF-EX-06, 20-AF-EX-07
#[test]
fn arguments() {
    let mut gemini = asked(Some("0.61.0"));
    gemini.spec.extra_args = vec!["-m".into(), "default".into()];
    let plain = Request { effort: Some(" "), ..Request::new("- do it", "/w".as_ref(), "/s".as_ref()) };
    let base = "--output-format stream-json --yolo -m default";
    let invocation = gemini.invocation(&plain).unwrap();
    assert_eq!(words(&invocation), base);
    assert_eq!(invocation.stdin, Stdin::Bytes(b"- do it".to_vec()));
    assert_eq!(invocation.stderr, Stderr::Separate);
    assert!(invocation.notes.is_empty());
    let full = Request { model: Some("gemini-3"), effort: Some("max"), resume: Some("some-id"), ..plain };
    let invocation = gemini.invocation(&full).unwrap();
    assert_eq!(words(&invocation), format!("{base} -m gemini-3 --resume some-id"));
    assert!(invocation.notes[0].contains("max") && invocation.notes[0].starts_with("gemini:"));
    let old = asked(Some("0.40.1")).invocation(&full).unwrap();
    assert_eq!(words(&old), "--output-format stream-json --yolo -m gemini-3");
}

fn words(invocation: &Invocation) -> String {
    assert_eq!(invocation.program, "gemini");
    let args: Vec<&str> = invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect();
    args.join(" ")
}

#[test]
fn variables() {
    let identity = Identity { name: "Ann".into(), email: "ann@example.org".into() };
    let request = Request { identity: Some(&identity), ..Request::new("p", "/w".as_ref(), "/s".as_ref()) };
    let mut gemini = Gemini::new(HarnessSpec::plain("gemini", "gemini"));
    gemini.spec.extra_env =
        vec![("GIT_AUTHOR_NAME".into(), "Bob".into()), ("GEMINI_CLI_NO_RELAUNCH".into(), String::new())];
    let env = gemini.invocation(&request).unwrap().env;
    // The last of two counts.
    let value =
        |name: &str| env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.to_str().unwrap());
    assert_eq!(value("GEMINI_CLI_TRUST_WORKSPACE"), Some("true"));
    assert_eq!(value("GEMINI_CLI_NO_RELAUNCH"), Some(""));
    assert_eq!(value("TMPDIR"), Some("/s"));
    assert_eq!(value("GIT_AUTHOR_NAME"), Some("Bob"));
    if std::env::var_os("GIT_COMMITTER_EMAIL").is_none() {
        assert_eq!(value("GIT_COMMITTER_EMAIL"), Some("ann@example.org"));
    }
    let nobody = gemini.invocation(&Request { identity: None, ..request }).unwrap().env;
    assert!(!nobody.iter().any(|(key, _)| key == "GIT_COMMITTER_NAME"));
}

#[test]
fn signed_in_by_a_variable_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut gemini = Gemini::new(HarnessSpec::plain("gemini", "gemini"));
    let unset = ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"];
    gemini.spec.extra_env = unset.map(|name| (name.to_owned(), String::new())).to_vec();
    gemini.spec.extra_env.push(("GEMINI_CLI_HOME".into(), folder.path().to_str().unwrap().into()));
    let SignIn::No(what) = gemini.sign_in() else { panic!("{:?}", gemini.sign_in()) };
    assert!(what.contains("GEMINI_API_KEY") && what.ends_with(".gemini/oauth_creds.json"), "{what}");
    std::fs::create_dir(folder.path().join(".gemini")).unwrap();
    std::fs::write(folder.path().join(".gemini/.env"), "").unwrap();
    assert!(matches!(gemini.sign_in(), SignIn::Yes(file) if file.ends_with(".gemini/.env")));
    gemini.spec.extra_env.push(("GEMINI_API_KEY".into(), "x".into()));
    assert_eq!(gemini.sign_in(), SignIn::Yes("GEMINI_API_KEY".into()));
}

#[test]
fn a_prompt_that_it_would_cut_is_refused_beforehand() {
    let gemini = Gemini::new(HarnessSpec::plain("gemini", "gemini"));
    let request = |prompt| gemini.invocation(&Request::new(prompt, "/w".as_ref(), "/s".as_ref()));
    let prompt = "x".repeat(PROMPT_LIMIT);
    assert!(request(&prompt).is_ok());
    let error = request(&format!("{prompt}!")).unwrap_err();
    assert_eq!(error.to_string(), "the prompt (8388609 bytes) is more than gemini takes (8388608 bytes)");
}
