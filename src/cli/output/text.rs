//! Text from outside, made fit for terminals and logs (CWE-117, CWE-150).

use std::fmt::Write;

use crate::tuf::RoleName;

/// One line; whatever could move a cursor, turn a line or hide is written as an escape.
pub(in crate::cli) fn for_terminal(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, letter| {
        match letter {
            '\t' | '"' | '\'' | '\\' => line.push(letter),
            _ => line.extend(letter.escape_debug()),
        }
        line
    })
}

/// A JSON document in which every such character is a JSON escape. They stand only in strings, so
/// the document says the same as before.
pub(in crate::cli) fn for_json(document: &str) -> String {
    document.chars().fold(String::with_capacity(document.len()), |mut text, letter| {
        if letter == '\n' || is_shown(letter) {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(text, "\\u{unit:04x}").expect("a String takes everything");
            }
        }
        text
    })
}

/// A reason without the role that it is about, for where that was said already.
pub(in crate::cli) fn beside_role<'r>(role: &RoleName, reason: &'r str) -> &'r str {
    let named = reason.strip_prefix(role.as_str()).and_then(|rest| rest.strip_prefix(": "));
    named.unwrap_or(reason)
}

fn is_shown(letter: char) -> bool {
    matches!(letter, '"' | '\'' | '\\') || letter.escape_debug().count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_injection() {
        assert_eq!(
            for_terminal("a\u{1b}[2J\r\nb\u{202e}c\u{9b}\u{7f}"),
            "a\\u{1b}[2J\\r\\nb\\u{202e}c\\u{9b}\\u{7f}"
        );
        assert_eq!(for_terminal("it's \"é\"\t\\"), "it's \"é\"\t\\");
    }

    #[test]
    fn json_stays_one_document_with_the_same_meaning() {
        let value = serde_json::json!({"a\u{202e}": "\u{1b}\u{9b}\u{e0001}é\u{7f}\"\\"});
        let safe = for_json(&value.to_string());
        assert!(safe.chars().all(is_shown), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).expect("JSON"), value);
    }
}
