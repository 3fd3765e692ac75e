//! How full the account's windows are: the payload of `rate_limit_event`.
//!
//! It comes only with a subscription's token, right after the first answer, and then even when nothing is told.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::executor::json::loose;
use crate::model::QuotaWindow;

/// State of the account's windows. What stands at the top is about the one that matters most now.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RateLimit<'a> {
    /// `allowed`, `allowed_warning` or `rejected`.
    #[serde(borrow, deserialize_with = "loose")]
    pub status: Option<&'a str>,
    /// Epoch seconds.
    #[serde(deserialize_with = "loose")]
    pub resets_at: Option<i64>,
    /// Name of the window that matters most.
    #[serde(borrow, deserialize_with = "loose")]
    rate_limit_type: Option<&'a str>,
    /// Share that is used, from 0 to 1. Told at warnings only.
    #[serde(deserialize_with = "loose")]
    utilization: Option<f64>,
    /// All windows, by name.
    #[serde(deserialize_with = "loose")]
    unified_windows: Option<BTreeMap<String, Told>>,
}

/// One window, if it is one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Told {
    Window(Window),
    Other(IgnoredAny),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Window {
    #[serde(deserialize_with = "loose")]
    status: Option<String>,
    #[serde(deserialize_with = "loose")]
    resets_at: Option<i64>,
    #[serde(deserialize_with = "loose")]
    utilization: Option<f64>,
}

const REJECTED: &str = "rejected";

/// No account has so many windows; more would only fill the disk.
const MOST_WINDOWS: usize = 16;

impl RateLimit<'_> {
    /// Whether the service takes no more.
    pub fn is_rejected(&self) -> bool {
        self.status == Some(REJECTED)
    }

    /// The windows that are told. A warning says nothing by itself: the CLI makes some of its own.
    pub fn windows(&self) -> Vec<QuotaWindow> {
        let told = self.unified_windows.iter().flatten().take(MOST_WINDOWS);
        let mut windows: Vec<QuotaWindow> = told
            .filter_map(|(name, told)| match told {
                Told::Window(window) => Some(QuotaWindow {
                    used: QuotaWindow::share(window.utilization),
                    resets_at: QuotaWindow::reset(window.resets_at),
                    rejected: window.status.as_deref() == Some(REJECTED),
                    ..QuotaWindow::named(name)
                }),
                Told::Other(IgnoredAny) => None,
            })
            .collect();
        if let Some(name) = self.rate_limit_type {
            let index = windows.iter().position(|window| window.name == name).unwrap_or_else(|| {
                windows.push(QuotaWindow::named(name));
                windows.len() - 1
            });
            let window = &mut windows[index];
            window.used = window.used.or(QuotaWindow::share(self.utilization));
            window.resets_at = window.resets_at.or(QuotaWindow::reset(self.resets_at));
            window.rejected |= self.is_rejected();
        }
        windows.retain(|window| window.used.is_some() || window.resets_at.is_some() || window.rejected);
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(info: &str) -> Vec<QuotaWindow> {
        serde_json::from_str::<RateLimit<'_>>(info).unwrap().windows()
    }

    fn window(name: &str, used: Option<f64>, reset: Option<i64>) -> QuotaWindow {
        QuotaWindow { used, resets_at: QuotaWindow::reset(reset), ..QuotaWindow::named(name) }
    }

    fn refused(window: QuotaWindow) -> QuotaWindow {
        QuotaWindow { rejected: true, ..window }
    }

    #[test]
    fn every_form_that_was_seen() {
        const FULL: &str = r#""unifiedWindows":{"five_hour":{"utilization":0.93,"resetsAt":1795390755,"status":"allowed"},"seven_day":{"utilization":0.465,"resetsAt":1795783555,"status":"allowed"}}"#;
        let five = |used| window("five_hour", Some(used), Some(1_795_390_755));
        let seven = window("seven_day", Some(0.465), Some(1_795_783_555));
        let at_top = r#""resetsAt":1795390755,"rateLimitType":"five_hour","utilization":0.93"#;
        for (told, expected) in [
            (format!(r#"{{"status":"allowed_warning",{at_top},{FULL}}}"#), vec![five(0.93), seven.clone()]),
            (format!(r#"{{"status":"allowed",{FULL}}}"#), vec![five(0.93), seven.clone()]),
            // The window that matters most is the one that is refused, whatever its own status says.
            (format!(r#"{{"status":"rejected",{at_top},{FULL}}}"#), vec![refused(five(0.93)), seven.clone()]),
            (
                format!(r#"{{"status":"rejected","rateLimitType":"seven_day",{FULL}}}"#),
                vec![five(0.93), refused(seven)],
            ),
            (
                r#"{"unifiedWindows":{"five_hour":{"utilization":1,"resetsAt":1795390755,"status":"rejected"}}}"#.into(),
                vec![refused(five(1.0))],
            ),
            (
                r#"{"status":"allowed","isUsingOverage":false,"unifiedWindows":{"five_hour":{"utilization":0.5,"resetsAt":1795390755}}}"#.into(),
                vec![five(0.5)],
            ),
            // Without windows the top tells of one.
            (format!(r#"{{"status":"allowed_warning",{at_top}}}"#), vec![five(0.93)]),
            (
                r#"{"status":"rejected","resetsAt":1795390755,"rateLimitType":"five_hour"}"#.into(),
                vec![refused(window("five_hour", None, Some(1_795_390_755)))],
            ),
            (
                r#"{"status":"rejected","rateLimitType":"five_hour"}"#.into(),
                vec![refused(window("five_hour", None, None))],
            ),
            // Nothing is told.
            (r#"{"status":"allowed","isUsingOverage":false}"#.into(), vec![]),
            (r#"{"status":"allowed","rateLimitType":"five_hour"}"#.into(), vec![]),
            (r#"{"status":"rejected"}"#.into(), vec![]),
            (r"{}".into(), vec![]),
        ] {
            assert_eq!(windows(&told), expected, "{told}");
        }
    }

    #[test]
    fn what_has_another_type_costs_itself() {
        let rest = window("seven_day", Some(0.5), None);
        for odd in [
            r#""five_hour":{"utilization":"93%","resetsAt":"soon","status":7}"#,
            r#""five_hour":7"#,
            r#""five_hour":null"#,
            r#""five_hour":{}"#,
        ] {
            let told =
                format!(r#"{{"status":1,"unifiedWindows":{{{odd},"seven_day":{{"utilization":0.5}}}}}}"#);
            assert_eq!(windows(&told), std::slice::from_ref(&rest), "{told}");
        }
        for odd in ["7", "[]", "null", r#""all""#] {
            let told = format!(r#"{{"rateLimitType":"seven_day","utilization":0.5,"unifiedWindows":{odd}}}"#);
            assert_eq!(windows(&told), std::slice::from_ref(&rest), "{told}");
        }
        assert_eq!(windows(r#"{"rateLimitType":7,"resetsAt":1795390755,"utilization":-1}"#), []);
    }

    #[test]
    fn an_endless_list_is_cut() {
        let many: Vec<String> = (0..1000).map(|n| format!(r#""w{n}":{{"utilization":0.5}}"#)).collect();
        let told = format!(r#"{{"unifiedWindows":{{{}}}}}"#, many.join(","));
        assert_eq!(windows(&told).len(), MOST_WINDOWS);
    }
}
