//! What the conformance suite of TUF's authors asks of a client, asked again in our own words: the
//! client that the suite drives, over HTTP, on a disk, with the exact requests and the exact bytes
//! it keeps. `conformance/suite` runs theirs; this needs no network.
//!
//! | theirs | here |
//! |---|---|
//! | `test_basic`, `test_quoting_issues` | [`walk`] |
//! | `test_expiration` | [`time`] |
//! | `test_rollback` | [`back`] |
//! | `test_keys`, `test_updater_key_rotations` | [`keys`] |
//! | `test_updater_delegation_graphs` | [`search`] |
//! | `test_file_download` | [`download`] |
//! | `test_static_repositories` | `tests/tuf1_vectors.rs` |
//! | `test_repository_simulator` | [`stage`]'s own test |

#![cfg(feature = "cli")]

#[path = "../../conformance/commands.rs"]
mod commands;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/tuf1.rs"]
mod tuf1;

mod back;
mod download;
mod keys;
mod search;
mod stage;
mod time;
mod walk;
