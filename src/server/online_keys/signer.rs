//! The keys that notary-signer keeps, used as it uses them, so that it can go on with them.
//!
//! A key is stored when it is first asked for, and handed out again until it has signed. It signs for
//! the collection and the role that it was made for and for no other: a publisher could otherwise
//! name a stranger's key in his root, and have his own files signed with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp as Instant};

use super::{ALGORITHMS, Clock, Error, Kept};
use crate::crypto::{Algorithm, PrivateKey, Signer};
use crate::keys::{Passphrase, open_from_signer, seal_for_signer};
use crate::server::publish::judged;
use crate::storage::signer::{SignerKey, SignerTable};
use crate::tuf::{Dialect, Gun, Key, KeyId, RoleName, Root};

/// The passphrases of notary-signer's keys, by alias.
#[derive(Clone)]
pub struct Passphrases {
    default: String,
    of: Arc<Lookup>,
}

/// From an alias to its passphrase.
type Lookup = dyn Fn(&str) -> Option<Passphrase> + Send + Sync;

impl Passphrases {
    /// New keys are encrypted under the default alias; `of` knows the passphrase of an alias.
    pub fn new(
        default: String,
        of: impl Fn(&str) -> Option<Passphrase> + Send + Sync + 'static,
    ) -> Self {
        Self { default, of: Arc::new(of) }
    }

    fn of(&self, alias: &str) -> Result<Passphrase, Error> {
        let found = (self.of)(alias).filter(|passphrase| !passphrase.is_empty());
        found.ok_or_else(|| Error::NoPassphrase { alias: alias.to_owned() })
    }

    /// Whether a key of the table opens.
    ///
    /// # Errors
    ///
    /// [`Error::NoPassphrase`]; [`Error::Unopened`] for a wrong passphrase or a damaged row.
    pub fn open(&self, key: &SignerKey) -> Result<PrivateKey, Error> {
        let unopened = || Error::Unopened { id: key.id, alias: key.alias.clone() };
        let algorithm = algorithm(&key.algorithm).ok_or_else(unopened)?;
        let passphrase = self.of(&key.alias)?;
        let opened = open_from_signer(&key.private, algorithm, &passphrase);
        let opened = opened.map_err(|_| unopened())?;
        // A row that says another id than its key has would be used for what it is not.
        match Dialect::Notary.key(opened.public()).id() == key.id {
            true => Ok(opened),
            false => Err(unopened()),
        }
    }
}

pub(super) struct SignerKeys {
    table: Arc<dyn SignerTable>,
    passphrases: Passphrases,
    algorithm: Algorithm,
    clock: Clock,
    open: Mutex<HashMap<KeyId, Opened>>,
}

/// A key that was opened before.
#[derive(Clone)]
struct Opened {
    key: Arc<PrivateKey>,
    gun: String,
    role: String,
    noted_at: Option<Instant>,
}

impl Opened {
    /// Rows of Notary's first release say neither.
    fn is_for(&self, gun: &Gun, role: &RoleName) -> bool {
        (self.gun.is_empty() || self.gun == gun.as_str())
            && (self.role.is_empty() || self.role == role.as_str())
    }
}

impl SignerKeys {
    pub(super) fn new(
        table: Arc<dyn SignerTable>,
        passphrases: Passphrases,
        algorithm: Algorithm,
        clock: Clock,
    ) -> Self {
        Self { table, passphrases, algorithm, clock, open: Mutex::default() }
    }

    pub(super) async fn next(&self, gun: &Gun, role: &RoleName) -> Result<Key, Error> {
        if let Some(row) = self.table.unused(gun, role, name(self.algorithm)).await? {
            let opened = self.opened(row).await?;
            return Ok(Dialect::Notary.key(opened.key.public()));
        }
        let row = self.made(gun, role).await?;
        self.table.add(&row, self.clock.now()).await?;
        let opened = self.opened(row).await?;
        Ok(Dialect::Notary.key(opened.key.public()))
    }

    pub(super) async fn current(
        &self,
        gun: &Gun,
        role: &RoleName,
        root: &Root,
    ) -> Result<Option<Key>, Error> {
        let found = self.of_role(gun, role, root).await?;
        Ok(found.first().map(|opened| Dialect::Notary.key(opened.key.public())))
    }

