//! Sockets: TLS, HTTP/1.1, and patience with its limits.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::limits::network;
use super::replaceable::Replaceable;
use super::{Level, Options, Peer, Server};
use crate::crypto::Certificate;

/// A certificate and its key, ready for connections. Clones share them, so that they can be
/// replaced.
#[derive(Clone)]
pub struct Tls(Replaceable<ServerConfig>);

/// Where the server listens.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
}

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

impl Listener {
    /// Takes the address. Without TLS it must be one that only this host reaches.
    ///
    /// # Errors
    ///
    /// If it is taken, or not allowed.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> io::Result<Self> {
        if tls.is_none() && !address.ip().is_loopback() {
            let problem = "without TLS the server listens on a loopback address only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        Ok(Self { socket: TcpListener::bind(address).await?, tls })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop` is done; then takes no more connections, and gives those that are at
    /// work some time to end.
    pub async fn serve(self, server: Server, stop: impl Future<Output = ()>) {
        let (closing, closed) = watch::channel(false);
        let inner = Arc::clone(&server.inner);
        let Options { limits, proxies, .. } = &inner.options;
        let (most, each) =
            (limits.connections.min(Semaphore::MAX_PERMITS), limits.connections_each);
        let room = Arc::new(Semaphore::new(most));
        let callers = Callers::default();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&self.socket, &room) => accepted,
            };
            match accepted {
                Ok((stream, address, permit)) => {
                    // Whoever has too many is not told so: that would take one more.
                    // A proxy brings those of many.
                    let most = if proxies.trust(address) { usize::MAX } else { each };
                    let Some(seat) = callers.admit(address, most) else { continue };
                    let (server, tls, closed) = (server.clone(), self.tls.clone(), closed.clone());
                    tokio::spawn(async move {
                        connection(server, tls, stream, address, closed).await;
                        drop((permit, seat));
                    });
                }
                Err(error) => {
                    // Most likely there are no file descriptors left; those who wait are served
                    // again when some are.
                    server.inner.log.connection(Level::Error, "accept", &error);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        let _ = closing.send(true);
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(LAST_REQUESTS, room.acquire_many(all)).await;
    }
}

async fn accept(
    socket: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = socket.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, address.ip(), permit))
}

async fn connection(
    server: Server,
    tls: Option<Tls>,
    stream: TcpStream,
    address: IpAddr,
    closed: watch::Receiver<bool>,
) {
    let mut peer = Peer { address: Some(address.to_canonical()), ..Peer::default() };
    match tls {
        None => speak(server, stream, peer, closed).await,
        Some(tls) => {
            let handshake = TlsAcceptor::from(tls.0.current()).accept(stream);
            match tokio::time::timeout(HANDSHAKE, handshake).await {
                Ok(Ok(stream)) => {
                    peer.certificate = shown(&stream);
                    speak(server, stream, peer, closed).await;
                }
                Ok(Err(error)) => server.inner.log.connection(Level::Debug, "handshake", &error),
                Err(error) => server.inner.log.connection(Level::Debug, "handshake", &error),
            }
        }
    }
}

/// The common name in the certificate that a client showed.
fn shown(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates()?.first()?;
    let certificate = Certificate::parse(certificate).ok()?;
    let name = certificate.common_name().map(str::to_owned);
    Some(name.unwrap_or_else(|| certificate.fingerprint().to_string()))
}

async fn speak<S>(server: Server, stream: S, peer: Peer, mut closed: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let progress = Arc::new(AtomicU64::new(0));
    let watched = Watched { stream, progress: Arc::clone(&progress) };
    let answering = server.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let server = answering.clone();
        request.extensions_mut().insert(peer.clone());
        async move { Ok::<_, std::convert::Infallible>(server.respond(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(64)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(watched), service);
    let mut connection = std::pin::pin!(connection);
    let mut stalled = std::pin::pin!(stalled(&progress));
    let mut closing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    server.inner.log.connection(Level::Debug, "connection", &error);
                }
                return;
            }
            () = stalled.as_mut() => return,
            _ = closed.changed(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Ends when nothing went in or out for a while.
async fn stalled(progress: &AtomicU64) {
    let mut seen = u64::MAX;
    loop {
        let now = progress.load(Relaxed);
        if now == seen {
            return;
        }
        seen = now;
        tokio::time::sleep(IDLE).await;
    }
}

/// How many connections each caller has.
#[derive(Clone, Default)]
struct Callers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection of a caller, until it is dropped.
struct Seat {
    callers: Callers,
    caller: IpAddr,
}

impl Callers {
    fn admit(&self, address: IpAddr, most: usize) -> Option<Seat> {
        let caller = network(address);
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is remembered for having been refused.
        if callers.get(&caller).copied().unwrap_or_default() >= most {
            return None;
        }
        *callers.entry(caller).or_default() += 1;
        Some(Seat { callers: self.clone(), caller })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut callers = self.callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

/// A stream that counts what goes through.
struct Watched<S> {
    stream: S,
    progress: Arc<AtomicU64>,
}

impl<S> Watched<S> {
    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.progress.fetch_add(1, Relaxed);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.fetch_add(1, Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.noted(written)
    }

    /// Else each answer would be copied whole behind its headers, for as long as it is being sent.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

const HANDSHAKE: Duration = Duration::from_secs(10);
const HEADERS: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(30);
const LAST_REQUESTS: Duration = Duration::from_secs(15);
