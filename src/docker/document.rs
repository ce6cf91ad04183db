//! JSON that one of docker's tools printed and will get again, with other images in it.

use serde_json::Value;

use super::dockerfile::Settings;

/// An image in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The service or target that takes it.
    pub owner: String,
    /// As it is written.
    pub text: String,
    pointer: String,
    before: String,
}

/// A service or target that is built.
#[derive(Debug)]
pub struct Build {
    /// Its name.
    pub owner: String,
    /// The build context.
    pub context: String,
    /// The Dockerfile in the context, or by an absolute path.
    pub file: Option<String>,
    /// A Dockerfile in the document itself.
    pub inline: Option<String>,
    /// What decides which images the Dockerfile needs.
    pub settings: Settings,
    pub(super) pointer: String,
}

impl Image {
    /// One of which the document's text at a place is the whole.
    pub(super) fn whole(owner: &str, text: &str, pointer: String) -> Self {
        Self::within(owner, text, pointer, "")
    }

    /// One before which something else stands in the document.
    pub(super) fn within(owner: &str, text: &str, pointer: String, before: &str) -> Self {
        let (owner, text, before) = (owner.to_owned(), text.to_owned(), before.to_owned());
        Self { owner, text, pointer, before }
    }

    /// Puts a reference in its place.
    pub(super) fn exchange(&self, document: &mut Value, pinned: &str) {
        if let Some(value) = document.pointer_mut(&self.pointer) {
            *value = Value::String(format!("{}{pinned}", self.before));
        }
    }
}

/// The first key of an object that is neither among the `known` nor a note of the user's own
/// (`x-…`). It may bring an image.
pub(super) fn unknown_key<'v>(value: &'v Value, known: &str) -> Option<&'v str> {
    let mut keys = value.as_object()?.keys().map(String::as_str);
    keys.find(|key| {
        !key.starts_with("x-") && known.split_ascii_whitespace().all(|known| known != *key)
    })
}

/// A name in a JSON pointer (RFC 6901 §3).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
