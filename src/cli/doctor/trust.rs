//! A look at the trust directory: who can get at it, the keys, and what is cached.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::MAX_BYTES;
use crate::cli::args::Global;
use crate::cli::context::{docker_location, trust_directory};
use crate::cli::environment::Environment;
use crate::cli::output::Failure;
use crate::docker::checkup::{
    CachedCollection, Expiry, Finding, Id, KeyFact, Place, PlaceKind, Severity, Standing,
    collection_findings, key_findings, place_findings, server_findings,
};
use crate::docker::config::Location;
use crate::docker::pins::Pins;
use crate::keys::{KeyDirectory, KeyFile, KeyStore};
use crate::storage::{Cache, CollectionDirectory, TrustDirectory, read_regular};
use crate::tuf::{Dialect, Gun, Limits, RoleName, Targets};
use crate::verify::FirstUse;

/// Where things are kept here.
pub(super) struct Places {
    pub(super) docker: Location,
    pub(super) trust: PathBuf,
}

impl Places {
    /// As every command finds them.
    ///
    /// # Errors
    ///
    /// If there is no place to keep trust data.
    pub(super) fn of(global: &Global, environment: &Environment) -> Result<Self, Failure> {
        let docker = Location::at(docker_location(global, environment)?);
        let trust = trust_directory(global, environment, &docker)?;
        Ok(Self { docker, trust })
    }

    /// The trust directory, and notary's own if that is another one and in use.
    fn trusts(&self, environment: &Environment) -> Vec<PathBuf> {
        let notary = environment.home().ok().map(|home| home.join(".notary"));
        let in_use = |path: &PathBuf| {
            *path != self.trust && (path.join("private").exists() || path.join("tuf").exists())
        };
        [Some(self.trust.clone()), notary.filter(in_use)].into_iter().flatten().collect()
    }

    /// Notary's configuration files, which may hold pins.
    pub(super) fn notary(&self, environment: &Environment) -> Vec<PathBuf> {
        let usual = environment.notary_config().ok().flatten();
        [Some(self.trust.join("config.json")), usual].into_iter().flatten().collect()
    }
}

/// What is to be said of what is kept here.
pub(super) fn findings(
    places: &Places,
    global: &Global,
    environment: &Environment,
    now: Timestamp,
    within: SignedDuration,
) -> Vec<Finding> {
    let us = rustix::process::geteuid().as_raw();
    let mut findings = Vec::new();
    for place in protected(places, environment) {
        findings.extend(place_findings(&place, us));
    }
    let trusts = places.trusts(environment);
    for trust in &trusts {
        findings.extend(keys(trust).iter().filter_map(key_findings));
    }
    let pins = pins(places, environment);
    let collections = trusts.iter().flat_map(|it| guns(it).into_iter().map(move |gun| (it, gun)));
    for (trust, gun) in collections {
        let directory = TrustDirectory::new(trust).collection(&gun);
        let (cached, record) = cached(&gun, &directory, pins.as_ref(), trust);
        findings.extend(collection_findings(&cached, now, within));
        findings.extend(record);
        let registry = gun.as_str().split('/').next().unwrap_or_default();
        // A server that speaks for all of them was told of already.
        if global.server.is_none() && environment.variable(SERVER).is_none() {
            let server = if registry == "docker.io" { "notary.docker.io" } else { registry };
            findings.extend(server_findings(server, gun.as_str(), now));
        }
    }
    findings
}

/// Files and directories in which a stranger could do harm; those that are there.
fn protected(places: &Places, environment: &Environment) -> Vec<Place> {
    let mut wanted = vec![
        (places.docker.path().to_owned(), PlaceKind::Trusted),
        (places.docker.tls(), PlaceKind::Trusted),
        // It holds passwords.
        (places.docker.config_file(), PlaceKind::Trusted),
    ];
    for trust in places.trusts(environment) {
        let parts = ["tuf", "countersign", "countersign.toml", "pins.toml"];
        wanted.extend(parts.map(|part| (trust.join(part), PlaceKind::Trusted)));
        wanted.extend(key_places(&trust.join("private")));
        wanted.push((trust, PlaceKind::Trusted));
    }
    wanted.extend(places.notary(environment).into_iter().map(|path| (path, PlaceKind::Trusted)));
    wanted.into_iter().filter_map(|(path, kind)| place(path, kind)).collect()
}

