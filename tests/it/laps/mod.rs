//! `rally laps`, and rally under the name `laps`.

mod commands;
mod model;
mod native;
mod rounds;
mod stints;
mod together;
mod views;
