//! A look at a few entries of a targets file that was accepted in full before.
//!
//! A collection of twenty thousand tags is megabytes of JSON. Once its bytes were verified, and
//! their hash remembered, answering for one tag needs no tree of all of them: the entries that
//! nobody asked for are skipped as text.

use std::collections::BTreeMap;

use super::super::fields::{Fields, malformed};
use super::super::json::{ParseError, Value};
use super::super::skim::Skim;
use super::read::{self, Reader, TARGETS_FIELDS};
use crate::tuf::{Error, Limits, RoleName, Targets, Unknown};

pub(in crate::tuf::dialect) fn targets(
    role: &RoleName,
    bytes: &[u8],
    names: &[&str],
    limits: &Limits,
) -> Result<Targets, Error> {
    let signed = signed(bytes, names).map_err(|error| error.in_file_of(role))?;
    let signed = signed.ok_or_else(|| malformed(role, "the file lacks \"signed\"".to_owned()))?;
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
        unknown: Unknown::default(),
    })
}

/// Of the file `signed`, and of that every member, but of `targets` only the named ones.
fn signed<'d>(document: &'d [u8], names: &[&str]) -> Result<Option<Value<'d>>, ParseError> {
    let mut signed = None;
    let mut file = Skim::of(document)?;
    file.members(|file, member| match member.as_ref() {
        "signed" => {
            signed = Some(members(file, |file, member| match member {
                "targets" => members(file, |file, name| match names.contains(&name) {
                    true => file.value().map(Some),
                    false => file.skip().map(|()| None),
                })
                .map(Some),
                _ => file.value().map(Some),
            })?);
            Ok(())
        }
        _ => file.skip(),
    })?;
    file.end()?;
    Ok(signed)
}

/// The object that comes next, with those members that `keep` does not skip.
fn members<'d>(
    file: &mut Skim<'d>,
    mut keep: impl FnMut(&mut Skim<'d>, &str) -> Result<Option<Value<'d>>, ParseError>,
) -> Result<Value<'d>, ParseError> {
    let mut kept = Vec::new();
    file.members(|file, name| {
        if let Some(value) = keep(file, &name)? {
            kept.push((name, value));
        }
        Ok(())
    })?;
    kept.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(Value::Object(kept))
}
