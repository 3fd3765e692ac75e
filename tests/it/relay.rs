//! Tests of relay.
