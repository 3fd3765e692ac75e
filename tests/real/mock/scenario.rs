//! How a request is treated, by the scenario in the address.
//!
//! | scenario | treatment |
//! |---|---|
//! | `ok` | answered |
//! | `slow2` | answered after 2 s |
//! | `401`, `404`, `429`, `500`, `503`, `529` | refused with this status and the provider's body |
//! | `429-ra5` | the same with `retry-after: 5`, which its words say, too |
//! | `usagelimit` | 429 in the provider's words for a used-up quota, back in two hours |
//! | `monthlylimit` | the same for a limit of the month, back in 96 hours |
//! | `dribble60` | the answer begins, goes on after 60 s, and sends a comment every 2 s in between |
//! | `usagelimit-ra1` | the same, but its `retry-after` asks for 1 s |
//! | `window93` | answered; 93 % of the account's short window are used, and half of that of its long one |
//! | `hang` | read, and never answered |
//! | `hangmid` | the answer begins and never goes on |
//! | `drop` | the connection is closed without a word |
//! | `first-X` | as X until an earlier text of the user's has a codeword, then answered |
//! | `inside-X` | the same once a tool has run: the first request is answered |
//!
//! A request that offers no shell is none of those that the last two are about: it is answered.

use std::time::Duration;

use super::Conversation;

/// How long a used-up limit of the month stays so.
pub const MONTHLY_WAIT: u64 = 96 * 3600;

/// How a request is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scenario {
    /// Answered, after a while.
    Answer { after: Duration },
    /// Answered, with word of how much of the account's windows is used.
    Windows { percent: u32 },
    /// Refused with a status.
    Refuse { status: u16, retry_after: Option<u64> },
    /// Refused because the quota is used up, until the server's own time for that or for so many seconds.
    UsageLimit { retry_after: Option<u64>, wait: Option<u64> },
    /// Answered slowly: after its beginning, for this long, there is nothing but comments.
    Dribble { seconds: u64 },
    /// Never answered.
    Hang,
    /// Never answered to the end.
    HangInside,
    /// The connection is closed.
    Drop,
    /// Treated so until the conversation is one that goes on.
    First {
        /// How.
        then: Box<Scenario>,
        /// Whether only once a tool has run.
        inside: bool,
    },
}

impl Scenario {
    /// From its name in the address.
    pub fn parse(name: &str) -> Option<Scenario> {
        for (prefix, inside) in [("first-", false), ("inside-", true)] {
            if let Some(then) = name.strip_prefix(prefix) {
                return Some(Scenario::First { then: Box::new(Scenario::parse(then)?), inside });
            }
        }
        if let Some(seconds) = name.strip_prefix("slow") {
            return Some(Scenario::Answer { after: Duration::from_secs(seconds.parse().ok()?) });
        }
        if let Some(seconds) = name.strip_prefix("dribble") {
            return Some(Scenario::Dribble { seconds: seconds.parse().ok()? });
        }
        if let Some(percent) = name.strip_prefix("window") {
            return Some(Scenario::Windows { percent: percent.parse().ok()? });
        }
        let (name, retry_after) = match name.split_once("-ra") {
            Some((name, seconds)) => (name, Some(seconds.parse().ok()?)),
            None => (name, None),
        };
        match name {
            "ok" => Some(Scenario::Answer { after: Duration::ZERO }),
            "usagelimit" => Some(Scenario::UsageLimit { retry_after, wait: None }),
            "monthlylimit" => Some(Scenario::UsageLimit { retry_after, wait: Some(MONTHLY_WAIT) }),
            "hang" => Some(Scenario::Hang),
            "hangmid" => Some(Scenario::HangInside),
            "drop" => Some(Scenario::Drop),
            _ => Some(Scenario::Refuse { status: name.parse().ok()?, retry_after }),
        }
    }

    /// What holds for a request.
    pub fn now(&self, asked: &Conversation) -> &Scenario {
        static ANSWER: Scenario = Scenario::Answer { after: Duration::ZERO };
        match self {
            Scenario::First { .. } if asked.shell.is_none() || asked.codeword().is_some() => &ANSWER,
            Scenario::First { inside: true, .. } if !asked.tool_done => &ANSWER,
            Scenario::First { then, .. } => then,
            _ => self,
        }
    }
}
