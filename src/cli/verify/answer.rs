//! An answer as JSON, and the files that it rests on.

use jiff::Timestamp as Instant;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::context::Context;
use crate::client::{Freshness, Refreshed};
use crate::docker::Resolution;
use crate::tuf::{RoleName, Version};

/// An answer as JSON.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    reference: &'a str,
    name: &'a str,
    tag: &'a str,
    digest: String,
    size: u64,
    role: &'a str,
    signers: &'a [String],
    root: RootAnswer,
    versions: Map<String, Value>,
    expires: Option<String>,
    source: &'static str,
    checked_at: Option<String>,
    offline: bool,
}

#[derive(Serialize)]
struct RootAnswer {
    version: u64,
    keyids: Vec<String>,
    pinned: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn of(typed: &'a str, resolution: &'a Resolution, context: &Context) -> Self {
        let (reference, collection) = (&resolution.reference, &resolution.collection);
        let (source, checked_at) = match collection.freshness {
            Freshness::Server => ("server", Some(context.now)),
            Freshness::Cache(at) => ("cache", at),
        };
        Self {
            reference: typed,
            name: reference.name(),
            tag: reference.tag().as_str(),
            digest: reference.digest().to_string(),
            size: reference.size(),
            role: reference.role().as_str(),
            signers: &resolution.signers,
            root: RootAnswer::of(collection),
            versions: versions(collection),
            expires: expires(collection).map(|at| format!("{at:.0}")),
            source,
            checked_at: checked_at.map(|at| format!("{at:.0}")),
            offline: context.is_offline(),
        }
    }
}

impl RootAnswer {
    fn of(collection: &Refreshed) -> Self {
        let root = collection.targets.root();
        Self {
            version: root.content().version.number(),
            keyids: root.content().root.keyids().iter().map(ToString::to_string).collect(),
            pinned: root.policy().anchor.is_pinned(),
        }
    }
}

/// Role and version of every file that the answer rests on.
fn versions(collection: &Refreshed) -> Map<String, Value> {
    links(collection)
        .into_iter()
        .map(|link| (link.role.to_string(), Value::from(link.version.number())))
        .collect()
}

fn expires(collection: &Refreshed) -> Option<Instant> {
    links(collection).into_iter().map(|link| link.expires).min()
}

/// One file that an answer rests on.
pub(in crate::cli) struct Link {
    pub(in crate::cli) role: RoleName,
    pub(in crate::cli) version: Version,
    pub(in crate::cli) expires: Instant,
}

/// The files that an answer rests on, in the order in which each vouches for the next.
pub(in crate::cli) fn links(collection: &Refreshed) -> Vec<Link> {
    let snapshot = collection.targets.snapshot();
    let (root, timestamp) = (snapshot.root().content(), snapshot.timestamp().content());
    let mut links = vec![
        Link { role: RoleName::Root, version: root.version, expires: root.expires },
        Link { role: RoleName::Timestamp, version: timestamp.version, expires: timestamp.expires },
        Link {
            role: RoleName::Snapshot,
            version: snapshot.content().version,
            expires: snapshot.content().expires,
        },
    ];
    links.extend(collection.targets.roles().map(|(role, loaded)| Link {
        role: role.clone(),
        version: loaded.content().version,
        expires: loaded.content().expires,
    }));
    links
}
