//! What an error text proves, in whatever CLI's or provider's words. The text must be an error for certain: an event that
//! says so, or what the CLI itself prints. Each executor knows its own CLI's words better and asks here last.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern::regex;
use super::{disk, status, window};
use crate::model::Category;

/// What the account has is used up, until its window ends or somebody pays.
static USED_UP: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)\busage[\s_-]?limit|\b(?:usage|quota)[\s_](?:has been )?exceeded|exceeded your (?:current )?quota",
        r"|insufficient[\s_-](?:quota|credits|balance)|\b(?:credit|account) balance (?:is )?too low",
        r"|requires more credits|out of (?:extra usage|usage|credits)\b",
    ))
});
/// Said of a limit that is named.
static REACHED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:hit|reached|exceed(?:ed|s)?|exhausted)\b"));
static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)authentication_error|\bpermission_error\b|authentication failed|not logged in",
        r"|(?:invalid|incorrect|missing) (?:x-)?api.?key|api.?key (?:is )?(?:invalid|missing|not (?:valid|found)|expired)",
        r"|\b(?:oauth|access) token (?:has )?expired|failed to (?:log ?in|sign in)\b",
        r"|organization has (?:been )?disabled",
    ))
});
static MODEL: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\bmodel[\s_-]?not[\s_-]?found"));
/// The network, by the names that systems and libraries give its failures.
static NETWORK: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"\bE(?:CONNREFUSED|CONNRESET|CONNABORTED|TIMEDOUT|HOSTUNREACH|NETUNREACH|PIPE|AI_AGAIN)\b|\bENOTFOUND\b",
        r"|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)\w*|CERT_HAS_EXPIRED",
        r"|\bsocket hang up\b",
    ))
});
/// The same in prose.
static UNREACHABLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)self[ -]signed certificate|socket connection was closed|\bfetch failed\b",
        r"|unable to connect\b|\bconnection error\b|connect timeout|request timed out",
    ))
});
/// What was sent does not fit into the model's context.
static CONTEXT_FULL: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)prompt is too long|context_length_exceeded|maximum context length",
        r"|exceeds? (?:the )?context (?:limit|window|length)|room in the model's context",
    ))
});

/// Whether the session has grown too long for its model.
pub fn is_context_full(error: &str) -> bool {
    CONTEXT_FULL.is_match(error)
}

/// What a text proves by its words, then by the HTTP status that it tells; nothing else is looked for in it.
pub fn category(error: &str) -> Option<Category> {
    if is_used_up(error) {
        Some(Category::UsageLimit)
    } else if REFUSED.is_match(error) {
        Some(Category::AuthOrProxy)
    } else if MODEL.is_match(error) {
        Some(Category::InvalidModel)
    } else if status::is_overload(error) {
        Some(Category::ProviderOverloaded)
    } else if let Some(category) = status::told(error).find_map(status::category) {
        Some(category)
    } else {
        (names_network(error) || UNREACHABLE.is_match(error)).then_some(Category::TransientInfra)
    }
}

/// Whether the account has nothing left, and not a file system.
pub fn is_used_up(error: &str) -> bool {
    let error = disk::without_quota(error);
    USED_UP.is_match(&error) || (window::is_lasting(&error) && REACHED.is_match(&error))
}

/// Whether a failure of the network is named as only programs name it.
pub fn names_network(error: &str) -> bool {
    NETWORK.is_match(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_errors_prove() {
        let expected: &[(Category, &[&str])] = &[
            (
                Category::UsageLimit,
                &[
                    "Your credit balance is too low to access the Anthropic API",
                    "Weekly/Monthly Limit Exhausted.\nYour limit will reset at 2026-06-25 02:06:16",
                    "You're out of extra usage · resets 10pm",
                    "insufficient_quota",
                    "Free usage exceeded, subscribe to Go",
                    "you have reached your weekly limit",
                ],
            ),
            (
                Category::AuthOrProxy,
                &["Missing API key.", "HTTP 401: no", "This organization has been disabled."],
            ),
            (Category::InvalidModel, &["model_not_found", "Error code: 404"]),
            (Category::ProviderOverloaded, &["Error code: 529", "The model is overloaded."]),
            (Category::ShortRateLimit, &["HTTP 429"]),
            (Category::TransientInfra, &["HTTP 502", "connect ECONNREFUSED ::1:80", "fetch failed"]),
        ];
        for (category, texts) in expected {
            for text in *texts {
                assert_eq!(super::category(text), Some(*category), "{text}");
            }
        }
    }

    #[test]
    fn a_session_that_has_grown_too_long() {
        for text in [
            "Prompt is too long",
            "prompt is too long: 216327 tokens > 200000 maximum",
            "input length and max_tokens exceed context limit",
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "Codex ran out of room in the model's context window. Start a new thread",
        ] {
            assert!(is_context_full(text), "{text}");
        }
        assert!(!is_context_full("the context of this error is unknown"));
    }

    #[test]
    fn what_proves_nothing() {
        for text in [
            "",
            "Disk quota exceeded (os error 122)",
            "prompt is too long: 216327 tokens > 200000 maximum",
            "input length and max_tokens exceed context limit",
            "wrote 503 lines about a weekly limit",
            "API Error: 400 max_tokens: Field required",
        ] {
            assert_eq!(category(text), None, "{text}");
        }
    }
}
