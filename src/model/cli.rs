//! The agent CLIs that rally knows by itself.

/// One of them. Whoever adds one is led by the compiler to everything that must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cli {
    /// Antigravity, `agy`.
    Antigravity,
    /// Claude Code, `claude`.
    Claude,
    /// Codex, `codex`.
    Codex,
    /// Gemini CLI, `gemini`.
    Gemini,
    /// opencode, `opencode`.
    Opencode,
}
