//! What manifests and indexes name.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::Error;
use crate::image::Descriptor;
use crate::net::Manifest;

/// What a manifest names.
pub(super) enum Content {
    /// A configuration and layers.
    Image { config: Descriptor, layers: Vec<Descriptor> },
    /// Manifests.
    Index(Vec<Entry>),
}

/// A manifest in an index.
pub(super) struct Entry {
    pub(super) descriptor: Descriptor,
    pub(super) platform: Option<Platform>,
}

impl Content {
    /// Reads what a manifest names. The registry's type was compared with the document's own
    /// before.
    pub(super) fn read(manifest: &Manifest) -> Result<Self, Error> {
        let digest = manifest.descriptor.digest;
        let refuse = |problem: String| Error::Manifest { digest, problem };
        let media_type = manifest.descriptor.media_type.as_deref().unwrap_or_default();
        if media_type.contains(".list.") || media_type.contains(".index.") {
            let index: Index = serde_json::from_slice(&manifest.bytes)
                .map_err(|error| refuse(error.to_string()))?;
            let entries = index.manifests.into_iter().map(Listed::entry).collect::<Result<_, _>>();
            return entries.map(Self::Index).map_err(refuse);
        }
        let image: Image =
            serde_json::from_slice(&manifest.bytes).map_err(|error| refuse(error.to_string()))?;
        let layers = image.layers.into_iter().map(Listed::descriptor).collect::<Result<_, _>>();
        let config = image.config.descriptor().map_err(refuse)?;
        Ok(Self::Image { config, layers: layers.map_err(refuse)? })
    }
}

/// For which machines an image is: `linux/amd64`, `linux/arm/v7`.
#[derive(Clone, Debug, Deserialize)]
pub struct Platform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: String,
}

impl Platform {
    /// The variant that is meant when none is named (containerd `platforms`).
    fn variant(&self) -> &str {
        match (&*self.architecture, &*self.variant) {
            ("arm64", "") => "v8",
            ("arm", "") => "v7",
            (_, variant) => variant,
        }
    }
}

impl PartialEq for Platform {
    fn eq(&self, other: &Self) -> bool {
        (&self.os, &self.architecture, self.variant())
            == (&other.os, &other.architecture, other.variant())
    }
}

impl Eq for Platform {}

impl Default for Platform {
    /// Linux on a machine like this one.
    fn default() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Self { os: "linux".into(), architecture: architecture.into(), variant: String::new() }
    }
}

impl FromStr for Platform {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let part =
            |index: usize| parts.get(index).map(|part| (*part).to_owned()).unwrap_or_default();
        if !(2..=3).contains(&parts.len()) || parts.contains(&"") {
            return Err("write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT: linux/arm64");
        }
        Ok(Self { os: part(0), architecture: part(1), variant: part(2) })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

#[derive(Deserialize)]
struct Image {
    config: Listed,
    layers: Vec<Listed>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Listed>,
}

/// A descriptor as it is written.
#[derive(Deserialize)]
struct Listed {
    digest: String,
    size: u64,
    #[serde(rename = "mediaType")]
    media_type: String,
    platform: Option<Platform>,
}

impl Listed {
    fn descriptor(self) -> Result<Descriptor, String> {
        let digest = self.digest.parse().map_err(|error: crate::image::Error| error.to_string())?;
        Ok(Descriptor { digest, size: self.size, media_type: Some(self.media_type) })
    }

    fn entry(self) -> Result<Entry, String> {
        let platform = self.platform.clone();
        Ok(Entry { descriptor: self.descriptor()?, platform })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImageDigest;

    fn manifest(media_type: &str, text: &str) -> Manifest {
        let bytes = text.as_bytes().to_vec();
        let digest = ImageDigest::of(&bytes);
        let (size, media_type) = (bytes.len() as u64, Some(media_type.to_owned()));
        Manifest { descriptor: Descriptor { digest, size, media_type }, bytes }
    }

    #[test]
    fn platforms_with_and_without_their_usual_variant_are_equal() {
        let platform = |text: &str| text.parse::<Platform>().expect(text);
        assert_eq!(platform("linux/arm64"), platform("linux/arm64/v8"));
        assert_ne!(platform("linux/arm"), platform("linux/arm/v6"));
        assert_eq!(platform("linux/arm/v6").to_string(), "linux/arm/v6");
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn digests_other_than_sha256_are_refused() {
        let text = r#"{"config":{"digest":"md5:00","size":1,"mediaType":"x"},"layers":[]}"#;
        let read = Content::read(&manifest("application/vnd.oci.image.manifest.v1+json", text));
        assert!(matches!(read, Err(Error::Manifest { .. })));
    }

    #[test]
    fn two_readings_of_one_name_are_refused() {
        let text = r#"{"layers":[],"layers":[],"config":{}}"#;
        let read = Content::read(&manifest("application/vnd.oci.image.manifest.v1+json", text));
        assert!(matches!(read, Err(Error::Manifest { .. })));
    }
}
