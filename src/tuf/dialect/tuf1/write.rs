//! Writing files of TUF 1.0's form: canonical JSON to sign, and the same as a document.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::super::canonical::{escape_controls, integer, separated, string};
use super::super::members::{entry, hashes, keyids, member, threshold, version};
use super::super::time;
use super::{SPEC_VERSION, unknown};
use crate::crypto::{Signature, hex};
use crate::tuf::{
    Bin, Delegation, Delegations, FileMeta, Key, KeyId, Naming, Paths, Root, Snapshot, Targets,
    Timestamp, Version,
};

pub(in crate::tuf::dialect) fn root(root: &Root) -> Vec<u8> {
    let consistent = root.naming != Naming::Current;
    let mut out =
        format!("{{\"_type\":\"root\",\"consistent_snapshot\":{consistent},").into_bytes();
    expires(root.expires, &mut out);
    out.extend_from_slice(b",\"keys\":");
    keys(&root.keys, &mut out);
    out.extend_from_slice(b",\"roles\":");
    let roles = [
        ("root", &root.root),
        ("snapshot", &root.snapshot),
        ("targets", &root.targets),
        ("timestamp", &root.timestamp),
    ];
    separated(roles.into_iter(), b'{', b'}', &mut out, |(name, role), out| {
        member(name, out);
        out.push(b'{');
        keyids(role, out);
        threshold(role, out);
        out.push(b'}');
    });
    spec_version(&mut out);
    version(root.version, &mut out);
    unknown::restore(out, &root.unknown)
}

pub(in crate::tuf::dialect) fn timestamp(timestamp: &Timestamp) -> Vec<u8> {
    let mut out = b"{\"_type\":\"timestamp\",".to_vec();
    expires(timestamp.expires, &mut out);
    out.extend_from_slice(b",\"meta\":{\"snapshot.json\":");
    file_meta(&timestamp.snapshot, &mut out);
    out.push(b'}');
    spec_version(&mut out);
    version(timestamp.version, &mut out);
    unknown::restore(out, &timestamp.unknown)
}

/// Root is no part of a TUF 1.0 snapshot, whoever put it into the model.
pub(in crate::tuf::dialect) fn snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = b"{\"_type\":\"snapshot\",".to_vec();
    expires(snapshot.expires, &mut out);
    out.extend_from_slice(b",\"meta\":");
    let listed: BTreeMap<String, &FileMeta> = snapshot
        .meta
        .iter()
        .filter(|(role, _)| role.lists_targets())
        .map(|(role, file)| (format!("{role}.json"), file))
        .collect();
    separated(listed.into_iter(), b'{', b'}', &mut out, |(name, file), out| {
        member(&name, out);
        file_meta(file, out);
    });
    spec_version(&mut out);
    version(snapshot.version, &mut out);
    unknown::restore(out, &snapshot.unknown)
}

pub(in crate::tuf::dialect) fn targets(targets: &Targets) -> Vec<u8> {
    let mut out = b"{\"_type\":\"targets\",".to_vec();
    if !targets.delegations.roles.is_empty() {
        member("delegations", &mut out);
        delegations(&targets.delegations, &mut out);
        out.push(b',');
    }
    expires(targets.expires, &mut out);
    spec_version(&mut out);
    out.extend_from_slice(b",\"targets\":");
    separated(targets.targets.iter(), b'{', b'}', &mut out, |(name, target), out| {
        member(name, out);
        entry(target, hex::write, out);
    });
    version(targets.version, &mut out);
    unknown::restore(out, &targets.unknown)
}

/// `{"signatures":[…],"signed":…}` without white space.
pub(in crate::tuf::dialect) fn seal(message: &[u8], signatures: &[(KeyId, Signature)]) -> Vec<u8> {
    let mut out = b"{\"signatures\":".to_vec();
    separated(signatures.iter(), b'[', b']', &mut out, |(id, signature), out| {
        out.extend_from_slice(b"{\"keyid\":");
        string(&id.to_string(), out);
        out.extend_from_slice(b",\"sig\":");
        string(&hex::write(&signature.to_der()), out);
        out.push(b'}');
    });
    out.extend_from_slice(b",\"signed\":");
    escape_controls(message, &mut out);
    out.push(b'}');
    out
}

/// A key object on its own, as a document.
pub(in crate::tuf::dialect) fn lone_key(key: &Key) -> Vec<u8> {
    let mut out = Vec::new();
    escape_controls(key.written(), &mut out);
    out
}

fn delegations(delegations: &Delegations, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"keys\":");
    keys(&delegations.keys, out);
    match bins(delegations) {
        Some((first, bin, prefix)) => {
            out.extend_from_slice(b",\"succinct_roles\":{\"bit_length\":");
            integer(bin.bits, out);
            out.push(b',');
            keyids(&first.role, out);
            out.extend_from_slice(b",\"name_prefix\":");
            string(prefix, out);
            threshold(&first.role, out);
            out.push(b'}');
        }
        None => {
            out.extend_from_slice(b",\"roles\":");
            separated(delegations.roles.iter(), b'[', b']', out, delegation);
        }
    }
    out.push(b'}');
}

/// Whether these are hashed bins, and the prefix of their names.
fn bins(delegations: &Delegations) -> Option<(&Delegation, Bin, &str)> {
    let first = delegations.roles.first()?;
    let Paths::Bin(bin) = first.paths else { return None };
    let (prefix, _) = first.name.as_str().rsplit_once('-')?;
    Some((first, bin, prefix))
}

fn delegation(delegation: &Delegation, out: &mut Vec<u8>) {
    out.push(b'{');
    keyids(&delegation.role, out);
    out.extend_from_slice(b",\"name\":");
    string(delegation.name.as_str(), out);
    let (kind, patterns) = match &delegation.paths {
        Paths::Globs(globs) => ("paths", globs.clone()),
        Paths::HashPrefixes(prefixes) => ("path_hash_prefixes", prefixes.clone()),
        Paths::Prefixes(prefixes) => {
            ("paths", prefixes.iter().map(|it| format!("{it}*")).collect())
        }
        Paths::Bin(_) => ("paths", Vec::new()),
    };
    out.push(b',');
    member(kind, out);
    separated(patterns.iter(), b'[', b']', out, |pattern, out| string(pattern, out));
    out.extend_from_slice(format!(",\"terminating\":{}", delegation.terminating).as_bytes());
    threshold(&delegation.role, out);
    out.push(b'}');
}

fn file_meta(file: &FileMeta, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(listed) = &file.hashes {
        hashes(listed, hex::write, out);
        out.push(b',');
    }
    if let Some(length) = file.length {
        member("length", out);
        integer(length, out);
        out.push(b',');
    }
    member("version", out);
    integer(file.version.unwrap_or(Version::ONE), out);
    out.push(b'}');
}

fn keys(keys: &BTreeMap<KeyId, Key>, out: &mut Vec<u8>) {
    separated(keys.values(), b'{', b'}', out, |key, out| {
        member(&key.id().to_string(), out);
        out.extend_from_slice(key.written());
    });
}

fn expires(at: Instant, out: &mut Vec<u8>) {
    member("expires", out);
    string(&time::format_seconds(at), out);
}

fn spec_version(out: &mut Vec<u8>) {
    out.push(b',');
    member("spec_version", out);
    string(SPEC_VERSION, out);
}
