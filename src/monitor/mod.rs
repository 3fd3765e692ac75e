//! Is the agent alive, and what happened to it? Reads `/proc`, decides nothing.

pub mod drought;
pub mod freeze;
mod ledger;
pub mod memory;
pub mod network;
pub mod sample;
pub mod sockets;
mod timeout;
pub mod tools;
pub mod watch;
