//! Sockets: TLS, HTTP/1.1, and patience with its limits.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::{Level, Server};

/// A certificate and its key, ready for connections. Clones share them, so that they can be
/// replaced.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

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
        let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| format!("the certificate cannot be read: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| format!("the key cannot be read: {error}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key cannot be used: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(RwLock::new(Arc::new(config)))))
    }

    /// Takes over another certificate for the connections to come.
    pub fn replace(&self, other: &Self) {
        let other = other.config();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = other;
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
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
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&self.socket, &room) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let (server, tls, closed) = (server.clone(), self.tls.clone(), closed.clone());
                    tokio::spawn(async move {
                        connection(server, tls, stream, closed).await;
                        drop(permit);
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
        let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(LAST_REQUESTS, room.acquire_many(all)).await;
    }
}

async fn accept(
    socket: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = socket.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

async fn connection(
    server: Server,
    tls: Option<Tls>,
    stream: TcpStream,
    closed: watch::Receiver<bool>,
) {
    match tls {
        None => speak(server, stream, closed).await,
        Some(tls) => {
            let handshake = TlsAcceptor::from(tls.config()).accept(stream);
            match tokio::time::timeout(HANDSHAKE, handshake).await {
                Ok(Ok(stream)) => speak(server, stream, closed).await,
                Ok(Err(error)) => server.inner.log.connection(Level::Debug, "handshake", &error),
                Err(error) => server.inner.log.connection(Level::Debug, "handshake", &error),
            }
        }
    }
}

async fn speak<S>(server: Server, stream: S, mut closed: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let progress = Arc::new(AtomicU64::new(0));
    let watched = Watched { stream, progress: Arc::clone(&progress) };
    let answering = server.clone();
    let service = service_fn(move |request| {
        let server = answering.clone();
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

/// A stream that counts what goes through.
struct Watched<S> {
    stream: S,
    progress: Arc<AtomicU64>,
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
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.progress.fetch_add(1, Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

const MAX_CONNECTIONS: usize = 10_000;
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEADERS: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(30);
const LAST_REQUESTS: Duration = Duration::from_secs(15);
