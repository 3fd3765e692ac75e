//! `rally laps`, and rally under the name `laps`.

mod commands;
mod together;
