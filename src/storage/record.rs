//! Our record of versions, as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp as Instant;
use serde::{Deserialize, Serialize};

use super::Memory;
use crate::crypto::{Sha256, Sha256Stream};
use crate::tuf::{Landmark, Landmarks, RoleName, Version};
use crate::verify::{Baseline, Governance, Seen};

/// Writes the record of a collection, without landmarks if there is no room for them; `None` if
/// nobody would read it back.
pub(super) fn write(gun: &str, memory: &Memory) -> Option<Vec<u8>> {
    let fits = |text: &Vec<u8>| text.len() as u64 <= MAX_BYTES;
    let record = Record::of(gun, memory);
    Some(record.text())
        .filter(fits)
        .or_else(|| Some(record.without_landmarks().text()).filter(fits))
}

/// Reads the record of a collection.
pub(super) fn read(gun: &str, text: &[u8]) -> Result<Memory, String> {
    let record: Record = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if record.format != FORMAT {
        return Err(format!("format {}, this version reads {FORMAT}", record.format));
    }
    if record.gun != gun {
        return Err(format!("it is of {:?}", record.gun));
    }
    let mut baseline = Baseline::default();
    if let Some(number) = record.root_version {
        baseline.remember_root(Version::new(number).ok_or("version 0")?);
    }
    for (role, written) in record.roles {
        let role = RoleName::free(&role).map_err(|_| "a role's name")?;
        baseline.remember(role, written.seen()?);
    }
    Ok(Memory {
        baseline,
        root: record.root_sha256.map(|hex| hex.parse().map_err(|_| "a digest")).transpose()?,
        root_asked: record.root_asked,
        clock: record.clock,
    })
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u32,
    gun: String,
    root_version: Option<u64>,
    root_sha256: Option<String>,
    root_asked: Option<Instant>,
    clock: Option<Instant>,
    roles: BTreeMap<String, RoleRecord>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RoleRecord {
    version: u64,
    sha256: String,
    keys: String,
    authority: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    listed: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    listed_versions: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    landmarks: Option<LandmarksRecord>,
}

/// A file could say less of a name under landmarks that were damaged than it does: a checksum binds
/// them to it and to each other.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LandmarksRecord {
    end: u64,
    at: BTreeMap<String, u64>,
    check: String,
}

impl LandmarksRecord {
    fn of(landmarks: &Landmarks, file: Sha256) -> Self {
        let at = landmarks.marks().iter().map(|mark| (mark.name.clone(), mark.at)).collect();
        Self { end: landmarks.end(), at, check: checksum(landmarks, file).to_string() }
    }

    /// None that are not those which were written for this file.
    fn landmarks(self, file: Sha256) -> Option<Landmarks> {
        let marks = self.at.into_iter().map(|(name, at)| Landmark { at, name }).collect();
        let landmarks = Landmarks::new(marks, self.end)?;
        (checksum(&landmarks, file).to_string() == self.check).then_some(landmarks)
    }
}

fn checksum(landmarks: &Landmarks, file: Sha256) -> Sha256 {
    let mut sum = Sha256Stream::new();
    sum.update(file.as_bytes());
    sum.update(&landmarks.end().to_le_bytes());
    for mark in landmarks.marks() {
        sum.update(&mark.at.to_le_bytes());
        sum.update(&(mark.name.len() as u64).to_le_bytes());
        sum.update(mark.name.as_bytes());
    }
    sum.finish()
}

impl Record {
    fn of(gun: &str, memory: &Memory) -> Self {
        let role = |(role, seen): (&RoleName, &Seen)| (role.to_string(), RoleRecord::of(seen));
        Self {
            format: FORMAT,
            gun: gun.to_owned(),
            root_version: memory.baseline.root().map(Version::number),
            root_sha256: memory.root.map(|digest| digest.to_string()),
            root_asked: memory.root_asked,
            clock: memory.clock,
            roles: memory.baseline.seen().iter().map(role).collect(),
        }
    }

    fn without_landmarks(mut self) -> Self {
        self.roles.values_mut().for_each(|role| role.landmarks = None);
        self
    }

    fn text(&self) -> Vec<u8> {
        let mut text =
            serde_json::to_vec_pretty(self).expect("strings and numbers have a JSON form");
        text.push(b'\n');
        text
    }
}

impl RoleRecord {
    fn of(seen: &Seen) -> Self {
        Self {
            version: seen.version.number(),
            sha256: seen.sha256.to_string(),
            keys: seen.governance.keys.to_string(),
            authority: seen.governance.authority.to_string(),
            listed: seen.listed.keys().map(ToString::to_string).collect(),
            listed_versions: seen
                .listed
                .iter()
                .filter_map(|(role, version)| Some((role.to_string(), (*version)?.number())))
                .collect(),
            landmarks: seen.landmarks.as_deref().map(|it| LandmarksRecord::of(it, seen.sha256)),
        }
    }

    fn seen(self) -> Result<Seen, &'static str> {
        let digest = |hex: &str| hex.parse().map_err(|_| "a digest");
        let role = |name: &String| {
            let version = self.listed_versions.get(name).copied();
            let version = version.map(|it| Version::new(it).ok_or("version 0")).transpose()?;
            Ok((RoleName::free(name).map_err(|_| "a role's name")?, version))
        };
        let sha256 = digest(&self.sha256)?;
        Ok(Seen {
            version: Version::new(self.version).ok_or("version 0")?,
            sha256,
            governance: Governance {
                keys: digest(&self.keys)?,
                authority: digest(&self.authority)?,
            },
            listed: self.listed.iter().map(role).collect::<Result<_, &'static str>>()?,
            landmarks: self.landmarks.and_then(|it| it.landmarks(sha256)).map(Arc::new),
        })
    }
}

/// Bytes of a record. With as many roles as are remembered ([`Limits::listed`]) under the longest
/// names it has less than 40 MB.
///
/// [`Limits::listed`]: crate::tuf::Limits::listed
pub(super) const MAX_BYTES: u64 = 64 << 20;
const FORMAT: u32 = 1;
