//! An honest collection in Notary's form, built in memory, and everything that can be done to spoil
//! it.
//!
//! Nothing here uses the product's reader or writer: metadata is plain JSON, written by a small
//! canonical writer of its own, so that wrong files can be made as easily as right ones. An attack
//! is an edit of an honest [`Repository`]:
//!
//! ```ignore
//! let mut evil = honest.clone();
//! evil.spoil("targets", |file| file.signatures.clear()).publish();
//! ```

#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test program uses a part")]

#[path = "repository/attack.rs"]
mod attack;
#[path = "repository/canonical.rs"]
mod canonical;
#[path = "repository/client.rs"]
mod client;
#[path = "repository/file.rs"]
mod file;
#[path = "repository/key.rs"]
mod key;
#[path = "repository/rsa.rs"]
mod rsa;
#[path = "repository/server.rs"]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use attack::{Attack, kind, kind_of};
pub use canonical::canonical;
pub use client::{Client, policy, temporary};
use countersign::tuf::Gun;
pub use file::{File, hashes_of, listing_of};
use jiff::{SignedDuration, Timestamp as Instant};
pub use key::TestKey;
use serde_json::{Value, json};
pub use server::{Fault, SimulatedServer, ready};

/// The publisher's side of one collection: what each role says, who signs it, and what is published
/// so far.
#[derive(Clone)]
pub struct Repository {
    pub gun: Gun,
    /// What each role says, or will say when it is published next.
    pub signed: BTreeMap<String, Value>,
    /// Who signs each role.
    pub signers: BTreeMap<String, Vec<Arc<TestKey>>>,
    /// The newest published file of each role.
    pub current: BTreeMap<String, Vec<u8>>,
    /// Everything that a server has, by file name.
    pub files: BTreeMap<String, Vec<u8>>,
    touched: BTreeSet<String>,
    spoilers: Vec<(String, Spoiler)>,
    root_signers: Vec<Arc<TestKey>>,
}

type Spoiler = Arc<dyn Fn(&mut File) + Send + Sync>;

impl Repository {
    /// A collection with one key for each of the four roles and no tags, not published yet.
    pub fn bare(gun: &str) -> Self {
        let mut new = Self {
            gun: Gun::raw(gun).expect("a name"),
            signed: BTreeMap::new(),
            signers: BTreeMap::new(),
            current: BTreeMap::new(),
            files: BTreeMap::new(),
            touched: BTreeSet::new(),
            spoilers: Vec::new(),
            root_signers: Vec::new(),
        };
        new.signed.insert("root".into(), role("Root", 3650));
        new.signed.insert("targets".into(), role("Targets", 1095));
        new.signed.insert("snapshot".into(), role("Snapshot", 1095));
        new.signed.insert("timestamp".into(), role("Timestamp", 14));
        new.say("root", |root| {
            root["consistent_snapshot"] = json!(false);
            root["keys"] = json!({});
            root["roles"] = json!({});
        });
        new.say("targets", |targets| {
            targets["targets"] = json!({});
            targets["delegations"] = json!({"keys": {}, "roles": []});
        });
        new.grant("root", 1, &[TestKey::certified(gun)]);
        new.grant("targets", 1, &[TestKey::p256()]);
        new.grant("snapshot", 1, &[TestKey::ed25519()]);
        new.grant("timestamp", 1, &[TestKey::ed25519()]);
        new
    }

    /// What a team has: `targets/releases` and `targets/alice` sign `v1` ([`Repository::digest`] of
    /// `v1`), `targets` signs `old`, and `targets/alice` delegates what starts with `ci-` to
    /// `targets/alice/ci`. Published once.
    pub fn team() -> Self {
        let mut team = Self::bare(GUN);
        let alice = TestKey::p256();
        team.delegate("targets/releases", 1, &[Arc::clone(&alice)], &[""]);
        team.delegate("targets/alice", 1, &[alice], &[""]);
        team.delegate("targets/alice/ci", 1, &[TestKey::ed25519()], &["ci-"]);
        team.tag("targets", "old", "old");
        team.tag("targets/releases", "v1", "v1");
        team.tag("targets/alice", "v1", "v1");
        team.tag("targets/alice/ci", "ci-7", "ci-7");
        team.publish();
        team
    }

