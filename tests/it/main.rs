//! Tests that need real processes, real repositories or the whole binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod antigravity;
mod canary;
mod cli;
mod config;
mod config_command;
mod config_form;
mod crash;
mod demo;
mod doctor;
mod foreign_text;
mod gc;
mod git;
mod house;
mod laps;
mod laps_driver;
mod laps_files;
mod laps_reports;
mod message;
mod private;
mod process;
mod relay;
mod restore;
mod role_files;
mod roles;
mod routes_check;
mod routing;
mod runners;
mod sandbox;
mod scripted;
mod store;
mod support;
mod surroundings;
mod terminal;
mod verdicts;
mod voices;
