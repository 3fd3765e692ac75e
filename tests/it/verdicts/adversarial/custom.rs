//! A custom harness prints prose alone: here the plain words of a failed try do count, as they must. So these are the
//! disguises that hold all the same.

use rally::executor::{Custom, CustomSpec, TailStream};
use rally::model::Category;

use super::{Transcript, bait};

pub fn custom(name: &str) -> Transcript {
    let spec = CustomSpec {
        name: "custom".into(),
        command: vec!["custom".into()],
        model_flag: None,
        output_lines: 40,
        tail_stream: TailStream::Combined,
        args: Vec::new(),
        env: Vec::new(),
    };
    Transcript::new(Box::new(Custom::new(spec)), name)
}

pub fn transcripts() -> Vec<Transcript> {
    use Category::UnidentifiedIssue;
    let lines = |count: usize| "compiling\n".repeat(count);
    vec![
        custom("prints limits and succeeds").out(&[bait::WORDS, bait::BANNER]),
        custom("ends with a banner and succeeds").out(&["working", bait::CLAUDE_BANNER]),
        custom("speaks of limits, long before it fails")
            .out(&[bait::WORDS, &lines(60)])
            .exits(1)
            .fails(UnidentifiedIssue),
        custom("tests named after limits fail")
            .out(&[
                "FAIL [   0.012s] api rate_limit::hits_429",
                "test usage_limit::resets ... FAILED",
                "429 tests run",
            ])
            .exits(100)
            .fails(UnidentifiedIssue),
        custom("adds a rate-limit middleware")
            .out(&["+pub mod rate_limit;", "added a rate-limit layer"])
            .exits(1)
            .fails(UnidentifiedIssue),
        custom("a full disk")
            .out(&["write failed: Disk quota exceeded (os error 122)"])
            .exits(1)
            .fails(UnidentifiedIssue),
        custom("tests of a login fail")
            .out(&[
                "test answers_401 ... FAILED",
                "GET /login: 401 Unauthorized",
                "expected 200, got status: 403",
            ])
            .exits(101)
            .fails(UnidentifiedIssue),
        custom("is killed in silence")
            .out(&["overload resolution of operator+"])
            .killed(9)
            .fails(UnidentifiedIssue),
    ]
}
