//! Manifests and indexes: read far enough to know that they mean one thing.

use std::fmt;

use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::image::Descriptor;

/// A manifest or index of an image, whose bytes hash to its descriptor's digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Digest, size and type.
    pub descriptor: Descriptor,
    /// The document as it arrived.
    pub bytes: Vec<u8>,
}

/// The types that are asked for: docker's schema 2 and OCI 1.1, single images and indexes.
pub(super) const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json";

/// The one type of a document that came as `content_type`.
///
/// Bytes that can be read as two kinds are refused: a digest is signed once, and must not mean an
/// index to one reader and an image to another (CVE-2021-41190).
pub(super) fn media_type(bytes: &[u8], content_type: Option<&str>) -> Result<String, &'static str> {
    let outline = Outline::read(bytes).ok_or("it sent a manifest that is no JSON object")?;
    let content_type = content_type.and_then(essence);
    let declared = outline.media_type.as_deref();
    if content_type.is_some() && declared.is_some() && content_type != declared {
        return Err("it sent a manifest of another type than its own mediaType");
    }
    let known = content_type.or(declared).filter(|name| ACCEPT.split(", ").any(|it| it == *name));
    let media_type = known.ok_or("it sent a manifest of a type that was not asked for")?;
    let is_index = media_type.contains(".list.") || media_type.contains(".index.");
    let Outline { listing, config, layers, schema, .. } = outline;
    match schema {
        Schema::One => return Err("it sent a manifest of docker's schema 1, which signs nothing"),
        Schema::Unknown => return Err("it sent a manifest of another schema than 2"),
        Schema::Two => {}
    }
    match listing {
        true if config || layers => Err("it sent a manifest that is also an index"),
        _ if listing != is_index => Err("it sent a manifest that its type contradicts"),
        false if !config => Err("it sent a manifest without a configuration"),
        _ => Ok(media_type.to_owned()),
    }
}

/// `type/subtype` of a `Content-Type`.
fn essence(content_type: &str) -> Option<&str> {
    content_type.split(';').next().map(str::trim).filter(|name| !name.is_empty())
}

/// What the top level of a document says about its kind.
#[derive(Default)]
struct Outline {
    media_type: Option<String>,
    listing: bool,
    config: bool,
    layers: bool,
    schema: Schema,
}

/// Of what the document speaks, as far as it says so.
#[derive(Default, PartialEq)]
enum Schema {
    One,
    /// Docker's second one, and OCI's only one. Also of those who leave it out.
    #[default]
    Two,
    Unknown,
}

impl Outline {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let outline = reader.deserialize_map(OutlineVisitor).ok()?;
        reader.end().ok().map(|()| outline)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    /// Names count in any case and must come once: Go reads `Manifests` as `manifests`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut outline = Outline::default();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let name = name.to_ascii_lowercase();
            match &*name {
                "mediatype" => outline.media_type = Some(map.next_value()?),
                "schemaversion" => match map.next_value::<u64>()? {
                    2 => {}
                    1 => outline.schema = Schema::One,
                    _ => outline.schema = Schema::Unknown,
                },
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            match &*name {
                "manifests" => outline.listing = true,
                "config" => outline.config = true,
                "layers" => outline.layers = true,
                "fslayers" | "history" | "signatures" => outline.schema = Schema::One,
                _ => {}
            }
            if !seen.insert(name) {
                return Err(serde::de::Error::custom("a name twice"));
            }
        }
        Ok(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    #[test]
    fn ambiguous_manifest() {
        let own_type = format!(r#"{{"mediaType":"{INDEX}","manifests":[]}}"#);
        for (document, content_type, accepted) in [
            (r#"{"schemaVersion":2,"config":{},"layers":[]}"#, Some(IMAGE), true),
            (r#"{"schemaVersion":2,"manifests":[]}"#, Some(INDEX), true),
            (
                r#"{"manifests":[]}"#,
                Some("application/vnd.oci.image.index.v1+json; charset=utf-8"),
                true,
            ),
            (&own_type, None, true),
            (&own_type, Some(INDEX), true),
            (&own_type, Some(IMAGE), false),
            (r#"{"manifests":[],"layers":[]}"#, Some(INDEX), false),
            (r#"{"manifests":[],"config":{}}"#, Some(IMAGE), false),
            (r#"{"Manifests":[],"layers":[]}"#, Some(IMAGE), false),
            (r#"{"layers":[],"layers":[]}"#, Some(IMAGE), false),
            (r#"{"layers":[],"Layers":[]}"#, Some(IMAGE), false),
            (r#"{"layers":[]}"#, Some(INDEX), false),
            (r#"{"manifests":[]}"#, Some(IMAGE), false),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, Some(IMAGE), false),
            (r#"{"config":{},"layers":[]}"#, Some("text/html"), false),
            (r#"{"config":{},"layers":[]}"#, None, false),
            (r#"[]"#, Some(IMAGE), false),
            (r#"{"schemaVersion":1,"config":{},"layers":[]}"#, Some(IMAGE), false),
            (r#"{"schemaVersion":3,"config":{},"layers":[]}"#, Some(IMAGE), false),
            (r#"{"schemaVersion":"2","config":{},"layers":[]}"#, Some(IMAGE), false),
            (r#"{"schemaVersion":3,"manifests":[]}"#, Some(INDEX), false),
            (r#"{"config":{},"layers":[]}"#, Some(IMAGE), true),
            (r#"{"layers":[]}"#, Some(IMAGE), false),
            ("{}", Some(IMAGE), false),
            ("{}", Some(INDEX), false),
            (r#"{"config":{},"layers":[]} x"#, Some(IMAGE), false),
            ("<html>", Some(IMAGE), false),
            ("", Some(IMAGE), false),
        ] {
            let read = media_type(document.as_bytes(), content_type);
            assert_eq!(read.is_ok(), accepted, "{document} as {content_type:?}: {read:?}");
        }
    }
}
