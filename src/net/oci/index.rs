//! The manifest that holds a collection together (OCI image specification 1.1, "Image Manifest").

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::image::ImageDigest;
use crate::net::RemoteFile;
use crate::net::published::published_version;
use crate::tuf::RoleName;

/// The files of a collection, and the manifests that this one follows.
#[derive(Clone, Debug)]
pub(super) struct Index {
    layers: BTreeMap<String, Layer>,
    /// The newest first.
    ancestors: Vec<ImageDigest>,
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) digest: ImageDigest,
    pub(super) size: u64,
    /// The bytes themselves, base64.
    data: Option<String>,
}

impl Layer {
    fn of(bytes: &[u8]) -> Self {
        let data = (bytes.len() <= MAX_EMBEDDED).then(|| STANDARD.encode(bytes));
        Self { digest: ImageDigest::of(bytes), size: bytes.len() as u64, data }
    }

    /// The bytes, if the manifest brought them along.
    pub(super) fn embedded(&self) -> Option<Result<Vec<u8>, &'static str>> {
        let data = self.data.as_ref()?;
        let bytes = STANDARD.decode(data).ok();
        let is_it = |bytes: &Vec<u8>| {
            bytes.len() as u64 == self.size && ImageDigest::of(bytes) == self.digest
        };
        Some(bytes.filter(is_it).ok_or("a file in its trust data is not what its digest says"))
    }
}

impl Index {
    /// Reads a manifest.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|_| "its trust data is no manifest of files")?;
        let mut layers = BTreeMap::new();
        for descriptor in manifest.layers {
            let Some(name) = descriptor.annotations.get(FILE_NAME) else { continue };
            let digest = descriptor.digest.parse();
            let digest = digest.map_err(|_| "a file in its trust data has no digest")?;
            let layer = Layer { digest, size: descriptor.size, data: descriptor.data };
            if layers.insert(name.clone(), layer).is_some() {
                return Err("its trust data has a file twice");
            }
        }
        let named = manifest.annotations.get(ANCESTORS).map(String::as_str).unwrap_or_default();
        let ancestors = named.split(',').take(MAX_ANCESTORS).filter_map(|it| it.parse().ok());
        Ok(Self { layers, ancestors: ancestors.collect() })
    }

    /// The manifest that follows `base`, with these files in it. All roots stay, of every other
    /// role the newest file, and those that were the newest in `base`: whoever reads that manifest
    /// still finds them.
    pub(super) fn after(
        base: Option<(ImageDigest, &Self)>,
        files: &[(RoleName, Vec<u8>)],
    ) -> Result<Self, &'static str> {
        let (digest, base) = base.unzip();
        let mut layers = base.map(|base| base.layers.clone()).unwrap_or_default();
        let outdated = outdated(layers.keys());
        layers.retain(|name, _| !outdated.contains(name));
        for (role, bytes) in files {
            layers.insert(published_name(role, bytes)?, Layer::of(bytes));
        }
        lighten(&mut layers);
        let older = base.iter().flat_map(|base| base.ancestors.iter().copied());
        let ancestors = digest.into_iter().chain(older).take(MAX_ANCESTORS).collect();
        Ok(Self { layers, ancestors })
    }

    /// The bytes to publish.
    pub(super) fn write(&self) -> Vec<u8> {
        let layer = |(name, layer): (&String, &Layer)| Descriptor {
            media_type: FILE.to_owned(),
            digest: layer.digest.to_string(),
            size: layer.size,
            data: layer.data.clone(),
            annotations: BTreeMap::from([(FILE_NAME.to_owned(), name.clone())]),
        };
        let ancestors: Vec<String> = self.ancestors.iter().map(ToString::to_string).collect();
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: Some(ARTIFACT.to_owned()),
            config: Some(Descriptor {
                media_type: CONFIG.to_owned(),
                digest: ImageDigest::of(EMPTY).to_string(),
                size: EMPTY.len() as u64,
                data: None,
                annotations: BTreeMap::new(),
            }),
            layers: self.layers.iter().map(layer).collect(),
            annotations: BTreeMap::from([(ANCESTORS.to_owned(), ancestors.join(","))]),
        };
        serde_json::to_vec(&manifest).expect("texts and numbers are JSON")
    }

    /// The file of that name.
    pub(super) fn layer(&self, name: &str) -> Option<&Layer> {
        self.layers.get(name)
    }

    /// Whether this manifest was made on that one, or on one that was.
    pub(super) fn follows(&self, digest: &ImageDigest) -> bool {
        self.ancestors.contains(digest)
    }
}

