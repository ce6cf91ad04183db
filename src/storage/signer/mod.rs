//! notary-signer's table of private keys, and what it means there (Notary 0.7.0
//! `signer/keydbstore/sql_keydbstore.go`).
//!
//! - A key is made before it is needed, and handed out again until it has signed: `last_used` tells.
//! - It is encrypted under the passphrase of its alias; each row names its own.
//! - Rows that were deleted softly are not there.

#[cfg(test)]
mod contract;
mod table;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::metadata::{Address, Answer, Error, mysql, postgres};
use crate::tuf::{Gun, KeyId, RoleName};
use table::SqlSignerTable;

/// notary-signer's table.
pub trait SignerTable: Send + Sync {
    /// Those of these keys that are there.
    fn find<'a>(&'a self, ids: &'a [KeyId]) -> Answer<'a, Vec<SignerKey>>;

    /// The key that was made for that purpose and never used; the first by id, if there are several.
    fn unused<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        algorithm: &'a str,
    ) -> Answer<'a, Option<SignerKey>>;

    /// Adds a key that was never used.
    fn add<'a>(&'a self, key: &'a SignerKey, at: Instant) -> Answer<'a, ()>;

    /// Notes that a key has signed.
    fn used<'a>(&'a self, id: &'a KeyId, at: Instant) -> Answer<'a, ()>;

    /// Every alias in use, how many keys it has, and one of them.
    fn aliases(&self) -> Answer<'_, Vec<(SignerKey, u64)>>;
}

/// Connects, and makes the table if there is none.
///
/// # Errors
///
/// [`Error::Unreachable`]; [`Error::Unfit`] if the table cannot be used.
pub async fn open(address: &Address) -> Result<Arc<dyn SignerTable>, Error> {
    Ok(match address {
        Address::Postgres(options) => {
            Arc::new(SqlSignerTable::open(postgres::tables::connect(options).await?).await?)
        }
        Address::MySql(options) => {
            Arc::new(SqlSignerTable::open(mysql::tables::connect(options).await?).await?)
        }
    })
}

/// What opening it would do; and the table, if it can be read as it is. Nothing is changed.
///
/// # Errors
///
/// [`Error::Unreachable`].
pub async fn look(address: &Address) -> Result<(String, Option<Arc<dyn SignerTable>>), Error> {
    Ok(match address {
        Address::Postgres(options) => {
            let pool = postgres::tables::connect(options).await?;
            let (outlook, table) = SqlSignerTable::look(pool).await?;
            (outlook, table.map(|table| Arc::new(table) as _))
        }
        Address::MySql(options) => {
            let pool = mysql::tables::connect(options).await?;
            let (outlook, table) = SqlSignerTable::look(pool).await?;
            (outlook, table.map(|table| Arc::new(table) as _))
        }
    })
}

/// A row of the table.
#[derive(Clone, PartialEq, Eq)]
pub struct SignerKey {
    /// Its id in metadata.
    pub id: KeyId,
    /// The collection it was made for; rows of Notary's first release name none.
    pub gun: String,
    /// The role it was made for, or nothing.
    pub role: String,
    /// `ecdsa` or `ed25519`.
    pub algorithm: String,
    /// Under whose passphrase it is encrypted.
    pub alias: String,
    /// The public half, as it stands in metadata once decoded.
    pub public: Vec<u8>,
    /// The private key, encrypted.
    pub private: String,
    /// Whether it has ever signed.
    pub is_used: bool,
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({} of {} for {:?})", self.id, self.role, self.gun)
    }
}

/// `key_id`, `gun`, `role`, `algorithm`, `passphrase_alias`, `public`, `private`, whether used.
type Row = (String, String, String, String, String, Vec<u8>, Vec<u8>, bool);

fn key(row: Row) -> Result<SignerKey, Error> {
    let (id, gun, role, algorithm, alias, public, private, is_used) = row;
    let id = id.parse().map_err(|_| Error::Damaged { what: "key id" })?;
    let private = String::from_utf8(private).map_err(|_| Error::Damaged { what: "private key" })?;
    Ok(SignerKey { id, gun, role, algorithm, alias, public, private, is_used })
}

/// As the library that notary-signer uses calls them.
const ENCRYPTION: &str = "A256GCM";
const KEY_WRAP: &str = "PBES2-HS256+A128KW";
