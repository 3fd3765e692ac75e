//! `[logs]`: what of the transcripts and relay logs is kept, and for how long.
//!
//! They tell the operator what was done here. An agent writes to the repository, and a repository may be anybody's: so
//! its file cannot have them deleted or cut.

use std::time::Duration;

use super::diagnostic::{Findings, label};
use super::layer::Layer;
use super::merge::Merged;

/// The table.
const TABLE: &str = "logs";

/// The keys that only the user's own file can set.
const USERS_ALONE: [&str; 4] = ["keep_days", "keep_bytes", "try_max_bytes", "relay_max_bytes"];

const DAY: u64 = 24 * 3600;

/// `[logs]`. What is `None` is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogsConfig {
    /// Whether secrets of the environment are masked in transcripts (false).
    pub mask_transcripts: bool,
    /// How old a log of a try or relay may grow.
    pub keep: Option<Duration>,
    /// How large all logs of a workspace may be together.
    pub keep_bytes: Option<u64>,
    /// How large the log of one try may be; of a larger one the middle is left out.
    pub try_max_bytes: Option<u64>,
    /// How large the log of a relay may be before another one is begun.
    pub relay_max_bytes: Option<u64>,
}

impl LogsConfig {
    /// Days as time.
    pub fn days(days: u64) -> Duration {
        Duration::from_secs(days.saturating_mul(DAY))
    }
}

/// Takes out of the repository's file what would delete or cut logs.
pub(super) fn protect(layer: &mut Layer, findings: &mut Findings) {
    layer.retain(|path, setting| {
        let stays = !matches!(path.as_slice(), [table, key] if table == TABLE && USERS_ALONE.contains(&key.as_str()));
        if !stays {
            let message = format!(
                "{} is ignored here: a repository cannot have logs deleted or cut; your own configuration can",
                label(&setting.path)
            );
            findings.warning(&setting.origin, &setting.path, message);
        }
        stays
    });
}

/// What holds, after the merge.
pub(super) fn resolve(merged: &Merged) -> LogsConfig {
    LogsConfig {
        mask_transcripts: merged.flag(&[TABLE, "mask_transcripts"]).unwrap_or(false),
        keep: merged.number(&[TABLE, "keep_days"]).map(LogsConfig::days),
        keep_bytes: merged.number(&[TABLE, "keep_bytes"]),
        try_max_bytes: merged.number(&[TABLE, "try_max_bytes"]),
        relay_max_bytes: merged.number(&[TABLE, "relay_max_bytes"]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::env::Env;
    use super::super::load::{load, repository_file};
    use super::*;

    /// What two files say together, and what is told about it.
    fn together(user: &str, repository: &str) -> Result<(LogsConfig, usize), String> {
        let folder = tempfile::tempdir().unwrap();
        let env = Env { home: Some("/home/me".into()), ..Env::default() };
        let env = Env { xdg_config_home: Some(folder.path().join("config")), ..env };
        for (file, text) in [(env.user_file().unwrap(), user), (repository_file(folder.path()), repository)] {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let loaded = load(folder.path(), &env).map_err(|error| error.to_string())?;
        Ok((loaded.config.logs, loaded.warnings.len()))
    }

    #[test]
    fn sizes_are_written_as_people_say_them() {
        let table = [
            ("500MB", Ok(500_000_000)),
            ("2GiB", Ok(2 << 30)),
            ("1.5 KiB", Ok(1536)),
            ("4096", Ok(4096)),
            ("12 kB", Ok(12_000)),
            ("9999999999TiB", Ok(i64::MAX as u64)),
            ("0", Err("must be at least 1 B")),
            ("-1", Err("must be a size like")),
            ("many", Err("must be a size like")),
            ("", Err("must be a size like")),
        ];
        for (text, wanted) in table {
            let found = together(&format!("[logs]\nkeep_bytes = \"{text}\"\n"), "");
            match wanted {
                Ok(bytes) => assert_eq!(found.unwrap().0.keep_bytes, Some(bytes), "{text}"),
                Err(why) => {
                    let error = found.unwrap_err();
                    assert!(error.contains("config.toml:2: ") && error.contains(why), "{text}: {error}");
                }
            }
        }
        assert!(together("[logs]\nkeep_bytes = 5\n", "").unwrap_err().contains("must be a size like"));
        assert!(together("[logs]\ntry_max_bytes = \"1kB\"\n", "").unwrap_err().contains("64.0 KiB"));
        assert!(together("[logs]\nkeep_days = 0\n", "").unwrap_err().contains("at least 1"));
    }

    #[test]
    fn only_the_users_own_file_has_logs_deleted_or_cut() {
        let all = "[logs]\nkeep_days = 3\nkeep_bytes = \"1GB\"\ntry_max_bytes = \"1MB\"\nrelay_max_bytes = \"2MB\"\n";
        let limits = LogsConfig {
            mask_transcripts: false,
            keep: Some(Duration::from_secs(3 * 86_400)),
            keep_bytes: Some(1_000_000_000),
            try_max_bytes: Some(1_000_000),
            relay_max_bytes: Some(2_000_000),
        };
        assert_eq!(together("", ""), Ok((LogsConfig::default(), 0)));
        assert_eq!(together(all, ""), Ok((limits, 0)));
        assert_eq!(together("", all), Ok((LogsConfig::default(), 4)));
        assert_eq!(together(all, "[logs]\nkeep_days = 1\nmask_transcripts = true\n"), {
            Ok((LogsConfig { mask_transcripts: true, ..limits }, 1))
        });
    }
}
