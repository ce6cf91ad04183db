//! Requests to one server, with the credentials that it asks for.
//!
//! There is no ping: the 401 on the request itself says what is wanted.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::{
    Account, Credential, Deadline, Error, Http,
    bearer::{Authorization, TokenRequest},
    challenge::Challenge,
    failures::Failures,
    http::Request,
    response::Response,
    secret::{basic, bearer},
};

/// What a request needs to be allowed to do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// Read.
    Pull,
    /// Read and write.
    PushPull,
    /// Everything; Notary asks for it to delete and to rotate keys.
    All,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pull => "pull",
            Self::PushPull => "push,pull",
            Self::All => "*",
        })
    }
}

/// Which credentials a server may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Registry,
    /// docker does not give its `registrytoken` to trust servers.
    TrustServer,
}

/// What tokens are asked for.
pub(super) enum Scope {
    /// One repository or collection.
    Repository(String),
    /// The list of all.
    Catalog,
}

impl Scope {
    fn text(&self, access: Access) -> String {
        match self {
            Self::Repository(name) => format!("repository:{name}:{access}"),
            Self::Catalog => "registry:catalog:*".to_owned(),
        }
    }
}

/// One server, our account for it, and the tokens so far.
pub(super) struct Session {
    http: Http,
    kind: Kind,
    account: Account,
    scope: Scope,
    credential: OnceCell<Option<Credential>>,
    granted: Mutex<HashMap<Access, Authorization>>,
    /// Held while a token is asked for, so that parallel requests ask once.
    asking: tokio::sync::Mutex<()>,
    failures: Failures,
}

impl Session {
    pub(super) fn new(http: Http, kind: Kind, account: Account, scope: Scope) -> Self {
        let (granted, asking) = (Mutex::default(), tokio::sync::Mutex::default());
        let (credential, failures) = (OnceCell::new(), Failures::default());
        Self { http, kind, account, scope, credential, granted, asking, failures }
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// Sends a request; answers one 401 with credentials, and takes a second one as the answer.
    pub(super) async fn send(
        &self,
        request: &Request,
        access: Access,
        deadline: Deadline,
    ) -> Result<Response, Error> {
        let used = self.granted(access);
        let response = self.ask(&authorised(request, used.as_ref()), deadline).await?;
        if response.status() != 401 {
            return allowed(response).await;
        }
        let header = self.answer(response, used, access, deadline).await?;
        allowed(self.ask(&authorised(request, Some(&header)), deadline).await?).await
    }

    async fn ask(&self, request: &Request, deadline: Deadline) -> Result<Response, Error> {
        self.http.send(request, deadline).await.map_err(|error| self.blamed(error))
    }

    /// The error, with whom it is about.
    pub(super) fn blamed(&self, error: Error) -> Error {
        match self.kind {
            Kind::Registry => error.of_registry(),
            Kind::TrustServer => error,
        }
    }

    /// Gets what the server asks for, unless a parallel request already has it.
    async fn answer(
        &self,
        response: Response,
        used: Option<HeaderValue>,
        access: Access,
        deadline: Deadline,
    ) -> Result<HeaderValue, Error> {
        let failures = self.failures.count();
        let _asking = self.asking.lock().await;
        if let Some(failure) = self.failures.since(failures, &self.account.key) {
            return Err(failure);
        }
        if let Some(newer) = self.granted(access).filter(|header| Some(header) != used.as_ref()) {
            response.discard().await;
            return Ok(newer);
        }
        let authorization = self.authorise(response, access, deadline).await?;
        let header = authorization.header.clone();
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.insert(access, authorization);
        Ok(header)
    }

    async fn authorise(
        &self,
        response: Response,
        access: Access,
        deadline: Deadline,
    ) -> Result<Authorization, Error> {
        let challenge = Challenge::of(response.headers())
            .map_err(|problem| Error::Challenge { host: response.host().to_owned(), problem })?;
        let credential = self.credential(deadline).await?;
        match (challenge, credential) {
            (_, Some(Credential::Registry(token))) => {
                let header = bearer(token).ok_or_else(|| self.unusable_token());
                header.map(Authorization::lasting)
            }
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                response.discard().await;
                Ok(Authorization::lasting(basic(user, password)))
            }
            (Challenge::Basic, _) => Err(refused(response).await),
            (Challenge::Bearer { realm, service }, credential) => {
                let server = response.url().clone();
                response.discard().await;
                let realm = self.account.realms.check(&realm, &server, &self.account.registry)?;
                let scope = self.scope.text(access);
                let service = service.as_deref();
                let request =
                    TokenRequest { realm, server: &server, service, scope: &scope, credential };
                request.send(&self.http, deadline).await
            }
        }
    }

    async fn credential(&self, deadline: Deadline) -> Result<Option<&Credential>, Error> {
        let asking = self.credential.get_or_try_init(|| self.account.credential());
        let host = || self.account.key.clone();
        let asked = deadline.limit(host, CREDENTIAL_PATIENCE, asking).await?;
        let credential = asked.map_err(|error| self.failures.kept(error))?.as_ref();
        let withheld = |found: &&Credential| {
            self.kind == Kind::Registry || !matches!(found, Credential::Registry(_))
        };
        Ok(credential.filter(withheld))
    }

    fn granted(&self, access: Access) -> Option<HeaderValue> {
        let granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.get(&access).filter(|kept| kept.is_good()).map(|kept| kept.header.clone())
    }

    fn unusable_token(&self) -> Error {
        let source = "the registry token has characters that no header may have".into();
        Error::Credentials { key: self.account.key.clone(), source }
    }
}

/// The words of a server's error answer: `code: message`, or nothing.
pub(super) async fn server_message(response: Response) -> String {
    let sent = response.sent();
    let body = response.body(MAX_ERROR).await.unwrap_or_default();
    let reply: Option<ErrorReply> = serde_json::from_slice(&body).ok();
    let first = reply.and_then(|reply| reply.errors.into_iter().next());
    first.map(|error| sent.kept_out_of(&error.message)).unwrap_or_default()
}

#[derive(Deserialize)]
struct ErrorReply {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    message: String,
}

fn authorised(request: &Request, header: Option<&HeaderValue>) -> Request {
    let request = request.clone();
    match header {
        Some(header) => request.with_header(AUTHORIZATION, header.clone()),
        None => request,
    }
}

async fn allowed(response: Response) -> Result<Response, Error> {
    match response.status() {
        401 | 403 => Err(refused(response).await),
        _ => Ok(response),
    }
}

async fn refused(response: Response) -> Error {
    let (host, status) = (response.host().to_owned(), response.status());
    Error::Unauthorised { host, status, message: server_message(response).await }
}

/// Bytes.
pub(super) const MAX_ERROR: u64 = 64 << 10;
/// A credential helper may ask the user.
const CREDENTIAL_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
