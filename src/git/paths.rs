//! Paths as git has them: bytes, not text.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path of the work tree as a path of the file system.
pub(super) fn below(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

/// A path for people. Not reversible; consumers sanitise.
pub(super) fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// A path as JSON text that [`decode`] turns back into the same bytes: UTF-8 as it is,
/// other bytes and `%` as `%XX`.
pub(super) fn encode(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        out.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The opposite of [`encode`]; `None` when a `%` is not followed by two hexadecimal digits.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        out.extend_from_slice(rest.as_bytes());
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(encode("src/möbel 1.rs".as_bytes()), "src/möbel 1.rs");
        assert_eq!(encode(b"100%\xff"), "100%25%FF");
        assert_eq!(decode("%2"), None);
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%ü"), None);
    }

    proptest::proptest! {
        #[test]
        fn every_name_comes_back(path in proptest::collection::vec(0_u8.., 0..40)) {
            assert_eq!(decode(&encode(&path)), Some(path));
        }
    }
}
