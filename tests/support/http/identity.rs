//! Certificates of servers, and the authorities behind them.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A server's certificate and key, and the authority behind it.
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    /// What a client must trust, PEM.
    pub authority: String,
}

/// Dates of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    Current,
    Past,
}

impl Identity {
    /// A certificate for loopback, from an authority of its own.
    pub fn loopback() -> Self {
        Self::new(&["localhost", "127.0.0.1", "::1"], Validity::Current)
    }

    pub fn new(names: &[&str], validity: Validity) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issued = authority.self_signed(&authority_key).expect("a certificate");
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("a key");
        let leaf = parameters(names, validity);
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Self { chain: vec![leaf.der().clone()], key: Arc::new(key), authority: issued.pem() }
    }

    /// A certificate that is its own authority, as `openssl req -x509` makes it.
    pub fn self_signed(names: &[&str], validity: Validity) -> Self {
        use rcgen::{BasicConstraints, IsCa, KeyPair};
        let key = KeyPair::generate().expect("a key");
        let mut parameters = parameters(names, validity);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = parameters.self_signed(&key).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Self { chain: vec![made.der().clone()], key: Arc::new(key), authority: made.pem() }
    }

    /// Writes the authority where a client is told to look.
    pub fn write_authority(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, &self.authority).expect("a file");
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider's own versions")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .expect("a matching pair");
        TlsAcceptor::from(Arc::new(config))
    }
}

fn parameters(names: &[&str], validity: Validity) -> rcgen::CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).expect("valid names");
    if validity == Validity::Past {
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    parameters
}
