//! How full the account's windows are. The stream never says it; the rollout does, in one line after every
//! answer of the model, and after a usage limit.
//!
//! Seen with 0.169.0: null means "not told", and follows real lines; only one family of limits is kept of
//! an answer that tells two; a line counts with its own time, for a resumed session goes on in the same file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::session_log::rollout;
use crate::executor::json::loose;
use crate::executor::{DiskQuery, log_end};
use crate::model::quota::{FIVE_HOURS, SEVEN_DAYS};
use crate::model::{QuotaWindow, Timestamp};

/// The family that bounds the whole account. Others (`codex_<name>`) bound some models: the CLI itself says then
/// "Switch to another model now".
const WHOLE_ACCOUNT: &str = "codex";

/// Other limits end differently: with credits bought, or a cap raised. No window is to blame for them.
const WINDOW_REACHED: &str = "rate_limit_reached";

/// What rally reads of a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(rename = "type", deserialize_with = "loose")]
    kind: Option<String>,
    #[serde(deserialize_with = "loose")]
    timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "loose")]
    payload: Option<Payload>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    #[serde(rename = "type", deserialize_with = "loose")]
    kind: Option<String>,
    #[serde(deserialize_with = "loose")]
    rate_limits: Option<Limits>,
}

/// One family of limits.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Limits {
    #[serde(deserialize_with = "loose")]
    limit_id: Option<String>,
    #[serde(deserialize_with = "loose")]
    primary: Option<Window>,
    #[serde(deserialize_with = "loose")]
    secondary: Option<Window>,
    #[serde(deserialize_with = "loose")]
    rate_limit_reached_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Window {
    /// From 0 to 100; taken over unchecked from the server, so 150 and -3 occur.
    #[serde(deserialize_with = "loose")]
    used_percent: Option<f64>,
    #[serde(deserialize_with = "loose")]
    window_minutes: Option<u64>,
    /// Epoch seconds.
    #[serde(deserialize_with = "loose")]
    resets_at: Option<i64>,
}

/// The windows as this session told them last since the try began.
pub(super) fn windows(sessions: &Path, query: &DiskQuery<'_>) -> Vec<QuotaWindow> {
    let found = query.session_id.and_then(|session| log_end::read(&rollout(sessions, session)?));
    let mut families = BTreeMap::new();
    for line in found.as_deref().unwrap_or_default().lines().filter(|line| line.contains("\"rate_limits\"")) {
        let Ok(entry) = serde_json::from_str::<Entry>(line) else { continue };
        let recent = entry.timestamp.is_some_and(|at| at >= query.since);
        let told = entry.payload.filter(|payload| payload.kind.as_deref() == Some("token_count"));
        let limits = told.filter(|_| recent && entry.kind.as_deref() == Some("event_msg"));
        let Some(limits) = limits.and_then(|told| told.rate_limits) else { continue };
        let windows = limits.windows();
        if !windows.is_empty() {
            families.insert(limits.limit_id, windows);
        }
    }
    families.into_values().flatten().collect()
}

impl Limits {
    fn windows(&self) -> Vec<QuotaWindow> {
        let slots = [("primary", &self.primary), ("secondary", &self.secondary)];
        let told = slots.into_iter().filter_map(|(slot, window)| window.as_ref()?.told(slot));
        let mut windows: Vec<QuotaWindow> = told.collect();
        if let [first, second] = &mut windows[..]
            && first.name == second.name
        {
            (first.name, second.name) = ("primary".to_owned(), "secondary".to_owned());
        }
        if self.rate_limit_reached_type.as_deref() == Some(WINDOW_REACHED) {
            // Which one it was is not said.
            let used = |window: &&mut QuotaWindow| window.used.unwrap_or_default();
            let fullest = windows.iter_mut().max_by(|a, b| used(a).total_cmp(&used(b)));
            fullest.into_iter().for_each(|window| window.rejected = true);
        }
        if let Some(family) = self.limit_id.as_deref().filter(|id| !id.is_empty() && *id != WHOLE_ACCOUNT) {
            for window in &mut windows {
                let minutes = window.minutes;
                let name = format!("{family}/{}", window.name);
                *window = QuotaWindow { name: QuotaWindow::named(&name).name, minutes, ..window.clone() };
            }
        }
        windows
    }
}

impl Window {
    /// As the window of a slot; nothing if it says nothing.
    fn told(&self, slot: &str) -> Option<QuotaWindow> {
        let minutes = self.window_minutes.filter(|minutes| *minutes > 0);
        let name = match minutes {
            Some(FIVE_HOURS) => "five_hour",
            Some(SEVEN_DAYS) => "seven_day",
            _ => slot,
        };
        let used = QuotaWindow::share(self.used_percent.map(|percent| percent / 100.0));
        let resets_at = QuotaWindow::reset(self.resets_at);
        let window = QuotaWindow { minutes, used, resets_at, ..QuotaWindow::named(name) };
        (used.is_some() || resets_at.is_some()).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Codex, Executor, HarnessSpec};
    use pretty_assertions::assert_eq;

    const SESSION: &str = "01a204cb-ebb2-7d80-b7c4-ecda6375bc25";

