//! Collections in a database on a server, of whatever make; any number of servers on one database.

use std::sync::Arc;

use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use sqlx::Pool;

use super::engine::{all, run};
use super::statement::{Statement, Value};
use super::watch::{Held, Watch};
use super::words::Words;
use super::{ChangeRow, Engine, FileRow, LONGEST, Lent, Outlook, failed, within};
use crate::crypto::Sha256;
use crate::storage::metadata::{
    Answer, Change, Error, KeyRecord, MetadataStore, Page, Shared, StoredFile, Which,
};
use crate::tuf::{Gun, RoleName};
use crate::verify::submission::{Holdings, Publication};

/// Collections in a database of Notary's.
#[derive(Debug)]
pub(super) struct SqlStore<D: Engine> {
    pub(super) pool: Pool<D>,
    pub(super) words: Arc<Words>,
    watch: Watch,
    /// Whose lease is ours.
    replica: String,
}

impl<D: Engine> SqlStore<D> {
    /// Makes or brings up to date the tables.
    pub(super) async fn open(pool: Pool<D>) -> Result<Self, Error> {
        D::prepare(&pool, &D::SERVER).await?;
        D::prepare(&pool, &D::OWN).await?;
        let store = Self::on(pool)?;
        store.check_version().await?;
        Ok(store)
    }

    /// The collections as they are, if notary-server's tables are there. Nothing is changed.
    pub(super) async fn as_it_is(pool: Pool<D>) -> Result<Option<Self>, Error> {
        let found = D::found(&pool).await?;
        found.has("tuf_files.sha256").then(|| Self::on(pool)).transpose()
    }

    fn on(pool: Pool<D>) -> Result<Self, Error> {
        let (replica, words) = (super::replica()?, Arc::new(Words::of::<D>()));
        let watch = Watch::start(Held::of(pool.clone()));
        Ok(Self { pool, words, watch, replica })
    }

    /// What opening it would do. Nothing is changed.
    pub(super) async fn outlook(pool: Pool<D>) -> Result<Outlook, Error> {
        let found = D::found(&pool).await?;
        let mut lines = vec![D::SERVER.outlook(&found), D::OWN.outlook(&found)];
        if found.has("tuf_files.gun") {
            let store = Self::on(pool.clone())?;
            let counts = all(&store.pool, &store.words.counts, &[], "be counted").await?;
            let (collections, files): (i64, i64) = counts.into_iter().next().unwrap_or_default();
            lines.push(format!("it holds {files} files of {collections} collections"));
            lines.extend(store.odd_names().await?);
        }
        pool.close().await;
        Ok(Outlook { lines })
    }

    /// A later release may have taken our own tables further.
    async fn check_version(&self) -> Result<(), Error> {
        let highest = Statement::new("SELECT max(version) FROM countersign_version", D::PLACES);
        let versions: Vec<(i32,)> = all(&self.pool, &highest, &[], "say its version").await?;
        let version = versions.first().map_or(0, |(version,)| *version);
        if usize::try_from(version).is_ok_and(|version| version <= D::OWN.steps.len()) {
            return Ok(());
        }
        let problem = format!("its tables are of a later release (version {version})");
        Err(Error::Unfit { problem })
    }

    async fn read_file(
        &self,
        gun: &Gun,
        role: &RoleName,
        which: Which,
    ) -> Result<Option<StoredFile>, Error> {
        let (gun, role) = (Value::Text(gun.as_str()), Value::Text(role.as_str()));
        let (words, action) = (&self.words, "read a file");
        let rows: Vec<FileRow> = match which {
            Which::Current => all(&self.pool, &words.current_file, &[gun, role], action).await,
            Which::Hash(sha256) => {
                let digest = super::hex(sha256);
                all(&self.pool, &words.file_by_hash, &[gun, role, Value::Text(&digest)], action)
                    .await
            }
            Which::Version(version) => {
                let version = Value::Number(super::number(version).into());
                all(&self.pool, &words.file_by_version, &[gun, role, version], action).await
            }
        }?;
        rows.into_iter().next().map(super::file).transpose()
    }

