//! When sheets last proved that they would bring a key back. A note beside the records: by it somebody is
//! reminded, and nothing is decided.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::directory::OURS;
use super::folder::{Folder, Found};
use super::{Error, TrustDirectory};
use crate::tuf::KeyId;

impl TrustDirectory {
    /// The keys whose sheets passed a drill on this machine, and when they last did, UTC.
    ///
    /// # Errors
    ///
    /// If the notes cannot be looked for. One that cannot be read is none.
    pub fn drills(&self) -> Result<BTreeMap<KeyId, Instant>, Error> {
        let ours = Folder::open(self.path())?.map(|trust| trust.child(OURS)).transpose()?.flatten();
        let Some(notes) = ours.map(|ours| ours.child(DRILLS)).transpose()?.flatten() else {
            return Ok(BTreeMap::new());
        };
        let mut drills = BTreeMap::new();
        for name in notes.file_names()? {
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Found::File(text) = notes.read_named(&name, MAX_BYTES)?
                && let Some(at) = read(&text)
            {
                drills.insert(id, at);
            }
        }
        Ok(drills)
    }

    /// Notes that a key's sheets have just passed a drill.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn note_drill(&self, id: &KeyId, at: Instant) -> Result<(), Error> {
        let notes = Folder::create(self.path())?.make_child(OURS)?.make_child(DRILLS)?;
        notes.replace(&id.to_string(), format!("{at:.0}\n").as_bytes())?;
        notes.settle()
    }
}

fn read(text: &[u8]) -> Option<Instant> {
    std::str::from_utf8(text).ok()?.trim_end().parse().ok()
}

const DRILLS: &str = "drills";
/// Bytes; a date takes a third of them.
const MAX_BYTES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_drill_of_each_key_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = TrustDirectory::new(folder.path());
        assert!(trust.drills().expect("nothing yet").is_empty());
        let [one, two] = ["11", "22"].map(|byte| byte.repeat(32).parse::<KeyId>().expect("an id"));
        let at = |text: &str| text.parse::<Instant>().expect("a date");
        for (id, day) in [(&one, "2026-01-01"), (&two, "2026-02-01"), (&one, "2026-03-01")] {
            trust.note_drill(id, at(&format!("{day}T00:00:00Z"))).expect("noted");
        }
        let notes = folder.path().join(OURS).join(DRILLS);
        std::fs::write(notes.join("33".repeat(32)), "yesterday").expect("written");
        let expected = [(one, at("2026-03-01T00:00:00Z")), (two, at("2026-02-01T00:00:00Z"))];
        assert_eq!(trust.drills().expect("notes"), BTreeMap::from(expected));
    }
}
