//! A look at a few entries of a targets file that was accepted in full before.
//!
//! A collection of twenty thousand tags is megabytes of JSON. Once its bytes were verified, and
//! their hash remembered, answering for one tag needs no tree of all of them: the entries that
//! nobody asked for are skipped as text.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::super::fields::{Fields, malformed};
use super::super::json::{self, Level, Name, Value};
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
    let file = Glance { place: Place::File, names }
        .deserialize(&mut deserializer)
        .and_then(|file| deserializer.end().map(|()| file))
        .map_err(|error| Error::NotJson { role: role.clone(), reason: error.to_string() })?;
    let reader = Reader { role, limits };
    let signed = Fields::map(role, "the file", &file)?.required("signed")?;
    let fields = Fields::of(role, "signed", signed, &TARGETS_FIELDS)?;
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

/// How deep in the file we are, and so which members to keep.
#[derive(Clone, Copy)]
enum Place {
    /// The whole file: of it, `signed`.
    File,
    /// `signed`: every member, of `targets` only some.
    Signed,
    /// `targets`: the named members.
    Targets,
}

/// Reads an object, keeping what its place says.
#[derive(Clone, Copy)]
struct Glance<'n> {
    place: Place,
    names: &'n [&'n str],
}

impl Glance<'_> {
    fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Glance<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Glance<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a targets file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut kept = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            let value = match (self.place, name.as_ref()) {
                (Place::File, "signed") => members.next_value_seed(self.at(Place::Signed))?,
                (Place::Signed, "targets") => members.next_value_seed(self.at(Place::Targets))?,
                (Place::Signed, _) => members.next_value_seed(Level::TOP)?,
                (Place::Targets, name) if self.names.contains(&name) => {
                    members.next_value_seed(Level::TOP)?
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            kept.push((name, value));
        }
        kept.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(Value::Object(kept))
    }
}
