//! Canonical JSON as docker/go writes it: what Notary signs (notary `docker/go/canonical/json`).
//!
//! Members sorted by the bytes of their names, no white space, integers in decimal, and in strings
//! only `"` and `\` escaped: everything else, control characters included, stands raw.

use super::json::Value;

/// Appends the canonical form of a value.
pub(super) fn write(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => integer(*number, out),
        Value::String(text) => string(text, out),
        Value::Array(items) => separated(items.iter(), b'[', b']', out, write),
        Value::Object(members) => {
            separated(members.iter(), b'{', b'}', out, |(name, value), out| {
                string(name, out);
                out.push(b':');
                write(value, out);
            });
        }
    }
}

/// Appends a quoted string.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend(from.first());
        rest = from.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends an integer.
pub(super) fn integer(number: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}

/// Appends items between brackets, commas between them.
pub(super) fn separated<T>(
    items: impl Iterator<Item = T>,
    open: u8,
    close: u8,
    out: &mut Vec<u8>,
    mut one: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        one(item, out);
    }
    out.push(close);
}

/// The form on the wire: `<`, `>`, `&`, U+2028 and U+2029 as `\u` escapes, wherever they stand
/// (Go `encoding/json` compacting a raw message).
pub(super) fn escape_for_wire(canonical: &[u8], out: &mut Vec<u8>) {
    out.reserve(canonical.len());
    let mut rest = canonical;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2)) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let (escaped, taken): (&[u8], usize) = match from {
            [b'<', ..] => (b"\\u003c", 1),
            [b'>', ..] => (b"\\u003e", 1),
            [b'&', ..] => (b"\\u0026", 1),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            _ => (&[0xe2], 1),
        };
        out.extend_from_slice(escaped);
        rest = from.get(taken..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Canonical bytes as a JSON document: control characters, which canonical strings hold raw, as
/// escapes. Outside of strings the canonical form has none.
pub(super) fn escape_controls(canonical: &[u8], out: &mut Vec<u8>) {
    out.reserve(canonical.len());
    for byte in canonical {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::parse;
    use super::*;

    fn canonical(document: &str) -> String {
        let mut out = Vec::new();
        write(&parse(document.as_bytes()).expect(document), &mut out);
        String::from_utf8(out).expect("UTF-8 in, UTF-8 out")
    }

    #[test]
    fn canonical_matches_go() {
        assert_eq!(
            canonical(r#" { "b" : [ 1 , 2 ] , "a" : "x\/y" } "#),
            r#"{"a":"x/y","b":[1,2]}"#
        );
        assert_eq!(
            canonical(r#"{"a\"":1,"a!":2,"a b":3,"a":4}"#),
            r#"{"a":4,"a b":3,"a!":2,"a\"":1}"#
        );
        assert_eq!(canonical(r#""\u003c\u0026\u2028\\\"""#), "\"<&\u{2028}\\\\\\\"\"");
        assert_eq!(canonical(r#""\n\t\u0001""#), "\"\n\t\u{1}\"", "control characters stand raw");
        assert_eq!(canonical("[null,true,false,-1,{}]"), "[null,true,false,-1,{}]");
    }

    #[test]
    fn canonical_key_order_astral() {
        assert_eq!(
            canonical("{\"\u{1f600}\":1,\"\u{ffff}\":2}"),
            "{\"\u{ffff}\":2,\"\u{1f600}\":1}"
        );
    }

    #[test]
    fn the_wire_form_escapes_five_characters_and_nothing_else() {
        let mut out = Vec::new();
        escape_for_wire("<>&\u{2028}\u{2029}€é\"".as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "\\u003c\\u003e\\u0026\\u2028\\u2029€é\"");
    }
}
