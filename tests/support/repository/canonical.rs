//! The form that is signed, from the definition and not from the product.

use serde_json::Value;

/// Members sorted by the bytes of their names, no white space, `"` and `\` escaped and nothing
/// else.
pub fn canonical(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<Vec<u8>> = items.iter().map(canonical).collect();
            [b"[".to_vec(), items.join(&b','), b"]".to_vec()].concat()
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.as_bytes());
            let one = |(name, value): (&String, &Value)| {
                [quoted(name), b":".to_vec(), canonical(value)].concat()
            };
            let members: Vec<Vec<u8>> = members.into_iter().map(one).collect();
            [b"{".to_vec(), members.join(&b','), b"}".to_vec()].concat()
        }
        plain => plain.to_string().into_bytes(),
    }
}

fn quoted(text: &str) -> Vec<u8> {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")).into_bytes()
}
