//! What the HTTP library reports, as our errors.

use std::error::Error as StdError;
use std::fmt;

use jiff::Timestamp as Instant;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use super::Error;

/// No answer at all. The URL is taken out of the cause: a token request has the user's name in it.
pub(super) fn no_answer(host: String, cause: reqwest::Error) -> Error {
    if cause.is_timeout() {
        return Error::TimedOut { host };
    }
    let cause = Cause(cause.without_url());
    match cause.tls() {
        Some(rustls::Error::InvalidCertificate(problem)) => {
            let fault = Fault::of(problem);
            Error::Certificate { host, fault, source: Box::new(cause) }
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

/// What a server's certificate lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The word of an authority that is trusted here.
    Authority,
    /// The server's name.
    Name,
    /// It is not valid yet, or not any more.
    Dates,
    /// Something else.
    Other,
}

impl Fault {
    fn of(problem: &CertificateError) -> Self {
        use CertificateError as E;
        match problem {
            E::UnknownIssuer | E::BadSignature => Self::Authority,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::Name,
            E::Expired
            | E::ExpiredContext { .. }
            | E::NotValidYet
            | E::NotValidYetContext { .. } => Self::Dates,
            _ => Self::Other,
        }
    }
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

    /// When the server's certificate is valid, if that is what is wrong with it.
    fn dates(&self) -> Option<String> {
        use CertificateError as E;
        let instant =
            |time: UnixTime| Instant::from_second(i64::try_from(time.as_secs()).ok()?).ok();
        match self.tls()? {
            rustls::Error::InvalidCertificate(E::ExpiredContext { not_after, .. }) => {
                Some(format!("it was valid until {}", instant(*not_after)?))
            }
            rustls::Error::InvalidCertificate(E::NotValidYetContext { not_before, .. }) => {
                Some(format!("it is valid from {}", instant(*not_before)?))
            }
            _ => None,
        }
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
            _ => match (self.dates(), self.layers().last()) {
                (Some(dates), _) => f.write_str(&dates),
                // The outer layers only say that something failed below.
                (None, Some(layer)) => write!(f, "{layer}"),
                (None, None) => Ok(()),
            },
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