/// A directory of private keys, and every key in it.
fn key_places(private: &Path) -> Vec<(PathBuf, PlaceKind)> {
    let entries = fs::read_dir(private).into_iter().flatten().flatten();
    let keys = entries.map(|entry| entry.path()).filter(|path| is_key(path));
    let keys = keys.map(|path| (path, PlaceKind::Secret));
    keys.chain([(private.to_owned(), PlaceKind::KeyDirectory)]).collect()
}

fn is_key(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "key")
}

fn place(path: PathBuf, kind: PlaceKind) -> Option<Place> {
    let found = path.symlink_metadata().ok()?;
    let (mode, owner) = (found.permissions().mode() & 0o7777, found.uid());
    Some(Place { path, kind, mode, owner, is_link: found.is_symlink() })
}

fn keys(trust: &Path) -> Vec<KeyFact> {
    let directory = KeyDirectory::new(trust);
    let fact = |entry: crate::keys::KeyEntry| {
        let path = directory.path().join(format!("{}.key", entry.id));
        // Keys of older layouts lie elsewhere; of them only that they can be read is known.
        let file = read_regular(&path, MAX_BYTES).ok().and_then(|text| KeyFile::parse(&text).ok());
        KeyFact {
            id: entry.id.to_string(),
            path,
            role: entry.role,
            is_readable: !entry.is_unreadable,
            is_encrypted: file.is_none_or(|file| file.is_encrypted()),
        }
    };
    directory.list().unwrap_or_default().into_iter().map(fact).collect()
}

/// `None` if they cannot be read, which is told elsewhere.
fn pins(places: &Places, environment: &Environment) -> Option<Pins> {
    let own = crate::docker::pins::PinFile::in_trust_directory(&places.trust);
    Pins::read(&own, &places.notary(environment), FirstUse::Allow).ok()
}

/// Every collection that has a folder in the cache.
pub(super) fn guns(trust: &Path) -> Vec<Gun> {
    let mut guns = Vec::new();
    let mut folders = vec![(trust.join("tuf"), String::new())];
    while let Some((folder, name)) = folders.pop() {
        if guns.len() + folders.len() > MOST_FOLDERS {
            break;
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let Ok(part) = entry.file_name().into_string() else { continue };
            match part.as_str() {
                "metadata" if !name.is_empty() => guns.extend(Gun::raw(&name).ok()),
                "changelist" => {}
                _ => {
                    let name = if name.is_empty() { part } else { format!("{name}/{part}") };
                    folders.push((entry.path(), name));
                }
            }
        }
    }
    guns.sort_by(|left, right| left.as_str().cmp(right.as_str()));
    guns
}

/// What lies in the cache, without a word on whether it would be believed; and what is wrong with
/// the record beside it.
fn cached(
    gun: &Gun,
    directory: &CollectionDirectory,
    pins: Option<&Pins>,
    trust: &Path,
) -> (CachedCollection, Option<Finding>) {
    let limits = Limits::default();
    let mut look = Look { directory, limits: &limits, expiries: Vec::new(), damaged: Vec::new() };
    let root = look.root();
    let standing = match root {
        None => Standing::Absent,
        Some(_) if pins.is_some_and(|pins| pins.rule(gun).is_some()) => Standing::Pinned,
        Some(keys) => Standing::FirstUse { keys },
    };
    look.snapshot();
    look.targets();
    let (seen, record) = match directory.memory() {
        Ok(memory) => (memory.clock, None),
        Err(error) => (None, Some(damaged_record(gun, directory, &error))),
    };
    let Look { expiries, damaged, .. } = look;
    let pending = pending(&trust.join("tuf").join(gun.as_str()).join("changelist"));
    let gun = gun.clone();
    (CachedCollection { gun, root: standing, expiries, damaged, seen, pending }, record)
}

