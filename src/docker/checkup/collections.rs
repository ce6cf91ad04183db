//! Cached trust data: what was believed on first use, what ends soon, what is damaged.

use jiff::{SignedDuration, Timestamp as Instant};

use super::{Finding, Id, Severity};
use crate::docker::argument;
use crate::tuf::{Gun, KeyId, RoleName};

/// What lies in the cache of one collection.
#[derive(Clone, Debug)]
pub struct CachedCollection {
    /// Its name.
    pub gun: Gun,
    /// What its root is worth.
    pub root: Standing,
    /// When its parts end.
    pub expiries: Vec<Expiry>,
    /// Files that cannot be understood, and why.
    pub damaged: Vec<(RoleName, String)>,
    /// The latest time at which anything was accepted from a server.
    pub seen: Option<Instant>,
    /// Changes that were made and never published.
    pub pending: usize,
}

/// What a cached root is worth.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// There is none.
    Absent,
    /// A pin says whose it must be.
    Pinned,
    /// It was believed when it came.
    FirstUse {
        /// The ids of its keys.
        keys: Vec<KeyId>,
    },
}

/// Something that ends.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// The role, or the certificate of a root key.
    pub what: String,
    /// The role that has to be signed again.
    pub role: RoleName,
    /// When, UTC.
    pub at: Instant,
}

/// What is to be said of a cached collection.
pub fn collection_findings(
    cached: &CachedCollection,
    now: Instant,
    within: SignedDuration,
) -> Vec<Finding> {
    let expiries = cached.expiries.iter().filter_map(|expiry| ends(cached, expiry, now, within));
    let damaged = cached.damaged.iter().map(|(role, why)| damage(cached, role, why));
    let others = [first_use(cached), clock(cached, now), pending(cached)];
    others.into_iter().flatten().chain(expiries).chain(damaged).collect()
}

fn first_use(cached: &CachedCollection) -> Option<Finding> {
    let Standing::FirstUse { keys } = &cached.root else { return None };
    let ids: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let message =
        format!("was trusted on first use and is not pinned; root key {}", ids.join(", "));
    let options = ids.join(" --root-key ");
    Some(Finding::new(
        Id::TrustedOnFirstUse,
        Severity::Note,
        cached.gun.as_str(),
        message,
        format!("countersign pin add {} --root-key {options}", argument(&cached.gun)),
    ))
}

fn clock(cached: &CachedCollection, now: Instant) -> Option<Finding> {
    let seen = cached.seen.filter(|seen| *seen > now)?;
    let message = format!(
        "the clock says {now:.0}, and trust data was accepted here at {seen:.0}: one of them is wrong"
    );
    Some(Finding::new(
        Id::ClockBehind,
        Severity::Broken,
        cached.gun.as_str(),
        message,
        "set the clock",
    ))
}

fn pending(cached: &CachedCollection) -> Option<Finding> {
    if cached.pending == 0 {
        return None;
    }
    let message = format!(
        "{} changes were never published: the next docker push or notary publish does it",
        cached.pending
    );
    Some(Finding::new(
        Id::ChangesPending,
        Severity::Warning,
        cached.gun.as_str(),
        message,
        format!("countersign status {0}, then publish or reset {0}", argument(&cached.gun)),
    ))
}

/// A timestamp in the cache is replaced at the next look-up, and its end means nothing.
fn ends(
    cached: &CachedCollection,
    expiry: &Expiry,
    now: Instant,
    within: SignedDuration,
) -> Option<Finding> {
    let left = expiry.at.duration_since(now);
    if expiry.role == RoleName::Timestamp || left > within {
        return None;
    }
    let (id, severity, verb) = match left > SignedDuration::ZERO {
        true => (Id::ExpiresSoon, Severity::Warning, "expires at"),
        false => (Id::Expired, Severity::Unverified, "expired at"),
    };
    let message = format!("{} {verb} {:.0}", expiry.what, expiry.at);
    let gun = argument(&cached.gun);
    Some(Finding::new(
        id,
        severity,
        cached.gun.as_str(),
        message,
        match expiry.role {
            RoleName::Root => format!("countersign refresh {gun} (its owner)"),
            // The server's, or the owner's: whoever has its key signs it with the next change.
            RoleName::Snapshot => format!("countersign sign {gun}:TAG (its publisher)"),
            _ => format!("countersign refresh {gun} (who has the key of {})", expiry.role),
        },
    ))
}

fn damage(cached: &CachedCollection, role: &RoleName, why: &str) -> Finding {
    let message = format!("the cached {role} cannot be used: {why}");
    // Without its root it is not known any more who may speak for the collection.
    let severity = if *role == RoleName::Root { Severity::Broken } else { Severity::Warning };
    let remedy = match role {
        RoleName::Root => "put the root back from a backup, or ask its owner".to_owned(),
        _ => format!("countersign list {} fetches it again", argument(&cached.gun)),
    };
    Finding::new(Id::CacheDamaged, severity, cached.gun.as_str(), message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Instant {
        text.parse().expect("a time")
    }

    /// A collection of which nothing is to be said.
    fn honest() -> CachedCollection {
        let expiry =
            |role: RoleName, at: &str| Expiry { what: role.to_string(), role, at: instant(at) };
        CachedCollection {
            gun: Gun::raw("reg.io/web").expect("a name"),
            root: Standing::Pinned,
            expiries: vec![
                expiry(RoleName::Root, "2036-01-01T00:00:00Z"),
                expiry(RoleName::Timestamp, "2026-01-02T00:00:00Z"),
            ],
            damaged: vec![],
            seen: Some(instant("2026-05-31T00:00:00Z")),
            pending: 0,
        }
    }

    fn found(cached: &CachedCollection) -> Vec<(&'static str, Severity)> {
        let month = SignedDuration::from_hours(30 * 24);
        let findings = collection_findings(cached, instant("2026-06-01T00:00:00Z"), month);
        findings.iter().map(|finding| (finding.id.as_str(), finding.severity)).collect()
    }

    #[test]
    fn nothing_is_said_of_a_pinned_collection_that_is_up_to_date() {
        assert_eq!(found(&honest()), []);
        assert_eq!(found(&CachedCollection { root: Standing::Absent, ..honest() }), []);
    }

    #[test]
    fn each_finding_of_a_collection_is_provoked() {
        use Severity::{Broken, Note, Unverified, Warning};
        let ends =
            |at: &str| Expiry { what: "targets".into(), role: RoleName::Targets, at: instant(at) };
        let keys = vec!["07".repeat(32).parse().expect("an id")];
        for (cached, expected) in [
            (
                CachedCollection { root: Standing::FirstUse { keys }, ..honest() },
                ("trusted-on-first-use", Note),
            ),
            (
                CachedCollection { expiries: vec![ends("2026-06-20T00:00:00Z")], ..honest() },
                ("expires-soon", Warning),
            ),
            (
                CachedCollection { expiries: vec![ends("2026-06-01T00:00:00Z")], ..honest() },
                ("expired", Unverified),
            ),
            (
                CachedCollection { seen: Some(instant("2026-06-02T00:00:00Z")), ..honest() },
                ("clock-behind", Broken),
            ),
            (CachedCollection { pending: 2, ..honest() }, ("changes-pending", Warning)),
            (
                CachedCollection { damaged: vec![(RoleName::Root, "x".into())], ..honest() },
                ("cache-damaged", Broken),
            ),
            (
                CachedCollection { damaged: vec![(RoleName::Snapshot, "x".into())], ..honest() },
                ("cache-damaged", Warning),
            ),
        ] {
            assert_eq!(found(&cached), [expected], "{cached:?}");
        }
    }
}
