//! Trust data that lies in a registry, taken out of it by nothing but curl.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::registry::TestRegistry;

/// The manifest of a repository's trust data.
pub(crate) fn manifest(servers: &TestRegistry, repository: &str) -> Value {
    let url = format!("http://{}/v2/{repository}/manifests/_tuf", servers.registry());
    let text = servers.run("curl", &["--silent", "--fail", "--header", ACCEPT, &url]);
    serde_json::from_str(&text).expect("JSON")
}

/// Its files in a folder, where readers of folders look for them, and where web servers do.
pub(crate) fn unpacked(servers: &TestRegistry, repository: &str, folder: &Path) {
    for layer in manifest(servers, repository)["layers"].as_array().expect("layers") {
        let digest = layer["digest"].as_str().expect("a digest");
        let name = layer["annotations"]["tuf.io/filename"].as_str().expect("a name");
        let url = format!("http://{}/v2/{repository}/blobs/{digest}", servers.registry());
        let plain = folder.join(name.replace("%2F", "/"));
        fs::create_dir_all(plain.parent().expect("a folder")).expect("a folder");
        servers.run("curl", &["--silent", "--fail", "-o", plain.to_str().expect("text"), &url]);
        if name.contains("%2F") {
            fs::copy(&plain, folder.join(name)).expect("copied");
        }
    }
}

const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json";