    /// Changes what a role will say.
    pub fn say(&mut self, role: &str, change: impl FnOnce(&mut Value)) -> &mut Self {
        change(self.signed.get_mut(role).unwrap_or_else(|| panic!("no role {role}")));
        self.touched.insert(role.to_owned());
        self
    }

    /// Has a role signed anew although it says nothing new.
    pub fn touch(&mut self, role: &str) -> &mut Self {
        self.say(role, |_| {})
    }

    /// Gives a top-level role these keys, in place of those that it had.
    pub fn grant(&mut self, role: &str, threshold: u32, keys: &[Arc<TestKey>]) -> &mut Self {
        let ids: Vec<String> = keys.iter().map(|key| key.id()).collect();
        self.say("root", |root| {
            for key in keys {
                root["keys"][key.id()] = key.object();
            }
            root["roles"][role] = json!({"keyids": ids, "threshold": threshold});
        });
        self.signers.insert(role.to_owned(), keys.to_vec());
        self.touched.insert(role.to_owned());
        self
    }

    /// Gives a top-level role one new key of the kind that it had.
    pub fn rotate(&mut self, role: &str) -> &mut Self {
        let new = match role {
            "root" => TestKey::certified(self.gun.as_str()),
            _ => TestKey::p256(),
        };
        self.grant(role, 1, &[new])
    }

    /// Delegates to a role, or does so anew, and makes its file if there is none.
    pub fn delegate(
        &mut self,
        role: &str,
        threshold: u32,
        keys: &[Arc<TestKey>],
        paths: &[&str],
    ) -> &mut Self {
        self.declare(role, threshold, keys, paths);
        if !self.signed.contains_key(role) {
            let mut content = self::role("Targets", 1095);
            content["targets"] = json!({});
            content["delegations"] = json!({"keys": {}, "roles": []});
            self.signed.insert(role.to_owned(), content);
        }
        self.touch(role)
    }

    /// Delegates to a role of which no file exists.
    pub fn declare(
        &mut self,
        role: &str,
        threshold: u32,
        keys: &[Arc<TestKey>],
        paths: &[&str],
    ) -> &mut Self {
        let ids: Vec<String> = keys.iter().map(|key| key.id()).collect();
        let (parent, _) = role.rsplit_once('/').expect("a delegated role");
        self.say(parent, |parent| {
            let delegations = &mut parent["delegations"];
            for key in keys {
                delegations["keys"][key.id()] = key.object();
            }
            let roles = delegations["roles"].as_array_mut().expect("roles");
            roles.retain(|known| known["name"] != role);
            roles
                .push(json!({"keyids": ids, "name": role, "paths": paths, "threshold": threshold}));
        });
        self.signers.insert(role.to_owned(), keys.to_vec());
        self
    }

    /// Takes a delegation back, and with it the role's file.
    pub fn undelegate(&mut self, role: &str) -> &mut Self {
        let (parent, _) = role.rsplit_once('/').expect("a delegated role");
        self.say(parent, |parent| {
            let roles = parent["delegations"]["roles"].as_array_mut().expect("roles");
            roles.retain(|known| known["name"] != role);
        });
        self.forget(role)
    }

    /// Lists a role's file no longer.
    pub fn forget(&mut self, role: &str) -> &mut Self {
        self.signed.remove(role);
        self.current.remove(role);
        self.touched.remove(role);
        self
    }

    /// Signs a tag in a role, for the image of which the content is given.
    pub fn tag(&mut self, role: &str, tag: &str, image: &str) -> &mut Self {
        let target =
            json!({"hashes": {"sha256": hashes_of(image.as_bytes()).0}, "length": image.len()});
        self.say(role, |signed| signed["targets"][tag] = target)
    }

    /// Counts on from far above every version that an attack may have reached, in every role but
    /// root.
    pub fn leap(&mut self) -> &mut Self {
        let roles: Vec<String> =
            self.signed.keys().filter(|role| *role != "root").cloned().collect();
        for role in roles {
            let version = self.version(&role) + 1000;
            self.say(&role, |signed| signed["version"] = json!(version));
        }
        self
    }

    /// Once, when a role is published next: changes its file after it was signed. Files that list
    /// it will list the spoiled one.
    pub fn spoil(
        &mut self,
        role: &str,
        spoiler: impl Fn(&mut File) + Send + Sync + 'static,
    ) -> &mut Self {
        self.spoilers.push((role.to_owned(), Arc::new(spoiler)));
        self.touch(role)
    }

