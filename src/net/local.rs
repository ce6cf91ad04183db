//! A server behind a socket of this machine: docker's daemon.

use std::path::Path;

use reqwest::{Client, Method};

use super::{Error, tls::TlsFiles, trust::Trust};

/// A server behind a Unix socket, spoken to in plain HTTP.
pub struct LocalServer {
    client: Client,
    name: String,
}

/// Its answer: a status, and at most [`LocalServer::MAX_BODY`] bytes.
pub struct LocalAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl LocalServer {
    /// Bytes of an answer that are read.
    pub const MAX_BODY: u64 = 4 << 20;

    /// The server behind this socket; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] if no client can be made.
    pub fn at(socket: &Path) -> Result<Self, Error> {
        let name = socket.display().to_string();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Unreachable {
            host: name.clone(),
            registry: false,
            source,
        };
        let tls = TlsFiles::default().config(&Trust::default());
        let builder = Client::builder()
            .tls_backend_preconfigured(tls.map_err(|error| failed(error.into()))?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .unix_socket(socket);
        let client = builder.build().map_err(|error| failed(error.into()))?;
        Ok(Self { client, name })
    }

    /// Reads `path`, which begins with a slash.
    ///
    /// # Errors
    ///
    /// If there is no answer, or a larger one than is read.
    pub async fn get(&self, path: &str) -> Result<LocalAnswer, Error> {
        self.ask(Method::GET, path).await
    }

    /// Posts to `path` without a body.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub async fn post(&self, path: &str) -> Result<LocalAnswer, Error> {
        self.ask(Method::POST, path).await
    }

    async fn ask(&self, method: Method, path: &str) -> Result<LocalAnswer, Error> {
        let failed = |error: reqwest::Error| Error::Unreachable {
            host: self.name.clone(),
            registry: false,
            source: error.into(),
        };
        let request = self.client.request(method, format!("http://localhost{path}"));
        let mut response = request.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() as u64 + chunk.len() as u64 > Self::MAX_BODY {
                return Err(Error::TooLarge { host: self.name.clone(), limit: Self::MAX_BODY });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(LocalAnswer { status: response.status().as_u16(), body })
    }
}
