//! A registry to pull from (OCI distribution specification 1.1), which hands out only what is signed.
//!
//! - What a tag means is what is signed, and never what the registry behind says. A digest is asked
//!   for by itself, or stands in a manifest that was let through.
//! - Bytes are compared with their digest: a manifest before any of it is sent, a blob before the last
//!   piece of it is; a wrong one ends with its connection, and is never complete.
//! - Nothing is written, listed or searched, and nobody's credentials are passed on.

mod answer;
mod hosts;
mod page;
mod route;
mod upstream;

use std::sync::Arc;

use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::health::Health;
use super::listen::Answering;
use super::log::{Level, chain};
use super::{Limits, Log, Proxies};
use crate::image::{Descriptor, ImageDigest, Name, Tag};
use crate::net::{Blob, Manifest};
use answer::{Body, Problem};
use page::Page;
use route::Route;
use upstream::{Unmeant, repository};

pub use hosts::Hosts;
pub use route::Which;
pub use upstream::Upstream;

/// Has what is signed, and nothing else.
pub trait Images: Send + Sync + 'static {
    /// A signed manifest, or one that stands in an index that was let through.
    fn manifest(
        &self,
        name: &Name,
        which: &Which,
    ) -> impl Future<Output = Result<Arc<Manifest>, Refusal>> + Send;

    /// Size of a blob that stands in a manifest that was let through.
    ///
    /// # Errors
    ///
    /// If it stands in none.
    fn blob(&self, name: &Name, digest: ImageDigest) -> Result<Descriptor, Refusal>;

    /// The same blob, to be read.
    fn open(
        &self,
        name: &Name,
        blob: &Descriptor,
    ) -> impl Future<Output = Result<Blob, Refusal>> + Send;

    /// The signed tags of a repository.
    fn tags(&self, name: &Name) -> impl Future<Output = Result<Vec<Tag>, Refusal>> + Send;
}

/// Why something is not handed out: in one line, fit for terminals.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It is not signed, or not by those who may.
    Denied(String),
    /// There is no such thing.
    Absent(String),
    /// Nobody knows: a server did not answer.
    Unanswered(String),
    /// The registry has something else in its place.
    Spoiled(String),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    Manifest,
    Blob,
    Tags,
}

/// A registry to pull from, apart from its socket. Clones are the same one.
pub struct Distribution<I>(Arc<Inner<I>>);

struct Inner<I> {
    images: I,
    upstreams: Vec<Upstream>,
    hosts: Hosts,
    log: Log,
    limits: Limits,
    proxies: Proxies,
    health: Health,
}

/// A request that was understood.
struct Pull<'r> {
    name: Name,
    head: &'r Parts,
    /// What the log and the client are told that it is about.
    about: String,
}

impl<I: Images> Distribution<I> {
    /// A registry of these images, from those registries, called by these names, with so many
    /// connections at most.
    pub fn new(
        images: I,
        upstreams: Vec<Upstream>,
        hosts: Hosts,
        connections: usize,
        log: Log,
    ) -> Self {
        let limits = Limits { connections, connections_each: connections, ..Limits::default() };
        let (proxies, health) = (Proxies::default(), Health::default());
        Self(Arc::new(Inner { images, upstreams, hosts, log, limits, proxies, health }))
    }

    /// From now on new requests should go elsewhere; those that come are answered.
    pub fn drain(&self) {
        self.0.health.drain();
    }

    async fn answer(&self, head: &Parts) -> Response<Body> {
        let path = head.uri.path();
        let route = match (path, Route::of(path)) {
            ("/healthz", _) => return answer::whole(self.0.health.answer(&head.method)),
            (_, route) => route,
        };
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        let answered = match route {
            _ if !self.0.hosts.admit(head) => {
                Err(Problem::new(StatusCode::FORBIDDEN, "DENIED", OTHER_NAME))
            }
            Route::Elsewhere => Err(Problem::new(StatusCode::NOT_FOUND, "UNSUPPORTED", NO_API)),
            _ if !reads => Err(unsupported()),
            Route::Other => Err(unsupported()),
            Route::Base => return answer::base(),
            Route::Referrers => {
                Err(Problem::new(StatusCode::NOT_FOUND, "UNSUPPORTED", NO_REFERRERS))
            }
            Route::Manifest { path, reference } => self.manifest(head, path, reference).await,
            Route::Blob { path, digest } => self.blob(head, path, digest).await,
            Route::Tags { path } => self.tags(head, path).await,
        };
        answered.unwrap_or_else(|problem| {
            let about: String = path.chars().take(MOST_SHOWN).collect();
            let said =
                json!({"method": head.method.as_str(), "path": about, "error": problem.message});
            self.0.log.asked(Level::Info, "not a pull", said, head);
            problem.response(&about)
        })
    }

    async fn manifest(
        &self,
        head: &Parts,
        path: &str,
        reference: &str,
    ) -> Result<Response<Body>, Problem> {
        let which = Which::read(reference).map_err(|error| match reference.contains(':') {
            true => Problem::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", error.to_string()),
            false => Problem::new(StatusCode::BAD_REQUEST, "TAG_INVALID", error.to_string()),
        })?;
        let separator = if reference.contains(':') { '@' } else { ':' };
        let pull = self.pull(head, path, &format!("{separator}{reference}"))?;
        let found = self.0.images.manifest(&pull.name, &which).await;
        Ok(match found {
            Ok(manifest) => {
                self.passed(&pull, &manifest.descriptor);
                answer::manifest(&manifest)
            }
            Err(refusal) => self.refused(&pull, refusal, Asked::Manifest),
        })
    }

