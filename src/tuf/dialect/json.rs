//! One strict JSON tree.
//!
//! A document is parsed once. The tree is what signatures are verified over and what the model is
//! read from, so there is no second reading to disagree with the first. Refused at any depth:
//! repeated members, numbers with fraction or exponent, integers beyond 2^53 - 1, more than 32
//! levels, anything after the document.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::tuf::role::MAX_EXACT_INTEGER;
use crate::tuf::{Error, RoleName};

/// A JSON value that borrows from the document where it can. Members of objects are sorted by name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Parses a whole document.
///
/// # Errors
///
/// The reason in words, with the place where it is known.
pub(super) fn parse(document: &[u8]) -> Result<Value<'_>, ParseError> {
    let mut deserializer = serde_json::Deserializer::from_str(text(document)?);
    let value = Level::TOP.deserialize(&mut deserializer).map_err(ParseError::from)?;
    deserializer.end().map_err(ParseError::from)?;
    Ok(value)
}

/// The document as text: looking once at the whole costs a fraction of looking at each string.
pub(super) fn text(document: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(document).map_err(|error| ParseError::Other(error.to_string()))
}

/// Why a document is not acceptable.
#[derive(Debug)]
pub(super) enum ParseError {
    TooDeep,
    Other(String),
}

impl ParseError {
    /// The error of the file that could not be parsed.
    pub(super) fn in_file_of(self, role: &RoleName) -> Error {
        let role = role.clone();
        match self {
            Self::TooDeep => Error::TooMany { role, what: "levels of nesting", limit: MAX_DEPTH },
            Self::Other(reason) => Error::NotJson { role, reason },
        }
    }
}

impl From<serde_json::Error> for ParseError {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        if text.starts_with(TOO_DEEP) || text.starts_with("recursion limit") {
            Self::TooDeep
        } else {
            Self::Other(text)
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Deserialises one value at this depth.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    const TOP: Self = Self(0);

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.0 < MAX_DEPTH {
            Ok(Self(self.0.saturating_add(1)))
        } else {
            Err(E::custom(TOO_DEEP))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value<'de>, E> {
        match i64::try_from(value) {
            Ok(integer) if value <= MAX_EXACT_INTEGER => Ok(Value::Integer(integer)),
            _ => Err(E::custom("integer above 2^53 - 1")),
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value<'de>, E> {
        if value.unsigned_abs() <= MAX_EXACT_INTEGER {
            Ok(Value::Integer(value))
        } else {
            Err(E::custom("integer below -(2^53 - 1)"))
        }
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value<'de>, E> {
        Err(E::custom("number that is not a plain integer"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let inside = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let inside = self.deeper()?;
        let mut object: Vec<(Cow<'de, str>, Value<'de>)> = Vec::new();
        let mut sorted = true;
        while let Some(Name(name)) = members.next_key()? {
            sorted = sorted && object.last().is_none_or(|(last, _)| *last < name);
            object.push((name, members.next_value_seed(inside)?));
        }
        if !sorted {
            object.sort_by(|(left, _), (right, _)| left.cmp(right));
            if let Some(name) = repeated(&object) {
                return Err(de::Error::custom(format_args!("member {name:?} stands twice")));
            }
        }
        Ok(Value::Object(object))
    }
}

/// The first name that stands twice; the members are sorted.
fn repeated<'v>(members: &'v [(Cow<'_, str>, Value<'_>)]) -> Option<&'v str> {
    members.windows(2).find_map(|pair| match pair {
        [(left, _), (right, _)] if left == right => Some(left.as_ref()),
        _ => None,
    })
}

/// A member's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> de::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

const MAX_DEPTH: usize = 32;
const TOO_DEEP: &str = "nested more than 32 levels deep";

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: &str) -> bool {
        parse(document.as_bytes()).is_err()
    }

    #[test]
    fn duplicate_members_are_refused_at_any_depth() {
        for document in [
            r#"{"a":1,"a":2}"#,
            r#"{"b":{"a":1,"c":0,"a":1}}"#,
            r#"[{"version":1,"\u0076ersion":2}]"#,
            r#"{"z":1,"a":2,"z":3}"#,
        ] {
            assert!(refused(document), "{document}");
        }
        assert!(!refused(r#"{"b":1,"a":{"b":1}}"#));
    }

    #[test]
    fn number_table() {
        for bad in [
            "3.0",
            "3e0",
            "0.5",
            "-0",
            "1E400",
            "01",
            "+1",
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551616",
            "NaN",
            "1.",
        ] {
            assert!(refused(bad), "{bad}");
        }
        assert!(refused(&"9".repeat(1_000_000)));
        for good in ["0", "-1", "9007199254740991", "-9007199254740991"] {
            assert!(!refused(good), "{good}");
        }
    }

    #[test]
    fn surrogate_refused() {
        for bad in [r#""\ud800""#, r#""\udc00x""#, r#""\ud800\u0041""#] {
            assert!(refused(bad), "{bad}");
        }
        assert_eq!(parse(br#""\ud83d\ude00""#).expect("a pair"), Value::String("\u{1f600}".into()));
    }

    #[test]
    fn encoding_table() {
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(b"\xef\xbb\xbf{}").is_err(), "byte order mark");
        assert!(parse(b"\xff\xfe{\0}\0").is_err(), "UTF-16");
        assert!(parse(b"\"a\nb\"").is_err(), "raw control character");
    }

    #[test]
    fn trailing_data_is_refused_but_white_space_is_not() {
        for bad in ["{}{}", "{}x", "{}\0", "", " "] {
            assert!(refused(bad), "{bad:?}");
        }
        assert!(!refused(" {} \n"));
    }

    #[test]
    fn lenient_json_refused() {
        for bad in ["{a:1}", "{'a':1}", "[1,]", "{\"a\":1,}", "/**/{}", "nul", "Infinity"] {
            assert!(refused(bad), "{bad}");
        }
    }

    #[test]
    fn deep_nesting_ends_without_a_stack_overflow() {
        for depth in [33, 10_000, 1_000_000] {
            let document = "[".repeat(depth) + &"]".repeat(depth);
            assert!(matches!(parse(document.as_bytes()), Err(ParseError::TooDeep)), "{depth}");
        }
        let document = "[".repeat(32) + &"]".repeat(32);
        assert!(!refused(&document));
    }
}
