//! What rally never commits on its own: huge new files, private keys, nested repositories.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::paths;
use super::status::Entry;

/// New files above this size stay uncommitted.
const SIZE_LIMIT: u64 = 20 * 1024 * 1024;
/// How far into a file a key is looked for.
const KEY_WINDOW: u64 = 64 * 1024;

/// A changed path that was not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// From the top of the work tree; not always UTF-8.
    pub path: Vec<u8>,
    /// Why.
    pub why: WhyLeft,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was not committed: {}", paths::text(&self.path), self.why)
    }
}

/// Why a path was not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyLeft {
    /// A new file above the limit.
    #[error("a new file of {} MiB; commit or ignore it yourself", bytes >> 20)]
    TooBig {
        /// Its size.
        bytes: u64,
    },
    /// A new file that holds a private key.
    #[error("it looks like a private key; commit or ignore it yourself")]
    PrivateKey,
    /// A repository inside this one.
    #[error("it is a git repository of its own; add it as a submodule, ignore it, or delete its .git")]
    NestedRepository,
    /// Changes inside a submodule, not committed there.
    #[error("it is a submodule with uncommitted changes inside; commit them there")]
    InsideSubmodule,
    /// A socket, pipe or device.
    #[error("it is not a file")]
    Special,
    /// A file without read permission.
    #[error("it cannot be read")]
    Unreadable,
    /// A conflict that nobody has solved.
    #[error("it has an unsolved merge conflict")]
    Conflict,
}

/// Why this dirty path must not be committed, if so.
pub(super) fn why_left(root: &Path, path: &[u8], entry: &Entry) -> Option<WhyLeft> {
    if entry.unmerged {
        return Some(WhyLeft::Conflict);
    }
    if entry.inside {
        return Some(WhyLeft::InsideSubmodule);
    }
    let place = paths::below(root, path);
    let metadata = place.symlink_metadata().ok()?;
    if metadata.is_dir() {
        // Another folder took the place of a tracked file; what it holds is listed by itself.
        let nested = !entry.submodule && place.join(".git").symlink_metadata().is_ok();
        return nested.then_some(WhyLeft::NestedRepository);
    }
    if metadata.is_symlink() {
        return None;
    }
    if !metadata.is_file() {
        return Some(WhyLeft::Special);
    }
    let Ok(file) = File::open(&place) else { return Some(WhyLeft::Unreadable) };
    if entry.in_head {
        return None;
    }
    if metadata.len() > SIZE_LIMIT {
        return Some(WhyLeft::TooBig { bytes: metadata.len() });
    }
    let mut start = Vec::new();
    if file.take(KEY_WINDOW).read_to_end(&mut start).is_err() {
        return Some(WhyLeft::Unreadable);
    }
    (is_key_name(path) || holds_key(&start)).then_some(WhyLeft::PrivateKey)
}

/// Containers of keys that have no text to recognise.
fn is_key_name(path: &[u8]) -> bool {
    let path = path.to_ascii_lowercase();
    [&b".p12"[..], b".pfx", b".jks", b".keystore"].iter().any(|end| path.ends_with(end))
}

/// Whether a line is the header of a private key (OpenSSH, PKCS, PGP, PuTTY). Source code
/// that mentions such a header has it inside a longer line.
fn holds_key(start: &[u8]) -> bool {
    start.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        let pem = line.strip_prefix(b"-----BEGIN ").and_then(|line| line.strip_suffix(b"-----"));
        pem.is_some_and(|label| label.ends_with(b"PRIVATE KEY") || label == b"PGP PRIVATE KEY BLOCK")
            || line.starts_with(b"PuTTY-User-Key-File-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_recognised_and_talk_about_keys_is_not() {
        let table: [(&str, bool); 9] = [
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", true),
            ("-----BEGIN PRIVATE KEY-----\r\nMIIE\r\n", true),
            ("Bag Attributes\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", true),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n", true),
            ("PuTTY-User-Key-File-3: ssh-ed25519\n", true),
            ("-----BEGIN CERTIFICATE-----\nMIIE\n", false),
            ("-----BEGIN PUBLIC KEY-----\nMIIE\n", false),
            ("let header = \"-----BEGIN PRIVATE KEY-----\";\n", false),
            ("", false),
        ];
        for (text, wanted) in table {
            assert_eq!(holds_key(text.as_bytes()), wanted, "{text}");
        }
        assert!(is_key_name(b"certs/Server.P12"));
        assert!(!is_key_name(b"src/p12"));
    }
}
