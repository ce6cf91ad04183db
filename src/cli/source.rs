//! Where the digest to sign comes from. Never from a local daemon, which may hold anything.

mod buildx;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use buildx::Built;

use super::context::Context;
use super::exit::Kind;
use super::output::Failure;
use super::subject::Subject;
use crate::image::{Descriptor, ImageDigest, Name, Reference, Tag};
use crate::net;
use crate::storage::read_named;

// What to sign. (A comment for documentation would become that of the command.)
#[derive(Args)]
#[group(multiple = true)]
pub(super) struct Source {
    /// This digest (sha256:…); the same as REF@sha256:…
    #[arg(long, conflicts_with_all = ["metadata_file", "oci_layout"])]
    digest: Option<ImageDigest>,

    /// Size of the manifest in bytes; the registry is asked unless it is given with a digest
    #[arg(long, value_name = "BYTES", conflicts_with_all = ["metadata_file", "oci_layout"])]
    #[arg(value_parser = clap::value_parser!(u64).range(SIZES))]
    size: Option<u64>,

    /// What docker buildx build or bake wrote with --metadata-file
    #[arg(long, value_name = "FILE", conflicts_with = "oci_layout")]
    metadata_file: Option<PathBuf>,

    /// An image in OCI layout
    #[arg(long, value_name = "DIR")]
    oci_layout: Option<PathBuf>,
}

impl Source {
    /// The manifest or index to sign for a reference.
    ///
    /// # Errors
    ///
    /// If what is given is none, contradicts the reference, or the registry does not have it.
    pub(super) async fn descriptor(
        &self,
        subject: &Subject,
        tag: &Tag,
        context: &Context,
    ) -> Result<Descriptor, Failure> {
        let registry = || context.registry(subject, PATIENCE);
        let descriptor = match (&self.metadata_file, &self.oci_layout) {
            (Some(file), _) => match Built::read(file, subject, tag)? {
                Built::Described(descriptor) => descriptor,
                Built::Named(digest) => registry()?.describe(&digest).await.map_err(unpushed)?,
            },
            (None, Some(folder)) => {
                layout(folder, subject.image.as_ref().map(Reference::name), tag)?
            }
            (None, None) => return self.by_digest_or_tag(subject, tag, context).await,
        };
        match subject.digest() {
            Some(given) if given != descriptor.digest => {
                Err(contradiction(&given, &descriptor.digest))
            }
            _ => Ok(descriptor),
        }
    }

    async fn by_digest_or_tag(
        &self,
        subject: &Subject,
        tag: &Tag,
        context: &Context,
    ) -> Result<Descriptor, Failure> {
        let digest = match (self.digest, subject.digest()) {
            (Some(option), Some(given)) if option != given => {
                return Err(contradiction(&given, &option));
            }
            (option, given) => option.or(given),
        };
        match (digest, self.size) {
            (Some(digest), Some(size)) => Ok(Descriptor { digest, size, media_type: None }),
            (None, Some(_)) => Err(Failure::new(Kind::Usage, "--size goes with a digest")),
            (Some(digest), None) => {
                context.registry(subject, PATIENCE)?.describe(&digest).await.map_err(unpushed)
            }
            (None, None) => {
                context.registry(subject, PATIENCE)?.resolve(tag).await.map_err(unpushed)
            }
        }
    }
}

/// What to do if the registry does not have it.
fn unpushed(error: net::Error) -> Failure {
    let is_absent = matches!(error, net::Error::NotFound { .. });
    let failure = Failure::from(error);
    match is_absent {
        true => failure.advise("Push it first, or say what it will be with --digest and --size."),
        false => failure,
    }
}

fn contradiction(given: &ImageDigest, other: &ImageDigest) -> Failure {
    let message = format!("two different digests are given: {given} and {other}");
    Failure::new(Kind::Usage, message).expected(given).found(other)
}

/// The index of a layout.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    digest: String,
    size: u64,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

impl Listed {
    fn descriptor(&self) -> Result<Descriptor, Failure> {
        if !SIZES.contains(&self.size) {
            let message = format!("{}: {} is no size of a manifest", self.digest, self.size);
            return Err(Failure::new(Kind::Usage, message));
        }
        let (size, media_type) = (self.size, self.media_type.clone());
        Ok(Descriptor { digest: self.digest.parse()?, size, media_type })
    }

    /// Whether it is called so: by its whole name, where that stands, else by its tag alone.
    fn is_named(&self, name: Option<&Name>, tag: &Tag) -> bool {
        let whole = self.annotations.get("io.containerd.image.name");
        let short = self.annotations.get("org.opencontainers.image.ref.name");
        match (whole.map(|text| text.parse::<Reference>()), name) {
            (Some(whole), Some(name)) => {
                whole.is_ok_and(|whole| whole.name() == name && whole.tag() == Some(tag))
            }
            _ => short.is_some_and(|short| short == tag.as_str()),
        }
    }
}

