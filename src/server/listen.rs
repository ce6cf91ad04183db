//! Sockets: TLS, HTTP/1.1, and patience with its limits.

mod callers;
mod tls;
mod unread;
mod watched;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Level, Limits, Log, Peer, Proxies, Server};
use callers::Callers;
use watched::Watched;

pub use tls::Tls;

/// Who answers what comes to a listener. Clones are the same one.
pub trait Answering: Clone + Send + Sync + 'static {
    /// What answers carry. One that fails under way has its connection cut.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

    /// How many connections there may be.
    fn limits(&self) -> &Limits;

    /// Who is believed about who called.
    fn proxies(&self) -> &Proxies;

    /// Bytes of a body that are read to the end although the answer is ready.
    fn body_bytes(&self) -> usize;

    /// Where trouble with connections is told.
    fn log(&self) -> &Log;

    /// The answer to a request.
    fn respond(
        &self,
        request: Request<&mut Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl Answering for Server {
    type Body = Full<Bytes>;

    fn limits(&self) -> &Limits {
        &self.inner.options.limits
    }

    fn proxies(&self) -> &Proxies {
        &self.inner.options.proxies
    }

    fn body_bytes(&self) -> usize {
        self.inner.options.upload_bytes
    }

    fn log(&self) -> &Log {
        &self.inner.log
    }

    async fn respond(&self, request: Request<&mut Incoming>) -> Response<Full<Bytes>> {
        Server::respond(self, request).await
    }
}

/// Where the server listens.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
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
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { socket: socket.listen(QUEUE)?, tls })
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
    pub async fn serve(self, server: impl Answering, stop: impl Future<Output = ()>) {
        let Self { socket, tls } = self;
        let (closing, closed) = watch::channel(false);
        let (limits, proxies) = (server.limits(), server.proxies());
        let (most, each) =
            (limits.connections.min(Semaphore::MAX_PERMITS), limits.connections_each);
        let room = Arc::new(Semaphore::new(most));
        let callers = Callers::default();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&socket, &room) => accepted,
            };
            match accepted {
                Ok((stream, address, permit)) => {
                    // Whoever has too many is not told so: that would take one more.
                    // A proxy brings those of many.
                    let most = if proxies.trust(address) { usize::MAX } else { each };
                    let Some(seat) = callers.admit(address, most) else { continue };
                    let (server, tls, closed) = (server.clone(), tls.clone(), closed.clone());
                    tokio::spawn(async move {
                        connection(server, tls, stream, address, closed).await;
                        drop((permit, seat));
                    });
                }
                Err(error) => {
                    // Most likely there are no file descriptors left; those who wait are served
                    // again when some are.
                    server.log().connection(Level::Error, "accept", &error);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        // Whoever comes from here on is refused at once, and finds another server.
        drop(socket);
        let _ = closing.send(true);
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(LAST_REQUESTS, room.acquire_many(all)).await;
    }
}

async fn accept(
    socket: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = socket.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, address.ip(), permit))
}

async fn connection(
    server: impl Answering,
    tls: Option<Tls>,
    stream: TcpStream,
    address: IpAddr,
    closed: watch::Receiver<bool>,
) {
    let mut peer = Peer { address: Some(address.to_canonical()), ..Peer::default() };
    match tls {
        None => speak(server, stream, peer, closed).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                peer.certificate = tls::shown(&stream);
                speak(server, stream, peer, closed).await;
            }
            Ok(Err(error)) => server.log().connection(Level::Debug, "handshake", &error),
            Err(error) => server.log().connection(Level::Debug, "handshake", &error),
        },
    }
}

async fn speak<S>(server: impl Answering, stream: S, peer: Peer, mut closed: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (watched, progress) = Watched::new(stream);
    let answering = server.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let server = answering.clone();
        let (mut head, mut body) = request.into_parts();
        head.extensions.insert(peer.clone());
        async move {
            let unasked = unread::comes_unasked(&head.headers);
            let response = server.respond(Request::from_parts(head, &mut body)).await;
            if unasked {
                unread::discard(body, server.body_bytes() as u64);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(64)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(watched), service);
    let mut connection = std::pin::pin!(connection);
    let mut stalled = std::pin::pin!(progress.stalled());
    let mut closing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    server.log().connection(Level::Debug, "connection", &error);
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

/// Connections that wait to be taken; the system has a limit of its own.
const QUEUE: u32 = 4096;
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEADERS: Duration = Duration::from_secs(15);
const LAST_REQUESTS: Duration = Duration::from_secs(15);
