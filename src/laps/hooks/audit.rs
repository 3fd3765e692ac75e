//! `hook-audit.jsonl`: which hooks were called, for whoever wonders later.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::Hook;
use crate::model::time::rfc3339_millis;
use crate::model::{Timestamp, mask};
use crate::store::{Layout, private};

/// Where the calls are noted.
pub fn audit_log(layout: &Layout) -> PathBuf {
    layout.state_dir().join("hook-audit.jsonl")
}

/// Notes a call and what the hook was given. That it cannot be noted stops nobody.
pub fn audit(layout: &Layout, hook: Hook, given: Vec<String>, now: Timestamp) {
    let (ts, name, pid) = (rfc3339_millis(now), hook.name(), std::process::id());
    let line = match hook {
        Hook::Done => json!({"ts": ts, "hook": name, "lap_id": given.join(" "), "pid": pid}),
        Hook::Handoff | Hook::Wrapup => json!({"ts": ts, "hook": name, "args": given, "pid": pid}),
    };
    if let Ok(mut file) = private::open(OpenOptions::new().create(true).append(true), &audit_log(layout)) {
        let _ = file.write_all(&mask::shared().record(format!("{line}\n").into_bytes()));
    }
}
