//! The manifest that a registry showed last, so that it need only say that this one still holds.
//!
//! It lies beside the record, under the record's name. What is read back is as untrusted as what a
//! registry sends; that it is lost costs some kilobytes on the line.

use super::Error;
use super::directory::{CollectionDirectory, OURS};
use super::folder::{Folder, Found};

/// Where that manifest is kept, of one collection.
#[derive(Clone, Debug)]
pub struct KeptManifest(CollectionDirectory);

impl CollectionDirectory {
    /// The manifest of the collection, if it lies in a registry.
    pub fn manifest(&self) -> KeptManifest {
        KeptManifest(self.clone())
    }
}

impl KeptManifest {
    /// Its bytes, at most `limit`; `None` if there are none that can be read.
    pub fn read(&self, limit: u64) -> Option<Vec<u8>> {
        match self.beside_the_record().ok()??.read(&self.0.manifest_file(), limit) {
            Ok(Found::File(bytes)) => Some(bytes),
            Ok(Found::Nothing | Found::Unfit) | Err(_) => None,
        }
    }

    /// Puts another in its place, if it can. Without it the next look-up is told everything.
    pub fn write(&self, bytes: &[u8]) {
        if let Ok(Some(ours)) = self.beside_the_record() {
            let _ = ours.replace_casually(&self.0.manifest_file(), bytes);
        }
    }

    fn beside_the_record(&self) -> Result<Option<Folder>, Error> {
        Folder::open(self.0.trust_path())?.map_or(Ok(None), |trust| trust.child(OURS))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::{Accepted, Cache as _, TrustDirectory};
    use crate::tuf::Gun;

    fn collection(folder: &tempfile::TempDir) -> CollectionDirectory {
        TrustDirectory::new(folder.path()).repository(&Gun::raw("reg/team/web").expect("a name"))
    }

    fn believe(collection: &CollectionDirectory) {
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let (root, begun, files, dropped) = (None, None, Vec::new(), Vec::new());
        let (behind, root_asked, confirmed) = (false, false, true);
        let accepted = Accepted { root, begun, files, behind, dropped, root_asked, confirmed, now };
        collection.keep(&accepted).expect("kept");
    }

    #[test]
    fn the_last_manifest_is_kept_until_the_collection_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let collection = collection(&folder);
        let kept = collection.manifest();
        kept.write(b"no trust directory yet");
        assert_eq!(kept.read(99), None);
        believe(&collection);
        for manifest in [&b"one"[..], b"another"] {
            kept.write(manifest);
            assert_eq!(kept.read(99).as_deref(), Some(manifest));
        }
        assert_eq!(kept.read(6), None, "larger than that");
        collection.forget().expect("forgotten");
        assert_eq!(kept.read(99), None);
    }

    #[test]
    fn what_is_no_file_is_none_and_makes_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let collection = collection(&folder);
        believe(&collection);
        let path = collection.record_path().with_file_name(collection.manifest_file());
        fs::create_dir(&path).expect("a folder in its place");
        let kept = collection.manifest();
        assert_eq!(kept.read(99), None);
        kept.write(b"a manifest");
        assert_eq!(kept.read(99).as_deref(), Some(&b"a manifest"[..]));
    }
}