    /// What a session's rollout tells to a try that began at this time.
    fn told(log: &str, since: &str) -> Vec<QuotaWindow> {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("sessions/2026/11/22");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("rollout-2026-11-22T19-46-42-{SESSION}.jsonl")), log).unwrap();
        let codex = Codex::new(HarnessSpec {
            extra_env: vec![("CODEX_HOME".into(), home.path().to_str().unwrap().into())],
            ..HarnessSpec::plain("codex", "codex")
        });
        codex.disk_quota(&DiskQuery {
            session_id: Some(SESSION),
            workspace: Path::new("/tmp/rally/workspace"),
            since: since.parse().unwrap(),
            now: "2026-11-22T22:00:00Z".parse().unwrap(),
        })
    }

    const BEFORE: &str = "2026-11-22T21:00:00Z";

    fn recording(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/codex/");
        std::fs::read_to_string(format!("{folder}{name}.session-log.jsonl")).unwrap()
    }

    fn line(at: &str, limits: &str) -> String {
        let payload = format!(r#"{{"type":"token_count","info":null,"rate_limits":{limits}}}"#);
        format!(r#"{{"timestamp":"2026-11-22T{at}Z","type":"event_msg","payload":{payload}}}"#) + "\n"
    }

    fn window(name: &str, used: f64, minutes: Option<u64>, reset: Option<i64>) -> QuotaWindow {
        let resets_at = QuotaWindow::reset(reset);
        QuotaWindow { used: Some(used), minutes, resets_at, ..QuotaWindow::named(name) }
    }

    #[test]
    fn every_recording_is_understood() {
        let five = |used, reset| window("five_hour", used, Some(300), Some(reset));
        let seven = |used, reset| window("seven_day", used, Some(10_080), Some(reset));
        let other =
            |window: QuotaWindow| QuotaWindow { name: format!("codex_other/{}", window.name), ..window };
        let refused = |window: QuotaWindow| QuotaWindow { rejected: true, ..window };
        for (name, expected) in [
            ("quota-window", vec![five(0.875, 1_795_390_757), seven(0.4375, 1_795_783_557)]),
            ("quota-websocket", vec![five(0.875, 1_795_390_410), seven(0.4, 1_795_783_210)]),
            ("quota-usage-limit", vec![refused(five(1.0, 1_795_390_414)), seven(0.62, 1_795_390_414)]),
            ("quota-two-limits", vec![other(five(0.99, 1_795_390_240)), other(seven(0.55, 1_795_783_040))]),
            ("quota-percent-only", vec![window("primary", 0.875, None, None)]),
            ("quota-no-headers", vec![]),
            ("fail-401", vec![]),
        ] {
            assert_eq!(told(&recording(name), BEFORE), expected, "{name}");
        }
    }

    #[test]
    fn the_last_line_that_tells_anything_counts() {
        let percent =
            |percent: u32| format!(r#"{{"limit_id":"codex","primary":{{"used_percent":{percent}}}}}"#);
        let null = r#"{"limit_id":"codex","primary":null,"secondary":null}"#;
        let log = line("21:10:00", &percent(10)) + &line("21:20:00", &percent(20)) + &line("21:30:00", null);
        let used = |log: &str, since: &str| {
            told(log, since).into_iter().filter_map(|window| window.used).sum::<f64>()
        };
        assert_eq!(used(&log, BEFORE), 0.2);
        // What an earlier try of the session was told is no news.
        assert_eq!(used(&log, "2026-11-22T21:20:00Z"), 0.2);
        assert_eq!(used(&log, "2026-11-22T21:20:01Z"), 0.0);
        // Torn and foreign lines cost themselves.
        let words = r#"{"timestamp":"2026-11-22T21:40:00Z","type":"response_item","payload":{"type":"token_count","rate_limits":{"primary":{"used_percent":99}}}}"#;
        let torn = line("21:50:00", &percent(90));
        assert_eq!(
            used(&format!("{log}{words}\n\"rate_limits\" {{\n{}", &torn[..torn.len() - 4]), BEFORE),
            0.2
        );
        // Two families stand side by side.
        let other = r#"{"limit_id":"codex_x","primary":{"used_percent":70}}"#;
        let names: Vec<_> =
            told(&(log + &line("21:40:00", other)), BEFORE).into_iter().map(|window| window.name).collect();
        assert_eq!(names, ["primary", "codex_x/primary"]);
    }

    #[test]
    fn odd_values_are_left_out() {
        for (limits, expected) in [
            (
                r#"{"primary":{"used_percent":150,"resets_at":1795390757}}"#,
                vec![window("primary", 1.5, None, Some(1_795_390_757))],
            ),
            (r#"{"primary":{"used_percent":-3}}"#, vec![window("primary", 0.0, None, None)]),
            (r#"{"primary":{"used_percent":"87.5%"}}"#, vec![]),
            (
                r#"{"primary":{"used_percent":7,"resets_at":"soon","window_minutes":300.5}}"#,
                vec![window("primary", 0.07, None, None)],
            ),
            (
                r#"{"primary":[],"secondary":{"used_percent":50,"window_minutes":43200}}"#,
                vec![window("secondary", 0.5, Some(43_200), None)],
            ),
            // Two of one length keep their slots' names.
            (
                r#"{"primary":{"used_percent":50,"window_minutes":300},"secondary":{"used_percent":0,"window_minutes":300}}"#,
                vec![window("primary", 0.5, Some(300), None), window("secondary", 0.0, Some(300), None)],
            ),
            // Bought credits that are used up say nothing about a window.
            (
                r#"{"primary":{"used_percent":50},"rate_limit_reached_type":"workspace_credits_depleted"}"#,
                vec![window("primary", 0.5, None, None)],
            ),
            (r#"{"limit_id":7,"primary":{"used_percent":50}}"#, vec![window("primary", 0.5, None, None)]),
            ("null", vec![]),
            ("7", vec![]),
        ] {
            assert_eq!(told(&line("21:10:00", limits), BEFORE), expected, "{limits}");
        }
    }
}
