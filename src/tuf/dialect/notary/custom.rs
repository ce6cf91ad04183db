//! What is ours in a publisher's own JSON: for which collection an entry was signed.

use std::borrow::Cow;

use super::super::json::{self, Value};
use crate::tuf::{Custom, Gun};

/// The collection that an entry names, if it does. What we name can be read; JSON that can't be was
/// not made by us.
pub(in crate::tuf::dialect) fn gun(custom: &Custom) -> Option<String> {
    let value = json::parse(custom.as_str().as_bytes()).ok()?;
    match member(member(&value, OURS)?, "gun")? {
        Value::String(gun) => Some(gun.to_string()),
        _ => None,
    }
}

/// The publisher's own JSON and the collection. JSON that is no object is left alone.
pub(in crate::tuf::dialect) fn naming(own: Option<Custom>, gun: &Gun) -> Custom {
    let own = own.unwrap_or_else(|| Custom::from_canonical("{}".to_owned()));
    let Ok(Value::Object(mut members)) = json::parse(own.as_str().as_bytes()) else { return own };
    let named = Value::Object(vec![("gun".into(), Value::String(gun.as_str().into()))]);
    members.retain(|(name, _)| name != OURS);
    let at = members.partition_point(|(name, _)| **name < *OURS);
    members.insert(at, (Cow::Borrowed(OURS), named));
    Custom::of_value(&Value::Object(members))
}

/// The publisher's own JSON without the collection; `None` if nothing else was there.
pub(in crate::tuf::dialect) fn unnamed(custom: Custom) -> Option<Custom> {
    let Ok(Value::Object(mut members)) = json::parse(custom.as_str().as_bytes()) else {
        return Some(custom);
    };
    let before = members.len();
    members.retain(|(name, _)| name != OURS);
    match members.len() {
        0 if before > 0 => None,
        left if left == before => Some(custom),
        _ => Some(Custom::of_value(&Value::Object(members))),
    }
}

fn member<'v, 'a>(value: &'v Value<'a>, wanted: &str) -> Option<&'v Value<'a>> {
    let Value::Object(members) = value else { return None };
    members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
}

/// The member of `custom` that is ours.
const OURS: &str = "countersign";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_its_collection_beside_what_the_publisher_put_in() {
        let collection = Gun::raw("reg.example.com/team/web").expect("a name");
        let ours = r#""countersign":{"gun":"reg.example.com/team/web"}"#;
        for (own, expected) in [
            (None, format!("{{{ours}}}")),
            (Some(r#"{"a":1,"z":[2]}"#), format!(r#"{{"a":1,{ours},"z":[2]}}"#)),
            (
                Some(r#"{"countersign":{"gun":"other"},"d":"\""}"#),
                format!(r#"{{{ours},"d":"\""}}"#),
            ),
        ] {
            let own = own.map(|text| Custom::parse(text.as_bytes()).expect(text));
            let named = naming(own, &collection);
            assert_eq!(named.as_str(), expected);
            assert_eq!(gun(&named).as_deref(), Some(collection.as_str()));
            assert_eq!(Custom::parse(named.as_str().as_bytes()).expect("signable"), named);
        }
        for (named, own) in [
            (format!("{{{ours}}}"), None),
            (format!(r#"{{"a":1,{ours}}}"#), Some(r#"{"a":1}"#)),
            ("{}".to_owned(), Some("{}")),
            ("[7]".to_owned(), Some("[7]")),
        ] {
            let left = unnamed(Custom::parse(named.as_bytes()).expect("JSON"));
            assert_eq!(left.as_ref().map(Custom::as_str), own, "{named}");
        }
        let text = Custom::parse(b"\"text\"").expect("JSON");
        assert_eq!(naming(Some(text.clone()), &collection), text);
        assert_eq!(gun(&text), None);
    }
}
