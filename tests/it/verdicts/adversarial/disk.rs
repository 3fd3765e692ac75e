//! What a CLI keeps on disk speaks only where its output names no category.

use std::time::Duration;

use rally::executor::Opencode;
use rally::failure::display_reason;
use rally::model::{Category, Evidence, Outcome};
use rally::monitor::freeze::Freeze;
use rally::relay::life::Stop;
use serde_json::json;

use super::{NOWHERE, Transcript, now, opencode, spec_at};

/// opencode with this log on disk.
fn logged(lines: &[String], name: &str) -> (tempfile::TempDir, Transcript) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("opencode/log");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("opencode.log"), lines.join("\n") + "\n").unwrap();
    let spec = spec_at("opencode", home.path().to_str().unwrap());
    (home, Transcript::new(Box::new(Opencode::new(spec)), name))
}

fn line(level: &str, session: &str, rest: &str) -> String {
    format!("timestamp=2026-11-22T19:59:00.000Z level={level} run={session} {rest} session.id={session}")
}

fn used_up(session: &str, words: &str) -> String {
    let error = format!("message=\"stream error\" agent=build error.error=\"AI_APICallError: {words}\"");
    line("ERROR", session, &error)
}

fn found(transcript: Transcript) -> (Outcome, Evidence) {
    let (outcome, evidence) = transcript.judged(usize::MAX);
    (outcome, evidence.unwrap())
}

// 20-AF-OC-23, 20-AF-OC-24
#[test]
fn the_output_s_own_word_stands_before_the_log_on_disk() {
    let two_days = used_up(opencode::SESSION, "Monthly usage limit reached. Resets in 2 days.");
    let told = |words: &str| opencode::error("UnknownError", json!({"message": words}));
    for (words, category, source) in [
        ("Unexpected server error.", Category::UsageLimit, "opencode_disk_log"),
        ("Agent runtime crashed while applying patch.", Category::AgentError, "stream"),
    ] {
        let (_home, transcript) = logged(std::slice::from_ref(&two_days), words);
        let (outcome, evidence) = found(transcript.out(&[opencode::begin(), told(words)]).exits(1));
        assert_eq!((outcome, evidence.category), (Outcome::Failed, Some(category)), "{words}");
        assert_eq!(evidence.source, source, "{words}");
    }
}

// 20-AF-OC-17, 20-AF-OC-25; deviation: what is no error of the session's own proves nothing, so the source is how it ended
#[test]
fn a_silent_end_is_explained_by_its_own_session_alone() {
    let made = line("INFO", "ses_own", &format!("message=created directory={NOWHERE}"));
    let foreign = line("ERROR", "ses_other", "message=\"API key invalid\"");
    let others = [made.clone(), foreign, used_up("ses_other", "Usage limit reached. Resets in 4h.")];
    let (_home, transcript) = logged(&others, "another session's errors");
    assert_eq!(found(transcript.exits(1)).1.category, Some(Category::UnidentifiedIssue));
    let own = [made, line("ERROR", "ses_own", "message=\"API key invalid\"")];
    let (_home, transcript) = logged(&own, "its own error");
    let evidence = found(transcript.exits(1)).1;
    assert_eq!((evidence.category, &*evidence.message), (Some(Category::AuthOrProxy), "API key invalid"));
}

// 20-AF-OC-28: silent and connected, ended by rally, explained by the log, and shown with its end
#[test]
fn a_frozen_agent_whose_account_is_used_up_is_no_frozen_agent() {
    let month = used_up(opencode::SESSION, "Monthly usage limit reached. Resets in 96h.");
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let freeze = Freeze::Connected { silent: minutes(6), dry: minutes(5), connections: 1 };
    let (_home, transcript) = logged(&[month], "frozen");
    let frozen = transcript.out(&opencode::work()).killed(9).stopped(Stop::Frozen(freeze));
    let (outcome, evidence) = found(frozen);
    assert_eq!((outcome, evidence.category), (Outcome::Failed, Some(Category::UsageLimit)));
    // The log was written a minute ago.
    let reason = display_reason(Category::UsageLimit, Some(&evidence), now());
    assert_eq!(reason, "usage limit, resets in 95h59m");
}
