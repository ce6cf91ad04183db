//! Reading files of TUF 1.0's form.
//!
//! Every reader parses once, computes the signed bytes from that tree, and reads the model from it.
//! Members that we do not know are let be: they are part of what was signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::super::fields::{Fields, excerpt, malformed};
use super::super::json::{self, Value};
use super::super::{canonical, time};
use super::{MAX_BIN_BITS, key, unknown};
use crate::crypto::{Scheme, Sha256, Sha512, Signature, hex};
use crate::tuf::{
    Bin, Custom, Delegation, Delegations, Envelope, EnvelopeSignature, Error, FileMeta, Hashes,
    Key, KeyId, Limits, Naming, Paths, Role, RoleName, Root, Snapshot, Target, Targets, Timestamp,
    Unknown, Version,
};

pub(in crate::tuf::dialect) fn root(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Root>, Error> {
    Reader { role: &RoleName::Root, limits }.open(bytes, Reader::root)
}

pub(in crate::tuf::dialect) fn timestamp(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Timestamp>, Error> {
    Reader { role: &RoleName::Timestamp, limits }.open(bytes, Reader::timestamp)
}

pub(in crate::tuf::dialect) fn snapshot(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Snapshot>, Error> {
    Reader { role: &RoleName::Snapshot, limits }.open(bytes, Reader::snapshot)
}

pub(in crate::tuf::dialect) fn targets(
    role: &RoleName,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<Targets>, Error> {
    Reader { role, limits }.open(bytes, Reader::targets)
}

/// A key object on its own; `role` is whose key was asked for.
pub(in crate::tuf::dialect) fn lone_key(role: &RoleName, bytes: &[u8]) -> Result<Key, Error> {
    let value = json::parse(bytes).map_err(|error| error.in_file_of(role))?;
    let mut object = Vec::new();
    canonical::write(&value, &mut object);
    let fields = Fields::of(role, "the key", &value, &KEY_FIELDS)?;
    let key = key::read(key::id(&object), &value, &fields)?;
    match key.public() {
        Some(_) => Ok(key),
        None => {
            let keytype = excerpt(key.keytype());
            Err(malformed(role, format!("a key of type {keytype} that cannot be used")))
        }
    }
}

/// Reads parts of one role's file.
struct Reader<'r> {
    role: &'r RoleName,
    limits: &'r Limits,
}

impl Reader<'_> {
    fn open<T>(
        &self,
        bytes: &[u8],
        content: impl FnOnce(&Self, &Value<'_>) -> Result<T, Error>,
    ) -> Result<Envelope<T>, Error> {
        let (limit, found) = (self.limits.bytes(self.role), bytes.len() as u64);
        if found > limit {
            return Err(Error::TooLarge { role: self.role.clone(), limit, found });
        }
        let document = json::parse(bytes).map_err(|error| error.in_file_of(self.role))?;
        let fields = Fields::of(self.role, "the file", &document, &["signed", "signatures"])?;
        if fields.len().saturating_sub(2) > self.limits.unsigned_members {
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
        let (fields, unknown) =
            self.signed(signed, "root", &["consistent_snapshot", "keys", "roles"])?;
        let naming = match fields.required("consistent_snapshot")? {
            Value::Bool(true) => Naming::ByVersion,
            Value::Bool(false) => Naming::Current,
            _ => {
                return Err(fields.malformed("has no boolean \"consistent_snapshot\"".to_owned()));
            }
        };
        let keys = self.keys(fields.required("keys")?)?;
        let roles = fields.inside("roles", &["root", "snapshot", "targets", "timestamp"])?;
        let role = |name: &'static str| {
            let fields = Fields::of(self.role, name, roles.required(name)?, &ROLE_FIELDS)?;
            role_keys(&keys, &fields)
        };
        let (root, targets) = (role("root")?, role("targets")?);
        let (snapshot, timestamp) = (role("snapshot")?, role("timestamp")?);
        let (version, expires) = (version(&fields)?, expires(&fields)?);
        Ok(Root { version, expires, keys, naming, root, targets, snapshot, timestamp, unknown })
    }

    fn timestamp(&self, signed: &Value<'_>) -> Result<Timestamp, Error> {
        let (fields, unknown) = self.signed(signed, "timestamp", &["meta"])?;
        let meta = fields.inside("meta", &["snapshot.json"])?;
        let snapshot = self.file_meta(meta.required("snapshot.json")?)?;
        Ok(Timestamp { version: version(&fields)?, expires: expires(&fields)?, snapshot, unknown })
    }

    fn snapshot(&self, signed: &Value<'_>) -> Result<Snapshot, Error> {
        let (fields, unknown) = self.signed(signed, "snapshot", &["meta"])?;
        let listed = Fields::map(self.role, "meta", fields.required("meta")?)?;
        self.at_most(
            listed.len(),
            self.limits.delegations.saturating_add(1 << MAX_BIN_BITS),
            "listed files",
        )?;
        listed.required("targets.json")?;
        let mut meta: BTreeMap<RoleName, FileMeta> = listed
            .iter()
            .map(|(name, file)| Ok((self.listed_role(name)?, self.file_meta(file)?)))
            .collect::<Result<_, Error>>()?;
        // Some repositories list root, too, as drafts of the specification had it, and then not
        // always the newest one.
        meta.retain(|role, _| role.lists_targets());
        Ok(Snapshot { version: version(&fields)?, expires: expires(&fields)?, meta, unknown })
    }

    fn targets(&self, signed: &Value<'_>) -> Result<Targets, Error> {
        let (fields, unknown) = self.signed(signed, "targets", &["delegations", "targets"])?;
        let listed = Fields::map(self.role, "targets", fields.required("targets")?)?;
        self.at_most(listed.len(), self.limits.targets, "targets")?;
        let targets = listed
            .iter()
            .map(|(name, target)| Ok((self.ascii("target name", name)?, self.target(target)?)))
            .collect::<Result<_, Error>>()?;
        let delegations = match fields.optional("delegations") {
            None | Some(Value::Null) => Delegations::default(),
            Some(value) => self.delegations(value)?,
        };
        let (version, expires) = (version(&fields)?, expires(&fields)?);
        Ok(Targets { version, expires, targets, delegations, unknown })
    }

    fn delegations(&self, value: &Value<'_>) -> Result<Delegations, Error> {
        let fields =
            Fields::of(self.role, "delegations", value, &["keys", "roles", "succinct_roles"])?;
        let keys = self.keys(fields.required("keys")?)?;
        let roles = match (fields.optional("roles"), fields.optional("succinct_roles")) {
            (Some(_), None) => self.named_roles(&keys, &fields)?,
            (None, Some(_)) => self.succinct_roles(&keys, &fields)?,
            _ => {
                let reason = "have not one of \"roles\" and \"succinct_roles\"";
                return Err(fields.malformed(reason.to_owned()));
            }
        };
        Ok(Delegations { keys, roles })
    }

    fn named_roles(
        &self,
        keys: &BTreeMap<KeyId, Key>,
        fields: &Fields<'_, '_>,
    ) -> Result<Vec<Delegation>, Error> {
        let listed = fields.array("roles")?;
        self.at_most(listed.len(), self.limits.delegations, "delegations")?;
        let mut roles: Vec<Delegation> = Vec::with_capacity(listed.len());
        for value in listed {
            let delegation = self.delegation(keys, value)?;
            if roles.iter().any(|role| role.name == delegation.name) {
                return Err(fields.malformed(format!("list {:?} twice", delegation.name.as_str())));
            }
            roles.push(delegation);
        }
        Ok(roles)
    }

    fn delegation(
        &self,
        keys: &BTreeMap<KeyId, Key>,
        value: &Value<'_>,
    ) -> Result<Delegation, Error> {
        let known = ["keyids", "name", "path_hash_prefixes", "paths", "terminating", "threshold"];
        let fields = Fields::of(self.role, "a delegation", value, &known)?;
        let name = self.delegated(fields.string("name")?)?;
        let paths = match (fields.optional("paths"), fields.optional("path_hash_prefixes")) {
            (Some(_), None) => Paths::Globs(owned(&self.few(fields.strings("paths")?)?)),
            (None, Some(_)) => self.hash_prefixes(&fields)?,
            _ => {
                let reason = "has not one of \"paths\" and \"path_hash_prefixes\"";
                return Err(fields.malformed(reason.to_owned()));
            }
        };
        let Value::Bool(terminating) = *fields.required("terminating")? else {
            return Err(fields.malformed("has no boolean \"terminating\"".to_owned()));
        };
        Ok(Delegation { name, role: role_keys(keys, &fields)?, paths, terminating })
    }

    fn few<'p>(&self, paths: Vec<&'p str>) -> Result<Vec<&'p str>, Error> {
        self.at_most(paths.len(), self.limits.paths, "paths of a delegation")?;
        Ok(paths)
    }

    /// Each is 1 to 64 lower-case hexadecimal digits: an empty one would cover every name, and
    /// others none.
    fn hash_prefixes(&self, fields: &Fields<'_, '_>) -> Result<Paths, Error> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let prefixes = self.few(fields.strings("path_hash_prefixes")?)?;
        let wrong =
            prefixes.iter().find(|it| !(1..=64).contains(&it.len()) || !it.bytes().all(digit));
        match wrong {
            None => Ok(Paths::HashPrefixes(owned(&prefixes))),
            Some(wrong) => {
                Err(fields.malformed(format!("has no hash prefix in {}", excerpt(wrong))))
            }
        }
    }

    /// Bins as the roles that they stand for (TUF 1.0.34 §4.5, `succinct_roles`): nobody may sign
    /// what falls into another bin, so it does not matter that none of them is terminating.
    fn succinct_roles(
        &self,
        keys: &BTreeMap<KeyId, Key>,
        fields: &Fields<'_, '_>,
    ) -> Result<Vec<Delegation>, Error> {
        let known = ["bit_length", "keyids", "name_prefix", "threshold"];
        let fields = fields.inside("succinct_roles", &known)?;
        let bits = match fields.integer("bit_length")? {
            bits @ 1..=MAX_BIN_BITS => u8::try_from(bits).unwrap_or(u8::MAX),
            _ => {
                let reason = format!("has a \"bit_length\" that is not 1 to {MAX_BIN_BITS}");
                return Err(fields.malformed(reason));
            }
        };
        let (prefix, role) = (fields.string("name_prefix")?, role_keys(keys, &fields)?);
        let last = Bin::last(bits).index;
        let width = format!("{last:x}").len();
        let bin = |index: u32| {
            let name = self.delegated(&format!("{prefix}-{index:0width$x}"))?;
            let paths = Paths::Bin(Bin { bits, index });
            Ok(Delegation { name, role: role.clone(), paths, terminating: false })
        };
        (0..=last).map(bin).collect()
    }

    fn keys(&self, value: &Value<'_>) -> Result<BTreeMap<KeyId, Key>, Error> {
        let fields = Fields::map(self.role, "keys", value)?;
        self.at_most(fields.len(), self.limits.keys, "keys")?;
        let key = |(written, value): (&str, &Value<'_>)| {
            let no_id = |error: Error| malformed(self.role, error.to_string());
            let id: KeyId = written.parse().map_err(no_id)?;
            let fields = Fields::of(self.role, "a key", value, &KEY_FIELDS)?;
            Ok((id, key::read(id, value, &fields)?))
        };
        fields.iter().map(key).collect()
    }

    /// One id may sign once (TUF 1.0.34 §4.2.1).
    fn signatures(&self, items: &[Value<'_>]) -> Result<Vec<EnvelopeSignature>, Error> {
        self.at_most(items.len(), self.limits.signatures, "signatures")?;
        let mut signatures: Vec<EnvelopeSignature> = Vec::with_capacity(items.len());
        for item in items {
            let fields = Fields::of(self.role, "a signature", item, &["keyid", "sig"])?;
            let keyid: Option<KeyId> = fields.string("keyid")?.parse().ok();
            if keyid.is_some() && signatures.iter().any(|known| known.keyid == keyid) {
                return Err(fields.malformed("is there twice for one key id".to_owned()));
            }
            let bytes = hex::read(fields.string("sig")?);
            let signature = bytes.map(|bytes| Signature::new(Scheme::OfKey, bytes));
            signatures.push(EnvelopeSignature { keyid, signature });
        }
        Ok(signatures)
    }

    fn file_meta(&self, value: &Value<'_>) -> Result<FileMeta, Error> {
        let fields =
            Fields::of(self.role, "a listed file", value, &["hashes", "length", "version"])?;
        let length = fields.optional("length").map(|_| fields.integer("length")).transpose()?;
        let hashes = fields.optional("hashes").map(|hashes| self.hashes(hashes)).transpose()?;
        Ok(FileMeta { length, hashes, version: Some(version(&fields)?) })
    }

    fn target(&self, value: &Value<'_>) -> Result<Target, Error> {
        let fields = Fields::of(self.role, "a target", value, &["custom", "hashes", "length"])?;
        let custom = fields.optional("custom").filter(|value| !matches!(value, Value::Null));
        Ok(Target {
            length: fields.integer("length")?,
            hashes: self.hashes(fields.required("hashes")?)?,
            custom: custom.map(Custom::of_value),
        })
    }

    /// Hashes of which we know at least one; each that we know must be one.
    fn hashes(&self, value: &Value<'_>) -> Result<Hashes, Error> {
        let fields = Fields::of(self.role, "hashes", value, &["sha256", "sha512"])?;
        let wrong = |name: &str| fields.malformed(format!("have a {name} that is none"));
        let bytes = |name: &str| match fields.optional(name) {
            None => Ok(None),
            Some(_) => hex::read(fields.string(name)?).map(Some).ok_or_else(|| wrong(name)),
        };
        let sha256 = bytes("sha256")?.map(|hash| hash.try_into().map(Sha256::from_bytes));
        let sha512 = bytes("sha512")?.map(|hash| hash.try_into().map(Sha512::from_bytes));
        let sha256 = sha256.transpose().map_err(|_: Vec<u8>| wrong("sha256"))?;
        let sha512 = sha512.transpose().map_err(|_: Vec<u8>| wrong("sha512"))?;
        Hashes::new(sha256, sha512)
            .ok_or_else(|| fields.malformed("have neither sha256 nor sha512".to_owned()))
    }

    /// `signed`, of that type and of a specification that we know, and what is unknown in it.
    fn signed<'v, 'a>(
        &'v self,
        signed: &'v Value<'a>,
        expected: &'static str,
        own: &[&str],
    ) -> Result<(Fields<'v, 'a>, Unknown), Error> {
        let common = ["_type", "expires", "spec_version", "version"];
        let known: Vec<&str> = common.iter().chain(own).copied().collect();
        let fields = Fields::of(self.role, "signed", signed, &known)?;
        let found = fields.string("_type")?;
        if found != expected {
            let (role, found) = (self.role.clone(), excerpt(found));
            return Err(Error::WrongType { role, expected, found });
        }
        let spec = fields.string("spec_version")?;
        if !is_spec_version_1(spec) {
            let reason = format!("is of specification {}, this reads 1.x.y", excerpt(spec));
            return Err(fields.malformed(reason));
        }
        Ok((fields, unknown::collect(signed, &known)))
    }

    fn listed_role(&self, file: &str) -> Result<RoleName, Error> {
        let name = file.strip_suffix(".json").ok_or_else(|| {
            malformed(self.role, format!("lists {}, which is no role's file", excerpt(file)))
        })?;
        RoleName::free(name).map_err(|error| malformed(self.role, error.to_string()))
    }

    fn delegated(&self, name: &str) -> Result<RoleName, Error> {
        match RoleName::free(name) {
            Ok(role @ RoleName::Delegation(_)) => Ok(role),
            Ok(role) => Err(malformed(self.role, format!("a delegation to {role}"))),
            Err(error) => Err(malformed(self.role, error.to_string())),
        }
    }

    fn ascii(&self, what: &str, name: &str) -> Result<String, Error> {
        if name.is_ascii() {
            return Ok(name.to_owned());
        }
        Err(malformed(self.role, format!("{what} {} is not ASCII", excerpt(name))))
    }

    fn at_most(&self, found: usize, limit: usize, what: &'static str) -> Result<(), Error> {
        if found <= limit {
            Ok(())
        } else {
            Err(Error::TooMany { role: self.role.clone(), what, limit })
        }
    }
}

fn owned(texts: &[&str]) -> Arc<[String]> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// `1.` and one or two numbers: some repositories leave out the last one of the three that semantic
/// versions have.
fn is_spec_version_1(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.split('.');
    parts.next() == Some("1")
        && parts.next().is_some_and(number)
        && parts.next().is_none_or(number)
        && parts.next().is_none()
}

fn role_keys(keys: &BTreeMap<KeyId, Key>, fields: &Fields<'_, '_>) -> Result<Role, Error> {
    fields.array("keyids")?;
    fields.role(keys)
}

fn version(fields: &Fields<'_, '_>) -> Result<Version, Error> {
    Version::new(fields.integer("version")?)
        .ok_or_else(|| fields.malformed("has a version below 1".to_owned()))
}

fn expires(fields: &Fields<'_, '_>) -> Result<Instant, Error> {
    let text = fields.string("expires")?;
    time::parse_utc(text)
        .ok_or_else(|| fields.malformed(format!("expires at {}, no date", excerpt(text))))
}

const ROLE_FIELDS: [&str; 2] = ["keyids", "threshold"];
const KEY_FIELDS: [&str; 3] = ["keytype", "keyval", "scheme"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_version_table() {
        for good in ["1.0.34", "1.0.0", "1.99.0", "1.0"] {
            assert!(is_spec_version_1(good), "{good}");
        }
        for bad in
            ["2.0.0", "2.0", "", "1", "1.0.", "1.0.0.0", "1.x.0", "01.0.0", "1..0", "1.0.0-rc"]
        {
            assert!(!is_spec_version_1(bad), "{bad}");
        }
    }
}
