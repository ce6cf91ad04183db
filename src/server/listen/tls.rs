//! The certificate that the server shows, and whose clients it lets in.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::crypto::Certificate;
use crate::server::replaceable::Replaceable;

/// A certificate and its key, ready for connections. Clones share them, so that they can be
/// replaced.
#[derive(Clone)]
pub struct Tls(Replaceable<ServerConfig>);

impl Tls {
    /// Reads a PEM chain and its PEM key.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, String> {
        Self::with(certificates, key, None)
    }

    /// The same, for clients only that show a certificate of one of these PEM authorities (Notary
    /// `server.client_ca_file`).
    ///
    /// # Errors
    ///
    /// As [`Self::from_pem`], or if there is no authority.
    pub fn for_clients_of(
        authorities: &[u8],
        certificates: &[u8],
        key: &[u8],
    ) -> Result<Self, String> {
        Self::with(certificates, key, Some(authorities))
    }

    fn with(certificates: &[u8], key: &[u8], authorities: Option<&[u8]>) -> Result<Self, String> {
        let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| format!("the certificate cannot be read: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| format!("the key cannot be read: {error}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match authorities {
            None => builder.with_no_client_auth(),
            Some(pem) => builder.with_client_cert_verifier(clients_of(pem, provider)?),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key cannot be used: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Replaceable::new(config)))
    }

    /// Whoever takes the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.current())
    }

    /// Takes over another certificate, and whose clients are let in, for the connections to come.
    pub fn replace(&self, other: &Self) {
        self.0.replace(&other.0);
    }
}

fn clients_of(
    pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let unusable = |error: &dyn std::fmt::Display| {
            format!("an authority of clients cannot be used: {error}")
        };
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| format!("the authorities of clients cannot be used: {error}"))
}

/// The common name in the certificate that a client showed.
pub(super) fn shown(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates()?.first()?;
    let certificate = Certificate::parse(certificate).ok()?;
    let name = certificate.common_name().map(str::to_owned);
    Some(name.unwrap_or_else(|| certificate.fingerprint().to_string()))
}
