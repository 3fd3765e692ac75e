//! The command line, and who looks signed in.

use pretty_assertions::assert_eq;

use super::*;

fn words(invocation: &Invocation) -> String {
    assert_eq!(invocation.program, "codex");
    let args: Vec<&str> = invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect();
    args.join(" ")
}

const SESSION: &str = "01a204c7-8d66-77b2-9f8f-4792076949de";
const BASE: &str = "exec --json --dangerously-bypass-approvals-and-sandbox -c allow_login_shell=false";

fn request() -> Request<'static> {
    Request::new("- do it", "/w".as_ref(), "/s".as_ref())
}

// 20-AF-CX-05, 20-AF-CX-06, 20-AF-EX-05, 20-AF-EX-06, 20-AF-EX-07, 20-AF-RE-01, 20-AF-RE-02, 20-AF-RE-06.
// 20-AF-CX-03 is deviated from: no schema is passed, since the stream tells the answer and a schema would force
// the form of every answer.
#[test]
fn arguments() {
    let codex = Codex::new(HarnessSpec {
        extra_args: vec!["-c".into(), "model_reasoning_effort=low".into()],
        extra_env: vec![("CODEX_HOME".into(), "/second".into())],
        ..HarnessSpec::plain("codex", "codex")
    });
    let plain = Request { effort: Some(" "), ..request() };
    let own = format!("{BASE} -c model_reasoning_effort=low");
    let invocation = codex.invocation(&plain).unwrap();
    assert_eq!(words(&invocation), format!("{own} -"));
    assert_eq!(invocation.stdin, Stdin::Bytes(b"- do it".to_vec()));
    assert_eq!(invocation.stderr, Stderr::Separate);
    assert_eq!(invocation.env, [("CODEX_HOME".into(), "/second".into())]);
    assert!(invocation.notes.is_empty());
    let full = Request {
        model: Some("gpt-5.5-extra-high"),
        effort: Some("xhigh"),
        resume: Some(SESSION),
        ..request()
    };
    let invocation = codex.invocation(&full).unwrap();
    let rest = format!("-m gpt-5.5-extra-high -c model_reasoning_effort=xhigh resume {SESSION} -");
    assert_eq!(words(&invocation), format!("{own} {rest}"));
    assert!(invocation.notes.is_empty());
    let odd = codex.invocation(&Request { effort: Some("bogus"), ..plain }).unwrap();
    assert!(words(&odd).ends_with("-c model_reasoning_effort=bogus -"));
    assert!(odd.notes[0].contains("bogus"), "{:?}", odd.notes);
    assert!(odd.notes[0].contains("none, minimal, low, medium, high, xhigh"), "{:?}", odd.notes);
}

// 20-AF-CX-05 with the deviation that only a UUID is passed: the CLI takes anything else for a name, and begins a
// new session without a word when nothing has it.
#[test]
fn only_a_session_id_is_resumed() {
    let codex = Codex::new(HarnessSpec::plain("codex", "codex"));
    let resumed = |id| codex.invocation(&Request { resume: Some(id), ..request() }).unwrap();
    let odd = resumed("sess-resume-77");
    assert_eq!(words(&odd), format!("{BASE} -"));
    assert!(odd.notes[0].contains("sess-resume-77"), "{:?}", odd.notes);
    let upper = resumed("01A204C7-8D66-77B2-9F8F-4792076949DE");
    assert_eq!(words(&upper), format!("{BASE} resume {SESSION} -"));
    assert!(resumed(" ").notes.is_empty());
}

#[test]
fn what_may_be_given_only_once_is_given_once() {
    let with = |extra_args: &[&str], model| {
        let extra_args = extra_args.iter().map(|&arg| arg.to_owned()).collect();
        let codex = Codex::new(HarnessSpec { extra_args, ..HarnessSpec::plain("codex", "codex") });
        words(&codex.invocation(&Request { model, ..request() }).unwrap())
    };
    for own in [&["-m", "default"][..], &["--model", "default"], &["--model=default"], &["-mdefault"]] {
        let given = [&["--json", "--search"][..], own, &["-c", "a=b"]].concat();
        assert_eq!(with(&given, Some("x")), format!("{BASE} --search -c a=b -m x -"));
        assert_eq!(with(&given, None), format!("{BASE} --search {} -c a=b -", own.join(" ")));
    }
}

#[test]
fn who_looks_signed_in() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let sign_in = |args: &[&str], variables: &[(&str, &str)]| {
        let own = [("CODEX_HOME", folder), ("CODEX_API_KEY", ""), ("CODEX_ACCESS_TOKEN", "")];
        let all = own.iter().chain(variables);
        Codex::new(HarnessSpec {
            extra_args: args.iter().map(|&arg| arg.to_owned()).collect(),
            extra_env: all.map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
            ..HarnessSpec::plain("codex", "codex")
        })
        .sign_in()
    };
    let config = |text: &str| std::fs::write(home.path().join("config.toml"), text).unwrap();
    // A key of another name than the CLI reads does not sign in.
    let SignIn::No(hint) = sign_in(&[], &[("OPENAI_API_KEY", "k")]) else { panic!("not signed in") };
    assert!(hint.contains("CODEX_API_KEY") && hint.contains("auth.json"), "{hint}");
    assert_eq!(sign_in(&[], &[("CODEX_API_KEY", "k")]), SignIn::Yes("CODEX_API_KEY".into()));
    config("model_provider = \"openai\"\ncli_auth_credentials_store = \"file\"");
    assert!(matches!(sign_in(&[], &[]), SignIn::No(_)));
    config("model_provider = \"mine\"\n[model_providers.mine]\nenv_key = \"MINE\"");
    assert_eq!(sign_in(&[], &[]), SignIn::Unknown);
    config("cli_auth_credentials_store = \"keyring\"");
    assert_eq!(sign_in(&[], &[]), SignIn::Unknown);
    config("[[[ not toml");
    assert!(matches!(sign_in(&[], &[]), SignIn::No(_)));
    for args in [&["--oss"][..], &["-p", "work"], &["--profile=work"], &["-c", "model_provider=mine"]] {
        assert_eq!(sign_in(args, &[]), SignIn::Unknown, "{args:?}");
    }
    std::fs::write(home.path().join("auth.json"), "{}").unwrap();
    assert!(matches!(sign_in(&[], &[]), SignIn::Yes(file) if file.ends_with("auth.json")));
}

#[test]
fn a_prompt_that_it_would_refuse_is_refused_beforehand() {
    let codex = Codex::new(HarnessSpec::plain("codex", "codex"));
    let prompt = "ä".repeat(PROMPT_LIMIT);
    assert!(codex.invocation(&Request { prompt: &prompt, ..request() }).is_ok(), "it counts characters");
    let error = codex.invocation(&Request { prompt: &format!("{prompt}!"), ..request() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the prompt (1048577 characters) is more than codex takes (1048576 characters)"
    );
    assert_eq!(error.evidence().cause.as_deref(), Some("prompt_too_long"));
}
