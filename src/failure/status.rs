//! What does an HTTP status prove, and which one does a text tell?
//!
//! The requests are an agent's to the service of its model, so a 404 is a model that is not there. A CLI for which that
//! is not so, or which says more than the status, makes its exceptions itself.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern::regex;
use crate::model::Category;

/// A number is a status only behind a word for one: `HTTP 429`, `"code":503`, `status: 529`, `statusCode=429`,
/// `API Error: 529`, `failed with 429`. Otherwise it may count lines.
static TOLD: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)(?:\b|_)(?:(?:status|error)[ _-]?code|code|status|error|failed with|http(?:/\d(?:\.\d)?)?)",
        r#"["']?\s*[:=(]?\s*["']?([1-5]\d\d)\b"#,
    ))
});
/// `overload` is also what code does to functions, so it has to stand alone or be said of a service.
static OVERLOADED: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?im)\boverloaded[ _]?error\b|\b(?:server|service|model|engine)_(?:is_)?overloaded\b",
        r#"|\b529\s+overloaded\b|(?:^|[:"'(]|\b5\d\d)\s*overloaded\s*(?:$|[.,;:!"')\]}])"#,
        r"|\b(?:models?|providers?|servers?|service|api|engine|backend|upstream|currently|temporarily)\b",
        r"(?:\s+[\w-]+){0,3}?\s+overload(?:ed)?\b",
    ))
});

/// The category of a status, where the status alone proves one.
pub fn category(status: u16) -> Option<Category> {
    match status {
        401 | 403 | 407 => Some(Category::AuthOrProxy),
        402 => Some(Category::UsageLimit),
        404 => Some(Category::InvalidModel),
        429 => Some(Category::ShortRateLimit),
        503 | 529 => Some(Category::ProviderOverloaded),
        408 | 500..=599 => Some(Category::TransientInfra),
        _ => None,
    }
}

/// Every status that a text tells, in its order.
pub fn told(text: &str) -> impl Iterator<Item = u16> {
    TOLD.captures_iter(text).filter_map(|told| told[1].parse().ok())
}

/// Whether a text says that the service is overloaded, in words or by the status that means only this.
pub fn is_overload(text: &str) -> bool {
    OVERLOADED.is_match(text) || told(text).any(|status| status == 529)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories() {
        let expected: &[(&[u16], Option<Category>)] = &[
            (&[0, 200, 301, 400, 405, 409, 413, 422, 499, 600], None),
            (&[401, 403, 407], Some(Category::AuthOrProxy)),
            (&[402], Some(Category::UsageLimit)),
            (&[404], Some(Category::InvalidModel)),
            (&[429], Some(Category::ShortRateLimit)),
            (&[503, 529], Some(Category::ProviderOverloaded)),
            (&[408, 500, 502, 504, 520, 599], Some(Category::TransientInfra)),
        ];
        for (statuses, expected) in expected {
            for status in *statuses {
                assert_eq!(category(*status), *expected, "{status}");
            }
        }
    }

    #[test]
    fn a_status_needs_a_word_for_it() {
        for (text, expected) in [
            ("HTTP 429: Too Many Requests", &[429][..]),
            ("HTTP/1.1 503 Service Unavailable", &[503]),
            ("Received HTTP 529 from upstream", &[529]),
            (r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#, &[429]),
            (r#"{"http_code": 529, "statusCode":"503"}"#, &[529, 503]),
            ("UNAVAILABLE (code 503)", &[503]),
            ("got status: 429 . retry-after: 7", &[429]),
            ("API Error: 529 Overloaded", &[529]),
            ("API error (503)", &[503]),
            ("Attempt 2 failed with 429 error", &[429]),
            ("wrote 429 lines", &[]),
            ("handled 529 files", &[]),
            ("deleted 503 rows and 500 more", &[]),
            ("port 4290, code 5031", &[]),
            ("decode 429", &[]),
        ] {
            assert_eq!(told(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    // 20-AF-PC-09
    #[test]
    fn services_are_overloaded_and_so_are_functions() {
        for text in [
            "HTTP 529: Overloaded",
            r#"{"type":"error","error":{"type":"api_error","message":"Overloaded"}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            "Received HTTP 529 from upstream",
            "OverloadedError: slow down",
            "Overloaded. Try again later.",
            "529 Overloaded",
            "API Error: Repeated 529 Overloaded errors",
            "server_is_overloaded",
            "The model is overloaded. Please try again later.",
            "That model is currently overloaded with other requests.",
            "Provider is overloaded. Try again later.",
            "server overload detected",
        ] {
            assert!(is_overload(text), "{text}");
        }
        for text in [
            "",
            "added an overload of the function",
            "overloaded operators are declared in ops.rs",
            "removed two overloads",
            "handled 529 files",
            "HTTP 503",
        ] {
            assert!(!is_overload(text), "{text}");
        }
    }
}
