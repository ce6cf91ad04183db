//! The one HTTP client: TLS, proxies and time limits, alike for every server.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Client, Method,
    header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use super::{
    Deadline, Error, PlainHttp, Proxies, Secret, TlsDirectory,
    failure::no_answer,
    response::Response,
    secret::Sent,
    server_url::{is_loopback, origin},
    tls::TlsFiles,
    trust::{SystemAuthorities, Trust},
};

/// What the user says about the network.
#[derive(Clone, Default)]
pub struct HttpOptions {
    /// Docker's `<config>/tls` and the daemon's `/etc/docker/certs.d`; all that they have for a
    /// server counts.
    pub tls_directories: Vec<TlsDirectory>,
    /// A PEM file of certificate authorities, believed for every server besides the system's.
    pub extra_authorities: Option<PathBuf>,
    /// Whether the system's authorities count at all.
    pub system_authorities: SystemAuthorities,
    /// A certificate, and its key, for every server that asks for one.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Hosts, with their ports, that may be spoken to without TLS although they are not this
    /// machine.
    pub plain_hosts: Vec<String>,
    /// The proxies.
    pub proxies: Proxies,
    /// How long to be patient.
    pub timeouts: Timeouts,
}

/// How long one step may take. The whole has a [`Deadline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS.
    pub connect: Duration,
    /// From one piece of the answer to the next.
    pub progress: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), progress: Duration::from_secs(30) }
    }
}

/// The HTTP client. Clones share connections, so parallel requests to a server do, too.
///
/// It needs a tokio runtime with I/O and time.
#[derive(Clone)]
pub struct Http(Arc<Shared>);

struct Shared {
    options: HttpOptions,
    trust: Trust,
    /// By origin, and by the server that named it.
    clients: Mutex<HashMap<(String, Option<String>), Client>>,
}

impl Http {
    /// A client without connections; nothing is read from disk yet.
    pub fn new(options: HttpOptions) -> Self {
        let trust = Trust::new(options.system_authorities);
        let plain_hosts = options.plain_hosts.iter().map(|host| plain_host(host)).collect();
        let options = HttpOptions { plain_hosts, ..options };
        Self(Arc::new(Shared { options, trust, clients: Mutex::default() }))
    }

    /// Whether this host may be spoken to without TLS.
    pub fn plain_http(&self, host: &str) -> PlainHttp {
        let is_named = self.0.options.plain_hosts.contains(&plain_host(host));
        if is_named { PlainHttp::Named } else { PlainHttp::Loopback }
    }

    /// Sends a request and waits for the head of the answer. Redirects are answers like others.
    pub(super) async fn send(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Response, Error> {
        let host = || origin(&request.url);
        let client = self.client(request)?;
        let sending = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send();
        let Timeouts { connect, progress } = self.0.options.timeouts;
        let upload = Duration::from_secs(request.body.len() as u64 / SLOWEST_UPLOAD);
        let answer = deadline.limit(host, connect + upload + progress, sending).await?;
        let answer = answer.map_err(|cause| no_answer(host(), cause))?;
        let sent = Sent::new(request.headers.get(AUTHORIZATION), request.secret.as_ref());
        Ok(Response::new(answer, host(), deadline, progress, sent))
    }

    /// The client for one server: servers differ in certificates and proxies.
    fn client(&self, request: &Request) -> Result<Client, Error> {
        let url = &request.url;
        if url.scheme() != "https"
            && self.plain_http(&authority(url)) == PlainHttp::Loopback
            && !is_loopback(url)
        {
            let problem = "only https, or http to this machine";
            return Err(Error::Url { url: origin(url), problem });
        }
        let kind = (origin(url), request.named_by.clone());
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&kind) {
            return Ok(client.clone());
        }
        let client = self.0.connect_to(request)?;
        clients.insert(kind, client.clone());
        Ok(client)
    }
}

impl Shared {
    fn connect_to(&self, request: &Request) -> Result<Client, Error> {
        let url = &request.url;
        let unusable = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Unreachable {
            host: origin(url),
            registry: false,
            source: cause,
        };
        let tls =
            self.tls_files(request)?.config(&self.trust).map_err(|cause| unusable(cause.into()))?;
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.options.timeouts.connect)
            .user_agent(USER_AGENT)
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, IDENTITY)]))
            .resolve_to_addrs("localhost", &LOCALHOST)
            .retry(reqwest::retry::never())
            .no_proxy();
        let builder = match self.options.proxies.of(url)? {
            Some(proxy) => builder
                .proxy(reqwest::Proxy::all(proxy).map_err(|_| Error::Proxy { host: origin(url) })?),
            None => builder,
        };
        builder.build().map_err(|cause| unusable(cause.into()))
    }

    /// A token server is believed on the word of the authorities of the server that named it, too:
    /// docker asks it over that server's TLS configuration.
    fn tls_files(&self, request: &Request) -> Result<TlsFiles, Error> {
        let HttpOptions { tls_directories, extra_authorities, client_certificate, .. } =
            &self.options;
        let mut files = TlsFiles::default();
        for directory in tls_directories {
            files.add_all(directory.read(&authority(&request.url))?);
            if let Some(named_by) = &request.named_by {
                files.add_authorities_of(directory.read(named_by)?);
            }
        }
        extra_authorities.iter().try_for_each(|path| files.add_authorities(path))?;
        if let Some((certificate, key)) = client_certificate {
            files.add_client(certificate, key)?;
        }
        Ok(files)
    }
}

/// A request, which can be sent again.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    headers: HeaderMap,
    body: Bytes,
    /// The authority of the server that sent us to this one.
    named_by: Option<String>,
    /// What the body has in confidence.
    secret: Option<Secret>,
}

impl Request {
    pub(super) fn new(method: Method, url: Url) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method, url, headers, body, named_by: None, secret: None }
    }

    pub(super) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// With this somewhere in its body, which is nobody else's to read.
    pub(super) fn confiding(self, secret: &Secret) -> Self {
        Self { secret: Some(secret.clone()), ..self }
    }

    pub(super) fn named_by(self, server: &Url) -> Self {
        Self { named_by: Some(authority(server)), ..self }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(super) fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// A host of plain HTTP as URLs have it, without a port that says nothing.
fn plain_host(host: &str) -> String {
    let lower = host.to_ascii_lowercase();
    lower.strip_suffix(":80").map_or(lower.clone(), str::to_owned)
}

/// Host, and port if it is not the scheme's own: the usual name for the folder of TLS files.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

const USER_AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));
/// Bytes per second.
const SLOWEST_UPLOAD: u64 = 32 << 10;
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
/// Whatever the name service says: plain HTTP to `localhost` must not leave this machine. Port 0
/// stands for that of the URL.
const LOCALHOST: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];
