//! Which certificates of servers are accepted.
//!
//! The system's certificate authorities are read (about 3 ms) only when a server's certificate does
//! not come from an authority that the user gave for it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_cert::der::Decode;

/// The authorities of the system, shared by all connections and read at most once.
#[derive(Clone)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    system: Arc<OnceLock<Option<Arc<WebPkiServerVerifier>>>>,
}

/// Whether the system's authorities count beside those that the user names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemAuthorities {
    /// They do.
    #[default]
    Believed,
    /// Only those that the user names do.
    Ignored,
}

impl Trust {
    /// Nothing is read yet.
    pub(super) fn new(system: SystemAuthorities) -> Self {
        let system = match system {
            SystemAuthorities::Believed => OnceLock::new(),
            SystemAuthorities::Ignored => OnceLock::from(None),
        };
        Self { provider: Arc::new(ring::default_provider()), system: Arc::new(system) }
    }

    /// The one TLS provider.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }

    /// Accepts what `authorities` or those of the system vouch for.
    pub(super) fn verifier(
        &self,
        authorities: &[CertificateDer<'static>],
    ) -> Result<Verifier, Error> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority.clone())?;
        }
        let own = if roots.is_empty() { None } else { Some(self.over(roots)?) };
        Ok(Verifier { named: authorities.to_vec(), own, trust: self.clone() })
    }

    fn system(&self) -> Option<&Arc<WebPkiServerVerifier>> {
        let load = || {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            self.over(roots).ok()
        };
        self.system.get_or_init(load).as_ref()
    }

    fn over(&self, roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, Error> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider())
            .build()
            .map_err(|error| Error::General(error.to_string()))
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::new(SystemAuthorities::Believed)
    }
}

/// The certificate check for one server.
pub(super) struct Verifier {
    /// The authorities that the user gave for it.
    named: Vec<CertificateDer<'static>>,
    /// The same as roots.
    own: Option<Arc<WebPkiServerVerifier>>,
    trust: Trust,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.named.iter().any(|named| named == leaf) {
            return check_named(leaf, name, now);
        }
        let check = |roots: &Arc<WebPkiServerVerifier>| {
            roots.verify_server_cert(leaf, intermediates, name, ocsp, now)
        };
        let own = self.own.as_ref().map_or_else(|| Err(unknown_issuer()), check);
        // An older authority of the same name finds its name and not its signature.
        own.or_else(|error| match self.trust.system().map(check) {
            Some(Ok(verified)) => Ok(verified),
            Some(Err(of_system)) if error == unknown_issuer() => Err(of_system),
            _ => Err(error),
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls12_signature(message, leaf, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.trust.provider.signature_verification_algorithms;
        verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A server that shows the very certificate that the user named as its authority: Go's verifier,
/// and so docker, takes that; rustls would not take an authority for a server. Name and dates still
/// count.
fn check_named(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
    let parsed = x509_cert::Certificate::from_der(leaf)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let validity = parsed.tbs_certificate().validity();
    let now = Duration::from_secs(now.as_secs());
    if now < validity.not_before.to_unix_duration() {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now > validity.not_after.to_unix_duration() {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    Ok(ServerCertVerified::assertion())
}

fn unknown_issuer() -> Error {
    Error::InvalidCertificate(CertificateError::UnknownIssuer)
}