/// What a file is called that we publish: its version stands in it.
fn published_name(role: &RoleName, bytes: &[u8]) -> Result<String, &'static str> {
    if *role == RoleName::Timestamp {
        return Ok(RemoteFile::Current(role.clone()).quoted_name());
    }
    let version = published_version(bytes).ok_or("a file without a version")?;
    Ok(RemoteFile::ByVersion(role.clone(), version).quoted_name())
}

/// Leaves the bytes of some files to requests of their own, so that a manifest stays small: of files
/// that newer ones replaced, of the largest ones, and of delegated roles unless all fit in, for a
/// look-up in many needs few.
fn lighten(layers: &mut BTreeMap<String, Layer>) {
    for name in outdated(layers.keys()) {
        layers.entry(name).and_modify(|layer| layer.data = None);
    }
    let mut brought: Vec<_> = layers
        .iter_mut()
        .filter(|(_, layer)| layer.data.is_some())
        .map(|(name, layer)| (is_delegated(name), layer.size, layer))
        .collect();
    brought.sort_by_key(|(delegated, size, _)| (*delegated, *size));
    let all: u64 = brought.iter().map(|(_, size, _)| size).sum();
    let mut total = 0;
    for (delegated, size, layer) in brought {
        total += size;
        if total > MAX_EMBEDDED_TOTAL || delegated && all > MAX_EMBEDDED_TOTAL {
            layer.data = None;
        }
    }
}

fn is_delegated(name: &str) -> bool {
    let top = ["root.json", "timestamp.json", "snapshot.json", "targets.json"];
    let role = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    !top.contains(&role)
}

