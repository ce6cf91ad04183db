//! A look at a few entries of a targets file that was accepted in full before.
//!
//! A collection of twenty thousand tags is megabytes of JSON. Once its bytes were verified, and their hash
//! remembered, answering for one tag needs no tree of all of them: the entries that nobody asked for are
//! skipped as text.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::super::json::{self, Level, Name, Value};
use super::fields::{Fields, malformed};
use super::read::{self, Reader, TARGETS_FIELDS};
use crate::tuf::{Error, Limits, RoleName, Targets};

pub(in crate::tuf::dialect) fn targets(
    role: &RoleName,
    bytes: &[u8],
    names: &[&str],
    limits: &Limits,
) -> Result<Targets, Error> {
    let text = json::text(bytes).map_err(|_| malformed(role, "not UTF-8".to_owned()))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let signed = Document { names }
        .deserialize(&mut deserializer)
        .map_err(|error| malformed(role, error.to_string()))?;
    let reader = Reader { role, limits };
    let fields = Fields::of(role, "signed", &signed, &TARGETS_FIELDS)?;
    reader.check_type(&fields, "Targets")?;
    let targets = Fields::map(role, "targets", fields.required("targets")?)?
        .iter()
        .map(|(name, value)| Ok((name.to_owned(), reader.target(value)?)))
        .collect::<Result<BTreeMap<_, _>, Error>>()?;
    Ok(Targets {
        version: read::version(&fields)?,
        expires: read::expires(&fields)?,
        targets,
        delegations: reader.delegations(fields.required("delegations")?)?,
    })
}

/// The whole file: keeps `signed`, skips the rest.
struct Document<'n> {
    names: &'n [&'n str],
}

/// `signed`: keeps every member, of `targets` only the named ones.
struct Signed<'n> {
    names: &'n [&'n str],
}

/// An object of which only the named members are kept.
struct Only<'n> {
    names: &'n [&'n str],
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signed file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut signed = None;
        while let Some(Name(name)) = members.next_key()? {
            if name == "signed" {
                signed = Some(members.next_value_seed(Signed { names: self.names })?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        signed.ok_or_else(|| A::Error::missing_field("signed"))
    }
}

impl<'de> DeserializeSeed<'de> for Signed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Signed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signed part of a targets file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut kept = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            let value = if name == "targets" {
                members.next_value_seed(Only { names: self.names })?
            } else {
                members.next_value_seed(Level::TOP)?
            };
            kept.push((name, value));
        }
        kept.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(Value::Object(kept))
    }
}

impl<'de> DeserializeSeed<'de> for Only<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Only<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("targets by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut kept = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            if self.names.contains(&name.as_ref()) {
                kept.push((name, members.next_value_seed(Level::TOP)?));
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        kept.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(Value::Object(kept))
    }
}
