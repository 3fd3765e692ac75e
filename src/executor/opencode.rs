//! opencode

use std::ffi::{OsStr, OsString};

use super::custom::{CustomParser, TailStream};
use super::{Capabilities, Executor, HarnessSpec, Invocation, Parser, PrepareError, Request, Stderr, Stdin};

/// Describes opencode to the driver.
#[derive(Debug, Clone)]
pub struct Opencode {
    spec: HarnessSpec,
}

impl Opencode {
    /// A harness as specified.
    pub fn new(spec: HarnessSpec) -> Self {
        Opencode { spec }
    }
}

impl Executor for Opencode {
    fn harness(&self) -> &str {
        &self.spec.name
    }

    fn program(&self) -> &OsStr {
        self.spec.program.as_ref()
    }

    fn variables(&self) -> &[(String, String)] {
        &self.spec.extra_env
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { resume: false, effort: false, end_event: false }
    }

    fn invocation(&self, request: &Request<'_>) -> Result<Invocation, PrepareError> {
        Ok(self.spec.overlay(Invocation {
            program: OsString::from(&self.spec.program),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Stdin::Bytes(request.prompt.as_bytes().to_vec()),
            stderr: Stderr::Separate,
            log: None,
            notes: Vec::new(),
        }))
    }

    fn parser(&self, _request: &Request<'_>) -> Box<dyn Parser> {
        Box::new(CustomParser::new(TailStream::Combined, 40))
    }
}
