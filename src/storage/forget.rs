//! Forgetting a collection: its cached files, what is staged, and our record of it.
//!
//! Notary removes the folder `tuf/<GUN>` with all in it (Notary 0.7 `client/client.go`,
//! `DeleteTrustData`), and with it every collection whose name goes on below it. Here only this
//! collection's own files go, and folders that are empty then.

use super::directory::CollectionDirectory;
use super::folder::Folder;
use super::{Error, changelist};
use crate::tuf::RoleName;

impl CollectionDirectory {
    /// Forgets the collection: it is met for the first time again. Private keys stay.
    ///
    /// # Errors
    ///
    /// [`Error`]; some of it may be gone then.
    pub fn forget(&self) -> Result<(), Error> {
        let (ours, _lock) = self.locked()?;
        if let Some(metadata) = self.existing_folder(METADATA)? {
            // The root last: what is left of a collection without one means nothing.
            for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
                metadata.remove(file_of(&role).as_ref())?;
            }
            remove_delegations(&metadata, DELEGATION_DEPTH)?;
            metadata.remove(file_of(&RoleName::Root).as_ref())?;
        }
        if let Some(changes) = self.existing_folder(changelist::FOLDER)? {
            changes.file_names()?.iter().try_for_each(|name| changes.remove(name))?;
        }
        ours.remove(self.manifest_file().as_ref())?;
        ours.remove(self.record_file().as_ref())?;
        self.remove_empty_folders()
    }

    /// The folders of the collection that hold nothing any more, from the innermost on.
    fn remove_empty_folders(&self) -> Result<(), Error> {
        let Some(top) = self.existing_top()? else { return Ok(()) };
        let mut way = vec![top];
        for part in self.gun().as_str().split('/') {
            match way.last().map(|folder| folder.child(part)).transpose()?.flatten() {
                Some(folder) => way.push(folder),
                None => break,
            }
        }
        if let Some(own) = way.last() {
            own.remove_if_empty(METADATA)?;
            own.remove_if_empty(changelist::FOLDER)?;
        }
        let parts: Vec<&str> = self.gun().as_str().split('/').collect();
        for (folder, part) in way.iter().zip(&parts).rev() {
            folder.remove_if_empty(part)?;
        }
        Ok(())
    }
}

/// The files of delegated roles: those in `targets/`, and below.
fn remove_delegations(metadata: &Folder, depth: usize) -> Result<(), Error> {
    let Some(targets) = metadata.child(RoleName::Targets.as_str())? else { return Ok(()) };
    empty(&targets, depth)?;
    metadata.remove_if_empty(RoleName::Targets.as_str())
}

fn empty(folder: &Folder, depth: usize) -> Result<(), Error> {
    folder.file_names()?.iter().try_for_each(|name| folder.remove(name))?;
    if depth == 0 {
        return Ok(());
    }
    for name in folder.folder_names()? {
        let Some(text) = name.to_str() else { continue };
        if let Some(child) = folder.child(text)? {
            empty(&child, depth - 1)?;
            folder.remove_if_empty(text)?;
        }
    }
    Ok(())
}

fn file_of(role: &RoleName) -> String {
    format!("{role}.json")
}

const METADATA: &str = "metadata";
/// Names of roles have at most 255 bytes, and two for each step.
const DELEGATION_DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Cache, Change, TrustDirectory};
    use crate::tuf::Gun;

    #[test]
    fn a_forgotten_collection_takes_nobody_with_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let trust = TrustDirectory::new(directory.path());
        let of = |gun: &str| trust.collection(&Gun::raw(gun).expect("a name"));
        let (team, web) = (of("reg/team"), of("reg/team/web"));
        let nested: RoleName = "targets/a/b".parse().expect("a role");
        let change = Change {
            action: "delete".into(),
            scope: "targets".into(),
            kind: "target".into(),
            path: "1".into(),
            data: None,
        };
        for collection in [&team, &web] {
            for role in [RoleName::Root, RoleName::Targets, nested.clone()] {
                collection.offer(&role, b"{}").expect("written");
            }
            let now = "2026-01-01T00:00:00Z".parse().expect("a time");
            collection.changelist().add(std::slice::from_ref(&change), now).expect("staged");
        }
        team.forget().expect("forgotten");
        team.forget().expect("twice does no harm");
        assert!(team.read(&RoleName::Root, 9).expect("readable").is_none());
        assert!(team.changelist().list().expect("readable").is_empty());
        assert!(web.read(&nested, 9).expect("readable").is_some());
        assert_eq!(web.changelist().list().expect("readable").len(), 1);
        web.forget().expect("forgotten");
        assert!(!directory.path().join("tuf/reg").exists());
        assert!(directory.path().join("tuf").exists());
    }
}
