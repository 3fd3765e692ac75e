//! Tests of the task file.
