//! Agents that work on limits, and really meet one.

use rally::model::{Category, Outcome};
use rally::relay::life::Stop;
use serde_json::json;

use super::{Transcript, antigravity, bait, claude, codex, custom, gemini, opencode};

pub fn transcripts() -> Vec<Transcript> {
    use Category::{
        AuthOrProxy, InvalidModel, ProviderOverloaded, ShortRateLimit, TransientInfra, UsageLimit,
    };
    let five_hours = "You've hit your 5-hour limit · resets 10:05pm (UTC)";
    let stream_error = |agent: &str, text: &str| {
        opencode::logged(
            "ERROR",
            &format!("message=\"stream error\" agent={agent} error.error=\"AI_APICallError: {text}\""),
        )
    };
    vec![
        claude::claude("a window that was rejected")
            .out(&claude::work())
            .out(&[
                claude::window("rejected"),
                claude::failed("rate_limit", 429, five_hours),
                claude::refused(Some(429), five_hours),
            ])
            .exits(1)
            .fails(UsageLimit),
        claude::claude("a window that was rejected, and killed at once")
            .out(&claude::work())
            .out(&[claude::window("rejected")])
            .killed(9)
            .fails(UsageLimit),
        claude::claude("a banner as the failed result, with exit code 0")
            .out(&claude::work())
            .out(&[claude::refused(None, bait::CLAUDE_BANNER)])
            .fails(UsageLimit),
        claude::claude("a short limit in the end")
            .out(&claude::work())
            .out(&[
                claude::retry(9, "rate_limit", Some(429)),
                claude::failed("rate_limit", 429, "API Error: Request rejected (429) · slow down"),
                claude::refused(Some(429), "API Error: Request rejected (429) · slow down"),
            ])
            .exits(1)
            .fails(ShortRateLimit),
        claude::claude("killed in the middle of its retries")
            .out(&claude::work())
            .out(&[claude::retry(3, "overloaded", Some(529))])
            .killed(15)
            .fails(ProviderOverloaded),
        claude::claude("ended by patience")
            .out(&claude::work())
            .out(&[claude::retry(9, "unknown", None)])
            .killed(15)
            .stopped(claude::patience(TransientInfra))
            .fails(TransientInfra),
        claude::claude("a missing model behind words on limits")
            .out(&claude::work())
            .out(&[
                claude::failed("model_not_found", 404, "There's an issue with the selected model (rate-limit-1)."),
                claude::refused(Some(404), "There's an issue with the selected model (rate-limit-1)."),
            ])
            .exits(1)
            .fails(InvalidModel),
        claude::claude("a plain line at the end")
            .out(&claude::work())
            .err(&["API Error: rate limit exceeded"])
            .exits(1)
            .fails(ShortRateLimit),
        claude::claude("a limit in plain words before it worked at all")
            .err(&["Five-hour limit reached · resets in 3h 24m"])
            .exits(1)
            .fails(UsageLimit),
        Transcript {
            expected: (Outcome::RunTimeout, Some(UsageLimit)),
            ..claude::claude("out of time in a rejected window")
                .out(&claude::work())
                .out(&[claude::window("rejected")])
                .killed(15)
                .stopped(Stop::TryTimeout)
        },
        codex::codex("a used-up plan")
            .out(&codex::work())
            .out(&[codex::error(bait::BANNER), codex::failed(bait::BANNER)])
            .exits(1)
            .fails(UsageLimit),
        codex::codex("killed in the middle of its retries")
            .out(&codex::work())
            .out(&[codex::error("Reconnecting... waiting for network (Connection failed: error sending request)")])
            .killed(15)
            .fails(TransientInfra),
        codex::codex("a key that is refused")
            .out(&codex::work())
            .out(&[codex::failed("unexpected status 401 Unauthorized: rate limit of keys, url: http://h")])
            .exits(1)
            .fails(AuthOrProxy),
        codex::codex("too many requests in the end")
            .out(&codex::work())
            .out(&[codex::failed("exceeded retry limit, last status: 429 Too Many Requests")])
            .exits(1)
            .fails(ShortRateLimit),
        gemini::gemini("a used-up day")
            .out(&gemini::work())
            .out(&[gemini::refused("[API Error: You have exhausted your daily quota on this model.]")])
            .exits(173)
            .fails(UsageLimit),
        gemini::gemini("words on standard error and no result")
            .out(&gemini::work())
            .err(&["Error when talking to Gemini API: RESOURCE_EXHAUSTED: Individual quota reached. Resets in 3h."])
            .exits(1)
            .fails(UsageLimit),
        gemini::gemini("killed in the middle of its retries")
            .out(&gemini::work())
            .err(&["Attempt 4 failed with status 503. Retrying with backoff... ApiError: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\"}}"])
            .killed(9)
            .fails(ProviderOverloaded),
        opencode::opencode("a used-up plan as an error event")
            .out(&opencode::work())
            .out(&[opencode::error("APIError", json!({"message": "Monthly usage limit reached. Resets in 3 days.", "statusCode": 429}))])
            .exits(1)
            .fails(UsageLimit),
        opencode::opencode("a used-up plan that only its log tells")
            .out(&opencode::work())
            .err(&[&stream_error("build", "Monthly usage limit reached. Resets in 7 days.")])
            .killed(9)
            .fails(UsageLimit),
        opencode::opencode("a key that is refused, told by its log")
            .out(&opencode::work())
            .err(&[&opencode::logged("ERROR", "message=\"API key invalid\"")])
            .exits(1)
            .fails(AuthOrProxy),
        antigravity::agy("a used-up quota")
            .out(&antigravity::work())
            .out(&[antigravity::refused("RESOURCE_EXHAUSTED (code 429): Individual quota reached. Resets in 2h39m52s.")])
            .exits(3)
            .fails(UsageLimit),
        antigravity::agy("a request that failed, on standard error")
            .out(&antigravity::work())
            .err(&["AGY_ERROR: {\"status\":\"RESOURCE_EXHAUSTED\",\"code\":429,\"message\":\"Individual quota reached. Resets in 2h.\"}"])
            .exits(3)
            .fails(UsageLimit),
        antigravity::old("its own error at the end")
            .out(&["I looked at the rate limit code.", "Error: RESOURCE_EXHAUSTED (code 429): Individual quota reached. Resets in 2h."])
            .exits(1)
            .fails(UsageLimit),
        custom::custom("a line at the end").out(&[bait::DIFF, "error: rate limit reached for this API key"]).exits(1).fails(ShortRateLimit),
        custom::custom("a usage limit").out(&["compiling", bait::BANNER]).exits(1).fails(UsageLimit),
        custom::custom("a key that is refused").err(&["401 Unauthorized"]).exits(1).fails(AuthOrProxy),
        custom::custom("a server that is not there")
            .err(&["dial tcp 127.0.0.1:8080: connection refused"])
            .exits(1)
            .fails(TransientInfra),
    ]
}
