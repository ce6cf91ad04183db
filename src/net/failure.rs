//! What the HTTP library reports, as our errors.

use std::error::Error as StdError;
use std::fmt;

use super::Error;

/// No answer at all. The URL is taken out of the cause: a token request has the user's name in it.
pub(super) fn no_answer(host: String, cause: reqwest::Error) -> Error {
    if cause.is_timeout() {
        return Error::TimedOut { host };
    }
    let cause = Cause(cause.without_url());
    match cause.tls() {
        Some(rustls::Error::InvalidCertificate(_)) => {
            Error::Certificate { host, source: Box::new(cause) }
        }
        _ => Error::Unreachable { host, registry: false, source: Box::new(cause) },
    }
}

/// An answer that did not come to its end.
pub(super) fn broken_off(host: String, found: u64, cause: reqwest::Error) -> Error {
    if cause.is_timeout() {
        return Error::TimedOut { host };
    }
    Error::Truncated { host, found, source: Box::new(Cause(cause.without_url())) }
}

impl Error {
    /// Whether the server spoke, but not TLS. A refused certificate is not that.
    pub(super) fn is_no_tls(&self) -> bool {
        let Self::Unreachable { source, .. } = self else { return false };
        source.downcast_ref::<Cause>().is_some_and(Cause::is_no_tls)
    }
}

/// What the HTTP library met, in the words of the layer that met it.
#[derive(Debug)]
struct Cause(reqwest::Error);

impl Cause {
    fn is_no_tls(&self) -> bool {
        matches!(self.tls(), Some(rustls::Error::InvalidMessage(_)))
    }

    fn tls(&self) -> Option<&rustls::Error> {
        self.layers().find_map(|layer| layer.downcast_ref())
    }

    /// From the HTTP library down to whatever failed.
    fn layers(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let first: &(dyn StdError + 'static) = &self.0;
        std::iter::successors(Some(first), |layer| deeper(*layer))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.layers().find_map(|layer| layer.downcast_ref::<std::io::Error>());
        match kind.map(std::io::Error::kind) {
            _ if self.is_no_tls() => f.write_str("it does not speak TLS"),
            Some(std::io::ErrorKind::UnexpectedEof) => f.write_str("it closed the connection"),
            // The outer layers only say that something failed below.
            _ => self.layers().last().map_or(Ok(()), |layer| write!(f, "{layer}")),
        }
    }
}

impl StdError for Cause {}

/// An `io::Error` hides its cause from `source`.
fn deeper<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => cause.source(),
    }
}
