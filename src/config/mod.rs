//! What did the user ask for?
//!
//! Two files: the user's (`$XDG_CONFIG_HOME/rally/config.toml`, else `~/.config/rally/config.toml`)
//! and the repository's (`.rally/config.toml`), which wins key by key. Each is parsed and checked
//! alone, so that every complaint has a file and a line; then they are merged, and every key that
//! was kept remembers where it stands ([`Config::origin`]).

pub mod builtin;
pub mod change;
mod diagnostic;
mod document;
pub mod edit;
mod env;
mod file;
mod harness;
pub mod inspect;
mod layer;
mod load;
mod logs;
mod merge;
mod paths;
mod reliability;
mod routes;
mod sandbox;
pub mod schema;
mod settings;
pub mod starter;
pub mod suggest;

pub use diagnostic::{ConfigError, Diagnostic, Origin};
pub use env::Env;
pub use harness::{HarnessConfig, Launch, TailStream};
pub use inspect::{Entry, Inspection, inspect};
#[cfg(test)]
pub use load::of_text;
pub use load::{Loaded, load, repository_file};
pub use logs::LogsConfig;
pub use reliability::Reliability;
pub use routes::{DEFAULT_ROUTE, ProviderConfig, ReasoningConfig, RouteConfig};
pub use sandbox::SandboxConfig;
pub use schema::{SCHEMA_VERSION, is_name, limits};
pub use settings::{Config, Defaults};
