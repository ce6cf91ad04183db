//! From the address of a database to what is kept there.

use std::sync::Arc;

use super::store::SqlStore;
use super::{Address, Outlook};
use crate::storage::metadata::{Error, MetadataStore, mysql, postgres};

impl Address {
    /// Connects, and makes or brings up to date the tables.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`]; [`Error::Unfit`] if the tables cannot be used.
    pub async fn open(&self) -> Result<Arc<dyn MetadataStore>, Error> {
        Ok(match self {
            Self::Postgres(options) => {
                Arc::new(SqlStore::open(postgres::tables::connect(options).await?).await?)
            }
            Self::MySql(options) => {
                Arc::new(SqlStore::open(mysql::tables::connect(options).await?).await?)
            }
        })
    }

    /// The collections as they are, for looking at them; `None` if notary-server's tables are not
    /// there. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`].
    pub async fn as_it_is(&self) -> Result<Option<Arc<dyn MetadataStore>>, Error> {
        Ok(match self {
            Self::Postgres(options) => {
                let pool = postgres::tables::connect(options).await?;
                SqlStore::as_it_is(pool).await?.map(|store| Arc::new(store) as _)
            }
            Self::MySql(options) => {
                let pool = mysql::tables::connect(options).await?;
                SqlStore::as_it_is(pool).await?.map(|store| Arc::new(store) as _)
            }
        })
    }

    /// What opening it would do. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`].
    pub async fn outlook(&self) -> Result<Outlook, Error> {
        match self {
            Self::Postgres(options) => {
                SqlStore::outlook(postgres::tables::connect(options).await?).await
            }
            Self::MySql(options) => SqlStore::outlook(mysql::tables::connect(options).await?).await,
        }
    }
}
