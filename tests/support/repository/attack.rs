//! The standard refusal: what must hold whenever metadata is not trusted.

use std::collections::BTreeMap;

use countersign::{client, docker, net, tuf, verify};
use serde_json::Value;

use super::{Client, Repository, SimulatedServer};

/// An attack on hosts that ask for `v1` of an honest collection.
pub struct Attack<'r> {
    honest: &'r Repository,
    failing: &'static str,
    kind: &'static str,
    tag: &'static str,
}

impl<'r> Attack<'r> {
    /// One that must be refused when this role is judged.
    pub fn on(honest: &'r Repository, failing: &'static str, kind: &'static str) -> Self {
        Self { honest, failing, kind, tag: "v1" }
    }

    /// The same for another tag.
    pub fn tag(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    /// Carries it out on a host that has seen nothing and on one that knows the honest collection.
    /// `spoil` edits what is published next.
    #[track_caller]
    pub fn is_refused(&self, spoil: impl Fn(&mut Repository)) {
        self.is_refused_cold(&spoil);
        self.is_refused_warm(&spoil);
    }

    #[track_caller]
    pub fn is_refused_cold(&self, spoil: impl Fn(&mut Repository)) {
        self.on_client(&Client::of(self.honest.gun.as_str()), spoil);
    }

    #[track_caller]
    pub fn is_refused_warm(&self, spoil: impl Fn(&mut Repository)) {
        let client = Client::of(self.honest.gun.as_str());
        client.refresh(&self.honest.server()).expect("the honest collection");
        self.on_client(&client, spoil);
    }

    #[track_caller]
    pub fn on_client(&self, client: &Client, spoil: impl Fn(&mut Repository)) {
        let mut evil = self.honest.clone();
        spoil(&mut evil);
        evil.publish();
        self.by_server(client, &evil.server());
    }

    /// Carries it out with a server as it is.
    #[track_caller]
    pub fn by_server(&self, client: &Client, server: &SimulatedServer) -> docker::Error {
        let (before, record) = (client.metadata(), client.record());
        let error = match client.resolve(server, self.tag) {
            Err(error) => error,
            Ok(resolution) => panic!("trusted: {}", resolution.reference),
        };
        assert_eq!(kind(&error), self.kind, "{error}");
        self.check_cache(&before, &client.metadata());
        self.check_record(&record, &client.record());
        let stray =
            client.files().into_keys().find(|name| !name.ends_with(".json") || name.contains("/."));
        assert_eq!(stray, None, "a temporary file stayed behind");
        self.check_recovery(client);
        error
    }

    /// Only what comes before the failing role may have changed (roles are judged in order).
    #[track_caller]
    fn check_cache(&self, before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) {
        for role in before.keys().chain(after.keys()) {
            let untouched = before.get(role) == after.get(role);
            assert!(untouched || rank(role) < rank(self.failing), "{role} was changed");
        }
    }

    #[track_caller]
    fn check_record(&self, before: &Value, after: &Value) {
        if rank(self.failing) == 0 {
            assert_eq!(before["root_version"], after["root_version"]);
        }
        let empty = serde_json::Map::new();
        let of = |record: &Value| record["roles"].as_object().unwrap_or(&empty).clone();
        let (before, after) = (of(before), of(after));
        for role in before.keys().chain(after.keys()) {
            let untouched = before.get(role) == after.get(role);
            assert!(untouched || rank(role) < rank(self.failing), "the record of {role} changed");
        }
    }

    /// The honest publisher goes on, and the host follows.
    #[track_caller]
    fn check_recovery(&self, client: &Client) {
        let mut later = self.honest.clone();
        later.leap().publish();
        if let Err(error) = client.resolve(&later.server(), self.tag) {
            panic!("the next honest run fails: {error} ({})", kind(&error));
        }
    }
}

fn rank(role: &str) -> usize {
    match role {
        "root" => 0,
        "timestamp" => 1,
        "snapshot" => 2,
        "targets" => 3,
        "nothing" => usize::MAX,
        _ => 4,
    }
}

/// What kind of failure it is, in the words of the command line's interface.
pub fn kind(error: &docker::Error) -> &'static str {
    match error {
        docker::Error::Client(error) => kind_of(error),
        docker::Error::NoSuchTag { .. } | docker::Error::NoSuchDigest { .. } => "no-such-tag",
        docker::Error::NoDigest { .. } => "malformed",
        docker::Error::OtherDigest { .. } | docker::Error::OtherCollection { .. } => "mismatch",
        docker::Error::SignersDiffer { .. } => "mismatch",
        docker::Error::NotSignedBy { .. } => "policy",
        _ => "other",
    }
}

pub fn kind_of(error: &client::Error) -> &'static str {
    match error {
        client::Error::NoTrustData { .. } => "no-trust-data",
        client::Error::Verify(error) => kind_of_refusal(error),
        client::Error::Missing { .. } => "network",
        client::Error::Net(net::Error::TooLarge { .. }) => "too-large",
        client::Error::Net(net::Error::Malformed { .. }) => "malformed",
        client::Error::Net(net::Error::Unauthorised { .. }) => "auth",
        client::Error::Net(_) => "network",
        client::Error::Storage(_) => "disk",
        client::Error::Clock { .. } => "clock",
        client::Error::RootLost { .. } | client::Error::RootDamaged { .. } => "state",
        client::Error::NotStored { .. } | client::Error::StoredDamaged { .. } => "state",
        _ => "other",
    }
}

fn kind_of_refusal(error: &verify::Error) -> &'static str {
    use verify::Error;
    match error {
        Error::Metadata(tuf::Error::WrongType { .. }) => "wrong-type",
        Error::Metadata(tuf::Error::TooLarge { .. }) => "too-large",
        Error::Metadata(tuf::Error::TooMany { .. }) => "too-many",
        Error::Metadata(tuf::Error::KeyId { .. }) => "key-id",
        Error::Metadata(tuf::Error::PrivateKey { .. }) => "bad-key",
        Error::Metadata(_) => "malformed",
        Error::Threshold { .. } | Error::RootChain { .. } => "threshold",
        Error::Rollback { .. } | Error::RootGap { .. } | Error::Vanished { .. } => "rollback",
        Error::Expired { .. } | Error::TooOld { .. } => "expired",
        Error::Mismatch { .. } | Error::NotListed { .. } => "mismatch",
        Error::Pin { .. } | Error::Certificate { .. } => "pin",
        Error::FirstUse { .. } => "first-use",
        Error::RootChainTooLong { .. } | Error::TooManyDelegations { .. } => "too-many",
        _ => "other",
    }
}
