//! The HTTP API of Notary servers (Notary 0.7: `server/server.go`, `storage/httpstore.go`).

use std::{future::Future, sync::Arc};

use reqwest::{Method, header::CONTENT_TYPE};
use serde::Deserialize;
use url::Url;

use super::{
    Access, Account, Deadline, Error, Http, ServerUrl,
    http::Request,
    response::Response,
    session::{Kind, MAX_ERROR, Scope, Session},
    taken,
    upload::Upload,
};
use crate::{
    crypto::Sha256,
    tuf::{Gun, RoleName, Version},
};

/// One file of a collection as servers name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RemoteFile {
    /// The newest one: `timestamp.json`.
    Current(RoleName),
    /// The one with this digest: `snapshot.<hex>.json`.
    ByHash(RoleName, Sha256),
    /// The one with this version: `2.root.json`.
    ByVersion(RoleName, Version),
}

impl RemoteFile {
    /// Whose file it is.
    pub fn role(&self) -> &RoleName {
        let (Self::Current(role) | Self::ByHash(role, _) | Self::ByVersion(role, _)) = self;
        role
    }

    /// What TUF 1.0 calls it, where a file's version stands in its name (TUF 1.0.34 §5):
    /// `3.targets%2Freleases.json`.
    pub fn quoted_name(&self) -> String {
        match self {
            Self::Current(role) => format!("{}.json", role.quoted()),
            Self::ByVersion(role, version) => format!("{version}.{}.json", role.quoted()),
            Self::ByHash(role, hash) => format!("{hash}.{}.json", role.quoted()),
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Current(role) => format!("{role}.json"),
            Self::ByHash(role, hash) => format!("{role}.{hash}.json"),
            Self::ByVersion(role, version) => format!("{version}.{role}.json"),
        }
    }
}

/// In which order a place wants to be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pace {
    /// For each file when its turn comes, newer roots first (TUF 1.0.34 §5).
    InTurn,
    /// For files ahead of their turn, several at a time: a journey to the place costs more than a
    /// file.
    Ahead,
}

/// A place that keeps a collection's metadata.
pub trait Remote: Send + Sync {
    /// What to call the place in messages: a server's host and port.
    fn name(&self) -> String;

    /// In which order it wants to be asked.
    fn pace(&self) -> Pace {
        Pace::Ahead
    }

