//! What PostgreSQL and MySQL have in common: Notary's own tables, which an installation may bring
//! along with its history, and take back.
//!
//! - In Notary's tables stands only what notary-server would write there (Notary 0.7.0
//!   `migrations/`, `server/storage/sqldb.go`): times in UTC, digests in hexadecimal, rows that are
//!   never changed, deleted for good with their collection; what was deleted softly is not there.
//! - What we need besides stands in tables of our own, which the original never looks at.
//! - Each statement is written once (`words`), in terms of what a make of database says in its own way
//!   (`engine`).
//! - Others may write at the same time: other replicas, and notary-server itself. What is known of a
//!   collection is known only until somebody else writes; `watch` says whether it still holds.

mod address;
mod engine;
mod failure;
mod lent;
mod migrations;
mod opening;
mod rows;
mod statement;
mod store;
mod watch;
mod words;
mod writer;

pub use address::{Address, BadAddress};
pub use migrations::Outlook;

pub(in crate::storage) use engine::{Engine, all, arranges_values, run, sends_statements};
pub(in crate::storage) use failure::{failed, is_duplicate, is_lost, not_prepared, reason};
pub(in crate::storage) use lent::{Lent, within};
pub(in crate::storage) use migrations::{Found, Schema};
pub(in crate::storage) use rows::hex;
pub(in crate::storage) use statement::{Places, Row, Statement, Value};

pub(super) use rows::number;
use rows::{ChangeRow, FileRow, change, file, named_snapshot, role, version};

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use super::{Error, KeyRecord};
use crate::crypto;
use crate::tuf::Gun;

/// Connections of one server to its database; each publication holds one while it is stored.
pub(in crate::storage) const CONNECTIONS: u32 = 10;
/// How long a request waits for a connection before it is told to come back.
pub(in crate::storage) const PATIENCE: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is asked whether it is still there.
pub(in crate::storage) const IDLE: Duration = Duration::from_millis(500);
/// How long that may take; a request has time for another connection then.
pub(in crate::storage) const STILL_THERE: Duration = Duration::from_secs(1);
/// How long a statement, or a whole transaction, may take.
pub(in crate::storage) const LONGEST: Duration = Duration::from_secs(20);

/// A name that no other server has.
fn replica() -> Result<String, Error> {
    let mut bytes = [0; 16];
    let random = SystemRandom::new().fill(&mut bytes);
    random.map_err(|_| Error::Unfit { problem: "the system has no random bytes".to_owned() })?;
    Ok(crypto::hex::write(&bytes))
}

/// `key_id`, `role`, `private`.
fn key(gun: &Gun, row: (String, String, Vec<u8>)) -> Result<KeyRecord, Error> {
    let (id, name, sealed) = row;
    let id = id.parse().map_err(|_| Error::Damaged { what: "key id" })?;
    Ok(KeyRecord { id, gun: gun.clone(), role: role(&name)?, sealed })
}
