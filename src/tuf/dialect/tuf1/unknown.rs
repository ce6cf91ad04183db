//! Members that TUF 1.0 does not name (TUF 1.0.34 §4.1): taken out of what was read, and put back
//! into what is written.
//!
//! They may stand in `signed`, in a target or a listed file, in a delegation, and in a role of
//! root's. Those of a key are kept with the key.

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
    let delegations = member(signed, "delegations").and_then(|it| member(it, "roles"));
    match delegations {
        Some(Value::Array(roles)) => {
            roles.iter().filter_map(|role| Some((name_of(role)?, role))).collect()
        }
        _ => object(signed, "roles").collect(),
    }
}

fn roles_mut<'v, 'a>(signed: &'v mut Value<'a>) -> Vec<(String, &'v mut Value<'a>)> {
    let is_targets = member(signed, "delegations").is_some();
    let container = match is_targets {
        true => member_mut(signed, "delegations").and_then(|it| member_mut(it, "roles")),
        false => member_mut(signed, "roles"),
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

/// Where targets and listed files stand.
const ENTRIES: [&str; 2] = ["targets", "meta"];
const KNOWN_OF_ENTRIES: [&str; 4] = ["custom", "hashes", "length", "version"];
const KNOWN_OF_ROLES: [&str; 6] =
    ["keyids", "name", "path_hash_prefixes", "paths", "terminating", "threshold"];
