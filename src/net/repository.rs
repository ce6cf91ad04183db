//! A TUF 1.0 repository as plain files: behind any web server, or in a folder.

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use url::Url;

use super::{Deadline, Error, Http, Pace, Remote, RemoteFile, ServerUrl, http::Request};
use crate::storage::read_regular;
use crate::tuf::RoleName;

/// A folder of metadata files, named as TUF 1.0 names them, to be read.
#[derive(Clone)]
pub struct StaticRepository {
    place: Place,
}

#[derive(Clone)]
enum Place {
    Web { http: Http, base: ServerUrl, deadline: Deadline },
    Folder(PathBuf),
}

impl StaticRepository {
    /// The files below `base`. Everything asked of this value must be over at `deadline`.
    pub fn web(http: Http, base: ServerUrl, deadline: Deadline) -> Self {
        Self { place: Place::Web { http, base, deadline } }
    }

    /// The files in a folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::Folder(path.into()) }
    }

    /// Reads the file of that path, in URL form, of at most `limit` bytes; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Whatever is not the file and not its absence.
    pub async fn file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        match &self.place {
            Place::Web { http, base, deadline } => {
                get(http, base.join(&format!("/{path}"))?, *deadline, limit).await
            }
            Place::Folder(folder) => read(folder, path, limit),
        }
    }

    fn refusal(&self) -> Error {
        Error::ReadOnly { host: self.name() }
    }
}

impl Remote for StaticRepository {
    fn name(&self) -> String {
        match &self.place {
            Place::Web { base, .. } => base.to_string(),
            Place::Folder(path) => path.display().to_string(),
        }
    }

    fn pace(&self) -> Pace {
        Pace::InTurn
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let found = self.file(&file.quoted_name(), limit).await?;
        match found.is_none() && file.role().as_str().contains('/') && file.role().is_plain() {
            // Many web servers refuse the quotes, and have the file in folders by its role's name.
            true => self.file(&file.quoted_name().replace("%2F", "/"), limit).await,
            false => Ok(found),
        }
    }

    fn takes_changes(&self) -> Result<(), Error> {
        Err(self.refusal())
    }

    fn public_key(&self, _: &RoleName) -> impl Future<Output = Result<Vec<u8>, Error>> + Send {
        std::future::ready(Err(self.refusal()))
    }

    fn rotate_key(&self, _: &RoleName) -> impl Future<Output = Result<Vec<u8>, Error>> + Send {
        std::future::ready(Err(self.refusal()))
    }

    fn publish(&self, _: &[(RoleName, Vec<u8>)]) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Err(self.refusal()))
    }

    fn delete(&self) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Err(self.refusal()))
    }
}

/// A web server may say 403 for what is not there: stores of objects do, to those who may not list
/// them.
async fn get(
    http: &Http,
    url: Url,
    deadline: Deadline,
    limit: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let response = http.send(&Request::get(url), deadline).await?;
    match response.status() {
        200 => response.document(limit).await.map(Some),
        403 | 404 => {
            response.discard().await;
            Ok(None)
        }
        status => Err(Error::Unavailable { host: response.host().to_owned(), status }),
    }
}

/// A folder holds files under the names that a web server in front of it would be asked for.
fn read(folder: &Path, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = folder.join(path);
    let host = || file.display().to_string();
    // Links are followed, for whoever lays out the folder may use them.
    match read_regular(&file, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound if folder.is_dir() => Ok(None),
            ErrorKind::FileTooLarge => Err(Error::TooLarge { host: host(), limit }),
            ErrorKind::IsADirectory | ErrorKind::InvalidInput => {
                let problem = "what should be a file is none";
                Err(Error::Malformed { host: host(), problem })
            }
            _ => Err(Error::Unreachable { host: host(), registry: false, source: error.into() }),
        },
    }
}