    pub(super) async fn of_root(&self, gun: &Gun, root: &Root) -> Result<Kept, Error> {
        let mut keys = Vec::new();
        for role in [RoleName::Timestamp, RoleName::Snapshot] {
            for opened in self.of_role(gun, &role, root).await? {
                self.note_use(&opened).await?;
                keys.push(opened.key);
            }
        }
        Ok(Kept { keys, new: Vec::new() })
    }

    async fn of_role(&self, gun: &Gun, role: &RoleName, root: &Root) -> Result<Vec<Opened>, Error> {
        let named = root.role(role).map(|role| role.keyids()).unwrap_or_default();
        let mut found: Vec<Opened> =
            named.iter().filter_map(|id| self.cache().get(id).cloned()).collect();
        if found.is_empty() {
            for row in self.table.find(named).await? {
                found.push(self.opened(row).await?);
            }
        }
        found.retain(|opened| opened.is_for(gun, role));
        Ok(found)
    }

    /// A new key under the default alias. Deriving a key from a passphrase is slow on purpose.
    async fn made(&self, gun: &Gun, role: &RoleName) -> Result<SignerKey, Error> {
        let key = PrivateKey::generate(self.algorithm)?;
        let written = Dialect::Notary.key(key.public());
        let alias = self.passphrases.default.clone();
        let passphrase = self.passphrases.of(&alias)?;
        let private = judged(usize::MAX, move || seal_for_signer(&key, &passphrase)).await?;
        let unsealed = |_| Error::Unopened { id: written.id(), alias: alias.clone() };
        Ok(SignerKey {
            id: written.id(),
            gun: gun.to_string(),
            role: role.to_string(),
            algorithm: name(self.algorithm).to_owned(),
            public: written.written().to_vec(),
            private: private.map_err(unsealed)?,
            alias,
            is_used: false,
        })
    }

    async fn opened(&self, row: SignerKey) -> Result<Opened, Error> {
        if let Some(opened) = self.cache().get(&row.id) {
            return Ok(opened.clone());
        }
        let (passphrases, sealed) = (self.passphrases.clone(), row.clone());
        let key = judged(usize::MAX, move || passphrases.open(&sealed)).await??;
        let noted_at = row.is_used.then(|| self.clock.now());
        let opened = Opened { key: Arc::new(key), gun: row.gun, role: row.role, noted_at };
        let mut cache = self.cache();
        if cache.len() >= MAX_OPEN {
            cache.clear();
        }
        cache.insert(row.id, opened.clone());
        Ok(opened)
    }

    /// The first use must be noted before anybody sees a signature, or the key would be handed out
    /// as a new one; after that now and then is enough to see which keys are alive.
    async fn note_use(&self, opened: &Opened) -> Result<(), Error> {
        let now = self.clock.now();
        if opened.noted_at.is_some_and(|at| now.duration_since(at) < NOTED_EVERY) {
            return Ok(());
        }
        let id = Dialect::Notary.key(opened.key.public()).id();
        self.table.used(&id, now).await?;
        if let Some(known) = self.cache().get_mut(&id) {
            known.noted_at = Some(now);
        }
        Ok(())
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<KeyId, Opened>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the table calls it.
fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ed25519 => "ed25519",
        _ => "ecdsa",
    }
}

fn algorithm(wanted: &str) -> Option<Algorithm> {
    ALGORITHMS.into_iter().find(|algorithm| name(*algorithm) == wanted)
}

