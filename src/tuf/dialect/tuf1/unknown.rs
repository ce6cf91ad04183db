//! Members that TUF 1.0 does not name (TUF 1.0.34 §4.1): taken out of what was read, and put back
//! into what is written.
//!
//! They may stand in `signed`, in a target or a listed file, in `delegations`, in a delegation or in
//! `succinct_roles`, and in a role of root's. Further roles of root and further digests of a target
//! are such members, too. Those of a key are kept with the key.

use super::super::canonical;
use super::super::json::{self, Value};
use crate::tuf::unknown::Members;
use crate::tuf::{RoleName, Unknown};

/// The unknown members of a role's file, whose own known members are these.
pub(super) fn collect(signed: &Value<'_>, known: &[&str]) -> Unknown {
    let mut unknown = Unknown { file: members(signed, known), ..Unknown::default() };
    for container in ENTRIES {
        for (name, entry) in object(signed, container) {
            let members = members(entry, &KNOWN_OF_ENTRIES);
            if !members.is_empty() {
                unknown.entries.insert(name.to_owned(), members);
            }
        }
    }
    for (name, entry) in object(signed, TARGETS) {
        let hashes = member(entry, HASHES).map(|it| members(it, &KNOWN_HASHES));
        if let Some(hashes) = hashes.filter(|it| !it.is_empty()) {
            unknown.hashes.insert(name.to_owned(), hashes);
        }
    }
    if let Some(delegations) = member(signed, DELEGATIONS) {
        unknown.delegations = members(delegations, &KNOWN_OF_DELEGATIONS);
        let bins = member(delegations, BINS);
        unknown.bins = bins.map(|it| members(it, &KNOWN_OF_BINS)).unwrap_or_default();
    } else if let Some(roles) = member(signed, ROLES) {
        unknown.others = members(roles, &ROOTS_OWN);
    }
    for (name, role) in roles(signed) {
        let members = members(role, &KNOWN_OF_ROLES);
        if let (false, Ok(name)) = (members.is_empty(), RoleName::free(name)) {
            unknown.roles.insert(name, members);
        }
    }
    unknown
}

/// The bytes to sign, with those members where there still is what they belong to.
pub(super) fn restore(message: Vec<u8>, unknown: &Unknown) -> Vec<u8> {
    if unknown.is_empty() {
        return message;
    }
    let mut document = Vec::with_capacity(message.len());
    canonical::escape_controls(&message, &mut document);
    let Ok(mut signed) = json::parse(&document) else { return message };
    insert(&mut signed, &unknown.file);
    for container in ENTRIES {
        for (name, entry) in member_mut(&mut signed, container).into_iter().flat_map(members_mut) {
            unknown.entries.get(name).into_iter().for_each(|members| insert(entry, members));
        }
    }
    for (name, entry) in member_mut(&mut signed, TARGETS).into_iter().flat_map(members_mut) {
        let hashes = unknown.hashes.get(name).zip(member_mut(entry, HASHES));
        hashes.into_iter().for_each(|(members, hashes)| insert(hashes, members));
    }
    if let Some(delegations) = member_mut(&mut signed, DELEGATIONS) {
        insert(delegations, &unknown.delegations);
        member_mut(delegations, BINS).into_iter().for_each(|it| insert(it, &unknown.bins));
    } else if let Some(roles) = member_mut(&mut signed, ROLES) {
        insert(roles, &unknown.others);
    }
    for (name, role) in roles_mut(&mut signed) {
        let members = RoleName::free(&name).ok().and_then(|name| unknown.roles.get(&name));
        members.into_iter().for_each(|members| insert(role, members));
    }
    let mut out = Vec::with_capacity(message.len());
    canonical::write(&signed, &mut out);
    out
}

fn members(value: &Value<'_>, known: &[&str]) -> Members {
    let Value::Object(members) = value else { return Members::new() };
    let others = members.iter().filter(|(name, _)| !known.contains(&&**name));
    others.map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// A value as a JSON text.
fn text(value: &Value<'_>) -> String {
    let (mut canonical, mut document) = (Vec::new(), Vec::new());
    canonical::write(value, &mut canonical);
    canonical::escape_controls(&canonical, &mut document);
    String::from_utf8_lossy(&document).into_owned()
}

/// Adds members to an object, each where its name belongs; what is there stays.
fn insert<'a>(value: &mut Value<'a>, members: &'a Members) {
    let Value::Object(present) = value else { return };
    for (name, text) in members {
        let place = present.binary_search_by(|(other, _)| (**other).cmp(name));
        if let (Err(at), Ok(value)) = (place, json::parse(text.as_bytes())) {
            present.insert(at, (name.as_str().into(), value));
        }
    }
}

fn object<'v>(value: &'v Value<'_>, name: &str) -> impl Iterator<Item = (&'v str, &'v Value<'v>)> {
    let found = member(value, name).into_iter();
    found
        .flat_map(|found| match found {
            Value::Object(members) => members.as_slice(),
            _ => &[],
        })
        .map(|(name, value)| (&**name, value))
}

fn member<'v>(value: &'v Value<'_>, name: &str) -> Option<&'v Value<'v>> {
    let Value::Object(members) = value else { return None };
    members.iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

fn member_mut<'v, 'a>(value: &'v mut Value<'a>, name: &str) -> Option<&'v mut Value<'a>> {
    let Value::Object(members) = value else { return None };
    members.iter_mut().find(|(other, _)| other == name).map(|(_, value)| value)
}

fn members_mut<'v, 'a>(
    value: &'v mut Value<'a>,
) -> impl Iterator<Item = (&'v str, &'v mut Value<'a>)> {
    let members: &mut [_] = match value {
        Value::Object(members) => members,
        _ => &mut [],
    };
    members.iter_mut().map(|(name, value)| (&**name, value))
}

