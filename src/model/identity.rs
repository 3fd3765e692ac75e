//! Who commits.

/// A git identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `user.name`.
    pub name: String,
    /// `user.email`.
    pub email: String,
}

impl Identity {
    /// Who commits where nobody is configured.
    pub fn fallback() -> Identity {
        Identity { name: "Rally".to_owned(), email: "rally@localhost".to_owned() }
    }
}
