//! Every voice of the scripted agent against the executor of its CLI: what one says, the other understands.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test panic like the test itself")]

use std::os::unix::process::ExitStatusExt;

use pretty_assertions::assert_eq;
use rally::executor::{
    AgentEvent, Antigravity, Claude, Codex, Counted, Executor, Gemini, HarnessSpec, Opencode, Report,
    Request, Stderr, Stream,
};
use rally::model::{Category, Exit, Timestamp, Usage};

use crate::scripted::{driven, fake};
use crate::support::{Sandbox, stderr, stdout};

/// Programs; the scripted agent knows them by the names of their harnesses.
const CLIS: [(&str, &str); 5] = [
    ("claude", "claude"),
    ("codex", "codex"),
    ("gemini", "gemini"),
    ("opencode", "opencode"),
    ("agy", "antigravity"),
];

fn executor(program: &str) -> Box<dyn Executor> {
    let spec = HarnessSpec::plain(program, program);
    match program {
        "claude" => Box::new(Claude::new(spec)),
        "codex" => Box::new(Codex::new(spec)),
        "gemini" => Box::new(Gemini::new(spec)),
        "opencode" => Box::new(Opencode::new(spec)),
        "agy" => Box::new(Antigravity::new(spec)),
        other => panic!("no executor for {other}"),
    }
}

/// One try with the real executor against the fake CLI.
fn attempt(sandbox: &Sandbox, program: &str, resume: Option<&str>) -> (Report, Vec<AgentEvent>) {
    let mut executor = executor(program);
    executor.learn(&|args| {
        let output = sandbox.command(program).args(args).output().ok()?;
        Some(stdout(&output) + &stderr(&output))
    });
    assert!(executor.capabilities().resume && executor.capabilities().end_event, "{program}");
    let scratch = tempfile::tempdir_in(sandbox.root()).unwrap();
    let workspace = sandbox.repo();
    let request = Request { resume, ..Request::new("- a prompt", &workspace, scratch.path()) };
    let invocation = executor.invocation(&request).unwrap();
    let output = driven(sandbox, &invocation);
    let mut parser = executor.parser(&request);
    let mut events = Vec::new();
    if let Some(log) = invocation.log.as_ref().and_then(|log| std::fs::read(log).ok()) {
        parser.feed(Stream::Log, &log, &mut events);
    }
    let errors = match invocation.stderr {
        Stderr::Merged => Stream::Stdout,
        Stderr::Separate => Stream::Stderr,
    };
    parser.feed(errors, &output.stderr, &mut events);
    parser.feed(Stream::Stdout, &output.stdout, &mut events);
    let exit = output.status.code().map_or_else(|| Exit::Signal(output.status.signal().unwrap()), Exit::Code);
    (parser.finish(Some(exit), Timestamp::now()), events)
}

#[test]
fn a_turn_and_its_resumption_are_understood() {
    const TURNS: &str = r#"
        [[try]]
        steps = [
            { remember = "plum" },
            { tool = { name = "Bash", input = { command = "ls" }, output = "a b" } },
            { write = { path = "made.txt", content = "x" } },
            { result = { text = "noted", usage = { input = 10, cached = 5, output = 4, reasoning = 1 } } },
        ]
        [[try]]
        steps = [{ result = { text = "RECALL:$RECALL", usage = { input = 10, cached = 5, output = 4, reasoning = 1 } } }]
    "#;
    for (program, manners) in CLIS {
        let sandbox = Sandbox::new();
        fake(&sandbox, program, manners, TURNS);
        let (first, events) = attempt(&sandbox, program, None);
        assert!(first.completed && first.ended, "{program}: {first:?}");
        assert_eq!(first.summary.as_deref(), Some("noted"), "{program}");
        assert_eq!(first.tool_calls, Some(2), "{program}");
        let session = first.session_id.unwrap();
        assert!(events.contains(&AgentEvent::Session(session.clone())), "{program}: {events:?}");
        assert!(events.contains(&AgentEvent::End), "{program}: {events:?}");
        let used = Usage {
            input_tokens: 10,
            cached_input_tokens: 5,
            output_tokens: 4,
            // gemini does not tell.
            reasoning_tokens: u64::from(program != "gemini"),
        };
        let (second, _) = attempt(&sandbox, program, Some(&session));
        assert!(second.completed, "{program}: {second:?}");
        assert_eq!(second.session_id.as_ref(), Some(&session), "{program}");
        assert_eq!(second.summary.as_deref(), Some("RECALL:plum"), "{program}");
        if program == "codex" {
            assert_eq!(second.usage, Some(Counted::WholeSession(used.plus(used))));
        } else {
            assert_eq!(second.usage, Some(Counted::ThisTry(used)), "{program}");
        }
    }
}

