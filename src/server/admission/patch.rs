//! The patch that puts digests behind tags (JSON Patch, RFC 6902).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// Puts another image in one place. Pointers are made of members' names that are known and of
/// numbers, so nothing in them has to be escaped (RFC 6901 §3).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "op", rename = "replace")]
pub(super) struct Replace {
    #[serde(rename = "path")]
    pub(super) pointer: String,
    #[serde(rename = "value")]
    pub(super) image: String,
}

/// A patch as an answer holds it; `None` if there is nothing to change.
pub(super) fn encoded(changes: &[Replace]) -> Option<String> {
    let patch = serde_json::to_string(changes).expect("text has a JSON form");
    (!changes.is_empty()).then(|| STANDARD.encode(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_a_list_of_replacements() {
        let change = |index: u32, image: &str| Replace {
            pointer: format!("/spec/containers/{index}/image"),
            image: image.to_owned(),
        };
        let patch = encoded(&[change(0, "a"), change(11, "b\"c")]).expect("a patch");
        let patch = STANDARD.decode(patch).expect("base64");
        assert_eq!(
            String::from_utf8(patch).expect("text"),
            "[{\"op\":\"replace\",\"path\":\"/spec/containers/0/image\",\"value\":\"a\"},\
             {\"op\":\"replace\",\"path\":\"/spec/containers/11/image\",\"value\":\"b\\\"c\"}]"
        );
        assert_eq!(encoded(&[]), None);
    }
}
