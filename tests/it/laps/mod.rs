//! `rally laps`, and rally under the name `laps`.

mod commands;
mod native;
mod stints;
mod together;
mod views;
