//! Reading files of the Notary form.
//!
//! Every reader parses once, computes the signed bytes from that tree, and reads the model from it.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::super::fields::{Fields, excerpt, malformed};
use super::super::json::{self, Value};
use super::super::{canonical, time};
use super::{key, scheme_named};
use crate::crypto::{Sha256, Sha512, Signature};
use crate::tuf::{
    Custom, Delegation, Delegations, Envelope, EnvelopeSignature, Error, FileMeta, Hashes, Key,
    KeyId, Limits, Naming, Paths, Role, RoleName, Root, Snapshot, Target, Targets, Timestamp,
    Unknown, Version,
};

pub(in crate::tuf::dialect) fn root(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Root>, Error> {
    Reader { role: &RoleName::Root, limits }.open(bytes, Siblings::Refuse, Reader::root)
}

pub(in crate::tuf::dialect) fn timestamp(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Timestamp>, Error> {
    Reader { role: &RoleName::Timestamp, limits }.open(bytes, Siblings::Refuse, Reader::timestamp)
}

pub(in crate::tuf::dialect) fn snapshot(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Snapshot>, Error> {
    Reader { role: &RoleName::Snapshot, limits }.open(bytes, Siblings::LetBe, Reader::snapshot)
}

pub(in crate::tuf::dialect) fn targets(
    role: &RoleName,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Targets>, Error> {
    Reader { role, limits }.open(bytes, Siblings::LetBe, Reader::targets)
}

/// A key object on its own; `role` is whose key was asked for. It must be one that can sign for
/// that role.
pub(in crate::tuf::dialect) fn lone_key(role: &RoleName, bytes: &[u8]) -> Result<Key, Error> {
    let limits = Limits::default();
    let value = parse(role, bytes)?;
    let key = Reader { role, limits: &limits }.key("the key", &value)?;
    match key.public() {
        Some(_) => Ok(key),
        None => {
            let keytype = excerpt(key.keytype());
            Err(malformed(role, format!("a key of type {keytype} that cannot be used")))
        }
    }
}

/// Unsigned members beside `signed` and `signatures`: harmless where the parent's hash covers the
/// whole file, refused where nothing does.
#[derive(Clone, Copy)]
enum Siblings {
    LetBe,
    Refuse,
}

fn parse<'a>(role: &RoleName, bytes: &'a [u8]) -> Result<Value<'a>, Error> {
    json::parse(bytes).map_err(|error| error.in_file_of(role))
}

/// Reads parts of one role's file.
pub(super) struct Reader<'r> {
    pub(super) role: &'r RoleName,
    pub(super) limits: &'r Limits,
}

impl Reader<'_> {
    fn open<T>(
        &self,
        bytes: &[u8],
        siblings: Siblings,
        content: impl FnOnce(&Self, &Value<'_>) -> Result<T, Error>,
    ) -> Result<Envelope<T>, Error> {
        let limit = self.limits.bytes(self.role);
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge {
                role: self.role.clone(),
                limit,
                found: bytes.len() as u64,
            });
        }
        let document = parse(self.role, bytes)?;
        let fields = Fields::of(self.role, "the file", &document, &["signed", "signatures"])?;
        let allowed = match siblings {
            Siblings::LetBe => self.limits.unsigned_members,
            Siblings::Refuse => 0,
        };
        if fields.len().saturating_sub(2) > allowed {
            return Err(fields.malformed("has members that no signature covers".to_owned()));
        }
        let signatures = self.signatures(fields.array("signatures")?)?;
        let signed = fields.required("signed")?;
        let content = content(self, signed)?;
        let mut message = Vec::with_capacity(bytes.len());
        canonical::write(signed, &mut message);
        Ok(Envelope::new(content, message, signatures))
    }

    fn root(&self, signed: &Value<'_>) -> Result<Root, Error> {
        let known = ["_type", "consistent_snapshot", "expires", "keys", "roles", "version"];
        let fields = Fields::of(self.role, "signed", signed, &known)?;
        self.check_type(&fields, "Root")?;
        if !matches!(fields.required("consistent_snapshot")?, Value::Bool(_)) {
            return Err(fields.malformed("has no boolean \"consistent_snapshot\"".to_owned()));
        }
        let keys = self.keys(fields.required("keys")?)?;
        let roles = ["root", "snapshot", "targets", "timestamp"];
        let roles = Fields::of(self.role, "roles", fields.required("roles")?, &roles)?;
        let role = |name: &str| self.top_level_role(&keys, name, roles.required(name)?);
        let (root, targets) = (role("root")?, role("targets")?);
        let (snapshot, timestamp) = (role("snapshot")?, role("timestamp")?);
        let (version, expires) = (version(&fields)?, expires(&fields)?);
        let naming = Naming::ByHash;
        let unknown = Unknown::default();
        Ok(Root { version, expires, keys, naming, root, targets, snapshot, timestamp, unknown })
    }

    fn timestamp(&self, signed: &Value<'_>) -> Result<Timestamp, Error> {
        let fields =
            Fields::of(self.role, "signed", signed, &["_type", "expires", "meta", "version"])?;
        self.check_type(&fields, "Timestamp")?;
        let meta = Fields::of(self.role, "meta", fields.required("meta")?, &["snapshot"])?;
        let snapshot = self.file_meta(meta.required("snapshot")?)?;
        let unknown = Unknown::default();
        Ok(Timestamp { version: version(&fields)?, expires: expires(&fields)?, snapshot, unknown })
    }

    fn snapshot(&self, signed: &Value<'_>) -> Result<Snapshot, Error> {
        let fields =
            Fields::of(self.role, "signed", signed, &["_type", "expires", "meta", "version"])?;
        self.check_type(&fields, "Snapshot")?;
        let listed = Fields::of(self.role, "meta", fields.required("meta")?, &["root", "targets"])?;
        self.at_most(listed.len(), self.limits.delegations.saturating_add(2), "listed files")?;
        listed.required("root")?;
        listed.required("targets")?;
        let meta = listed
            .iter()
            .map(|(name, file)| Ok((self.role_named(name)?, self.file_meta(file)?)))
            .collect::<Result<_, Error>>()?;
        let unknown = Unknown::default();
        Ok(Snapshot { version: version(&fields)?, expires: expires(&fields)?, meta, unknown })
    }

    fn targets(&self, signed: &Value<'_>) -> Result<Targets, Error> {
        let fields = Fields::of(self.role, "signed", signed, &TARGETS_FIELDS)?;
        self.check_type(&fields, "Targets")?;
        let listed = Fields::map(self.role, "targets", fields.required("targets")?)?;
        self.at_most(listed.len(), self.limits.targets, "targets")?;
        let targets = listed
            .iter()
            .map(|(name, target)| Ok((self.target_name(name)?, self.target(target)?)))
            .collect::<Result<_, Error>>()?;
        let delegations = self.delegations(fields.required("delegations")?)?;
        let (version, expires) = (version(&fields)?, expires(&fields)?);
        Ok(Targets { version, expires, targets, delegations, unknown: Unknown::default() })
    }

    pub(super) fn delegations(&self, value: &Value<'_>) -> Result<Delegations, Error> {
        let fields = Fields::of(self.role, "delegations", value, &["keys", "roles"])?;
        let keys = self.keys(fields.required("keys")?)?;
        let listed = match fields.required("roles")? {
            Value::Null => &[],
            _ => fields.array("roles")?,
        };
        self.at_most(listed.len(), self.limits.delegations, "delegations")?;
        let mut roles: Vec<Delegation> = Vec::with_capacity(listed.len());
        for value in listed {
            let delegation = self.delegation(&keys, value)?;
            if roles.iter().any(|role| role.name == delegation.name) {
                return Err(fields.malformed(format!("lists {} twice", delegation.name)));
            }
            roles.push(delegation);
        }
        Ok(Delegations { keys, roles })
    }

    fn delegation(
        &self,
        keys: &BTreeMap<KeyId, Key>,
        value: &Value<'_>,
    ) -> Result<Delegation, Error> {
        let known = ["keyids", "name", "paths", "threshold"];
        let fields = Fields::of(self.role, "a delegation", value, &known)?;
        let name = self.role_named(fields.string("name")?)?;
        if name.parent().as_ref() != Some(self.role) {
            return Err(fields.malformed(format!("to {name} is not to a direct child")));
        }
        let role = role_keys(keys, &fields)?;
        let paths = fields.strings("paths")?;
        self.at_most(paths.len(), self.limits.paths, "paths of a delegation")?;
        let paths = Paths::Prefixes(paths.into_iter().map(str::to_owned).collect());
        Ok(Delegation { name, role, paths, terminating: false })
    }

    /// A role of root: it must be able to reach its threshold.
    fn top_level_role(
        &self,
        keys: &BTreeMap<KeyId, Key>,
        name: &str,
        value: &Value<'_>,
    ) -> Result<Role, Error> {
        let fields = Fields::of(self.role, name, value, &["keyids", "threshold"])?;
        let role = role_keys(keys, &fields)?;
        if role.keyids().len() < role.threshold().count() {
            return Err(fields.malformed("has fewer keys than its threshold".to_owned()));
        }
        Ok(role)
    }

    fn keys(&self, value: &Value<'_>) -> Result<BTreeMap<KeyId, Key>, Error> {
        let fields = Fields::map(self.role, "keys", value)?;
        self.at_most(fields.len(), self.limits.keys, "keys")?;
        fields.iter().map(|(id, value)| self.listed_key(id, value)).collect()
    }

    fn listed_key(&self, written: &str, value: &Value<'_>) -> Result<(KeyId, Key), Error> {
        let key = self.key(written, value)?;
        if key.id().to_string() != written {
            let (role, written) = (self.role.clone(), excerpt(written));
            return Err(Error::KeyId { role, written, computed: key.id() });
        }
        Ok((key.id(), key))
    }

    fn key(&self, id: &str, value: &Value<'_>) -> Result<Key, Error> {
        let fields = Fields::of(self.role, "a key", value, &["keytype", "keyval"])?;
        let keyval = fields.required("keyval")?;
        let keyval = Fields::of(self.role, "keyval", keyval, &["private", "public"])?;
        if !matches!(keyval.required("private")?, Value::Null) {
            return Err(Error::PrivateKey { role: self.role.clone(), id: excerpt(id) });
        }
        Ok(key::written(fields.string("keytype")?, keyval.bytes("public")?))
    }

    fn signatures(&self, items: &[Value<'_>]) -> Result<Vec<EnvelopeSignature>, Error> {
        self.at_most(items.len(), self.limits.signatures, "signatures")?;
        items.iter().map(|item| self.signature(item)).collect()
    }

    fn signature(&self, value: &Value<'_>) -> Result<EnvelopeSignature, Error> {
        let fields = Fields::of(self.role, "a signature", value, &["keyid", "method", "sig"])?;
        if fields.len().saturating_sub(3) > self.limits.unsigned_members {
            return Err(fields.malformed("has members that no signature covers".to_owned()));
        }
        let bytes = fields.bytes("sig")?;
        let scheme = scheme_named(fields.string("method")?);
        Ok(EnvelopeSignature {
            keyid: fields.string("keyid")?.parse().ok(),
            signature: scheme.map(|scheme| Signature::new(scheme, bytes)),
        })
    }

    /// Length and hashes of a listed file; Notary demands SHA-256.
    fn file_meta(&self, value: &Value<'_>) -> Result<FileMeta, Error> {
        let fields = Fields::of(self.role, "a listed file", value, &["hashes", "length"])?;
        let hashes = self.hashes(fields.required("hashes")?)?;
        if hashes.sha256().is_none() {
            return Err(fields.malformed("has no sha256".to_owned()));
        }
        Ok(FileMeta {
            length: Some(fields.integer("length")?),
            hashes: Some(hashes),
            version: None,
        })
    }

    pub(super) fn target(&self, value: &Value<'_>) -> Result<Target, Error> {
        let fields = Fields::of(self.role, "a target", value, &["custom", "hashes", "length"])?;
        let custom = fields.optional("custom").filter(|value| !matches!(value, Value::Null));
        Ok(Target {
            length: fields.integer("length")?,
            hashes: self.hashes(fields.required("hashes")?)?,
            custom: custom.map(Custom::of_value),
        })
    }

    fn hashes(&self, value: &Value<'_>) -> Result<Hashes, Error> {
        let fields = Fields::of(self.role, "hashes", value, &["sha256", "sha512"])?;
        let bytes = |name: &str| match fields.optional(name) {
            None => Ok(None),
            Some(_) => fields.bytes(name).map(Some),
        };
        let wrong = |name: &str| fields.malformed(format!("has a {name} of a wrong length"));
        let sha256 = bytes("sha256")?.map(|hash| hash.try_into().map(Sha256::from_bytes));
        let sha512 = bytes("sha512")?.map(|hash| hash.try_into().map(Sha512::from_bytes));
        let sha256 = sha256.transpose().map_err(|_: Vec<u8>| wrong("sha256"))?;
        let sha512 = sha512.transpose().map_err(|_: Vec<u8>| wrong("sha512"))?;
        Hashes::new(sha256, sha512)
            .ok_or_else(|| fields.malformed("have neither sha256 nor sha512".to_owned()))
    }

    pub(super) fn target_name(&self, name: &str) -> Result<String, Error> {
        if name.is_ascii() {
            return Ok(name.to_owned());
        }
        Err(malformed(self.role, format!("target name {} is not ASCII", excerpt(name))))
    }

    fn role_named(&self, name: &str) -> Result<RoleName, Error> {
        name.parse().map_err(|error: Error| malformed(self.role, error.to_string()))
    }

    pub(super) fn check_type(
        &self,
        fields: &Fields<'_, '_>,
        expected: &'static str,
    ) -> Result<(), Error> {
        match fields.string("_type")? {
            found if found == expected => Ok(()),
            found => {
                Err(Error::WrongType { role: self.role.clone(), expected, found: excerpt(found) })
            }
        }
    }

    fn at_most(&self, found: usize, limit: usize, what: &'static str) -> Result<(), Error> {
        if found <= limit {
            Ok(())
        } else {
            Err(Error::TooMany { role: self.role.clone(), what, limit })
        }
    }
}

pub(super) fn version(fields: &Fields<'_, '_>) -> Result<Version, Error> {
    Version::new(fields.integer("version")?)
        .ok_or_else(|| fields.malformed("has a version below 1".to_owned()))
}

pub(super) fn expires(fields: &Fields<'_, '_>) -> Result<Instant, Error> {
    let text = fields.string("expires")?;
    time::parse(text)
        .ok_or_else(|| fields.malformed(format!("expires at {}, no date", excerpt(text))))
}

/// Notary reads null as no keys, but a missing member as damage.
fn role_keys(keys: &BTreeMap<KeyId, Key>, fields: &Fields<'_, '_>) -> Result<Role, Error> {
    fields.required("keyids")?;
    fields.role(keys)
}

pub(super) const TARGETS_FIELDS: [&str; 5] =
    ["_type", "delegations", "expires", "targets", "version"];