    async fn read_holdings(&self, gun: &Gun, roles: &[RoleName]) -> Result<Holdings, Error> {
        let mut holdings = Holdings::default();
        let names: Vec<&str> = roles.iter().map(RoleName::as_str).collect();
        let names = names.join(",");
        let values = [Value::Text(gun.as_str()), Value::Text(&names)];
        let rows: Vec<(String, i32, Option<Vec<u8>>, bool)> =
            all(&self.pool, &self.words.holdings, &values, "read what it holds").await?;
        for (role, version, data, is_buried) in rows {
            let (role, version) = (super::role(&role)?, super::version(version)?);
            if is_buried {
                holdings.buried.insert(role, version);
                continue;
            }
            holdings.versions.insert(role.clone(), version);
            holdings.files.extend(data.map(|data| (role, data)));
        }
        if let Some(named) = other_snapshot(&holdings) {
            let role = RoleName::Snapshot;
            let file = self.read_file(gun, &role, Which::Hash(named)).await?;
            holdings.files.extend(file.map(|file| (role, file.bytes.to_vec())));
        }
        Ok(holdings)
    }

    async fn read_changes(&self, gun: Option<&Gun>, page: Page) -> Result<Vec<Change>, Error> {
        let (statement, id, limit) = match page {
            Page::After { id, limit } => (&self.words.changes_after, Some(id), limit),
            Page::Before { id, limit } => (&self.words.changes_before, id, limit),
        };
        let id = id.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX));
        let values = [Value::Number(id), Value::MaybeText(gun.map(Gun::as_str)), most(limit)];
        let failed = failed("read changes");
        let mut connection = Lent::from(&self.pool).await.map_err(&failed)?;
        let reading = async {
            let mut transaction = D::feed(&mut connection).await?;
            let rows: Vec<ChangeRow> = D::all(&mut transaction, statement, &values).await?;
            transaction.commit().await.map(|()| rows)
        };
        let rows = within(LONGEST, reading).await.map_err(&failed)?;
        let changes = rows.into_iter().map(super::change).collect::<Result<Vec<_>, _>>();
        changes.map(|mut changes| {
            changes.sort_by_key(|change| change.id);
            changes
        })
    }

    async fn read_keys(&self, gun: &Gun) -> Result<Vec<KeyRecord>, Error> {
        let values = [Value::Text(gun.as_str())];
        let rows: Vec<(String, String, Vec<u8>)> =
            all(&self.pool, &self.words.keys, &values, "read keys").await?;
        rows.into_iter().map(|row| super::key(gun, row)).collect()
    }

    /// At most so many names. One that we would never serve is not ours to look at, and takes no place:
    /// else enough of them would hide all others from who renews.
    async fn read_guns(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
        limit: usize,
        action: &'static str,
    ) -> Result<Vec<Gun>, Error> {
        let mut asked = limit;
        loop {
            let values = [values, &[most(asked)]].concat();
            let rows: Vec<(String,)> = all(&self.pool, statement, &values, action).await?;
            let ours = rows.iter().filter_map(|(gun,)| Gun::raw(gun).ok());
            let ours: Vec<Gun> = ours.take(limit).collect();
            if ours.len() == limit || rows.len() < asked {
                return Ok(ours);
            }
            asked = asked.saturating_mul(2);
        }
    }

    /// What there is that has a name which we do not serve, if anything.
    async fn odd_names(&self) -> Result<Option<String>, Error> {
        let values = [Value::Text(""), Value::Text(""), most(usize::MAX)];
        let names: Vec<(String,)> =
            all(&self.pool, &self.words.names, &values, "list its names").await?;
        let odd: Vec<&str> =
            names.iter().map(|(gun,)| gun.as_str()).filter(|gun| Gun::raw(gun).is_err()).collect();
        let first: Vec<String> = odd.iter().take(3).map(|gun| format!("{gun:?}")).collect();
        let (count, more) = (odd.len(), if odd.len() > 3 { ", …" } else { "" });
        let told =
            || format!("names that are not served here: {count}, {}{more}", first.join(", "));
        Ok((count > 0).then(told))
    }

    async fn take_lease(&self) -> Result<bool, Error> {
        let action = "take the lease";
        let values = [Value::Text(&self.replica)];
        if run(&self.pool, &self.words.lease, &values, action).await? == 1 {
            return Ok(true);
        }
        // Nobody has it, or nobody ever had it.
        run(&self.pool, &self.words.first_lease, &[], action).await?;
        Ok(run(&self.pool, &self.words.lease, &values, action).await? == 1)
    }

    async fn settle(&self, name: &str, proposed: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let action = "agree on a setting";
        if let Some(value) = proposed {
            let values = [Value::Text(name), Value::Bytes(value)];
            run(&self.pool, &self.words.propose, &values, action).await?;
        }
        let rows: Vec<(Vec<u8>,)> =
            all(&self.pool, &self.words.setting, &[Value::Text(name)], action).await?;
        Ok(rows.into_iter().next().map(|(value,)| value))
    }
}

