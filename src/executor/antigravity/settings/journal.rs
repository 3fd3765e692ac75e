//! Who has set the model, to what, and what was there before.
//!
//! A home may be shared by several hosts, or by containers. Whether a holder there still runs cannot be seen from here,
//! so it counts as running until its entry is a day old. One of this host from before it was started anew is dead.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::model::{ProcessIdentity, Timestamp, time};
use crate::process::identity;

/// The form of a journal that is written here, and the newest that is understood.
const VERSION: u32 = 1;

/// How long a holder that cannot be seen counts as running. A try may take hours.
const UNSEEN: SignedDuration = SignedDuration::from_hours(24);

/// Who has set the model, and what was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    v: u32,
    /// The model that is set.
    pub ours: String,
    /// The value that was there before, as it was written.
    pub previous: Option<String>,
    pub before: Before,
    /// Processes that have a try running with it, one entry per try.
    pub holders: Vec<Holder>,
}

/// The file before it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Before {
    Missing,
    /// Nothing but this whitespace.
    Blank(String),
    Object,
}

/// A process, and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    #[serde(flatten)]
    pub who: ProcessIdentity,
    /// When it came, in seconds since 1970.
    #[serde(default)]
    since: i64,
    #[serde(flatten)]
    site: Site,
}

/// Where processes can be seen from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Site {
    /// Name and number of the host, the same after it was started anew.
    host: String,
    /// The space of its process ids.
    pids: String,
}

impl Journal {
    /// A journal without holders.
    pub fn new(ours: &str, previous: Option<&str>, before: Before) -> Journal {
        let (ours, previous) = (ours.to_owned(), previous.map(str::to_owned));
        Journal { v: VERSION, ours, previous, before, holders: Vec::new() }
    }

    /// The journal in this file, if there is one.
    pub fn read(path: &Path) -> Result<Option<Journal>, Trouble> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let Some(text) = super::files::read(path)? else { return Ok(None) };
        match (serde_json::from_str::<Version>(&text), serde_json::from_str(&text)) {
            (Ok(Version { v }), _) if v > VERSION => Err(Trouble::Newer(path.to_owned())),
            (_, Ok(journal)) => Ok(Some(journal)),
            (_, Err(_)) => Err(Trouble::Illegible(path.to_owned())),
        }
    }

    /// Writes it down.
    pub fn write(&self, path: &Path) -> Result<(), Trouble> {
        let text = serde_json::to_string(self).map_err(io::Error::from)?;
        Ok(super::files::replace(path, &text)?)
    }

    /// Takes one entry out.
    pub fn strike(&mut self, holder: &Holder) {
        if let Some(at) = self.holders.iter().position(|other| other == holder) {
            self.holders.remove(at);
        }
    }

    /// Takes the dead out.
    pub fn strike_dead(&mut self) {
        self.holders.retain(Holder::may_run);
    }
}

impl Holder {
    /// A process that is seen from here, from now on.
    pub fn here(who: ProcessIdentity) -> Holder {
        Holder { who, since: time::now().as_second(), site: Site::here().clone() }
    }

    /// Whether it runs, or may run where it cannot be seen.
    pub fn may_run(&self) -> bool {
        let here = Site::here();
        let same_boot = self.who.boot_id == identity::boot_id();
        if same_boot && self.site.pids == here.pids {
            return identity::is_alive(&self.who);
        }
        let rebooted = !same_boot && self.site.host == here.host;
        let came = Timestamp::from_second(self.since).unwrap_or_default();
        !rebooted && time::now().duration_since(came).abs() < UNSEEN
    }

    /// For the operator: its pid, and its host where that is another one.
    pub fn name(&self) -> String {
        match self.site.host.split_whitespace().next() {
            Some(host) if self.site != *Site::here() => format!("{} on {host}", self.who.pid),
            _ => self.who.pid.to_string(),
        }
    }
}

impl Site {
    fn here() -> &'static Site {
        static HERE: OnceLock<Site> = OnceLock::new();
        HERE.get_or_init(|| {
            let name = rustix::system::uname();
            let number = fs::read_to_string("/etc/machine-id").unwrap_or_default();
            let pids = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
            Site {
                host: format!("{} {}", name.nodename().to_string_lossy(), number.trim()),
                pids: pids.to_string_lossy().into_owned(),
            }
        })
    }
}
