//! `serve --ready`: whether the server that runs on this host with this configuration takes requests, for whatever
//! watches over it: a container's health check, a unit that waits for it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError,
    SignatureScheme,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::Config;
use super::files::{read_small, unusable};
use super::tls;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};

/// Asks the server whether it is ready; what it says, if it is not, or is in trouble.
pub(super) async fn ask(config: &Config, output: Output) -> Result<Code, Failure> {
    let address = here(config.listen);
    let not_ready = |said: &str| {
        let said = plain(said);
        Err(Failure::new(Kind::Network, format!("the server at {address} is not ready: {said}")))
    };
    if config.tls.is_none() && !own_certificate(config).exists() {
        return not_ready("it has made no certificate yet");
    }
    let certificate = certificate(config)?;
    let answer = match tokio::time::timeout(PATIENCE, answer(address, certificate)).await {
        Ok(Ok(answer)) => answer,
        // It is there, and has shown the right certificate.
        Ok(Err(error)) if wants_a_certificate(&error) => {
            let told = "answers only clients with a certificate, and was asked no further";
            output.notice(&format!("the server at {address} {told}"));
            return Ok(Code::Done);
        }
        Ok(Err(error)) => return not_ready(&error.to_string()),
        Err(_) => return not_ready("no answer in time"),
    };
    let said = answer.split_once("\r\n\r\n").map_or(&*answer, |it| it.1);
    if !answer.starts_with("HTTP/1.1 200 ") {
        return not_ready(said);
    }
    if said.trim_end() != "{}" {
        output.notice(&format!("the server at {address} is ready, but: {}", plain(said)));
    }
    Ok(Code::Done)
}

/// What the server says, on one line.
fn plain(said: &str) -> String {
    said.trim_end().chars().filter(|it| !it.is_control()).collect()
}

fn wants_a_certificate(error: &io::Error) -> bool {
    let told = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    matches!(told, Some(TlsError::AlertReceived(AlertDescription::CertificateRequired)))
}

/// The certificate that it shows.
fn certificate(config: &Config) -> Result<CertificateDer<'static>, Failure> {
    let path: PathBuf = match &config.tls {
        Some(tls) => tls.certificate.clone(),
        None => own_certificate(config),
    };
    CertificateDer::from_pem_slice(&read_small(&path)?)
        .map_err(|error| unusable(&path, &error.to_string()))
}

fn own_certificate(config: &Config) -> PathBuf {
    config.data().join(tls::SERVER.certificate)
}

/// How this host reaches what listens there.
fn here(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(address, listen.port())
}

async fn answer(address: SocketAddr, certificate: CertificateDer<'static>) -> io::Result<String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Shown { certificate, provider: Arc::clone(&provider) };
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::from(address.ip());
    let mut stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
    // Why it takes no more, if it does not, stands in what it sent.
    let sent = stream.write_all(REQUEST).await;
    let mut text = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut text).await.and(sent)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Believes one certificate, whatever names it has: on this host the server is not called by any of them.
#[derive(Debug)]
struct Shown {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match *shown == self.certificate {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

const REQUEST: &[u8] =
    b"GET /_notary_server/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_ANSWER: u64 = 64 << 10;
