//! What agents read and write when they work on limits: diffs, logs, test runs, other tools' errors.

/// A change of code that handles limits.
pub const DIFF: &str = "diff --git a/src/rate_limit.rs b/src/rate_limit.rs\n\
    @@ -10,3 +10,6 @@\n+    if status == 429 {\n+        return Err(\"429 Too Many Requests: rate limit exceeded, retry-after: 60\");\n\
    +    }\n+    // usage limit reached, resets in 3h\n-    Overloaded, overloaded_error, HTTP 529\n";

/// A banner as the CLIs show it.
pub const BANNER: &str = "You've hit your usage limit. Upgrade to Pro or try again at 5:22 AM.";

/// Another one, with what used to be behind it.
pub const CLAUDE_BANNER: &str = "Claude AI usage limit reached|1795385132";

/// Every category in words.
pub const WORDS: &str = "rate limit, 429 Too Many Requests, usage limit reached, resets in 3h, RESOURCE_EXHAUSTED, \
    overloaded_error, five-hour limit reached, 7 days, HTTP 529: Overloaded, 401 Unauthorized, authentication_failed, \
    invalid api key, model not found, connection refused, connection reset by peer, 503 Service Unavailable";

/// npm's own error.
pub const NPM: &str =
    "npm ERR! code E429\nnpm ERR! 429 Too Many Requests - GET https://registry.npmjs.org/left-pad\n";

/// curl's own error.
pub const CURL: &str = "curl: (7) Failed to connect to localhost port 8080: Connection refused\n\
    curl: (22) The requested URL returned error: 429\n";

/// A test run with tests named after limits.
pub const NEXTEST: &str = "        PASS [   0.004s] api rate_limit::hits_429\n        FAIL [   0.012s] api \
    rate_limit::usage_limit_resets_in_3h\n  thread 'rate_limit::too_many_requests' panicked: rate limit exceeded\n\
    error: test run failed\n";

/// A shell that did not find a program, and Go's words for it.
pub const MISSING: &str = "exec: \"foo\": executable file not found in $PATH\nsh: 1: exec: foo: not found\n\
    fork/exec /usr/bin/foo: argument list too long\nexec format error\n";

/// Events of every CLI, as they stand in logs: whole lines.
pub const EVENTS: &str = concat!(
    r#"{"type":"result","subtype":"success","is_error":true,"result":"Claude AI usage limit reached|1795385132","session_id":"other"}"#,
    "\n",
    r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795385132},"session_id":"other"}"#,
    "\n",
    r#"{"type":"error","message":"You've hit your usage limit. Try again at 5:22 AM."}"#,
    "\n",
    r#"{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429 Too Many Requests"}}"#,
    "\n",
    r#"{"type":"result","timestamp":"2026-11-22T19:42:46.603Z","status":"error","error":{"type":"unknown","message":"[API Error: RESOURCE_EXHAUSTED]"}}"#,
    "\n",
    r#"{"type":"error","timestamp":1,"sessionID":"ses_other","error":{"name":"APIError","data":{"message":"Usage limit reached","statusCode":429}}}"#,
    "\n",
    r#"{"event":"result","result":{"status":"ERROR","error":"RESOURCE_EXHAUSTED (code 429): Individual quota reached."}}"#,
    "\n",
);

/// What a log of a CLI's own looks like.
pub const LOGS: &str = "E1123 10:17:53.000000 1 x.go:1] agent executor error: model unreachable: RESOURCE_EXHAUSTED (code 429)\n\
    timestamp=2026-11-22T20:00:00.000Z level=ERROR run=r1 message=\"stream error\" session.id=ses_1 error.error=\"AI_APICallError: Usage limit reached.\"\n\
    AGY_ERROR: {\"status\":\"RESOURCE_EXHAUSTED\",\"code\":429}\n\
    Attempt 1 failed with status 429. Retrying with backoff... {\"error\":{\"code\":429}}\n";

/// Words that are looked for at the beginning of a line.
pub const BEGINNINGS: &str = "laps done\nError: usage limit\nError: 429 Too Many Requests\nAPI Error: 529 Overloaded\n\
    error: rate limit exceeded\nlaps handoff\n";

/// All of them, by name.
pub const ALL: [(&str, &str); 12] = [
    ("diff", DIFF),
    ("banner", BANNER),
    ("claude's banner", CLAUDE_BANNER),
    ("words", WORDS),
    ("npm", NPM),
    ("curl", CURL),
    ("nextest", NEXTEST),
    ("missing program", MISSING),
    ("events", EVENTS),
    ("logs", LOGS),
    ("beginnings", BEGINNINGS),
    ("emptiness", ""),
];
