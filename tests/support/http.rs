//! A small HTTP/1.1 server, with TLS or without, that answers as a test says: honestly or not.
//!
//! It writes its answers byte by byte itself, so it can do what a library would not let it do.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "every test program uses a part of it"
)]

#[path = "http/answer.rs"]
mod answer;
#[path = "http/identity.rs"]
mod identity;

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use answer::Answer;
pub use identity::{Identity, Validity};

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
        answer::write(&mut stream, handler(&seen)).await?;
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

/// The first byte of a client that expects TLS.
const TLS_HANDSHAKE: u8 = 22;