/// Root's roles by their names; delegated ones by the name that stands in each.
fn roles<'v>(signed: &'v Value<'_>) -> Vec<(&'v str, &'v Value<'v>)> {
    let delegations = member(signed, DELEGATIONS).and_then(|it| member(it, ROLES));
    match delegations {
        Some(Value::Array(roles)) => {
            roles.iter().filter_map(|role| Some((name_of(role)?, role))).collect()
        }
        _ => object(signed, ROLES).collect(),
    }
}

fn roles_mut<'v, 'a>(signed: &'v mut Value<'a>) -> Vec<(String, &'v mut Value<'a>)> {
    let is_targets = member(signed, DELEGATIONS).is_some();
    let container = match is_targets {
        true => member_mut(signed, DELEGATIONS).and_then(|it| member_mut(it, ROLES)),
        false => member_mut(signed, ROLES),
    };
    match container {
        Some(Value::Array(roles)) => {
            roles.iter_mut().filter_map(|role| Some((name_of(role)?.to_owned(), role))).collect()
        }
        Some(object) => members_mut(object).map(|(name, role)| (name.to_owned(), role)).collect(),
        None => Vec::new(),
    }
}

fn name_of<'v>(role: &'v Value<'_>) -> Option<&'v str> {
    match member(role, "name") {
        Some(Value::String(name)) => Some(name),
        _ => None,
    }
}

const TARGETS: &str = "targets";
const HASHES: &str = "hashes";
const DELEGATIONS: &str = "delegations";
const ROLES: &str = "roles";
const BINS: &str = "succinct_roles";
/// Where targets and listed files stand.
const ENTRIES: [&str; 2] = [TARGETS, "meta"];
const KNOWN_OF_ENTRIES: [&str; 4] = ["custom", HASHES, "length", "version"];
/// Other digests of a listed file are those of bytes that the next version does not have.
const KNOWN_HASHES: [&str; 2] = ["sha256", "sha512"];
const KNOWN_OF_DELEGATIONS: [&str; 3] = ["keys", ROLES, BINS];
const KNOWN_OF_BINS: [&str; 4] = ["bit_length", "keyids", "name_prefix", "threshold"];
const ROOTS_OWN: [&str; 4] = ["root", "snapshot", TARGETS, "timestamp"];
const KNOWN_OF_ROLES: [&str; 6] =
    ["keyids", "name", "path_hash_prefixes", "paths", "terminating", "threshold"];

#[cfg(test)]
mod tests {
    use crate::crypto::{Algorithm, PrivateKey, Signer as _};
    use crate::tuf::{Dialect, Limits, RoleName};

    const TUF1: Dialect = Dialect::Tuf1;

    fn document(signed: &str) -> Vec<u8> {
        format!("{{\"signatures\":[],\"signed\":{signed}}}").into_bytes()
    }

    #[test]
    fn what_nobody_here_knows_is_signed_again_with_the_rest() {
        let key = TUF1.key(PrivateKey::generate(Algorithm::Ed25519).expect("random").public());
        let id = key.id().to_string();
        let keys = format!("{{\"{id}\":{}}}", String::from_utf8_lossy(&TUF1.write_key(&key)));
        let role = format!("{{\"keyids\":[\"{id}\"],\"threshold\":1}}");
        let common = "\"expires\":\"2030-01-01T00:00:00Z\",\"spec_version\":\"1.0.34\"";
        let root = format!(
            "{{\"_type\":\"root\",\"consistent_snapshot\":true,\"expires\":\"2030-01-01T00:00:00Z\",\
             \"keys\":{keys},\"roles\":{{\"mirrors\":{{\"of\":[1,2]}},\"root\":{role},\
             \"snapshot\":{role},\"targets\":{role},\"timestamp\":{role}}},\
             \"spec_version\":\"1.0.34\",\"version\":1}}"
        );
        let read = TUF1.open_root(&document(&root), &Limits::default()).expect("a root");
        let again = TUF1.root_message(&read.into_unverified_content());
        assert_eq!(String::from_utf8_lossy(again.as_bytes()), root);

        let digest = "ab".repeat(32);
        let entry = format!(
            "{{\"hashes\":{{\"blake2b-256\":\"{digest}\",\"sha256\":\"{digest}\"}},\"length\":1}}"
        );
        let bins = format!(
            "{{\"bit_length\":1,\"hint\":true,\"keyids\":[\"{id}\"],\"name_prefix\":\"b\",\"threshold\":1}}"
        );
        let named = format!(
            "{{\"keyids\":[\"{id}\"],\"name\":\"a\",\"note\":1,\"paths\":[\"*\"],\"terminating\":true,\"threshold\":1}}"
        );
        for roles in [format!("\"succinct_roles\":{bins}"), format!("\"roles\":[{named}]")] {
            let targets = format!(
                "{{\"_type\":\"targets\",\"delegations\":{{\"a note\":{{}},\"keys\":{keys},{roles}}},\
                 {common},\"targets\":{{\"v1\":{entry}}},\"version\":1}}"
            );
            let read =
                TUF1.open_targets(&RoleName::Targets, &document(&targets), &Limits::default());
            let mut content = read.expect("targets").into_unverified_content();
            let again = TUF1.targets_message(&content);
            assert_eq!(String::from_utf8_lossy(again.as_bytes()), targets);
            content.unknown.forget_entry("v1");
            let other = TUF1.targets_message(&content);
            assert!(!String::from_utf8_lossy(other.as_bytes()).contains("blake2b"));
        }
    }
}
