//! The trust server through its router, without a socket: what it takes, what it refuses, what it
//! serves.
#![cfg(feature = "server")]

#[path = "../support/database.rs"]
mod database;
#[path = "../support/repository.rs"]
mod repository;

mod access;
mod bench;
mod chromium;
mod failing;
mod history;
mod import;
mod lease;
mod limits;
mod page;
mod parting;
mod refusals;
mod renewal;
mod serving;
mod sockets;
