//! Storing and deleting, each in one transaction that begins with the collection's turn.

use jiff::Timestamp as Instant;
use sqlx::Transaction;

use super::statement::Value;
use super::store::SqlStore;
use super::{Engine, LONGEST, Lent, failed, within};
use crate::storage::metadata::{Error, KeyRecord};
use crate::tuf::Gun;
use crate::verify::submission::Publication;

impl<D: Engine> SqlStore<D> {
    /// A database breaks a deadlock by ending one of the transactions; that one may simply try again.
    pub(super) async fn store(
        &self,
        publication: &Publication,
        keys: &[KeyRecord],
        at: Instant,
    ) -> Result<(), Error> {
        for _ in 1..ATTEMPTS {
            match self.store_once(publication, keys, at).await {
                Err(error) if D::is_deadlock(&error) => {}
                outcome => return outcome,
            }
        }
        self.store_once(publication, keys, at).await
    }

    async fn store_once(
        &self,
        publication: &Publication,
        keys: &[KeyRecord],
        at: Instant,
    ) -> Result<(), Error> {
        let (mut connection, failed) = (self.lent().await?, failed("store a publication"));
        let storing = self.store_over(&mut connection, publication, keys, at);
        within(LONGEST, async { Ok(storing.await) }).await.map_err(failed)?
    }

    async fn store_over(
        &self,
        connection: &mut D::Connection,
        publication: &Publication,
        keys: &[KeyRecord],
        at: Instant,
    ) -> Result<(), Error> {
        let failed = failed("store a publication");
        let mut turn = turn::<D>(connection, publication.gun()).await?;
        D::store(&mut turn, publication, at).await?;
        for key in keys {
            let id = key.id.to_string();
            let values = [
                Value::Text(key.gun.as_str()),
                Value::Text(key.role.as_str()),
                Value::Text(&id),
                Value::Number(at.as_microsecond()),
                Value::Bytes(&key.sealed),
            ];
            D::run(&mut turn, &self.words.insert_key, &values).await.map_err(&failed)?;
        }
        turn.commit().await.map_err(&failed)
    }

    pub(super) async fn remove(&self, gun: &Gun, at: Instant) -> Result<bool, Error> {
        for _ in 1..ATTEMPTS {
            match self.remove_once(gun, at).await {
                Err(error) if D::is_deadlock(&error) => {}
                outcome => return outcome,
            }
        }
        self.remove_once(gun, at).await
    }

    async fn remove_once(&self, gun: &Gun, at: Instant) -> Result<bool, Error> {
        let (mut connection, failed) = (self.lent().await?, failed("delete a collection"));
        let removing = self.remove_over(&mut connection, gun, at);
        within(LONGEST, async { Ok(removing.await) }).await.map_err(failed)?
    }

    async fn remove_over(
        &self,
        connection: &mut D::Connection,
        gun: &Gun,
        at: Instant,
    ) -> Result<bool, Error> {
        let failed = failed("delete a collection");
        let (words, name) = (&self.words, Value::Text(gun.as_str()));
        let mut turn = turn::<D>(connection, gun).await?;
        D::run(&mut turn, &words.bury, &[name]).await.map_err(&failed)?;
        if D::run(&mut turn, &words.delete_files, &[name]).await.map_err(&failed)? == 0 {
            return Ok(false);
        }
        let values = [Value::Number(at.as_microsecond()), name];
        D::run(&mut turn, &words.note_deletion, &values).await.map_err(&failed)?;
        turn.commit().await.map_err(&failed)?;
        Ok(true)
    }

    async fn lent(&self) -> Result<Lent<D>, Error> {
        Lent::from(&self.pool).await.map_err(failed("begin a publication"))
    }
}

async fn turn<'c, D: Engine>(
    connection: &'c mut D::Connection,
    gun: &'c Gun,
) -> Result<Transaction<'c, D>, Error> {
    D::turn(connection, gun).await.map_err(failed("begin a publication"))
}

const ATTEMPTS: usize = 5;
