//! The shell around the deciders.