    /// Signs what was touched, then a snapshot and a timestamp, each one version higher, and puts
    /// all of it on the server.
    pub fn publish(&mut self) -> &mut Self {
        let touched = std::mem::take(&mut self.touched);
        let (online, others): (Vec<_>, Vec<_>) =
            touched.into_iter().partition(|role| role == "snapshot" || role == "timestamp");
        drop(online);
        for role in others {
            self.publish_role(&role);
        }
        let listed: serde_json::Map<String, Value> = self
            .current
            .iter()
            .filter(|(role, _)| *role != "snapshot" && *role != "timestamp")
            .map(|(role, bytes)| (role.clone(), listing_of(bytes)))
            .collect();
        self.say("snapshot", |snapshot| snapshot["meta"] = Value::Object(listed));
        self.publish_role("snapshot");
        self.publish_timestamp()
    }

    /// Signs a new timestamp over the current snapshot, as a server does when the old one is about
    /// to expire.
    pub fn publish_timestamp(&mut self) -> &mut Self {
        let snapshot = listing_of(&self.current["snapshot"]);
        self.say("timestamp", |timestamp| timestamp["meta"] = json!({"snapshot": snapshot}));
        self.publish_role("timestamp");
        self.touched.clear();
        self
    }

    /// The keys of a role, to sign something with them.
    pub fn keys(&self, role: &str) -> &[Arc<TestKey>] {
        &self.signers[role]
    }

    /// A server that has what is published now.
    pub fn server(&self) -> SimulatedServer {
        SimulatedServer::new(self.files.clone())
    }

    /// Whether the next publication signs this role anew.
    pub fn will_change(&self, role: &str) -> bool {
        self.touched.contains(role)
    }

    /// A file that is published, by its name.
    pub fn file(&self, name: &str) -> Vec<u8> {
        self.files.get(name).unwrap_or_else(|| panic!("no {name}")).clone()
    }

    /// The next published version of a role.
    pub fn version(&self, role: &str) -> u64 {
        self.signed[role]["version"].as_u64().expect("a version")
    }

    fn publish_role(&mut self, role: &str) {
        if self.current.contains_key(role) {
            let next = self.version(role) + 1;
            self.say(role, |signed| signed["version"] = json!(next));
        }
        let mut signers = self.signers[role].clone();
        if role == "root" {
            let mine = signers.clone();
            let theirs = std::mem::replace(&mut self.root_signers, mine);
            let missing =
                theirs.into_iter().filter(|old| signers.iter().all(|k| k.id() != old.id()));
            let missing: Vec<_> = missing.collect();
            signers.extend(missing);
        }
        let mut file = File::signed_by(self.signed[role].clone(), &signers);
        let (now, later) =
            std::mem::take(&mut self.spoilers).into_iter().partition(|it| it.0 == role);
        self.spoilers = later;
        let now: Vec<(String, Spoiler)> = now;
        now.iter().for_each(|(_, spoiler)| spoiler(&mut file));
        let version = self.version(role);
        self.place(role, version, file.into_bytes());
    }

    /// Puts a file of a role in place, as its newest.
    pub fn place(&mut self, role: &str, version: u64, bytes: Vec<u8>) -> &mut Self {
        let sha256 = countersign::crypto::Sha256::of(&bytes);
        self.files.insert(format!("{role}.{sha256}.json"), bytes.clone());
        self.files.insert(format!("{version}.{role}.json"), bytes.clone());
        self.files.insert(format!("{role}.json"), bytes.clone());
        self.current.insert(role.to_owned(), bytes);
        self
    }
}

fn role(kind: &str, days: i64) -> Value {
    let expires = now().checked_add(SignedDuration::from_hours(24 * days)).expect("in range");
    json!({"_type": kind, "expires": expires.to_string(), "version": 1})
}

/// The time at which everything happens unless a test says otherwise.
pub fn now() -> Instant {
    "2026-03-01T12:00:00Z".parse().expect("a date")
}

/// That time and some hours.
pub fn after_hours(hours: i64) -> Instant {
    now().checked_add(SignedDuration::from_hours(hours)).expect("in range")
}

/// The collection's name.
pub const GUN: &str = "registry.test/team/app";
