//! Members that both forms write alike, but for the text of a digest.

use super::canonical::{integer, separated, string};
use crate::tuf::{Hashes, Role, Target, Version};

/// The beginning of a member.
pub(super) fn member(name: &str, out: &mut Vec<u8>) {
    string(name, out);
    out.push(b':');
}

/// A signed name's object.
pub(super) fn entry(target: &Target, digest: fn(&[u8]) -> String, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(custom) = &target.custom {
        member("custom", out);
        out.extend_from_slice(custom.as_str().as_bytes());
        out.push(b',');
    }
    hashes(&target.hashes, digest, out);
    out.extend_from_slice(b",\"length\":");
    integer(target.length, out);
    out.push(b'}');
}

pub(super) fn hashes(hashes: &Hashes, digest: fn(&[u8]) -> String, out: &mut Vec<u8>) {
    let sha256 = hashes.sha256().map(|hash| ("sha256", digest(hash.as_bytes())));
    let sha512 = hashes.sha512().map(|hash| ("sha512", digest(hash.as_bytes())));
    member("hashes", out);
    separated(sha256.into_iter().chain(sha512), b'{', b'}', out, |(name, hash), out| {
        member(name, out);
        string(&hash, out);
    });
}

pub(super) fn keyids(role: &Role, out: &mut Vec<u8>) {
    member("keyids", out);
    separated(role.keyids().iter(), b'[', b']', out, |id, out| string(&id.to_string(), out));
}

/// With the comma before it.
pub(super) fn threshold(role: &Role, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"threshold\":");
    integer(role.threshold(), out);
}

/// The last member of every role, with the comma before it, and the end of the role.
pub(super) fn version(version: Version, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"version\":");
    integer(version, out);
    out.push(b'}');
}
