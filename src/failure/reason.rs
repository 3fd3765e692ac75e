//! Why a try failed, in a few words for the operator.

use crate::model::{Category, Evidence, Timestamp, time};

/// The category's label, and when it is worth trying again if that is known.
pub fn display_reason(category: Category, evidence: Option<&Evidence>, now: Timestamp) -> String {
    let label = category.label();
    match category {
        Category::UsageLimit => match evidence.and_then(|evidence| evidence.reset_at) {
            Some(reset_at) => format!("{label}, resets in {}", hours_and_minutes(now, reset_at)),
            None => label.to_owned(),
        },
        Category::ShortRateLimit => match evidence.and_then(|evidence| evidence.retry_after) {
            Some(wait) if wait.as_secs() > 0 => {
                let seconds = wait.as_secs();
                match seconds % 60 {
                    0 => format!("{label}, waiting {}m", seconds / 60),
                    _ => format!("{label}, waiting {seconds}s"),
                }
            }
            _ => label.to_owned(),
        },
        Category::ProviderOverloaded
        | Category::TransientInfra
        | Category::InvalidModel
        | Category::AuthOrProxy
        | Category::HarnessLaunch
        | Category::IncompleteFinalization
        | Category::AgentError
        | Category::UnidentifiedIssue => label.to_owned(),
    }
}

/// `96h0m`, or `45m` below one hour; to the nearest minute, so that the milliseconds
/// between reading and showing a time do not turn `96h0m` into `95h59m`.
fn hours_and_minutes(now: Timestamp, until: Timestamp) -> String {
    let minutes = (time::since(now, until).as_secs_f64() / 60.0).round() as u64;
    if minutes < 60 { format!("{minutes}m") } else { format!("{}h{}m", minutes / 60, minutes % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn usage_limit(reset_at: &str) -> String {
        let mut evidence = Evidence::new("stream", Some(Category::UsageLimit), "limit");
        evidence.reset_at = Some(reset_at.parse().unwrap());
        display_reason(Category::UsageLimit, Some(&evidence), "2026-11-22T11:00:00Z".parse().unwrap())
    }

    // 30-S14
    #[test]
    fn usage_limits_name_their_reset() {
        assert_eq!(usage_limit("2026-11-26T11:00:00Z"), "usage limit, resets in 96h0m");
        assert_eq!(usage_limit("2026-11-26T10:59:59.600Z"), "usage limit, resets in 96h0m");
        assert_eq!(usage_limit("2026-11-22T14:24:00Z"), "usage limit, resets in 3h24m");
        assert_eq!(usage_limit("2026-11-22T11:45:00Z"), "usage limit, resets in 45m");
        assert_eq!(usage_limit("2026-11-20T11:45:00Z"), "usage limit, resets in 0m");
        assert_eq!(usage_limit("2026-11-27T14:50:00Z"), "usage limit, resets in 123h50m");
    }

    // 30-66: what has no reset, or no wait, is its label, whatever the evidence says besides
    #[test]
    fn without_a_time_there_is_the_label_alone() {
        let now = "2026-11-22T11:00:00Z".parse().unwrap();
        for category in Category::ALL {
            let told = Evidence::new("stream", Some(category), "told by the provider").with_cause("any");
            assert_eq!(display_reason(category, Some(&told), now), category.label());
        }
        // A time that belongs to another category is not shown.
        let mut both = Evidence::new("stream", Some(Category::AuthOrProxy), "refused");
        both.reset_at = Some("2026-11-22T12:00:00Z".parse().unwrap());
        both.retry_after = Some(Duration::from_secs(120));
        assert_eq!(display_reason(Category::AuthOrProxy, Some(&both), now), "auth/proxy error");
        assert_eq!(display_reason(Category::ProviderOverloaded, Some(&both), now), "provider overloaded");
        assert_eq!(display_reason(Category::ShortRateLimit, Some(&both), now), "rate limit, waiting 2m");
        assert_eq!(display_reason(Category::UsageLimit, Some(&both), now), "usage limit, resets in 1h0m");
    }

    // 30-65: programs read the category, people the reason
    #[test]
    fn what_people_read_is_not_what_programs_read() {
        let now = "2026-11-22T11:00:00Z".parse().unwrap();
        for (category, name, shown) in [
            (Category::UsageLimit, "usage_limit", "usage limit"),
            (Category::ShortRateLimit, "short_rate_limit", "rate limit"),
            (Category::InvalidModel, "invalid_model", "invalid model"),
            (Category::AuthOrProxy, "auth_or_proxy", "auth/proxy error"),
            (Category::ProviderOverloaded, "provider_overloaded", "provider overloaded"),
        ] {
            assert_eq!(serde_json::to_value(category).unwrap(), name);
            assert_eq!(display_reason(category, None, now), shown);
        }
    }

    #[test]
    fn rate_limits_name_their_wait() {
        let mut evidence = Evidence::new("stream", Some(Category::ShortRateLimit), "slow down");
        let now = "2026-11-22T11:00:00Z".parse().unwrap();
        for (secs, expected) in
            [(120, "rate limit, waiting 2m"), (45, "rate limit, waiting 45s"), (0, "rate limit")]
        {
            evidence.retry_after = Some(Duration::from_secs(secs));
            assert_eq!(display_reason(Category::ShortRateLimit, Some(&evidence), now), expected);
        }
    }

    // 20-AF-CT-02, 20-AF-CF-15
    #[test]
    fn the_others_are_their_label() {
        let now = "2026-11-22T11:00:00Z".parse().unwrap();
        for category in Category::ALL {
            assert_eq!(display_reason(category, None, now), category.label());
        }
        assert_eq!(display_reason(Category::TransientInfra, None, now), "infra error");
    }
}
