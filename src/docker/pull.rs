//! Images into files: a verified pull without docker.
//!
//! Every manifest and blob is compared with the digest and the size by which a trusted one names
//! it. The result appears whole under its name, or not at all.

mod archive;
mod blobs;
mod error;
mod layout;
mod manifest;

use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use error::Error;
pub use manifest::Platform;

use blobs::Blobs;
use manifest::Content;

use crate::image::{Descriptor, ImageDigest, Reference};
use crate::net::{Manifest, Registry};

/// Where a pulled image goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A directory in the layout of OCI images (OCI image specification 1.1, `image-layout.md`).
    OciLayout(PathBuf),
    /// A file as `docker save` writes it and `docker load` reads it.
    DockerArchive(PathBuf),
}

impl Destination {
    /// The directory or file.
    pub fn path(&self) -> &Path {
        match self {
            Self::OciLayout(path) | Self::DockerArchive(path) => path,
        }
    }
}

impl FromStr for Destination {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("oci", path)) if !path.is_empty() => Ok(Self::OciLayout(path.into())),
            Some(("docker-archive", path)) if !path.is_empty() => {
                Ok(Self::DockerArchive(path.into()))
            }
            _ => Err("write oci:DIRECTORY or docker-archive:FILE"),
        }
    }
}

/// What to pull.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// The name and tag under which the image is kept.
    pub reference: Reference,
    /// The digest that was signed.
    pub digest: ImageDigest,
    /// The size that was signed, in bytes.
    pub size: u64,
    /// One platform of an index. Without it a layout has all of them, an archive that of this
    /// machine.
    pub platform: Option<Platform>,
}

/// Pulls an image into a file or directory. Returns what was kept: the signed manifest or index, or
/// the manifest that was chosen from the index.
///
/// # Errors
///
/// [`Error`]; the destination is then as it was.
pub async fn pull(
    registry: &Registry,
    request: &PullRequest,
    destination: &Destination,
) -> Result<Descriptor, Error> {
    let folder = blobs::folder_for(destination.path())?;
    let blobs = Blobs::new(registry, folder.path());
    let signed = registry.manifest(&request.digest, request.size).await?;
    let one = match destination {
        Destination::OciLayout(_) => request.platform.clone(),
        Destination::DockerArchive(_) => Some(request.platform.clone().unwrap_or_default()),
    };
    let chosen = match &one {
        None => signed,
        Some(platform) => choose(registry, signed, platform).await?,
    };
    keep(registry, &blobs, &chosen).await?;
    match destination {
        Destination::OciLayout(path) => layout::finish(folder, &chosen, request, path)?,
        Destination::DockerArchive(path) => archive::finish(&folder, &chosen, request, path)?,
    }
    Ok(chosen.descriptor)
}

/// The manifest of one platform. An image that is no index is taken as it is: that is what was
/// signed.
async fn choose(
    registry: &Registry,
    signed: Manifest,
    platform: &Platform,
) -> Result<Manifest, Error> {
    let Content::Index(entries) = Content::read(&signed)? else { return Ok(signed) };
    let fitting = entries.iter().find(|entry| entry.platform.as_ref() == Some(platform));
    let entry = fitting.ok_or_else(|| Error::Platform {
        wanted: platform.to_string(),
        found: entries
            .iter()
            .filter_map(|entry| Some(entry.platform.as_ref()?.to_string()))
            .collect(),
    })?;
    child(registry, &entry.descriptor).await
}

/// Keeps a manifest with all that it names, manifests first: an index of indexes ends at a depth
/// nobody needs.
async fn keep(registry: &Registry, blobs: &Blobs<'_>, top: &Manifest) -> Result<(), Error> {
    let mut waiting = vec![(top.clone(), 0)];
    while let Some((manifest, depth)) = waiting.pop() {
        blobs.put(&manifest.descriptor.digest, &manifest.bytes)?;
        match Content::read(&manifest)? {
            Content::Image { config, layers } => {
                blobs.fetch([config].into_iter().chain(layers)).await?;
            }
            Content::Index(_) if depth >= MAX_DEPTH => {
                return Err(Error::Manifest {
                    digest: manifest.descriptor.digest,
                    problem: "indexes in indexes in indexes".to_owned(),
                });
            }
            Content::Index(entries) => {
                for entry in entries {
                    if !blobs.has(&entry.descriptor.digest) {
                        waiting.push((child(registry, &entry.descriptor).await?, depth + 1));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The manifests and the blobs that a manifest names.
///
/// # Errors
///
/// [`Error::Manifest`] if it cannot be followed.
pub(super) fn named_by(manifest: &Manifest) -> Result<(Vec<Descriptor>, Vec<Descriptor>), Error> {
    Ok(match Content::read(manifest)? {
        Content::Image { config, layers } => {
            (Vec::new(), [config].into_iter().chain(layers).collect())
        }
        Content::Index(entries) => {
            (entries.into_iter().map(|entry| entry.descriptor).collect(), Vec::new())
        }
    })
}

/// A manifest that a trusted index lists, exactly as it is listed.
///
/// # Errors
///
/// If the registry does not give it, or it is of another type.
pub(crate) async fn child(registry: &Registry, listed: &Descriptor) -> Result<Manifest, Error> {
    let manifest = registry.manifest(&listed.digest, listed.size).await?;
    if listed.media_type != manifest.descriptor.media_type {
        let problem = "it is listed as another type than its own".to_owned();
        return Err(Error::Manifest { digest: listed.digest, problem });
    }
    Ok(manifest)
}

const MAX_DEPTH: usize = 2;
