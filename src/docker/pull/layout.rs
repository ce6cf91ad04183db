//! The layout of OCI images (OCI image specification 1.1, `image-layout.md`).

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::blobs::{BLOBS, write};
use super::{Error, PullRequest};
use crate::net::Manifest;

/// Completes a folder that holds all blobs, and gives it its name.
pub(super) fn finish(
    folder: TempDir,
    top: &Manifest,
    request: &PullRequest,
    destination: &Path,
) -> Result<(), Error> {
    let finish = || -> io::Result<()> {
        write(&folder.path().join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        write(&folder.path().join("index.json"), index(top, request).as_bytes())?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        for entered in [BLOBS, "blobs", ""] {
            File::open(folder.path().join(entered))?.sync_all()?;
        }
        fs::rename(folder.path(), destination)
    };
    finish().map_err(|source| Error::Disk { path: destination.to_owned(), source })?;
    // It has another name now: nothing is left to clean up.
    let _ = folder.keep();
    Ok(())
}

fn index(top: &Manifest, request: &PullRequest) -> String {
    let descriptor = &top.descriptor;
    let tag = request.reference.tag_or_latest();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": descriptor.media_type,
            "digest": descriptor.digest.to_string(),
            "size": descriptor.size,
            "annotations": {
                "org.opencontainers.image.ref.name": tag.as_str(),
                "io.containerd.image.name": format!("{}:{tag}", request.reference.name()),
            },
        }],
    });
    index.to_string()
}
