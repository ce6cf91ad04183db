//! A small HTTP/1.1 server, with TLS or without, that answers as a test says: honestly or not.
//!
//! It writes its answers byte by byte itself, so it can do what a library would not let it do.
#![allow(dead_code, unreachable_pub, reason = "every test program uses a part of it")]

use std::{
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What to do about a request.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Clone)]
enum Body {
    /// With its right length.
    Whole(Vec<u8>),
    /// With another length than announced; the connection closes after it.
    Announced(u64, Vec<u8>),
    /// In chunks.
    Chunked(Vec<u8>),
    /// In chunks, for ever.
    Endless,
    /// These bytes, one each time; then nothing more.
    Drip(Vec<u8>, Duration),
    /// These bytes instead of an answer; then the connection closes.
    Raw(Vec<u8>),
    /// No answer, the connection stays.
    Silence,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(body.into()) }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub fn status(status: u16) -> Self {
        Self::new(status, "")
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).with("Location", location)
    }

    pub fn challenge(value: &str) -> Self {
        Self::status(401).with("WWW-Authenticate", value)
    }

    pub fn announcing(length: u64, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Body::Announced(length, body.into()), ..Self::status(200) }
    }

    pub fn chunked(body: impl Into<Vec<u8>>) -> Self {
        Self { body: Body::Chunked(body.into()), ..Self::status(200) }
    }

    pub fn endless() -> Self {
        Self { body: Body::Endless, ..Self::status(200) }
    }

    pub fn drip(body: impl Into<Vec<u8>>, every: Duration) -> Self {
        Self { body: Body::Drip(body.into(), every), ..Self::status(200) }
    }

    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { body: Body::Raw(bytes.into()), ..Self::status(200) }
    }

    pub fn close() -> Self {
        Self::raw("")
    }

    pub fn silence() -> Self {
        Self { body: Body::Silence, ..Self::status(200) }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self, framing: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Test\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").expect("memory");
        }
        write!(head, "{framing}\r\n\r\n").expect("memory");
        head
    }
}

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

    fn acceptor(&self) -> TlsAcceptor {
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

/// A running server; it ends when dropped.
pub struct TestServer {
    scheme: &'static str,
    port: u16,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    connections: usize,
}

impl TestServer {
    /// Serves TLS on a free port of 127.0.0.1.
    pub async fn https<F>(identity: &Identity, handler: F) -> Self
    where
        F: Fn(&Seen) -> Answer + Send + Sync + 'static,
    {
        Self::start(Some(identity.acceptor()), handler).await
    }

    /// Serves plain HTTP on a free port of 127.0.0.1.
    pub async fn http<F>(handler: F) -> Self
    where
        F: Fn(&Seen) -> Answer + Send + Sync + 'static,
    {
        Self::start(None, handler).await
    }

    /// `127.0.0.1:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority())
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.log.lock().expect("no panic").seen.clone()
    }

    pub fn connections(&self) -> usize {
        self.log.lock().expect("no panic").connections
    }

    async fn start<F>(tls: Option<TlsAcceptor>, handler: F) -> Self
    where
        F: Fn(&Seen) -> Answer + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let log: Arc<Mutex<Log>> = Arc::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(accept(listener, tls, Arc::new(handler), Arc::clone(&log)));
        Self { scheme, port, log, task }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Handler = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handler: Handler,
    log: Arc<Mutex<Log>>,
) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        log.lock().expect("no panic").connections += 1;
        let (tls, handler, log) = (tls.clone(), Arc::clone(&handler), Arc::clone(&log));
        connections.spawn(async move {
            match tls {
                None => serve(stream, handler, log).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, handler, log).await,
                    Err(_) => None,
                },
            }
        });
    }
}

/// Answers one connection's requests; `None` when it is over.
async fn serve<S>(mut stream: S, handler: Handler, log: Arc<Mutex<Log>>) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let seen = read_request(&mut stream).await?;
        log.lock().expect("no panic").seen.push(seen.clone());
        write_answer(&mut stream, handler(&seen)).await?;
    }
}

async fn read_request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
        if head == [TLS_HANDSHAKE] {
            stream
                .write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nTLS is not spoken here\n")
                .await
                .ok()?;
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let (first, rest) = head.split_once("\r\n")?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = rest.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let mut seen = Seen { method, path, headers, body: Vec::new() };
    let length = seen.header("content-length").map_or(0, |text| text.parse().expect("a number"));
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).await.ok()?;
    Some(seen)
}

async fn write_answer(stream: &mut (impl AsyncWrite + Unpin), answer: Answer) -> Option<()> {
    match &answer.body {
        Body::Whole(body) => {
            let head = answer.head(&format!("Content-Length: {}", body.len()));
            stream.write_all(&[head, body.clone()].concat()).await.ok()?;
            stream.flush().await.ok()
        }
        Body::Announced(length, body) => {
            let head = answer.head(&format!("Content-Length: {length}"));
            stream.write_all(&[head, body.clone()].concat()).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Body::Chunked(body) => {
            stream.write_all(&answer.head("Transfer-Encoding: chunked")).await.ok()?;
            for piece in body.chunks(1000) {
                write_chunk(stream, piece).await?;
            }
            write_chunk(stream, b"").await
        }
        Body::Endless => {
            stream.write_all(&answer.head("Transfer-Encoding: chunked")).await.ok()?;
            loop {
                write_chunk(stream, &[b' '; 8192]).await?;
            }
        }
        Body::Drip(body, every) => {
            stream
                .write_all(&answer.head(&format!("Content-Length: {}", body.len())))
                .await
                .ok()?;
            for byte in body {
                stream.write_u8(*byte).await.ok()?;
                stream.flush().await.ok()?;
                tokio::time::sleep(*every).await;
            }
            Some(())
        }
        Body::Raw(bytes) => {
            stream.write_all(bytes).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Body::Silence => std::future::pending().await,
    }
}

async fn write_chunk(stream: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> Option<()> {
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    stream.write_all(&chunk).await.ok()?;
    stream.flush().await.ok()
}

/// The first byte of a client that expects TLS.
const TLS_HANDSHAKE: u8 = 22;
