//! Taking members out of a JSON tree, with errors that name the place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::Value;
use crate::tuf::{Error, Key, KeyId, Role, RoleName, Threshold};

/// One object of one role's file.
pub(super) struct Fields<'v, 'a> {
    role: &'v RoleName,
    place: &'v str,
    members: &'v [(Cow<'a, str>, Value<'a>)],
}

impl<'v, 'a> Fields<'v, 'a> {
    /// An object whose known members are these; others are let be, except one that differs from a
    /// known one by letter case only, because Go would read it as the known one.
    pub(super) fn of(
        role: &'v RoleName,
        place: &'v str,
        value: &'v Value<'a>,
        known: &[&str],
    ) -> Result<Self, Error> {
        let fields = Self::map(role, place, value)?;
        let lookalike = fields.members.iter().find(|(name, _)| {
            !known.contains(&name.as_ref()) && known.iter().any(|field| folds_to(name, field))
        });
        match lookalike {
            Some((name, _)) => Err(fields.malformed(format!("has a member {name:?}"))),
            None => Ok(fields),
        }
    }

    /// An object that maps names of the publisher's choosing.
    pub(super) fn map(
        role: &'v RoleName,
        place: &'v str,
        value: &'v Value<'a>,
    ) -> Result<Self, Error> {
        match value {
            Value::Object(members) => Ok(Self { role, place, members }),
            other => Err(malformed(role, format!("{place} is {}, not an object", other.kind()))),
        }
    }

    /// A member that is an object itself.
    pub(super) fn inside(&self, name: &'v str, known: &[&str]) -> Result<Self, Error> {
        Self::of(self.role, name, self.required(name)?, known)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'v str, &'v Value<'a>)> {
        self.members.iter().map(|(name, value)| (name.as_ref(), value))
    }

    pub(super) fn optional(&self, name: &str) -> Option<&'v Value<'a>> {
        let at = self.members.binary_search_by(|(member, _)| (**member).cmp(name)).ok()?;
        self.members.get(at).map(|(_, value)| value)
    }

    pub(super) fn required(&self, name: &str) -> Result<&'v Value<'a>, Error> {
        self.optional(name).ok_or_else(|| self.malformed(format!("lacks {name:?}")))
    }

    pub(super) fn string(&self, name: &str) -> Result<&'v str, Error> {
        match self.required(name)? {
            Value::String(text) => Ok(text),
            other => Err(self.unfit(name, other, "a string")),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Result<u64, Error> {
        match self.required(name)? {
            Value::Integer(number) => u64::try_from(*number)
                .map_err(|_| self.malformed(format!("has a negative {name:?}"))),
            other => Err(self.unfit(name, other, "a number")),
        }
    }

    pub(super) fn array(&self, name: &str) -> Result<&'v [Value<'a>], Error> {
        match self.required(name)? {
            Value::Array(items) => Ok(items),
            other => Err(self.unfit(name, other, "an array")),
        }
    }

    /// An array of strings; null is an empty one, and so is a missing member.
    pub(super) fn strings(&self, name: &str) -> Result<Vec<&'v str>, Error> {
        let items = match self.optional(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.unfit(name, other, "an array")),
        };
        let text = |item: &'v Value<'a>| match item {
            Value::String(text) => Ok(text.as_ref()),
            other => Err(self.unfit(name, other, "an array of strings")),
        };
        items.iter().map(text).collect()
    }

    /// Bytes in strict standard base64: padded, no white space, no stray bits.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        STANDARD
            .decode(self.string(name)?)
            .map_err(|_| self.malformed(format!("has a {name:?} that is not standard base64")))
    }

    /// Keys, of those that are known, and how many of them must sign.
    pub(super) fn role(&self, keys: &BTreeMap<KeyId, Key>) -> Result<Role, Error> {
        let threshold = u32::try_from(self.integer("threshold")?).ok().and_then(Threshold::new);
        let threshold = threshold
            .ok_or_else(|| self.malformed("has a threshold that is no count of keys".to_owned()))?;
        let known = |text: &str| {
            let id: Option<KeyId> = text.parse().ok().filter(|id| keys.contains_key(id));
            id.ok_or_else(|| self.malformed(format!("names an unknown key {}", excerpt(text))))
        };
        let ids = self.strings("keyids")?.into_iter().map(known);
        Role::new(ids.collect::<Result<_, _>>()?, threshold)
            .map_err(|repeated| self.malformed(repeated.to_string()))
    }

    /// An error at this place.
    pub(super) fn malformed(&self, what: String) -> Error {
        malformed(self.role, format!("{} {what}", self.place))
    }

    fn unfit(&self, name: &str, found: &Value<'_>, expected: &str) -> Error {
        self.malformed(format!("has {} as {name:?}, not {expected}", found.kind()))
    }
}

/// A malformed file of that role.
pub(super) fn malformed(role: &RoleName, reason: String) -> Error {
    Error::Malformed { role: role.clone(), reason }
}

/// The start of a stranger's text, quoted and escaped.
pub(super) fn excerpt(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

/// Whether Go's decoder takes this member for that field: ASCII case, and the two letters outside
/// ASCII that fold into it, U+017F to `s` and U+212A to `k` (Go `encoding/json`, `foldName`).
fn folds_to(name: &str, field: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold).eq(field.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::super::json::parse;
    use super::*;

    #[test]
    fn field_case_variants() {
        for document in
            [r#"{"Version":1}"#, "{\"ver\u{17f}ion\":1}", r#"{"version":1,"VERSION":2}"#]
        {
            let value = parse(document.as_bytes()).expect("JSON");
            assert!(
                Fields::of(&RoleName::Root, "signed", &value, &["version"]).is_err(),
                "{document}"
            );
        }
        let value = parse(br#"{"version":1,"custom":2}"#).expect("JSON");
        assert!(Fields::of(&RoleName::Root, "signed", &value, &["version"]).is_ok());
    }
}
