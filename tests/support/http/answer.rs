//! Answers, honest and not, written byte by byte.

use std::io::Write as _;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};

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

/// Writes an answer; `None` if the connection is over with it.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: Answer) -> Option<()> {
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
