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

/// If these are all of so many hashed bins, of the same keys and in their order: the first, its bin,
/// and the prefix of their names. Only then does the short form say the same.
fn bins(delegations: &Delegations) -> Option<(&Delegation, Bin, &str)> {
    let first = delegations.roles.first()?;
    let Paths::Bin(bin) = first.paths else { return None };
    let (prefix, digits) = first.name.as_str().rsplit_once('-')?;
    let width = digits.len();
    let is_next = |(index, it): (u32, &Delegation)| {
        it.paths == Paths::Bin(Bin { index, ..bin })
            && it.role == first.role
            && !it.terminating
            && it.name.as_str() == format!("{prefix}-{index:0width$x}")
    };
    let all = delegations.roles.len() == 1_usize.checked_shl(bin.bits.into())?;
    (all && (0..).zip(&delegations.roles).all(is_next)).then_some((first, bin, prefix))
}

fn delegation(delegation: &Delegation, out: &mut Vec<u8>) {
    out.push(b'{');
    keyids(&delegation.role, out);
    out.extend_from_slice(b",\"name\":");
    string(delegation.name.as_str(), out);
    let (kind, patterns) = match &delegation.paths {
        Paths::Globs(globs) => ("paths", globs.to_vec()),
        Paths::HashPrefixes(prefixes) => ("path_hash_prefixes", prefixes.to_vec()),
        Paths::Prefixes(prefixes) => {
            ("paths", prefixes.iter().map(|it| format!("{it}*")).collect())
        }
        Paths::Bin(bin) => ("path_hash_prefixes", bin.hash_prefixes()),
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

#[cfg(test)]
mod tests {
    use crate::tuf::{Bin, Dialect, Limits, Paths, Role, RoleName, Targets, Threshold};

    const TUF1: Dialect = Dialect::Tuf1;
    const BINS: &[u8] =
        include_bytes!("../../../../tests/vectors/tuf1/bins/metadata/1.targets.json");

    fn written(targets: &Targets) -> (String, Targets) {
        let message = TUF1.targets_message(targets);
        let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
        let document = TUF1.seal(&message, &[]);
        let read = TUF1.open_targets(&RoleName::Targets, &document, &Limits::default());
        (text, read.expect("targets").into_unverified_content())
    }

    #[test]
    fn bins_have_their_short_form_only_while_it_says_the_same() {
        let read = TUF1.open_targets(&RoleName::Targets, BINS, &Limits::default());
        let bins = read.expect("targets").into_unverified_content();
        let (text, again) = written(&bins);
        assert!(text.contains("\"succinct_roles\":") && again == bins, "{text}");

        let mut more = bins.clone();
        let mut named = more.delegations.roles[0].clone();
        named.name = "targets/alice".parse().expect("a role");
        named.paths = Paths::Globs(["alice-*".to_owned()].into());
        more.delegations.roles.push(named);
        let mut terminating = bins.clone();
        terminating.delegations.roles[3].terminating = true;
        let mut fewer = bins.clone();
        fewer.delegations.roles.pop();
        let mut other_keys = bins.clone();
        let keys = bins.delegations.roles[0].role.keyids().to_vec();
        let two = Threshold::new(2).expect("positive");
        other_keys.delegations.roles[1].role = Role::new(keys, two).expect("distinct");
        for edited in [more, terminating, fewer, other_keys] {
            let (text, again) = written(&edited);
            assert!(!text.contains("\"succinct_roles\":"), "{text}");
            let (before, after) = (&edited.delegations.roles, &again.delegations.roles);
            assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(after) {
                assert_eq!((&before.name, &before.role), (&after.name, &after.role));
                assert_eq!(before.terminating, after.terminating);
                for name in ["v1", "v2", "alice-1", "latest"] {
                    assert_eq!(before.paths.allow(name), after.paths.allow(name), "{name}");
                }
            }
        }
        let holders = |targets: &Targets| {
            let roles = targets.delegations.roles.iter();
            roles.filter(|it| it.paths.allow("v1")).map(|it| it.paths.clone()).collect::<Vec<_>>()
        };
        assert_eq!(holders(&bins), [Paths::Bin(Bin::of("v1", 5))]);
    }
}
