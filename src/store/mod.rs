//! What is remembered: records, journal, lock, paths, migration.

pub mod records;
