//! What the HTTP library reports, as our errors.

use std::error::Error as _;

use super::Error;

/// No answer at all. The URL is taken out of the cause: a token request has the user's name in it.
pub(super) fn no_answer(host: String, cause: reqwest::Error) -> Error {
    if cause.is_timeout() {
        return Error::TimedOut { host };
    }
    if was_cut(&cause) {
        return Error::Unreachable { host, source: "the connection was closed".into() };
    }
    Error::Unreachable { host, source: Box::new(cause.without_url()) }
}

/// An answer that did not come to its end.
pub(super) fn broken_off(host: String, found: u64, cause: reqwest::Error) -> Error {
    if cause.is_timeout() {
        return Error::TimedOut { host };
    }
    Error::Truncated { host, found, source: Box::new(cause.without_url()) }
}

impl Error {
    /// Whether the server spoke, but not TLS. A refused certificate is not that.
    pub(super) fn is_no_tls(&self) -> bool {
        let Self::Unreachable { source, .. } = self else { return false };
        let Some(cause) = source.downcast_ref::<reqwest::Error>() else { return false };
        let causes = std::iter::successors(cause.source(), |cause| deeper(*cause));
        let mut tls_errors = causes.filter_map(|cause| cause.downcast_ref::<rustls::Error>());
        tls_errors.any(|error| matches!(error, rustls::Error::InvalidMessage(_)))
    }
}

/// Whether the other side hung up, about which the TLS library has a page to read.
fn was_cut(cause: &reqwest::Error) -> bool {
    let causes = std::iter::successors(cause.source(), |cause| deeper(*cause));
    let mut io_errors = causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io_errors.any(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
}

/// An `io::Error` hides its cause from `source`.
fn deeper<'a>(
    cause: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => cause.source(),
    }
}
