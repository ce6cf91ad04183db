//! When the roles of all collections expire, for whoever watches over them.
//!
//! Numbers, not names: a role is one of five, whatever it is called. They are counted anew from time
//! to time, with most of that time spent waiting, so that many collections do not disturb anybody.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use jiff::Timestamp as Instant;

use super::{Error, Inner, Server};
use crate::storage::metadata::{self as storage, StoredFile, Which};
use crate::tuf::{Dialect, Gun, Limits, RoleName, Snapshot};

/// What was counted last.
#[derive(Default)]
pub(super) struct Expiries(Mutex<Option<Count>>);

/// Of all collections.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Count {
    at: Instant,
    collections: u64,
    unreadable: u64,
    roles: [Vec<Instant>; ROLES.len()],
}

impl Server {
    /// Counts again and again, for ever. Run it beside the listener.
    pub async fn keep_counting(&self) {
        loop {
            if let Err(error) = self.count_expiries().await {
                self.inner.log.trouble("count of expiries", None, &error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Counts once.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn count_expiries(&self) -> Result<(), Error> {
        let inner = &self.inner;
        let mut count = Count { at: inner.clock.now(), ..Count::default() };
        let mut after: Option<Gun> = None;
        loop {
            let names = inner.store.names("", after.as_ref().map(Gun::as_str), AT_ONCE).await?;
            let Some(last) = names.last().cloned() else { break };
            for gun in &names {
                let started = Stopwatch::now();
                match inner.expiries_of(gun).await {
                    Ok(Some(ends)) => count.add(&ends),
                    Ok(None) => {}
                    // That says nothing about this collection, nor about those that come next.
                    Err(error @ Error::Store(storage::Error::Unreachable { .. })) => {
                        return Err(error);
                    }
                    Err(error) => {
                        count.unreadable += 1;
                        inner.log.trouble("count of expiries", Some(gun), &error);
                    }
                }
                tokio::time::sleep(started.elapsed() * REST).await;
            }
            after = Some(last);
        }
        *inner.expiries.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(count);
        Ok(())
    }
}

impl Inner {
    /// The end of every current file of a collection; `None` if it was deleted meanwhile.
    async fn expiries_of(&self, gun: &Gun) -> Result<Option<Vec<(RoleName, Instant)>>, Error> {
        let mut ends = Vec::new();
        for role in [RoleName::Root, RoleName::Timestamp] {
            let Some(file) = self.store.file(gun, &role, Which::Current).await? else {
                return self.none_left_of(gun).await;
            };
            ends.push((role.clone(), end(&role, &file)?));
        }
        let Some(file) = self.store.file(gun, &RoleName::Snapshot, Which::Current).await? else {
            return self.none_left_of(gun).await;
        };
        let snapshot = snapshot(&file)?;
        ends.push((RoleName::Snapshot, snapshot.expires));
        for (role, meta) in snapshot.meta.iter().filter(|(role, _)| role.lists_targets()) {
            let Some(sha256) = meta.sha256() else { continue };
            if let Some(file) = self.store.file(gun, role, Which::Hash(sha256)).await? {
                ends.push((role.clone(), end(role, &file)?));
            }
        }
        Ok(Some(ends))
    }

    /// That there is no such collection, or else that it lacks a file.
    async fn none_left_of<T>(&self, gun: &Gun) -> Result<Option<T>, Error> {
        match self.store.file(gun, &RoleName::Root, Which::Current).await? {
            None => Ok(None),
            Some(_) => Err(Error::NoFile),
        }
    }
}

impl Count {
    fn add(&mut self, ends: &[(RoleName, Instant)]) {
        self.collections += 1;
        for (role, end) in ends {
            self.roles[kind(role)].push(*end);
        }
    }
}

impl Expiries {
    /// For Prometheus; nothing before the first count.
    pub(super) fn write(&self, now: Instant, out: &mut String) {
        let count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = &*count else { return };
        let seconds = |then: Instant| then.as_second() - now.as_second();
        for (name, help, value) in [
            ("countersign_collections", "Collections at the last count.", count.collections),
            (
                "countersign_unreadable_collections",
                "Collections that could not be read at the last count.",
                count.unreadable,
            ),
        ] {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        let (age, first, within) = (
            "countersign_expiry_count_age_seconds",
            "countersign_first_expiry_seconds",
            "countersign_expiring_files",
        );
        let _ = writeln!(out, "# HELP {age} Since the last count.\n# TYPE {age} gauge");
        let _ = writeln!(out, "{age} {}", -seconds(count.at));
        let help = "Until the first file of that role expires; negative if one has.";
        let _ = writeln!(out, "# HELP {first} {help}\n# TYPE {first} gauge");
        for (role, ends) in ROLES.iter().zip(&count.roles) {
            if let Some(end) = ends.iter().min() {
                let _ = writeln!(out, "{first}{{role=\"{role}\"}} {}", seconds(*end));
            }
        }
        let help = "Current files of that role that expire within so many days; 0: that have.";
        let _ = writeln!(out, "# HELP {within} {help}\n# TYPE {within} gauge");
        for (role, ends) in ROLES.iter().zip(&count.roles) {
            for days in DAYS {
                let ending = ends.iter().filter(|end| seconds(**end) <= days * 24 * 3600).count();
                let _ = writeln!(out, "{within}{{role=\"{role}\",days=\"{days}\"}} {ending}");
            }
        }
    }
}

fn end(role: &RoleName, file: &StoredFile) -> Result<Instant, Error> {
    let (dialect, limits, bytes) = (Dialect::Notary, Limits::default(), &file.bytes);
    let end = match role {
        RoleName::Root => {
            dialect.open_root(bytes, &limits).map(|it| it.unverified_content().expires)
        }
        RoleName::Timestamp => {
            dialect.open_timestamp(bytes, &limits).map(|it| it.unverified_content().expires)
        }
        RoleName::Snapshot => return snapshot(file).map(|snapshot| snapshot.expires),
        RoleName::Targets | RoleName::Delegation(_) => {
            dialect.glance_at_targets(role, bytes, &[], &limits).map(|targets| targets.expires)
        }
    };
    end.map_err(|source| Error::Unreadable { role: role.clone(), source })
}

/// What a stored snapshot says.
pub(super) fn snapshot(file: &StoredFile) -> Result<Snapshot, Error> {
    let snapshot = Dialect::Notary.open_snapshot(&file.bytes, &Limits::default());
    let unreadable = |source| Error::Unreadable { role: RoleName::Snapshot, source };
    snapshot.map(|snapshot| snapshot.into_unverified_content()).map_err(unreadable)
}

fn kind(role: &RoleName) -> usize {
    match role {
        RoleName::Root => 0,
        RoleName::Targets => 1,
        RoleName::Snapshot => 2,
        RoleName::Timestamp => 3,
        RoleName::Delegation(_) => 4,
    }
}

const ROLES: [&str; 5] = ["root", "targets", "snapshot", "timestamp", "delegation"];
const DAYS: [i64; 5] = [0, 1, 7, 30, 90];
const AT_ONCE: usize = 200;
/// After each collection, so many times as long as it took.
const REST: u32 = 4;
const PAUSE: Duration = Duration::from_secs(15 * 60);
