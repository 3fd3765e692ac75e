//! Which role texts were once rally's own, so that only what people wrote is kept as theirs.

use sha2::{Digest, Sha256};

use super::{canonical, embedded};

/// SHA-256 of the trimmed texts that any version ever put into a project, by role. When a text of ours
/// changes, its new hash is added (a test says so), and the old one stays.
const SHIPPED: [(&str, &[&str]); 5] = [
    (
        "junior",
        &[
            "09c6b27003b27df28f974823b73447a465b2d3d336450985fdc0d766ae24fcaf",
            "201b6962f8692bf852b31b3087be8f6149b02bd2d8793bd2e73f4c305b45d87d",
            "7ab113ebe91800f2181884f7245fabaf0a8da05ae3a20111d6243a21054e8817",
            "b65e1ea241db6e752669cff5f0ca931640c6dbd5aad184b2d33d02ee4bace5b2",
        ],
    ),
    (
        "recovery",
        &[
            "4ac4402b0365da189f8d2c4f07c9402ee82d01a3f0ff972819e47a2f8cfbeae7",
            "e58368c743d147b37f1ed2033f281bd2e34cf2bcf32e9c75fe59182e13c33f96",
        ],
    ),
    (
        "senior",
        &[
            "dc0290fa962cb2fef3f89d8d6e3c785c9b5b75cbc0355566d8eb77a259654db9",
            "fe6c2d2399a245d68942f02ab6b72b5cdade101685079018ebd4d08d8bddf436",
            "b2ce959bcca640e789144d08f4ff7bbc608066a81d2a5b0f3db67d3f80d6d99d",
            "7ef54206ae5aa3a1cf888d5fffa9fa1e474cb36df13ca987519bbd617913c82a",
        ],
    ),
    (
        "ui",
        &[
            "5eae8ccc859a2351e37602db1f8700741b798df0b68d414a660c4e7f7ebd4dd5",
            "bed49d829d4434c78948e318f6d2813e14fd8763014e5f2a83baffeb84505044",
            "6731b673cde21547b112620f96f15cdc607aee93903d79eebc517074cd088ec8",
            "1a1d6caa759c424852c824df5b0edd231a3dc061fa9101a690f1c67f3f58a42c",
        ],
    ),
    (
        "verify",
        &[
            "0184860900017735d00c90af00bacf6fbd81e639f597bd259463d5fa649688b9",
            "fb5d2e807c1b85b4ded1a776e24cd22ca012f1aa8dd1b1e54c2908f73bfa8c7b",
            "59326b48a61c93d5648fe29aca87cf595499aa866a45b43ec0ebb25d347020c6",
            "269190351b18a0a60eaff64d7e1f7822f8634ffcfe39faa21db72a44276db390",
            "8bb981418357ce48cd3fb31384e47a7753f88155d1032b2890c817d45516685d",
        ],
    ),
];

/// Whether a text is one that rally shipped for this role, now or earlier. Space around the text and
/// the letter case of the role do not matter.
pub fn is_managed(role: &str, text: &str) -> bool {
    let hash = hash(text);
    embedded(role) == Some(text.trim())
        || SHIPPED.iter().any(|(name, hashes)| *name == canonical(role) && hashes.contains(&hash.as_str()))
}

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::NAMES;
    use super::*;
    use pretty_assertions::assert_eq;

    // 10-I9, 30-44
    #[test]
    fn rallys_own_texts_are_known() {
        for role in NAMES {
            let text = embedded(role).unwrap();
            for role in [role.to_owned(), role.to_uppercase(), format!(" {role} ")] {
                assert!(is_managed(&role, text), "{role}");
                assert!(is_managed(&role, &format!("\n {text}\n\n")), "{role}");
            }
            assert!(!is_managed(role, &format!("{text} And be quick.")), "{role}");
            assert!(!is_managed(role, ""), "{role}");
        }
        assert!(!is_managed("junior", embedded("senior").unwrap()), "another role's text is a choice");
        assert!(!is_managed("qa", embedded("senior").unwrap()));
    }

    // 10-I9: a text that changes without its hash would no longer be known once it is replaced.
    #[test]
    fn the_table_covers_every_role_and_its_present_text() {
        assert_eq!(SHIPPED.map(|(role, _)| role), NAMES);
        for (role, hashes) in SHIPPED {
            let now = hash(embedded(role).unwrap());
            assert!(hashes.contains(&now.as_str()), "add {now} to the texts of {role}, and keep the others");
        }
    }

    #[test]
    fn hashes_are_what_everybody_calls_sha_256() {
        // The example of FIPS 180-2, appendix B.1.
        let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash(" abc\n"), wanted);
        let all: Vec<&&str> = SHIPPED.iter().flat_map(|(_, hashes)| *hashes).collect();
        assert!(all.iter().all(|hash| hash.len() == 64), "{all:?}");
    }
}
