//! Archives as `docker save` writes them: image configuration, layers, and a `manifest.json` that
//! names them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use serde_json::json;
use tempfile::{NamedTempFile, TempDir};

use super::blobs::path_of;
use super::manifest::Content;
use super::{Error, PullRequest};
use crate::image::{Descriptor, ImageDigest};
use crate::net::Manifest;

/// Packs an image whose blobs lie in `folder`, and gives the archive its name.
pub(super) fn finish(
    folder: &TempDir,
    image: &Manifest,
    request: &PullRequest,
    destination: &Path,
) -> Result<(), Error> {
    let Content::Image { config, layers } = Content::read(image)? else {
        let problem = "an index in an index is no image to archive".to_owned();
        return Err(Error::Manifest { digest: image.descriptor.digest, problem });
    };
    let pack = || -> io::Result<()> {
        // The folder lies beside the destination, so this stays on one file system.
        let mut archive = NamedTempFile::new_in(folder.path())?;
        write(folder.path(), &config, &layers, request, archive.as_file_mut())?;
        archive.as_file().sync_all()?;
        archive.persist(destination).map(|_| ()).map_err(|error| error.error)
    };
    pack().map_err(|source| Error::Disk { path: destination.to_owned(), source })
}

fn write(
    folder: &Path,
    config: &Descriptor,
    layers: &[Descriptor],
    request: &PullRequest,
    file: &mut File,
) -> io::Result<()> {
    let mut archive = tar::Builder::new(file);
    append(&mut archive, folder, &config.digest, &config_name(config))?;
    let mut written = BTreeSet::new();
    for layer in layers.iter().filter(|layer| written.insert(layer.digest)) {
        append(&mut archive, folder, &layer.digest, &layer_name(layer))?;
    }
    let names: Vec<String> = layers.iter().map(layer_name).collect();
    let tag =
        format!("{}:{}", request.reference.name().familiar(), request.reference.tag_or_latest());
    let manifest = json!([{"Config": config_name(config), "RepoTags": [tag], "Layers": names}]);
    let manifest = manifest.to_string();
    archive.append_data(
        &mut header(manifest.len() as u64),
        "manifest.json",
        manifest.as_bytes(),
    )?;
    archive.into_inner().map(|_| ())
}

fn append(
    archive: &mut tar::Builder<&mut File>,
    folder: &Path,
    digest: &ImageDigest,
    name: &str,
) -> io::Result<()> {
    let file = File::open(path_of(folder, digest))?;
    archive.append_data(&mut header(file.metadata()?.len()), name, file)
}

/// The same for everybody and at any time.
fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o444);
    header
}

fn config_name(config: &Descriptor) -> String {
    format!("{}.json", config.digest.sha256())
}

fn layer_name(layer: &Descriptor) -> String {
    format!("{}.tar", layer.digest.sha256())
}
