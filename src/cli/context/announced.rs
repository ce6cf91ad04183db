//! A cache that says whom it believes for the first time, whatever is done with the collection.

use crate::cli::output::Output;
use crate::docker::argument;
use crate::storage::{Accepted, Cache, Error, Keeping, Memory, Steady, Unread};
use crate::tuf::{Gun, RoleName, Root};
use crate::verify::TrustedRoot;

/// A cache, and where first use is told.
pub(in crate::cli) struct Announced<C> {
    cache: C,
    output: Output,
}

impl<C> Announced<C> {
    pub(in crate::cli) fn new(cache: C, output: Output) -> Self {
        Self { cache, output }
    }

    /// The cache alone.
    pub(in crate::cli) fn quietly(&self) -> &C {
        &self.cache
    }
}

impl<C: Cache> Cache for Announced<C> {
    fn look(&self, role: &RoleName, limit: u64) -> Result<Option<Unread>, Error> {
        self.cache.look(role, limit)
    }

    fn steady(&self) -> Result<Steady, Error> {
        self.cache.steady()
    }

    fn turn(&self) -> Result<Option<Steady>, Error> {
        self.cache.turn()
    }

    fn memory(&self) -> Result<Memory, Error> {
        self.cache.memory()
    }

    fn first_use(&self, root: &TrustedRoot) {
        tell_of_first_use(&root.policy().gun, root.content(), self.output);
    }

    fn keep(&self, accepted: &Accepted) -> Result<(), Error> {
        self.cache.keep(accepted)
    }

    fn keep_meanwhile(&self, accepted: Accepted) -> Keeping {
        self.cache.keep_meanwhile(accepted)
    }

    fn offer(&self, role: &RoleName, bytes: &[u8]) -> Result<(), Error> {
        self.cache.offer(role, bytes)
    }

    fn prepare(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        self.cache.prepare(files)
    }
}

/// Names the keys of a root that was believed without proof, and the command that pins them.
pub(in crate::cli) fn tell_of_first_use(gun: &Gun, root: &Root, output: Output) {
    let ids: Vec<String> = root.root.keyids().iter().map(ToString::to_string).collect();
    output.notice(&format!("{gun}: trusted on first use, root key {}", ids.join(", ")));
    for certificate in root.keys_of(&root.root).filter_map(|key| key.certificate()) {
        output.notice(&format!("  its certificate: SHA-256 {}", certificate.fingerprint()));
    }
    let (gun, keys) = (argument(gun), ids.join(" --root-key "));
    output.notice(&format!("  to pin it: countersign pin add {gun} --root-key {keys}"));
}
