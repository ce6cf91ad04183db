//! One staged change as its file says it (Notary 0.7 `client/changelist/change.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A change, word for word; what it means is not looked at here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// `create`, `update`, `delete`.
    pub action: String,
    /// The role that it is made in; Notary's `targets/*` is none, but every delegation.
    pub scope: String,
    /// `target`, `delegation`, `witness`.
    pub kind: String,
    /// The name of a target, or nothing.
    pub path: String,
    /// A JSON document, if there is more to say.
    pub data: Option<Vec<u8>>,
}

impl Change {
    /// Reads a file. What is missing is empty, and what is not known is passed over, as for Notary.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(super) fn from_file(text: &[u8]) -> Result<Self, String> {
        let wrong = |error: serde_json::Error| error.to_string();
        let object: Map<String, Value> = serde_json::from_slice(text).map_err(wrong)?;
        let file = File::deserialize(Value::Object(object)).map_err(wrong)?;
        let decode = |text: String| STANDARD.decode(text);
        let data = file.data.map(decode).transpose();
        let data = data.map_err(|_| "its data is no base64".to_owned())?;
        let File { action, role: scope, kind, path, .. } = file;
        Ok(Self { action, scope, kind, path, data })
    }

    /// The file, byte for byte as Notary writes it.
    pub(super) fn to_file(&self) -> Vec<u8> {
        let data = match &self.data {
            Some(data) => format!("\"{}\"", STANDARD.encode(data)),
            None => "null".to_owned(),
        };
        let [action, scope, kind, path] =
            [&self.action, &self.scope, &self.kind, &self.path].map(|text| quoted(text));
        format!(
            "{{\"action\":{action},\"role\":{scope},\"type\":{kind},\"path\":{path},\"data\":{data}}}"
        )
        .into_bytes()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    action: String,
    role: String,
    #[serde(rename = "type")]
    kind: String,
    path: String,
    data: Option<String>,
}

/// A JSON string with the escapes of Go's encoder, which also spares HTML.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|letter| match letter {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
            format!("\\u{:04x}", u32::from(letter))
        }
        other => other.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_those_of_notary() {
        let text = br#"{"action":"create","role":"targets","type":"target","path":"a\u003cb","data":"e30="}"#;
        let change = Change::from_file(text).expect("a change");
        assert_eq!(change.path, "a<b");
        assert_eq!(change.data.as_deref(), Some(&b"{}"[..]));
        assert_eq!(change.to_file(), text);
        let text =
            br#"{"action":"delete","role":"targets","type":"target","path":"v1","data":null}"#;
        assert_eq!(Change::from_file(text).expect("a change").to_file(), text);
    }

    #[test]
    fn what_is_no_change_is_told_in_words() {
        for text in ["", "[]", "{\"action\":1}", "{\"data\":\"?\"}", "{}{}", "null", "\"x\""] {
            assert!(Change::from_file(text.as_bytes()).is_err(), "{text}");
        }
    }
}