fn damaged_record(
    gun: &Gun,
    directory: &CollectionDirectory,
    error: &crate::storage::Error,
) -> Finding {
    let message = format!("the record of versions cannot be read: {error}");
    let remedy = format!("put {} back from a backup", directory.record_path().display());
    Finding::new(Id::RecordDamaged, Severity::Broken, gun.as_str(), message, remedy)
}

fn pending(changes: &Path) -> usize {
    let entries = fs::read_dir(changes).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())).count()
}

/// One collection's files, opened one after the other.
struct Look<'l> {
    directory: &'l CollectionDirectory,
    limits: &'l Limits,
    expiries: Vec<Expiry>,
    damaged: Vec<(RoleName, String)>,
}

impl Look<'_> {
    /// The ids of the root's keys.
    fn root(&mut self) -> Option<Vec<crate::tuf::KeyId>> {
        let bytes = self.read(&RoleName::Root, self.limits.root_bytes)?;
        match Dialect::Notary.open_root(&bytes, self.limits) {
            Ok(envelope) => {
                let root = envelope.into_unverified_content();
                self.ends(RoleName::Root, "root".to_owned(), root.expires);
                for key in root.keys_of(&root.root) {
                    let Some(certificate) = key.certificate() else { continue };
                    let what = format!("the certificate of root key {}", key.id().short());
                    self.ends(RoleName::Root, what, certificate.not_after());
                }
                Some(root.root.keyids().to_vec())
            }
            Err(error) => {
                self.damaged.push((RoleName::Root, error.to_string()));
                None
            }
        }
    }

    fn snapshot(&mut self) {
        let limit = self.limits.snapshot_bytes;
        let Some(bytes) = self.read(&RoleName::Snapshot, limit) else { return };
        match Dialect::Notary.open_snapshot(&bytes, self.limits) {
            Ok(it) => {
                let expires = it.unverified_content().expires;
                self.ends(RoleName::Snapshot, "snapshot".to_owned(), expires);
            }
            Err(error) => self.damaged.push((RoleName::Snapshot, error.to_string())),
        }
    }

    /// Targets, and the delegations that it names.
    fn targets(&mut self) {
        let mut roles = vec![RoleName::Targets];
        let mut seen = 0;
        while let Some(role) = roles.pop() {
            seen += 1;
            if seen > self.limits.visited {
                return;
            }
            let Some(targets) = self.one(&role) else { continue };
            roles.extend(targets.delegations.roles.iter().map(|it| it.name.clone()));
        }
    }

    fn one(&mut self, role: &RoleName) -> Option<Targets> {
        let bytes = self.read(role, self.limits.targets_bytes)?;
        match Dialect::Notary.open_targets(role, &bytes, self.limits) {
            Ok(envelope) => {
                let targets = envelope.into_unverified_content();
                self.ends(role.clone(), role.to_string(), targets.expires);
                Some(targets)
            }
            Err(error) => {
                self.damaged.push((role.clone(), error.to_string()));
                None
            }
        }
    }

    fn read(&mut self, role: &RoleName, limit: u64) -> Option<Vec<u8>> {
        match self.directory.read(role, limit) {
            Ok(found) => found,
            Err(error) => {
                self.damaged.push((role.clone(), error.to_string()));
                None
            }
        }
    }

    fn ends(&mut self, role: RoleName, what: String, at: Timestamp) {
        self.expiries.push(Expiry { what, role, at });
    }
}

const SERVER: &str = "DOCKER_CONTENT_TRUST_SERVER";
/// More than any host has collections.
const MOST_FOLDERS: usize = 100_000;
