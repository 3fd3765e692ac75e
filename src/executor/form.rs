//! Requests that a service refused for their form.
//!
//! Its answer then quotes what was in them: a tool named after limits, a file, the user's words.

use crate::failure::status;
use crate::model::Category;

/// Whether these words were only quoted: a request that was answered with this status met no trouble that passes.
pub fn quotes(status: Option<u16>, words: Category) -> bool {
    let for_its_form =
        status.is_some_and(|status| (400..500).contains(&status) && status::category(status).is_none());
    let passes =
        matches!(words, Category::ShortRateLimit | Category::ProviderOverloaded | Category::TransientInfra);
    for_its_form && passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_form_quotes() {
        for (status, words, expected) in [
            (Some(400), Category::ShortRateLimit, true),
            (Some(422), Category::ProviderOverloaded, true),
            (Some(413), Category::TransientInfra, true),
            // Some services refuse like this what is used up, or has no such model.
            (Some(400), Category::UsageLimit, false),
            (Some(400), Category::InvalidModel, false),
            (Some(429), Category::ShortRateLimit, false),
            (Some(408), Category::TransientInfra, false),
            (Some(500), Category::ProviderOverloaded, false),
            (None, Category::ShortRateLimit, false),
        ] {
            assert_eq!(quotes(status, words), expected, "{status:?} {words:?}");
        }
    }
}
