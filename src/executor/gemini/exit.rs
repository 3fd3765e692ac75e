//! What the exit code alone gives away.
//!
//! The CLI has codes of its own for what keeps it from working. After a failed request it exits with the HTTP
//! status, of which the system keeps the remainder by 256 (observed: 401 is 145, 429 is 173, 500 is 244); only
//! 404 comes as 1. An interrupted process exits with 0.

use crate::executor::google;
use crate::failure::brief;
use crate::model::{Category, Evidence};

/// What a code stands for: its category, a finer cause, and the reason in words.
fn own(code: i32) -> Option<(Option<Category>, Option<&'static str>, &'static str)> {
    Some(match code {
        41 => (
            Some(Category::AuthOrProxy),
            None,
            "gemini is not signed in: run it once and sign in, or set GEMINI_API_KEY",
        ),
        42 => (Some(Category::HarnessLaunch), Some("bad_input"), "gemini does not take its input"),
        44 => (Some(Category::HarnessLaunch), Some("sandbox"), "gemini's sandbox does not work"),
        52 => (Some(Category::HarnessLaunch), Some("settings"), "gemini's settings are wrong"),
        53 => (
            Some(Category::AgentError),
            Some("turn_limit"),
            "gemini reached its limit of turns (maxSessionTurns in its settings)",
        ),
        54 => (Some(Category::AgentError), Some("tool"), "a tool of gemini's failed for good"),
        55 => (
            Some(Category::HarnessLaunch),
            Some("untrusted_workspace"),
            "gemini does not trust this folder although GEMINI_CLI_TRUST_WORKSPACE is set",
        ),
        130 => (None, None, "gemini was cancelled"),
        _ => return None,
    })
}

/// What a code proves; `said` is the CLI's last plain line, if there was one.
pub(super) fn evidence(code: i32, said: Option<&str>) -> Option<Evidence> {
    let told = |reason: &str| match said {
        Some(said) => brief(&format!("{reason}: {said}")),
        None => reason.to_owned(),
    };
    if let Some((category, cause, reason)) = own(code) {
        let evidence = Evidence::new("exit", category, told(reason));
        return Some(match cause {
            Some(cause) => evidence.with_cause(cause),
            None => evidence,
        });
    }
    let status = status(code)?;
    Some(Evidence::new("exit", google::category(status), told(&format!("gemini ended with HTTP {status}"))))
}

/// The category of the HTTP status that a code stands for.
pub(super) fn category(code: i32) -> Option<Category> {
    match own(code) {
        Some((category, ..)) => category,
        None => status(code).and_then(google::category),
    }
}

/// Statuses that the services, and what stands before them, answer with. Any other code that a status would leave is
/// something else: 255 is how many programs say that they failed.
const STATUSES: [u16; 13] = [400, 401, 403, 404, 408, 413, 429, 499, 500, 502, 503, 504, 529];

/// The status that leaves this code.
fn status(code: i32) -> Option<u16> {
    STATUSES.into_iter().find(|status| i32::from(*status) % 256 == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20-AF-GE-10; the reasons are in rally's own words
    #[test]
    fn every_code() {
        for (code, category, word) in [
            (41, Some(Category::AuthOrProxy), "GEMINI_API_KEY"),
            (42, Some(Category::HarnessLaunch), "input"),
            (44, Some(Category::HarnessLaunch), "sandbox"),
            (52, Some(Category::HarnessLaunch), "settings"),
            (53, Some(Category::AgentError), "turns"),
            (54, Some(Category::AgentError), "tool"),
            (55, Some(Category::HarnessLaunch), "trust"),
            (130, None, "cancelled"),
            (144, None, "HTTP 400"),
            (145, Some(Category::AuthOrProxy), "HTTP 401"),
            (147, Some(Category::AuthOrProxy), "HTTP 403"),
            (173, Some(Category::ShortRateLimit), "HTTP 429"),
            (244, Some(Category::TransientInfra), "HTTP 500"),
            (247, Some(Category::ProviderOverloaded), "HTTP 503"),
            (17, Some(Category::ProviderOverloaded), "HTTP 529"),
        ] {
            let evidence = evidence(code, Some("last words")).unwrap();
            assert_eq!(evidence.category, category, "{code}");
            assert_eq!(super::category(code), category, "{code}");
            assert!(
                evidence.message.contains(word) && evidence.message.ends_with(": last words"),
                "{evidence:?}"
            );
        }
        // 137 and 143: killed; 255: no status, as little as 256 more of it is one.
        for code in [0, 1, 2, 99, 137, 143, 254, 255] {
            assert_eq!(evidence(code, None), None, "{code}");
        }
    }
}
