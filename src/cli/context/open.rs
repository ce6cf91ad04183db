//! A collection where it is kept: at a trust server, in a registry, in files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::credentials::TrustServerCredentials;
use super::place::Place;
use super::{Announced, Context, Opened, UPDATE_PATIENCE, cache_of, host_of};
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::cli::subject::Subject;
use crate::net::{
    Access, Account, Deadline, FolderRepository, Kept, NotaryServer, OciRepository, Registry,
    Remote as _, ServerUrl, StaticRepository, TrustSource,
};
use crate::storage::CollectionDirectory;
use crate::storage::archive::ArchiveReader;
use crate::tuf::Dialect;
use crate::verify::Policy;

impl Context {
    /// Opens a collection for an operation that needs this access.
    ///
    /// # Errors
    ///
    /// If its pin cannot be used or its server has no address.
    pub(in crate::cli) fn open(
        &self,
        subject: &Subject,
        access: Access,
    ) -> Result<Opened, Failure> {
        self.open_place(self.place(subject), subject, access)
    }

    /// Opens a collection at that place, whatever is set.
    ///
    /// # Errors
    ///
    /// As [`Context::open`].
    pub(in crate::cli) fn open_at(
        &self,
        subject: &Subject,
        access: Access,
        place: &str,
    ) -> Result<Opened, Failure> {
        self.open_place(self.place_at(subject, Some(place)), subject, access)
    }

    fn open_place(
        &self,
        place: Result<Place, Failure>,
        subject: &Subject,
        access: Access,
    ) -> Result<Opened, Failure> {
        let dialect = match &place {
            Ok(Place::Web(_) | Place::Folder(_) | Place::Registry) => Dialect::Tuf1,
            Ok(Place::Bundle(path)) => return self.open_bundle(path, subject),
            Ok(Place::Notary(_)) | Err(_) => Dialect::Notary,
        };
        let cache = cache_of(&self.trust_directory(), &subject.gun, dialect);
        let policy = Policy { dialect, ..self.policy(&subject.gun)? };
        let server = match self.global.offline {
            true => None,
            false => Some(self.source(place?, subject, access, &cache)?),
        };
        Ok(Opened { policy, cache: Announced::new(cache, self.output), server })
    }

    /// Opens a collection that lies in a file.
    fn open_bundle(&self, path: &Path, subject: &Subject) -> Result<Opened, Failure> {
        let absent = || {
            let message = format!("{} is not in {}", subject.gun, path.display());
            Failure::new(Kind::NoTrustData, message)
        };
        let archive = Arc::new(ArchiveReader::open(path)?);
        let held = archive.collection(subject.gun.as_str())?.ok_or_else(absent)?;
        let dialect = held.dialect.into();
        let cache = cache_of(&self.trust_directory(), &subject.gun, dialect);
        let policy = Policy { dialect, ..self.policy(&subject.gun)? };
        let kept = Kept::in_archive(&archive, &held)?;
        self.output.detail(&format!("{}: {}", subject.typed, kept.name()));
        let server = (!self.global.offline).then(|| TrustSource::Kept(Arc::new(kept)));
        Ok(Opened { policy, cache: Announced::new(cache, self.output), server })
    }

    /// The registry of an image.
    ///
    /// # Errors
    ///
    /// For a collection that is no image.
    pub(in crate::cli) fn registry(
        &self,
        subject: &Subject,
        patience: Duration,
    ) -> Result<Registry, Failure> {
        let name = subject.image_name()?.clone();
        let keychain = Arc::clone(&self.keychain);
        let account = Account::for_image(&name, keychain, Arc::clone(&self.realms));
        let deadline = Deadline::after(self.timeout().unwrap_or(patience));
        Ok(Registry::new(self.http.clone(), name, account, deadline))
    }

    fn source(
        &self,
        place: Place,
        subject: &Subject,
        access: Access,
        cache: &CollectionDirectory,
    ) -> Result<TrustSource, Failure> {
        let files = |files: StaticRepository| {
            self.output.detail(&format!("{}: TUF 1.0 in {}", subject.typed, files.name()));
            Ok(TrustSource::Files(files))
        };
        match place {
            Place::Notary(url) => Ok(TrustSource::Notary(self.server(&url, subject, access)?)),
            Place::Web(url) => {
                let deadline = Deadline::after(self.timeout().unwrap_or(UPDATE_PATIENCE));
                files(StaticRepository::web(self.http.clone(), url, deadline))
            }
            Place::Folder(path) if access == Access::Pull => files(StaticRepository::folder(path)),
            Place::Folder(path) => {
                let folder = FolderRepository::new(path);
                self.output.detail(&format!("{}: TUF 1.0 in {}", subject.typed, folder.name()));
                Ok(TrustSource::Folder(folder))
            }
            Place::Bundle(path) => {
                let path = path.display();
                Err(Failure::new(Kind::Usage, format!("{path}: opened in another way")))
            }
            Place::Registry => {
                let registry = self.registry(subject, UPDATE_PATIENCE)?;
                let repository = OciRepository::new(subject.image_name()?.clone(), registry)
                    .keeping(cache.manifest());
                let name = repository.name();
                self.output.detail(&format!("{}: TUF 1.0 in {name}", subject.typed));
                Ok(TrustSource::Oci(repository))
            }
        }
    }

    fn server(
        &self,
        url: &ServerUrl,
        subject: &Subject,
        access: Access,
    ) -> Result<NotaryServer, Failure> {
        self.output.detail(&format!("{}: trust server {url}", subject.typed));
        let credentials = Arc::new(TrustServerCredentials {
            keychain: Arc::clone(&self.keychain),
            notary: self.notary_auth.clone(),
        });
        let account = match &subject.image {
            Some(image) => Account::for_image(image.name(), credentials, Arc::clone(&self.realms)),
            None => Account::at(host_of(url.as_str()), credentials, Arc::clone(&self.realms)),
        };
        let deadline = Deadline::after(self.timeout().unwrap_or(UPDATE_PATIENCE));
        let server = NotaryServer::new(self.http.clone(), url, &subject.gun, account, deadline)?;
        Ok(server.for_access(access))
    }
}
