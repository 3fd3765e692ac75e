//! Tests that need real processes, real repositories or the whole binary.

mod cli;
mod config;
mod crash;
mod git;
mod house;
mod process;
mod relay;
mod routing;
mod scripted;
mod store;
mod support;
mod terminal;
