//! Whether the account of a try is told by anything but the CLI's own login.

use std::path::Path;

use serde::Deserialize;

use crate::executor::json::loose;

/// The only keys that are looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    #[serde(deserialize_with = "loose")]
    model_provider: Option<String>,
    #[serde(deserialize_with = "loose")]
    cli_auth_credentials_store: Option<String>,
}

/// Whether credentials may come from somewhere that cannot be seen: a model provider of the user's, which
/// names its own variable, another profile, or the system's key ring.
pub(super) fn elsewhere(args: &[String], home: Option<&Path>) -> bool {
    let by_args = args.iter().any(|arg| {
        matches!(arg.as_str(), "--oss" | "-p" | "--profile")
            || arg.contains("model_provider")
            || arg.starts_with("--profile=")
    });
    let text = home.and_then(|home| std::fs::read_to_string(home.join("config.toml")).ok());
    let config: Config = text.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
    by_args
        || config.model_provider.is_some_and(|provider| provider != "openai")
        || config.cli_auth_credentials_store.is_some_and(|store| store != "file")
}
