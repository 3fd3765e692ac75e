//! The five harnesses that rally knows by itself, and the names they answer to.

use crate::model::Cli;

/// A built-in harness.
#[derive(Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Which CLI it is.
    pub cli: Cli,
    /// Canonical name, as records store it.
    pub name: &'static str,
    /// Every accepted spelling (case-sensitive), the canonical one included. This is also the order
    /// in which the `[harness.X]` tables are consulted.
    pub aliases: &'static [&'static str],
    /// The program that is run.
    pub program: &'static str,
    /// Its key in `[defaults]`.
    pub model_key: &'static str,
    /// The reasoning efforts that its CLI documents, weakest first; empty when it takes none, or
    /// when every model has its own.
    pub efforts: &'static [&'static str],
}

impl Builtin {
    /// Bytes that its CLI prints per token, roughly.
    pub const fn chars_per_token(&self) -> f64 {
        match self.cli {
            Cli::Claude => 3.5,
            Cli::Antigravity | Cli::Codex | Cli::Gemini | Cli::Opencode => 4.0,
        }
    }
}

/// All five, by name.
pub const BUILTINS: [Builtin; 5] = [
    Builtin {
        cli: Cli::Antigravity,
        name: "antigravity",
        aliases: &["antigravity", "ag", "agy"],
        program: "agy",
        model_key: "antigravity_model",
        efforts: &["low", "medium", "high"],
    },
    Builtin {
        cli: Cli::Claude,
        name: "claude",
        aliases: &["claude", "cc"],
        program: "claude",
        model_key: "claude_model",
        efforts: &["low", "medium", "high", "xhigh", "max"],
    },
    Builtin {
        cli: Cli::Codex,
        name: "codex",
        aliases: &["codex", "cx"],
        program: "codex",
        model_key: "codex_model",
        efforts: &["none", "minimal", "low", "medium", "high", "xhigh"],
    },
    Builtin {
        cli: Cli::Gemini,
        name: "gemini",
        aliases: &["gemini", "ge"],
        program: "gemini",
        model_key: "gemini_model",
        efforts: &[],
    },
    Builtin {
        cli: Cli::Opencode,
        name: "opencode",
        aliases: &["opencode", "op"],
        program: "opencode",
        model_key: "opencode_model",
        efforts: &[],
    },
];

/// The built-in harness that answers to `alias`.
pub fn find(alias: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.aliases.contains(&alias))
}

/// The built-in harness of a CLI.
pub const fn of(cli: Cli) -> &'static Builtin {
    match cli {
        Cli::Antigravity => &BUILTINS[0],
        Cli::Claude => &BUILTINS[1],
        Cli::Codex => &BUILTINS[2],
        Cli::Gemini => &BUILTINS[3],
        Cli::Opencode => &BUILTINS[4],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cli_has_its_entry() {
        for builtin in &BUILTINS {
            assert_eq!(of(builtin.cli), builtin);
        }
    }

    #[test]
    fn every_alias_finds_its_harness_and_gm_none() {
        for (alias, name) in [
            ("ag", "antigravity"),
            ("agy", "antigravity"),
            ("antigravity", "antigravity"),
            ("cc", "claude"),
            ("claude", "claude"),
            ("cx", "codex"),
            ("codex", "codex"),
            ("ge", "gemini"),
            ("gemini", "gemini"),
            ("op", "opencode"),
            ("opencode", "opencode"),
        ] {
            assert_eq!(find(alias).map(|b| b.name), Some(name), "{alias}");
        }
        assert_eq!(find("gm"), None);
        assert_eq!(find("CC"), None);
    }
}