/// The names of files, but for roots, of which there is a newer version.
fn outdated<'n>(names: impl Iterator<Item = &'n String>) -> BTreeSet<String> {
    let mut versions: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for name in names {
        if let Some((version, role)) = name.split_once('.')
            && let Ok(version) = version.parse()
            && role != "root.json"
        {
            versions.entry(role).or_default().insert(version);
        }
    }
    let old = |(role, versions): (&str, BTreeSet<u64>)| {
        let older = versions.into_iter().rev().skip(1);
        older.map(|version| format!("{version}.{role}")).collect::<Vec<_>>()
    };
    versions.into_iter().flat_map(old).collect()
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// The media type of the manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The config: an artifact has none.
pub(super) const EMPTY: &[u8] = b"{}";
const CONFIG: &str = "application/vnd.oci.empty.v1+json";
const ARTIFACT: &str = "application/vnd.tuf.metadata.v1";
const FILE: &str = "application/vnd.tuf.metadata+json";
const FILE_NAME: &str = "tuf.io/filename";
const ANCESTORS: &str = "countersign.tuf.ancestors";
/// So many publications may come between a publisher's own and his second look.
const MAX_ANCESTORS: usize = 256;
/// Bytes of a file that comes along in the manifest, so that it needs no request of its own.
const MAX_EMBEDDED: usize = 4 << 10;
/// Bytes of all such files together.
const MAX_EMBEDDED_TOTAL: u64 = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u64) -> Vec<u8> {
        format!("{{\"signed\":{{\"version\":{version}}}}}").into_bytes()
    }

    fn files(version: u64, roles: &[RoleName]) -> Vec<(RoleName, Vec<u8>)> {
        roles.iter().map(|role| (role.clone(), file(version))).collect()
    }

    #[test]
    fn roots_stay_and_of_other_roles_the_last_two_versions() {
        let roles = [RoleName::Root, RoleName::releases(), RoleName::Timestamp];
        let mut index = Index::after(None, &files(1, &roles)).expect("named");
        for version in 2..=11 {
            let base = (ImageDigest::of(&index.write()), &index);
            index = Index::after(Some(base), &files(version, &roles)).expect("named");
        }
        let names: Vec<&str> = index.layers.keys().map(String::as_str).collect();
        assert_eq!(names.iter().filter(|name| name.ends_with(".root.json")).count(), 11);
        assert!(names.contains(&"1.root.json") && names.contains(&"timestamp.json"));
        let others: Vec<&&str> = names.iter().filter(|name| name.contains("releases")).collect();
        assert_eq!(others, [&"10.targets%2Freleases.json", &"11.targets%2Freleases.json"]);
    }

    #[test]
    fn what_is_written_reads_back_and_names_all_that_it_follows() {
        let first = Index::after(None, &files(1, &[RoleName::Targets])).expect("named");
        let digest = ImageDigest::of(&first.write());
        let second = Index::after(Some((digest, &first)), &files(2, &[RoleName::Targets]));
        let second = second.expect("named");
        let at = ImageDigest::of(&second.write());
        let third = Index::after(Some((at, &second)), &[]).expect("named");
        let read = Index::read(&third.write()).expect("a manifest");
        assert!(read.follows(&at) && read.follows(&digest));
        assert!(!read.follows(&ImageDigest::of(&third.write())));
        let layer = read.layer("2.targets.json").expect("there");
        assert_eq!(layer.embedded(), Some(Ok(file(2))));
    }

    #[test]
    fn a_manifest_stays_small_and_brings_the_top_level_along() {
        let bins = |count: u64| (0..count).map(|bin| format!("targets/bin-{bin:02x}"));
        let role = |name: String| name.parse::<RoleName>().expect("a role");
        let brought =
            |index: &Index, name: &str| index.layer(name).expect("there").embedded().is_some();
        let padded = |version: u64| [file(version), vec![b' '; 1000]].concat();
        for (count, expected) in [(4, true), (64, false)] {
            let roles = bins(count).map(role).chain([RoleName::Root, RoleName::Targets]);
            let files: Vec<_> = roles.map(|role| (role, padded(1))).collect();
            let index = Index::after(None, &files).expect("named");
            assert_eq!(brought(&index, "1.targets%2Fbin-03.json"), expected, "{count}");
            assert!(brought(&index, "1.targets.json") && brought(&index, "1.root.json"));
            let base = (ImageDigest::of(&index.write()), &index);
            let next = [(RoleName::Targets, padded(2))];
            let index = Index::after(Some(base), &next).expect("named");
            assert!(brought(&index, "2.targets.json") && !brought(&index, "1.targets.json"));
        }
    }

    #[test]
    fn a_file_that_is_not_what_its_digest_says_is_refused() {
        let mut layer = Layer::of(b"{}");
        layer.data = Some(STANDARD.encode(b"[]"));
        assert!(matches!(layer.embedded(), Some(Err(_))));
        layer.data = Some("***".to_owned());
        assert!(matches!(layer.embedded(), Some(Err(_))));
    }

    #[test]
    fn a_file_listed_twice_is_refused() {
        let text = String::from_utf8(
            Index::after(None, &files(1, &[RoleName::Root])).expect("named").write(),
        )
        .expect("JSON");
        let (start, end) = text.split_once("\"layers\":[").expect("layers");
        let layer = end.split("],").next().expect("a layer");
        let twice = format!("{start}\"layers\":[{layer},{end}");
        assert!(Index::read(twice.as_bytes()).is_err());
        for bad in ["[]", "{}", "", r#"{"schemaVersion":2,"layers":[1]}"#] {
            assert!(Index::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
