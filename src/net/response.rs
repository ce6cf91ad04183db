//! Answers, read within limits.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Version;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use serde::de::IgnoredAny;
use url::Url;

use super::{Deadline, Error, failure::broken_off, secret::Sent};

/// The head of an answer, and a body that is still to be read.
pub(super) struct Response {
    answer: reqwest::Response,
    host: String,
    deadline: Deadline,
    patience: Duration,
    found: u64,
    sent: Sent,
}

impl Response {
    pub(super) fn new(
        answer: reqwest::Response,
        host: String,
        deadline: Deadline,
        patience: Duration,
        sent: Sent,
    ) -> Self {
        Self { answer, host, deadline, patience, found: 0, sent }
    }

    /// What its request carried in confidence.
    pub(super) fn sent(&self) -> Sent {
        self.sent.clone()
    }

    /// The server as errors name it.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn url(&self) -> &Url {
        self.answer.url()
    }

    pub(super) fn status(&self) -> u16 {
        self.answer.status().as_u16()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.answer.headers()
    }

    /// A header's text; `None` if it is absent or no ASCII.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The whole body, which may have up to `limit` bytes.
    pub(super) async fn body(mut self, limit: u64) -> Result<Vec<u8>, Error> {
        let announced = self.answer.content_length().unwrap_or(0).min(limit).min(FIRST_GUESS);
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(piece) = self.piece(limit).await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// The whole body, which is JSON of up to `limit` bytes. One that only the end of the connection
    /// ends, and that stops in the middle of a value, was cut short.
    pub(super) async fn document(self, limit: u64) -> Result<Vec<u8>, Error> {
        let (host, is_measured) = (self.host.clone(), self.says_its_length());
        let document = self.body(limit).await?;
        if is_measured || !stops_short(&document) {
            return Ok(document);
        }
        let source = "the connection ended in the middle of it".into();
        Err(Error::Truncated { host, found: document.len() as u64, source })
    }

    /// Whether a body that is cut short is seen to be (RFC 9112 §6.3).
    fn says_its_length(&self) -> bool {
        let says = [CONTENT_LENGTH, TRANSFER_ENCODING];
        self.answer.version() > Version::HTTP_11
            || says.iter().any(|name| self.headers().contains_key(name))
    }

    /// The next piece of a body that may have up to `limit` bytes in all.
    pub(super) async fn piece(&mut self, limit: u64) -> Result<Option<Bytes>, Error> {
        let too_large = |host: &str| Error::TooLarge { host: host.to_owned(), limit };
        if self.found == 0 {
            self.check_encoding()?;
            if self.answer.content_length().is_some_and(|announced| announced > limit) {
                return Err(too_large(&self.host));
            }
        }
        let host = || self.host.clone();
        let reading = self.answer.chunk();
        let piece = self.deadline.limit(host, self.patience, reading).await?;
        let piece = piece.map_err(|cause| broken_off(self.host.clone(), self.found, cause))?;
        self.found += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.found > limit { Err(too_large(&self.host)) } else { Ok(piece) }
    }

    /// Reads a body that nobody wants, if it is short, so that the connection can be used again.
    pub(super) async fn discard(mut self) {
        let read = async { while let Ok(Some(_)) = self.piece(MAX_DISCARDED).await {} };
        // Whether it came to its end decides only about the connection.
        let _ = tokio::time::timeout(MAX_DISCARDING, read).await;
    }

    pub(super) fn malformed(&self, problem: &'static str) -> Error {
        Error::Malformed { host: self.host.clone(), problem }
    }

    /// We ask for bytes as they are; decompressing others is how a small answer becomes a huge one.
    fn check_encoding(&self) -> Result<(), Error> {
        let plain = |value: &_| value == "identity";
        if self.headers().get_all(CONTENT_ENCODING).iter().all(plain) {
            return Ok(());
        }
        Err(self.malformed("the answer has a Content-Encoding that was not asked for"))
    }
}

fn stops_short(document: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(document).is_err_and(|error| error.is_eof())
}

/// Bytes set aside before any arrived.
const FIRST_GUESS: u64 = 64 << 10;
/// Bytes; a new connection costs less than reading more.
const MAX_DISCARDED: u64 = 64 << 10;
const MAX_DISCARDING: Duration = Duration::from_secs(1);