/// The manifest of this name, or the only one. Its bytes are compared with their digest.
fn layout(folder: &Path, name: Option<&Name>, tag: &Tag) -> Result<Descriptor, Failure> {
    let path = folder.join("index.json");
    let index: Index = json(&path)?;
    let mut named = index.manifests.iter().filter(|listed| listed.is_named(name, tag));
    let first = named.next();
    if named.any(|other| first.is_some_and(|first| first.digest != other.digest)) {
        return Err(unusable(&path, "several images of that name"));
    }
    let only = || index.manifests.first().filter(|_| index.manifests.len() == 1);
    let none = || unusable(&path, "several images, and none of that name");
    let descriptor = first.or_else(only).ok_or_else(none)?.descriptor()?;
    let blob = folder.join("blobs/sha256").join(descriptor.digest.sha256().to_string());
    let bytes = read(&blob)?;
    let (found, size) = (ImageDigest::of(&bytes), bytes.len() as u64);
    if found != descriptor.digest || size != descriptor.size {
        let failure =
            Failure::new(Kind::Mismatch, format!("{} is not what its name says", blob.display()));
        return Err(failure.expected(descriptor.digest).found(found));
    }
    Ok(descriptor)
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Failure> {
    serde_json::from_slice(&read(path)?).map_err(|error| unusable(path, &error.to_string()))
}

/// A file of the user's, of at most four mebibytes.
///
/// # Errors
///
/// If it cannot be read or is larger.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, MAX_BYTES)
}

/// The same for files that may be larger.
pub(super) fn read_up_to(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    read_named(path, limit).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, problem: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{}: {problem}", path.display()))
}

const MAX_BYTES: u64 = 4 << 20;
/// What can be written into metadata: JSON has no larger integers that all readers understand.
const SIZES: RangeInclusive<u64> = 1..=(1 << 53) - 1;
const PATIENCE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(&path, text).expect("written");
        (folder, path)
    }

    #[test]
    fn layout_whose_blob_was_changed_is_refused() {
        let digest = ImageDigest::of(b"manifest");
        let index = format!(r#"{{"manifests":[{{"digest":"{digest}","size":8}}]}}"#);
        let (folder, _) = written("index.json", &index);
        let blob = folder.path().join("blobs/sha256").join(digest.sha256().to_string());
        std::fs::create_dir_all(blob.parent().expect("a parent")).expect("a directory");
        std::fs::write(&blob, b"manifest").expect("written");
        assert!(layout(folder.path(), None, &Tag::latest()).is_ok());
        std::fs::write(&blob, b"manifesT").expect("written");
        let failure = layout(folder.path(), None, &Tag::latest()).expect_err("refused");
        assert_eq!(failure.kind, Kind::Mismatch);
    }

    #[test]
    fn an_image_of_a_layout_is_meant_by_its_whole_name() {
        let images = [("team/a", "1.4"), ("team/b", "1.4"), ("team/c", "2"), ("team/c", "2")];
        let listed = |(number, (name, tag)): (usize, &(&str, &str))| {
            let digest = ImageDigest::of(&[number as u8]);
            format!(
                r#"{{"digest":"{digest}","size":1,"annotations":{{
                "io.containerd.image.name":"reg.example/{name}:{tag}",
                "org.opencontainers.image.ref.name":"{tag}"}}}}"#
            )
        };
        let manifests: Vec<String> = images.iter().enumerate().map(listed).collect();
        let index = format!(r#"{{"manifests":[{}]}}"#, manifests.join(","));
        let (folder, _) = written("index.json", &index);
        let blobs = folder.path().join("blobs/sha256");
        std::fs::create_dir_all(&blobs).expect("a directory");
        for number in 0_u8..4 {
            let name = ImageDigest::of(&[number]).sha256().to_string();
            std::fs::write(blobs.join(name), [number]).expect("written");
        }
        let found = |text: &str| {
            let reference: Reference = text.parse().expect(text);
            let tag = reference.tag().expect("a tag");
            layout(folder.path(), Some(reference.name()), tag).map(|found| found.digest)
        };
        assert_eq!(found("reg.example/team/a:1.4"), Ok(ImageDigest::of(&[0])));
        assert_eq!(found("reg.example/team/b:1.4"), Ok(ImageDigest::of(&[1])));
        let refused = |text: &str| found(text).expect_err("refused").message;
        assert!(refused("reg.example/team/c:2").contains("several images of that name"));
        assert!(refused("reg.example/team/d:1.4").contains("none of that name"));
    }
}