#[test]
fn a_failed_turn_has_its_category() {
    for (program, manners) in CLIS {
        for (result, category) in [
            ("status = 429, text = \"Too many requests.\"", Category::ShortRateLimit),
            ("status = 401, text = \"API key not valid.\"", Category::AuthOrProxy),
            ("status = 502, text = \"The server had an error.\"", Category::TransientInfra),
        ] {
            let error = if program == "claude" { "error = \"x\", " } else { "" };
            let script = format!(
                "[[try]]\nsteps = [{{ say = \"hm\" }}, {{ result = {{ is_error = true, {error}{result} }} }}]"
            );
            let sandbox = Sandbox::new();
            fake(&sandbox, program, manners, &script);
            let (report, _) = attempt(&sandbox, program, None);
            assert!(!report.completed, "{program}, {result}: {report:?}");
            let found = report.evidence.as_ref().and_then(|evidence| evidence.category);
            assert_eq!(found, Some(category), "{program}, {result}: {report:?}");
        }
    }
}

#[test]
fn a_lost_session_is_noticed() {
    const ID: &str = "00000000-0000-4000-8000-000000000000";
    for (program, manners) in CLIS {
        let sandbox = Sandbox::new();
        fake(&sandbox, program, manners, "[[try]]\nsteps = [{ result = { text = \"ok\" } }]");
        let id = if program == "opencode" { "ses_dfb39ad55ffeAUVucgVJkxSFQi" } else { ID };
        let (report, _) = attempt(&sandbox, program, Some(id));
        assert_ne!(report.session_id.as_deref(), Some(id), "{program}");
        // Antigravity silently begins a new conversation.
        assert_eq!(report.completed, program == "agy", "{program}: {report:?}");
        let cause = report.evidence.as_ref().and_then(|evidence| evidence.cause.as_deref());
        assert_eq!(cause, (program != "agy").then_some("session_lost"), "{program}: {report:?}");
    }
}

#[test]
fn retries_are_noticed() {
    const RETRY: &str = r#"
        [[try]]
        steps = [
            { retry = { error = "The server is overloaded.", status = 503, attempt = 1 } },
            { retry = { error = "The server is overloaded.", status = 503, attempt = 2 } },
            { result = { text = "ok" } },
        ]
    "#;
    for (program, manners) in CLIS.into_iter().filter(|(program, _)| *program != "agy") {
        let sandbox = Sandbox::new();
        fake(&sandbox, program, manners, RETRY);
        let (report, events) = attempt(&sandbox, program, None);
        assert!(report.completed, "{program}: {report:?}");
        let retries = events.iter().filter(|event| matches!(event, AgentEvent::Retrying { .. })).count();
        assert_eq!(retries, 2, "{program}: {events:?}");
    }
}

#[test]
fn whatever_it_prints_the_end_is_found() {
    const NOISE: &str = r#"
        [[try]]
        steps = [
            { say = "hm" }, { huge_line_mb = 12 }, "invalid_utf8", { line = "warning: plain words" },
            { stderr = "to the other stream" }, { half_line = "{\"type\":\"mess\n" }, { result = { text = "the end" } },
        ]
    "#;
    for (program, manners) in CLIS {
        let sandbox = Sandbox::new();
        fake(&sandbox, program, manners, NOISE);
        let (report, events) = attempt(&sandbox, program, None);
        assert!(report.completed && report.ended, "{program}: {report:?}");
        let summary = report.summary.unwrap();
        assert!(summary.ends_with("the end"), "{program}: {summary}");
        assert!(events.contains(&AgentEvent::Text), "{program}: {events:?}");
    }
}