    /// Reads a file of at most `limit` bytes; `None` if the place says that there is none (404).
    ///
    /// # Errors
    ///
    /// Whatever is not the file and not a 404.
    fn fetch(
        &self,
        file: &RemoteFile,
        limit: u64,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;

    /// Told when all that was read here turned out to be true: what helps to ask for less the next
    /// time may be kept now.
    fn believed(&self) {}

    /// The public key, as JSON, that the place will sign `role` with.
    ///
    /// # Errors
    ///
    /// Also if the place does not keep keys for that role.
    fn public_key(&self, role: &RoleName) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;

    /// Has the place make a new key for `role`; gives its public key as JSON.
    ///
    /// # Errors
    ///
    /// As [`Remote::public_key`].
    fn rotate_key(&self, role: &RoleName) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;

    /// Asked before any key is made or unlocked for a change.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`] if the place takes no changes.
    fn takes_changes(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Hands over files, which are all taken or all refused.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if another publisher was faster, [`Error::Refused`] if the files were
    /// judged wrong, [`Error::NotTaken`] if they are not there although they were said to be. After
    /// any other error it is unknown whether they were taken.
    fn publish(
        &self,
        files: &[(RoleName, Vec<u8>)],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes the collection.
    ///
    /// # Errors
    ///
    /// Also if the place does not allow it.
    fn delete(&self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// One collection on a trust server that speaks Notary's protocol.
#[derive(Clone)]
pub struct NotaryServer {
    session: Arc<Session>,
    base: Url,
    least_access: Access,
    deadline: Deadline,
}

impl NotaryServer {
    /// The collection `gun` at `server`. Everything asked of this value must be over at `deadline`.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if the collection's name cannot stand in a URL as it is.
    pub fn new(
        http: Http,
        server: &ServerUrl,
        gun: &Gun,
        account: Account,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let base = server.join(&format!("/v2/{gun}/_trust/tuf/"))?;
        let session =
            Session::new(http, Kind::TrustServer, account, Scope::Repository(gun.to_string()));
        let (session, least_access) = (Arc::new(session), Access::Pull);
        Ok(Self { session, base, least_access, deadline })
    }

    /// The same, for an operation that will write: one token for all its requests.
    pub fn for_access(self, least_access: Access) -> Self {
        Self { least_access, ..self }
    }

    /// The same server and tokens, for an operation with another end.
    pub fn until(&self, deadline: Deadline) -> Self {
        Self { deadline, ..self.clone() }
    }

    async fn send(&self, request: Request, access: Access) -> Result<Response, Error> {
        self.session.send(&request, access.max(self.least_access), self.deadline).await
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        let no_url = |_| Error::Url { url: self.base.to_string(), problem: "no valid URL" };
        self.base.join(&format!("./{path}")).map_err(no_url)
    }

    async fn key(&self, method: Method, role: &RoleName, access: Access) -> Result<Vec<u8>, Error> {
        let request = Request::new(method, self.url(&format!("{role}.key"))?);
        let response = self.send(request, access).await?;
        expect_200(response)?.document(MAX_KEY).await
    }
}

impl Remote for NotaryServer {
    fn name(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let request = Request::get(self.url(&file.path())?);
        let response = self.send(request, Access::Pull).await?;
        if response.status() == 404 {
            response.discard().await;
            return Ok(None);
        }
        expect_200(response)?.document(limit).await.map(Some)
    }

    async fn public_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.key(Method::GET, role, Access::PushPull).await
    }

    async fn rotate_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.key(Method::POST, role, Access::All).await
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        let Upload { content_type, body } = Upload::of(files);
        let request = Request::new(Method::POST, self.base.clone())
            .with_header(CONTENT_TYPE, content_type)
            .with_body(body);
        let response = self.send(request, Access::PushPull).await?;
        if response.status() == 400 {
            return Err(refusal(response).await);
        }
        done(response).await?;
        taken::check(self, files).await
    }

    async fn delete(&self) -> Result<(), Error> {
        let request = Request::new(Method::DELETE, self.base.clone());
        let response = self.send(request, Access::All).await?;
        done(response).await
    }
}

fn expect_200(response: Response) -> Result<Response, Error> {
    match response.status() {
        200 => Ok(response),
        status => Err(Error::Unavailable { host: response.host().to_owned(), status }),
    }
}

/// That it is done. Trust servers say no more than 200 (Notary `server/handlers/default.go`); a page is
/// somebody else's, who has stored nothing.
async fn done(response: Response) -> Result<(), Error> {
    let response = expect_200(response)?;
    let host = response.host().to_owned();
    let said = response.body(MAX_ERROR).await.unwrap_or_default();
    match said.trim_ascii_start().first() {
        Some(b'<') => Err(Error::Malformed { host, problem: "it answered with a page" }),
        _ => Ok(()),
    }
}

/// `{"errors":[{"code","message","detail"}]}` (Notary `server/errors/errors.go`).
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: serde_json::Value,
}

/// `{"Name":"ErrBadTargets","Error":{"Msg":"…"}}` (Notary `tuf/validation/errors.go`).
#[derive(Deserialize)]
struct Invalid {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Error")]
    error: InvalidError,
}

#[derive(Deserialize)]
struct InvalidError {
    #[serde(rename = "Msg")]
    message: String,
}

async fn refusal(response: Response) -> Error {
    let (host, sent) = (response.host().to_owned(), response.sent());
    let body = match response.body(MAX_ERROR).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    let reasons =
        serde_json::from_slice(&body).map_or_else(|_| Vec::new(), |it: Refusal| it.errors);
    let Some(reason) = reasons.into_iter().next() else {
        return Error::Refused { host, name: "status 400".to_owned(), message: String::new() };
    };
    let invalid = Invalid::deserialize(&reason.detail).ok();
    let (name, message) = match (&*reason.code, invalid) {
        ("VERSION", _) => return Error::Conflict { host },
        ("INVALID_UPDATE", Some(invalid)) => (invalid.name, invalid.error.message),
        _ => (reason.code, with_detail(reason.message, reason.detail.as_str())),
    };
    Error::Refused { host, name: sent.kept_out_of(&name), message: sent.kept_out_of(&message) }
}

fn with_detail(message: String, detail: Option<&str>) -> String {
    detail.map_or_else(|| message.clone(), |detail| format!("{message} ({detail})"))
}

/// Bytes.
const MAX_KEY: u64 = 64 << 10;
