//! Writing files of the Notary form: fixed points of notary's decode and encode.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp as Instant;

use super::super::canonical::{escape_for_wire, integer, separated, string, write};
use super::super::json::{self, ParseError, Value};
use super::super::members::{entry, hashes, keyids, member, threshold, version};
use super::super::time;
use super::{key, method_name};
use crate::crypto::Signature;
use crate::tuf::{
    Custom, Delegation, Delegations, Error, FileMeta, Key, KeyId, Root, Snapshot, Targets,
    Timestamp,
};

pub(in crate::tuf::dialect) fn root(root: &Root) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"_type\":\"Root\",\"consistent_snapshot\":false,\"expires\":");
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
    separated(roles.into_iter(), b'{', b'}', &mut out, |(name, keys), out| {
        member(name, out);
        out.push(b'{');
        keyids(keys, out);
        threshold(keys, out);
        out.push(b'}');
    });
    version(root.version, &mut out);
    out
}

pub(in crate::tuf::dialect) fn timestamp(timestamp: &Timestamp) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"_type\":\"Timestamp\",\"expires\":");
    expires(timestamp.expires, &mut out);
    out.extend_from_slice(b",\"meta\":{\"snapshot\":");
    file_meta(&timestamp.snapshot, &mut out);
    out.push(b'}');
    version(timestamp.version, &mut out);
    out
}

pub(in crate::tuf::dialect) fn snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"_type\":\"Snapshot\",\"expires\":");
    expires(snapshot.expires, &mut out);
    out.extend_from_slice(b",\"meta\":");
    let by_name: BTreeMap<&str, &FileMeta> =
        snapshot.meta.iter().map(|(role, file)| (role.as_str(), file)).collect();
    separated(by_name.into_iter(), b'{', b'}', &mut out, |(name, file), out| {
        member(name, out);
        file_meta(file, out);
    });
    version(snapshot.version, &mut out);
    out
}

pub(in crate::tuf::dialect) fn targets(targets: &Targets) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"_type\":\"Targets\",\"delegations\":");
    delegations(&targets.delegations, &mut out);
    out.extend_from_slice(b",\"expires\":");
    expires(targets.expires, &mut out);
    out.extend_from_slice(b",\"targets\":");
    separated(targets.targets.iter(), b'{', b'}', &mut out, |(name, target), out| {
        member(name, out);
        entry(target, base64, out);
    });
    version(targets.version, &mut out);
    out
}

/// `{"signed":…,"signatures":[…]}`: `signed` first although it sorts last, no white space, no final
/// newline.
pub(in crate::tuf::dialect) fn seal(message: &[u8], signatures: &[(KeyId, Signature)]) -> Vec<u8> {
    let mut out = b"{\"signed\":".to_vec();
    escape_for_wire(message, &mut out);
    out.extend_from_slice(b",\"signatures\":");
    separated(signatures.iter(), b'[', b']', &mut out, |(id, signature), out| {
        out.extend_from_slice(b"{\"keyid\":");
        string(&id.to_string(), out);
        out.extend_from_slice(b",\"method\":");
        string(method_name(signature.scheme()), out);
        out.extend_from_slice(b",\"sig\":");
        string(&base64(signature.as_bytes()), out);
        out.push(b'}');
    });
    out.push(b'}');
    out
}

pub(in crate::tuf::dialect) fn custom(text: &[u8]) -> Result<Custom, Error> {
    let unsignable = |reason: String| Error::Unsignable { reason };
    let value = json::parse(text).map_err(|error| match error {
        ParseError::TooDeep => unsignable("nested more than 32 levels deep".to_owned()),
        ParseError::Other(reason) => unsignable(reason),
    })?;
    if matches!(value, Value::Null) {
        return Err(unsignable("null stands for nothing at all".to_owned()));
    }
    let mut out = Vec::new();
    write(&value, &mut out);
    let canonical = String::from_utf8(out).map_err(|_| unsignable("not UTF-8".to_owned()))?;
    let fragile =
        |c: char| c.is_control() || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    match canonical.chars().find(|c| fragile(*c)) {
        Some(found) => Err(unsignable(format!("character {found:?} would break the signature"))),
        None => Ok(Custom::from_canonical(canonical)),
    }
}

fn delegations(delegations: &Delegations, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"keys\":");
    keys(&delegations.keys, out);
    out.extend_from_slice(b",\"roles\":");
    separated(delegations.roles.iter(), b'[', b']', out, delegation);
    out.push(b'}');
}

fn delegation(delegation: &Delegation, out: &mut Vec<u8>) {
    out.push(b'{');
    keyids(&delegation.role, out);
    out.extend_from_slice(b",\"name\":");
    string(delegation.name.as_str(), out);
    let prefixes = delegation.paths.prefixes();
    if !prefixes.is_empty() {
        out.extend_from_slice(b",\"paths\":");
        separated(prefixes.iter(), b'[', b']', out, |path, out| string(path, out));
    }
    threshold(&delegation.role, out);
    out.push(b'}');
}

fn file_meta(file: &FileMeta, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(listed) = &file.hashes {
        hashes(listed, base64, out);
        out.push(b',');
    }
    member("length", out);
    integer(file.length.unwrap_or_default(), out);
    out.push(b'}');
}

fn keys(keys: &BTreeMap<KeyId, Key>, out: &mut Vec<u8>) {
    separated(keys.values(), b'{', b'}', out, |key, out| {
        member(&key.id().to_string(), out);
        key::write(key.keytype(), key.written(), out);
    });
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn expires(at: Instant, out: &mut Vec<u8>) {
    string(&time::format(at), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_table() {
        for (text, canonical) in [
            (r#"{"b":1,"a":"x"}"#, r#"{"a":"x","b":1}"#),
            (r#"  {  "a" : [ 1 , 2 ] }  "#, r#"{"a":[1,2]}"#),
            (r#""just a string""#, r#""just a string""#),
            (r#"{"a":"\u0041"}"#, r#"{"a":"A"}"#),
        ] {
            assert_eq!(custom(text.as_bytes()).expect(text).as_str(), canonical);
        }
        for bad in [
            "null",
            r#"{"a":"<&>"}"#,
            r#"{"a":1e3}"#,
            r#"{"a":1.5}"#,
            r#"{"a":9007199254740993}"#,
            "{",
            "",
            r#"{"a":"\n"}"#,
            r#"{"a":1,"a":1}"#,
            "{\"a\":\"\u{2028}\"}",
        ] {
            assert!(custom(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