const MAX_OPEN: usize = 4096;
const NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::ready;

    use super::*;
    use crate::storage::metadata::Answer;
    use crate::tuf::{Naming, Role, Unknown, Version};

    /// A table in memory.
    #[derive(Default)]
    struct Table {
        rows: Mutex<Vec<SignerKey>>,
    }

    impl Table {
        fn change(&self, change: impl FnOnce(&mut SignerKey)) {
            change(&mut self.rows.lock().expect("rows")[0]);
        }
    }

    impl SignerTable for Table {
        fn find<'a>(&'a self, ids: &'a [KeyId]) -> Answer<'a, Vec<SignerKey>> {
            let rows = self.rows.lock().expect("rows");
            ready(Ok(rows.iter().filter(|row| ids.contains(&row.id)).cloned().collect())).boxed()
        }

        fn unused<'a>(
            &'a self,
            gun: &'a Gun,
            role: &'a RoleName,
            algorithm: &'a str,
        ) -> Answer<'a, Option<SignerKey>> {
            let rows = self.rows.lock().expect("rows");
            let wanted = |row: &&SignerKey| {
                row.gun == gun.as_str()
                    && row.role == role.as_str()
                    && row.algorithm == algorithm
                    && !row.is_used
            };
            ready(Ok(rows.iter().find(wanted).cloned())).boxed()
        }

        fn add<'a>(&'a self, key: &'a SignerKey, _: Instant) -> Answer<'a, ()> {
            self.rows.lock().expect("rows").push(key.clone());
            ready(Ok(())).boxed()
        }

        fn used<'a>(&'a self, id: &'a KeyId, _: Instant) -> Answer<'a, ()> {
            let mut rows = self.rows.lock().expect("rows");
            rows.iter_mut().filter(|row| row.id == *id).for_each(|row| row.is_used = true);
            ready(Ok(())).boxed()
        }

        fn aliases(&self) -> Answer<'_, Vec<(SignerKey, u64)>> {
            ready(Ok(Vec::new())).boxed()
        }
    }

    fn keys(table: &Arc<Table>) -> SignerKeys {
        let of = |alias: &str| (alias == "one").then(|| Passphrase::new("secret".to_owned()));
        let passphrases = Passphrases::new("one".to_owned(), of);
        let table: Arc<dyn SignerTable> = Arc::<Table>::clone(table);
        let clock = Clock::new(|| Instant::UNIX_EPOCH);
        SignerKeys::new(table, passphrases, Algorithm::EcdsaP256, clock)
    }

    fn gun(name: &str) -> Gun {
        Gun::raw(name).expect("a name")
    }

    /// A root all of whose roles are this key's.
    fn root(key: &Key) -> Root {
        let role = || Role::single(key.id());
        Root {
            version: Version::ONE,
            expires: Instant::MAX,
            keys: [(key.id(), key.clone())].into(),
            naming: Naming::ByHash,
            root: role(),
            targets: role(),
            snapshot: role(),
            timestamp: role(),
            unknown: Unknown::default(),
        }
    }

    #[tokio::test]
    async fn a_key_is_handed_out_until_it_has_signed() {
        let table = Arc::new(Table::default());
        let (keys, team, role) = (keys(&table), gun("a"), RoleName::Timestamp);
        let first = keys.next(&team, &role).await.expect("a key");
        assert_eq!(keys.next(&team, &role).await.expect("a key").id(), first.id());
        let other = self::keys(&table).next(&team, &role).await.expect("a key");
        assert_eq!(other.id(), first.id(), "whichever server is asked");
        let found = keys.of_root(&team, &root(&first)).await.expect("answered");
        assert_eq!(found.keys.len(), 1, "it signs timestamps, and nothing else");
        assert_ne!(keys.next(&team, &role).await.expect("a key").id(), first.id());
        let current = keys.current(&team, &role, &root(&first)).await.expect("answered");
        assert_eq!(current.map(|key| key.id()), Some(first.id()));
    }

    #[tokio::test]
    async fn a_stranger_s_key_does_not_sign_whatever_a_root_says() {
        let table = Arc::new(Table::default());
        let keys = keys(&table);
        let theirs = keys.next(&gun("victim"), &RoleName::Timestamp).await.expect("a key");
        let found = keys.of_root(&gun("attacker"), &root(&theirs)).await.expect("answered");
        assert!(found.keys.is_empty());
        assert!(table.rows.lock().expect("rows").iter().all(|row| !row.is_used));
        let found = keys.of_root(&gun("victim"), &root(&theirs)).await.expect("answered");
        assert_eq!(found.keys.len(), 1);
    }

    #[tokio::test]
    async fn a_row_that_lies_about_its_id_or_its_passphrase_is_not_used() {
        let table = Arc::new(Table::default());
        let (keys, team, role) = (keys(&table), gun("a"), RoleName::Timestamp);
        let key = keys.next(&team, &role).await.expect("a key");
        let other = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let other = Dialect::Notary.key(other.public());
        table.change(|row| row.id = other.id());
        let fresh = self::keys(&table);
        let refused = fresh.of_root(&team, &root(&other)).await.err();
        assert!(matches!(refused, Some(Error::Unopened { .. })), "{refused:?}");
        table.change(|row| (row.id, row.alias) = (key.id(), "two".to_owned()));
        let refused = fresh.of_root(&team, &root(&key)).await.err();
        assert!(matches!(refused, Some(Error::NoPassphrase { .. })), "{refused:?}");
    }
}
