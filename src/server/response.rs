//! How answers look.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use hyper::{HeaderMap, Response, StatusCode};
use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;

use super::Options;
use crate::storage::metadata::{StoredFile, Which};
use crate::tuf::RoleName;

/// A metadata file with everything that goes out with it.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    bytes: Bytes,
    etag: HeaderValue,
    last_modified: HeaderValue,
    /// Since when these bytes are all that the address stands for, if they are so for ever.
    unchanged_since: Option<Instant>,
    cache_control: HeaderValue,
    /// When a timestamp ends to be valid; the end of time for other roles.
    pub(super) expires: Instant,
}

impl Rendered {
    pub(super) fn new(
        role: &RoleName,
        which: Which,
        file: StoredFile,
        expires: Instant,
        options: &Options,
    ) -> Self {
        let date = file.stored_at.to_zoned(TimeZone::UTC).strftime(HTTP_DATE).to_string();
        Self {
            etag: header(format!("\"{}\"", file.sha256)),
            last_modified: header(date),
            unchanged_since: matches!(which, Which::Hash(_)).then_some(file.stored_at),
            cache_control: header(cache_control(role, which, options)),
            bytes: file.bytes,
            expires,
        }
    }

    /// Bytes that it takes to keep it.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }

    /// The file, or that the caller has it already (RFC 9110 §13).
    pub(super) fn response(&self, asked: &HeaderMap) -> Response<Full<Bytes>> {
        let known = self.is_known(asked);
        let body = if known { Bytes::new() } else { self.bytes.clone() };
        let mut response = Response::new(Full::new(body));
        let headers = response.headers_mut();
        headers.reserve(6);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CACHE_CONTROL, self.cache_control.clone());
        headers.insert(ETAG, self.etag.clone());
        headers.insert(LAST_MODIFIED, self.last_modified.clone());
        headers.insert(NOSNIFF.0, NOSNIFF.1);
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_TYPE);
        }
        response
    }

    fn is_known(&self, asked: &HeaderMap) -> bool {
        if let Some(tags) = asked.get(IF_NONE_MATCH) {
            let ours = self.etag.to_str().unwrap_or_default();
            let same = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == ours;
            return tags.to_str().is_ok_and(|tags| tags.split(',').map(str::trim).any(same));
        }
        // Dates have seconds, clocks are set back and databases restored: of a file that changes, no date
        // proves that it did not.
        let Some(unchanged) = self.unchanged_since else { return false };
        let since = asked.get(IF_MODIFIED_SINCE).and_then(|since| since.to_str().ok());
        let since = since.and_then(|since| jiff::fmt::rfc2822::parse(since).ok());
        since.is_some_and(|since| unchanged.as_second() <= since.timestamp().as_second())
    }
}

/// JSON that is good for this moment only.
pub(super) fn json(body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    text(StatusCode::OK, JSON, body.into())
}

/// Text that is good for this moment only.
pub(super) fn plain(body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    text(StatusCode::OK, HeaderValue::from_static("text/plain; charset=utf-8"), body.into())
}

/// An error, never to be kept.
pub(super) fn error(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    text(status, json, body.into())
}

/// Words to whoever speaks no API: never to be kept.
pub(super) fn refused(status: StatusCode, told: &str) -> Response<Full<Bytes>> {
    let mut response = plain(format!("{told}\n"));
    *response.status_mut() = status;
    response
}

/// Nothing but a status.
pub(super) fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn text(status: StatusCode, kind: HeaderValue, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(NOSNIFF.0, NOSNIFF.1);
    response
}

/// What never changes may be kept; what says which version is current may not, or a proxy would
/// freeze its clients.
fn cache_control(role: &RoleName, which: Which, options: &Options) -> String {
    let age = match which {
        Which::Hash(_) | Which::Version(_) => options.consistent_max_age,
        Which::Current => options.current_max_age,
    };
    match (which, role) {
        (Which::Current, RoleName::Timestamp | RoleName::Root) => "no-store".to_owned(),
        _ if age == 0 => "max-age=0, no-cache, no-store".to_owned(),
        (Which::Current, _) => {
            format!("public, max-age={age}, s-maxage={age}, must-revalidate")
        }
        _ => format!("public, max-age={age}, s-maxage={age}, immutable"),
    }
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits, letters and punctuation of ASCII")
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NOSNIFF: (HeaderName, HeaderValue) =
    (hyper::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
/// RFC 9110 §5.6.7.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";
/// Of a kept file beside its bytes, about.
const OVERHEAD: usize = 512;
