//! A full disk is no used-up account, though a file system speaks of a quota, too.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern::regex;

/// `Disk quota exceeded (os error 122)`, `EDQUOT: disk quota exceeded, write`, in some systems `Disc quota exceeded`.
static QUOTA: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\bEDQUOT\b(?:\W{1,3}quota exceeded)?|\bdis[ck][ _-]?quota[ _-]?exceeded"));

/// The text without what it says of a file system's quota: what is left may be looked at for an account's.
pub fn without_quota(text: &str) -> Cow<'_, str> {
    QUOTA.replace_all(text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_account_s_quota_is_left() {
        for (text, left) in [
            ("write failed: Disk quota exceeded (os error 122)", "write failed:  (os error 122)"),
            ("EDQUOT: disk quota exceeded, write", ": , write"),
            ("EDQUOT: quota exceeded", ""),
            ("Disc quota exceeded\nQuota exceeded for this account", "\nQuota exceeded for this account"),
            ("Quota exceeded", "Quota exceeded"),
        ] {
            assert_eq!(without_quota(text), left, "{text}");
        }
    }
}