impl<D: Engine> MetadataStore for SqlStore<D> {
    fn file<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        which: Which,
    ) -> Answer<'a, Option<StoredFile>> {
        self.read_file(gun, role, which).boxed()
    }

    fn holdings<'a>(&'a self, gun: &'a Gun, roles: &'a [RoleName]) -> Answer<'a, Holdings> {
        self.read_holdings(gun, roles).boxed()
    }

    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
        keys: &'a [KeyRecord],
        at: Instant,
    ) -> Answer<'a, ()> {
        self.store(publication, keys, at).boxed()
    }

    fn delete<'a>(&'a self, gun: &'a Gun, at: Instant) -> Answer<'a, bool> {
        self.remove(gun, at).boxed()
    }

    fn changes<'a>(&'a self, gun: Option<&'a Gun>, page: Page) -> Answer<'a, Vec<Change>> {
        self.read_changes(gun, page).boxed()
    }

    fn keys<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Vec<KeyRecord>> {
        self.read_keys(gun).boxed()
    }

    fn stale(&self, before: Instant, limit: usize) -> Answer<'_, Vec<Gun>> {
        async move {
            let values = [Value::Number(before.as_microsecond())];
            self.read_guns(&self.words.stale, &values, limit, "find stale files").await
        }
        .boxed()
    }

    fn names<'a>(
        &'a self,
        part: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Gun>> {
        async move {
            let values = [Value::Text(part), Value::Text(after.unwrap_or_default())];
            self.read_guns(&self.words.names, &values, limit, "find names").await
        }
        .boxed()
    }

    fn check(&self) -> Answer<'_, ()> {
        self.watch.check().boxed()
    }

    fn shared(&self) -> Option<&dyn Shared> {
        Some(self)
    }
}

impl<D: Engine> Shared for SqlStore<D> {
    fn state<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Option<i64>> {
        self.watch.state(gun).boxed()
    }

    fn may_renew(&self) -> Answer<'_, bool> {
        self.take_lease().boxed()
    }

    fn agree<'a>(
        &'a self,
        name: &'a str,
        proposed: Option<&'a [u8]>,
    ) -> Answer<'a, Option<Vec<u8>>> {
        self.settle(name, proposed).boxed()
    }
}

/// For `LIMIT`.
fn most(limit: usize) -> Value<'static> {
    Value::Number(i64::try_from(limit).unwrap_or(i64::MAX))
}

/// The snapshot that the held timestamp names, if the held snapshot is another one.
fn other_snapshot(holdings: &Holdings) -> Option<Sha256> {
    let snapshot = holdings.files.get(&RoleName::Snapshot)?;
    let named = super::named_snapshot(holdings.files.get(&RoleName::Timestamp)?)?;
    (named != Sha256::of(snapshot)).then_some(named)
}
