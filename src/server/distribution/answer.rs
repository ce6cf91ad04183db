//! How answers look: as those of a registry (OCI distribution specification 1.1, "Error Codes").

use std::error::Error;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LINK,
    RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::{Asked, Refusal};
use crate::image::Descriptor;
use crate::net::Manifest;
use crate::server::response;

/// What answers carry.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// An error, for a program and for whoever reads it there.
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// What a refusal is to whoever asked.
    pub(super) fn of(refusal: Refusal, asked: Asked) -> Self {
        match refusal {
            Refusal::Denied(message) => Self::new(StatusCode::FORBIDDEN, "DENIED", message),
            Refusal::Absent(message) => {
                let code = match asked {
                    Asked::Manifest => "MANIFEST_UNKNOWN",
                    Asked::Blob => "BLOB_UNKNOWN",
                    Asked::Tags => "NAME_UNKNOWN",
                };
                Self::new(StatusCode::NOT_FOUND, code, message)
            }
            Refusal::Unanswered(message) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
            }
            Refusal::Spoiled(message) => Self::new(StatusCode::BAD_GATEWAY, "UNKNOWN", message),
        }
    }

    /// The answer; `about` is what was asked for.
    pub(super) fn response(&self, about: &str) -> Response<Body> {
        let error = json!({"code": self.code, "message": self.message, "detail": {"asked": about}});
        let mut response = response::error(self.status, json!({"errors": [error]}).to_string());
        let headers = response.headers_mut();
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => drop(headers.insert(ALLOW, READING)),
            StatusCode::SERVICE_UNAVAILABLE => drop(headers.insert(RETRY_AFTER, SOON)),
            _ => {}
        }
        whole(response)
    }
}

/// An answer that is at hand, as one of a registry.
pub(super) fn whole(response: Response<Full<Bytes>>) -> Response<Body> {
    let mut response = response.map(|body| body.map_err(|never| match never {}).boxed_unsync());
    response.headers_mut().insert(VERSION.0, VERSION.1);
    response
}

/// That the API is spoken here.
pub(super) fn base() -> Response<Body> {
    whole(response::json("{}"))
}

/// A manifest, byte for byte.
pub(super) fn manifest(manifest: &Manifest) -> Response<Body> {
    let mut answer = whole(Response::new(Full::new(Bytes::copy_from_slice(&manifest.bytes))));
    describe(&mut answer, &manifest.descriptor, manifest.descriptor.media_type.as_deref());
    answer
}

/// A blob that comes along piece by piece.
pub(super) fn blob(descriptor: &Descriptor, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(VERSION.0, VERSION.1);
    describe(&mut answer, descriptor, None);
    answer
}

/// The tags of a repository, in order; `next` is where there are more.
pub(super) fn tags(path: &str, tags: &[&str], next: Option<String>) -> Response<Body> {
    let mut answer = whole(response::json(json!({"name": path, "tags": tags}).to_string()));
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        answer.headers_mut().insert(LINK, next);
    }
    answer
}

/// What a tag means now may not be kept by anybody on the way.
fn describe(answer: &mut Response<Body>, descriptor: &Descriptor, media_type: Option<&str>) {
    let digest = descriptor.digest.to_string();
    let headers = answer.headers_mut();
    for (name, text) in [
        (CONTENT_TYPE, media_type.unwrap_or("application/octet-stream").to_owned()),
        (CONTENT_LENGTH, descriptor.size.to_string()),
        (ETAG, format!("\"{digest}\"")),
        (DIGEST, digest),
        (CACHE_CONTROL, "no-store".to_owned()),
    ] {
        // Types were compared with those that were asked for; the rest is digits and letters.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

const READING: HeaderValue = HeaderValue::from_static("GET, HEAD");
const SOON: HeaderValue = HeaderValue::from_static("5");
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const VERSION: (HeaderName, HeaderValue) = (
    HeaderName::from_static("docker-distribution-api-version"),
    HeaderValue::from_static("registry/2.0"),
);