    async fn blob(
        &self,
        head: &Parts,
        path: &str,
        digest: &str,
    ) -> Result<Response<Body>, Problem> {
        let digest: ImageDigest = digest.parse().map_err(|error: crate::image::Error| {
            Problem::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", error.to_string())
        })?;
        let pull = self.pull(head, path, &format!("@{digest}"))?;
        let listed = match self.0.images.blob(&pull.name, digest) {
            Ok(listed) => listed,
            Err(refusal) => return Ok(self.refused(&pull, refusal, Asked::Blob)),
        };
        if head.method == Method::HEAD {
            return Ok(answer::blob(&listed, Body::default()));
        }
        match self.0.images.open(&pull.name, &listed).await {
            Ok(blob) => {
                self.passed(&pull, &listed);
                Ok(answer::blob(&listed, self.streamed(blob, pull)))
            }
            Err(refusal) => Ok(self.refused(&pull, refusal, Asked::Blob)),
        }
    }

    async fn tags(&self, head: &Parts, path: &str) -> Result<Response<Body>, Problem> {
        let pull = self.pull(head, path, "")?;
        let mut tags = match self.0.images.tags(&pull.name).await {
            Ok(tags) => tags,
            Err(refusal) => return Ok(self.refused(&pull, refusal, Asked::Tags)),
        };
        tags.sort();
        let (page, last) = Page::of(head.uri.query()).cut(&tags);
        let next = last.map(|last| page::next(path, &pull.name, last, page.len()));
        Ok(answer::tags(path, &page, next))
    }

    /// The repository that is meant, and what of it.
    fn pull<'r>(&self, head: &'r Parts, path: &str, of: &str) -> Result<Pull<'r>, Problem> {
        let name = repository(&self.0.upstreams, path, head.uri.query());
        let name = name.map_err(|unmeant| match unmeant {
            Unmeant::Registry(told) => Problem::new(StatusCode::FORBIDDEN, "DENIED", told),
            Unmeant::Name(told) => Problem::new(StatusCode::BAD_REQUEST, "NAME_INVALID", told),
        })?;
        let about = format!("{name}{of}");
        Ok(Pull { name, head, about })
    }

    fn passed(&self, pull: &Pull<'_>, what: &Descriptor) {
        let said = json!({
            "method": pull.head.method.as_str(),
            "image": pull.about,
            "allowed": true,
            "digest": what.digest.to_string(),
            "type": what.media_type,
        });
        self.0.log.asked(Level::Debug, "pull", said, pull.head);
    }

    fn refused(&self, pull: &Pull<'_>, refusal: Refusal, asked: Asked) -> Response<Body> {
        let problem = Problem::of(refusal, asked);
        self.told(pull.head, &pull.about, problem.status, &problem.message);
        problem.response(&pull.about)
    }

    fn told(&self, head: &Parts, about: &str, status: StatusCode, reason: &str) {
        let said = json!({
            "method": head.method.as_str(),
            "image": about,
            "allowed": false,
            "status": status.as_u16(),
            "reason": reason,
        });
        self.0.log.asked(Level::Info, "pull", said, head);
    }

    /// A blob as it comes along; what is wrong with it cuts the connection.
    fn streamed(&self, blob: Blob, pull: Pull<'_>) -> Body {
        let (server, head, about) = (self.clone(), pull.head.clone(), pull.about);
        let pieces = stream::try_unfold((blob, server, head, about), |mut passing| async {
            let (blob, server, head, about) = &mut passing;
            match blob.piece().await {
                Ok(piece) => Ok(piece.map(|piece| (Frame::data(piece), passing))),
                Err(error) => {
                    server.told(
                        head,
                        about,
                        StatusCode::OK,
                        &format!("cut off: {}", chain(&error)),
                    );
                    Err(error.into())
                }
            }
        });
        StreamBody::new(pieces).boxed_unsync()
    }
}

impl<I> Clone for Distribution<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I: Images> Answering for Distribution<I> {
    type Body = Body;

    fn limits(&self) -> &Limits {
        &self.0.limits
    }

    fn proxies(&self) -> &Proxies {
        &self.0.proxies
    }

    fn body_bytes(&self) -> usize {
        BODY_BYTES
    }

    fn log(&self) -> &Log {
        &self.0.log
    }

    async fn respond(&self, request: Request<&mut Incoming>) -> Response<Body> {
        self.answer(&request.into_parts().0).await
    }
}

fn unsupported() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", ONLY_PULLS)
}

const ONLY_PULLS: &str = "this is a proxy to pull signed images through: manifests, blobs and tags of a repository can be \
     read, and nothing else";
const OTHER_NAME: &str = "this proxy is for its own host, and answers to its address or as localhost only: a name may be \
     anybody's. With a certificate (--tls-cert, --tls-key) it has names";
const NO_API: &str = "the distribution API begins with /v2/";
const NO_REFERRERS: &str = "nobody signed what refers to an image";
/// What is sent with a question for an image is not read.
const BODY_BYTES: usize = 64 << 10;
/// Of a path, in characters.
const MOST_SHOWN: usize = 512;
