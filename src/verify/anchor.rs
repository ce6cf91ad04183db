//! Which keys of a root may speak for a collection.
//!
//! Notary's roots are signed by the keys of X.509 certificates (Notary `trustpinning/certs.go`). A
//! certificate speaks for a collection if its common name is that of the collection. Pins narrow
//! that further, and apply to a cached root as well as to a new one.

use jiff::{SignedDuration, Timestamp as Instant};

use crate::crypto::{Certificate, CertificateBundle};
use crate::tuf::{Gun, Key, KeyId, Root, RootKeys};

/// Where belief in a root begins.
#[derive(Clone, Debug)]
pub struct Anchor {
    pin: Option<Pin>,
    first_use: FirstUse,
}

/// What the root of one collection must be signed by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Pin {
    /// One of these root keys: by their ids in root metadata, of which a key has another one in each
    /// dialect and with each certificate, or by the one of the bare key, which is always the same.
    Keys(Vec<KeyId>),
    /// A certificate that one of these authorities issued.
    Authorities(Vec<Certificate>),
}

/// What to do with a collection that is neither pinned nor known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FirstUse {
    /// Believe it this once, and remember.
    Allow,
    /// Refuse.
    Refuse,
}

impl Anchor {
    /// No pin: what was trusted once stays trusted; the policy decides on first use.
    pub fn unpinned(first_use: FirstUse) -> Self {
        Self { pin: None, first_use }
    }

    /// Only roots that satisfy this pin.
    pub fn pinned(pin: Pin) -> Self {
        Self { pin: Some(pin), first_use: FirstUse::Allow }
    }

    /// Whether a pin applies.
    pub fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }

    pub(super) fn refuses_first_use(&self) -> bool {
        self.pin.is_none() && self.first_use == FirstUse::Refuse
    }

    /// The root keys that may carry trust from one root to the next, whatever the time and the
    /// pins: in TUF 1.0 all, in Notary those whose certificate is for this collection.
    pub(super) fn speakers<'r>(&self, kind: RootKeys, gun: &Gun, root: &'r Root) -> Vec<&'r Key> {
        let speaks = |key: &&Key| match kind {
            RootKeys::Bare => true,
            RootKeys::Certified => {
                key.certificates().is_some_and(|bundle| is_certificate_for(bundle.leaf(), gun))
            }
        };
        root.keys_of(&root.root).filter(speaks).collect()
    }

    /// Whether the pin, if any, admits this key.
    pub(super) fn admits(&self, key: &Key, now: Instant) -> bool {
        match &self.pin {
            None => true,
            Some(Pin::Keys(ids)) => ids.contains(&key.id()) || ids.contains(&key.known_as()),
            Some(Pin::Authorities(authorities)) => {
                key.certificates().is_some_and(|bundle| bundle.chains_to(authorities, now).is_ok())
            }
        }
    }
}

/// Whether a key may speak now: one in a certificate within its dates, any other always.
pub(super) fn speaks_at(kind: RootKeys, key: &Key, now: Instant) -> bool {
    match kind {
        RootKeys::Bare => true,
        RootKeys::Certified => key.certificates().is_some_and(|bundle| is_valid_at(bundle, now)),
    }
}

/// Whether a certificate's own dates allow it to speak now. A day of grace at the start, as Notary
/// gives.
fn is_valid_at(bundle: &CertificateBundle, now: Instant) -> bool {
    let leaf = bundle.leaf();
    let started = leaf.not_before().checked_sub(CLOCK_LEEWAY).is_ok_and(|start| start <= now);
    started && now <= leaf.not_after()
}

/// Whether a root key's certificate is for a collection, whatever the time.
pub fn is_certificate_for(certificate: &Certificate, gun: &Gun) -> bool {
    !certificate.signed_with_sha1()
        && certificate.common_name().is_some_and(|name| covers(name, gun))
}

/// Whether a common name covers a collection: the same name, or `prefix/*` for what lies below
/// `prefix`.
fn covers(common_name: &str, gun: &Gun) -> bool {
    match common_name.strip_suffix("/*") {
        Some(prefix) if !prefix.is_empty() => gun
            .as_str()
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('/') && rest.len() > 1),
        _ => common_name == gun.as_str(),
    }
}

const CLOCK_LEEWAY: SignedDuration = SignedDuration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cn_match_table() {
        let gun = Gun::raw("docker.io/library/alpine").expect("a name");
        for (name, expected) in [
            ("docker.io/library/alpine", true),
            ("docker.io/library/*", true),
            ("docker.io/*", true),
            ("docker.io/lib*", false),
            ("docker.io/library/alpine/*", false),
            ("docker.io/library/alpine*", false),
            ("*", false),
            ("/*", false),
            ("docker.io/library/alpine\0", false),
            ("Docker.io/library/alpine", false),
            ("", false),
        ] {
            assert_eq!(covers(name, &gun), expected, "{name:?}");
        }
    }
}
