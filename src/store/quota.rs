//! How full the windows of the accounts are: a ledger that grows by what CLIs tell while they work.

use super::jsonl::{Durability, append, read_all};
use super::records::{QuotaRecord, RECORD_VERSION};
use super::{Reader, Shared, Store, StoreError};

impl Store {
    /// Remembers what was told about an account's windows.
    pub fn append_quota(&mut self, record: QuotaRecord) -> Result<(), StoreError> {
        Shared::lock(&self.layout)?.append_quota(record)
    }

    /// What is known about the windows of all accounts, oldest first.
    pub fn quota_records(&self) -> Result<Vec<QuotaRecord>, StoreError> {
        Ok(read_all(&self.layout.quota())?.0)
    }
}

impl Reader {
    /// What is known about the windows of all accounts, oldest first.
    pub fn quota_records(&self) -> Result<Vec<QuotaRecord>, StoreError> {
        Ok(read_all(&self.layout().quota())?.0)
    }
}

impl Shared<'_> {
    /// Remembers what was told about an account's windows.
    pub fn append_quota(&self, mut record: QuotaRecord) -> Result<(), StoreError> {
        record.v = RECORD_VERSION;
        let path = self.layout().quota();
        self.repair(&path)?;
        append(&path, &record, Durability::Cached)?;
        Ok(())
    }
}
