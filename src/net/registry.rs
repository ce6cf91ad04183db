//! Reading images from a registry (OCI distribution specification 1.1, "Pull").
//!
//! What arrives is hashed here; what a registry says about it is only compared.

use std::sync::Arc;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, IF_NONE_MATCH};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::OnceCell,
};

use super::{
    Account, Blob, Deadline, Error, Http, Manifest, ServerUrl,
    addresses::{Addresses, find_server},
    http::Request,
    manifest::{self, media_type},
    redirect::follow,
    response::Response,
    session::{Kind, Scope, Session},
};
use crate::image::{Descriptor, ImageDigest, Name, Tag};

/// One repository of a registry. Clones share what they learned of it: its address, its tokens.
#[derive(Clone)]
pub struct Registry {
    name: Name,
    pub(super) session: Arc<Session>,
    pub(super) deadline: Deadline,
    server: Arc<OnceCell<ServerUrl>>,
}

impl Registry {
    /// The repository `name`. Everything asked of this value must be over at `deadline`.
    pub fn new(http: Http, name: Name, account: Account, deadline: Deadline) -> Self {
        let scope = Scope::Repository(name.path().to_owned());
        let session = Session::new(http, Kind::Registry, account, scope);
        Self { name, session: Arc::new(session), deadline, server: Arc::default() }
    }

    /// The same repository, for an operation with another end.
    pub fn until(&self, deadline: Deadline) -> Self {
        Self { deadline, ..self.clone() }
    }

    /// What `tag` points to now. The manifest is read and hashed, whatever the registry says of it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such tag.
    pub async fn resolve(&self, tag: &Tag) -> Result<Descriptor, Error> {
        let response = self.manifest_response(tag.as_str()).await?;
        read_manifest(response, MAX_MANIFEST).await.map(|manifest| manifest.descriptor)
    }

    /// Size and type of the manifest or index with this digest.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, [`Error::DigestMismatch`] if something else arrives.
    pub async fn describe(&self, digest: &ImageDigest) -> Result<Descriptor, Error> {
        let response = self.manifest_response(&digest.to_string()).await?;
        let host = response.host().to_owned();
        let Descriptor { digest: found, size, media_type } =
            read_manifest(response, MAX_MANIFEST).await?.descriptor;
        check(host, digest, size, found, size)?;
        Ok(Descriptor { digest: found, size, media_type })
    }

    /// The manifest or index with this digest and this many bytes.
    ///
    /// # Errors
    ///
    /// [`Error::DigestMismatch`], [`Error::SizeMismatch`] or [`Error::Overlong`] if something else
    /// arrives.
    pub async fn manifest(&self, digest: &ImageDigest, size: u64) -> Result<Manifest, Error> {
        let response = self.manifest_response(&digest.to_string()).await?;
        let host = response.host().to_owned();
        let manifest = read_manifest(response, size.min(MAX_MANIFEST)).await;
        let manifest = manifest.map_err(|error| overlong(error, digest, size))?;
        let Descriptor { digest: found, size: found_size, .. } = manifest.descriptor;
        check(host, digest, size, found, found_size)?;
        Ok(manifest)
    }

    /// Writes the blob with this digest and this many bytes to `writer`.
    ///
    /// What was written may be used only after success: it is known to be right at its end.
    ///
    /// # Errors
    ///
    /// As [`Blob::piece`], if something else arrived.
    pub async fn blob<W: AsyncWrite + Unpin>(
        &self,
        digest: &ImageDigest,
        size: u64,
        writer: &mut W,
    ) -> Result<(), Error> {
        let mut blob = self.open_blob(digest, size).await?;
        let host = blob.host().to_owned();
        let unwritten = |source| Error::Write { host: host.clone(), source };
        while let Some(piece) = blob.piece().await? {
            writer.write_all(&piece).await.map_err(unwritten)?;
        }
        writer.flush().await.map_err(unwritten)
    }

    /// The blob with this digest and this many bytes, to be read piece by piece.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none.
    pub async fn open_blob(&self, digest: &ImageDigest, size: u64) -> Result<Blob, Error> {
        let response = self.get("blobs", &digest.to_string(), headers("*/*")).await?;
        Ok(Blob::new(response, *digest, size))
    }

    /// The manifest that a tag means; `None` if there is no such tag. The one that is `known` need
    /// not be sent again (RFC 9110 §13.1.2): most registries give a manifest its digest as entity
    /// tag.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`].
    pub(super) async fn tagged(
        &self,
        tag: &str,
        known: Option<&ImageDigest>,
    ) -> Result<Option<Tagged>, Error> {
        let mut headers = headers(manifest::ACCEPT);
        headers.extend(known.map(|known| (IF_NONE_MATCH, entity_tag(known))));
        match self.get("manifests", tag, headers).await {
            Ok(response) if response.status() == 304 => {
                response.discard().await;
                Ok(Some(Tagged::Known))
            }
            Ok(response) => {
                read_manifest(response, MAX_MANIFEST).await.map(|it| Some(Tagged::Other(it)))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The address of something below the repository.
    pub(super) async fn url(&self, path: &str) -> Result<url::Url, Error> {
        let found = find_server(&self.session, self.name.domain(), self.deadline);
        self.server.get_or_try_init(|| found).await?.join(&self.path(path))
    }

    fn path(&self, below: &str) -> String {
        format!("/v2/{}/{below}", self.name.path())
    }

    async fn manifest_response(&self, reference: &str) -> Result<Response, Error> {
        self.get("manifests", reference, headers(manifest::ACCEPT)).await
    }

    async fn get(
        &self,
        kind: &str,
        reference: &str,
        headers: HeaderMap,
    ) -> Result<Response, Error> {
        let is_conditional = headers.contains_key(IF_NONE_MATCH);
        let path = self.path(&format!("{kind}/{reference}"));
        let response = match self.server.get() {
            Some(server) => self.ask(server, &path, headers).await?,
            None => self.ask_first(&path, headers).await?,
        };
        let host = response.host().to_owned();
        match response.status() {
            200 => Ok(response),
            304 if is_conditional => Ok(response),
            404 => Err(Error::NotFound { host, reference: self.shown(reference) }),
            status @ (401 | 403) => {
                Err(Error::Unauthorised { host, status, message: String::new() })
            }
            status => Err(Error::Unavailable { host, status }),
        }
    }

    fn shown(&self, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("{}{separator}{reference}", self.name.familiar())
    }

    /// The first question also tells where the registry is.
    async fn ask_first(&self, path: &str, headers: HeaderMap) -> Result<Response, Error> {
        let addresses = Addresses::of(self.session.http(), self.name.domain())?;
        let (mut server, mut answer) =
            (addresses.first(), self.ask(addresses.first(), path, headers.clone()).await);
        if let Some(second) = answer.as_ref().err().and_then(|failure| addresses.second(failure)) {
            (server, answer) = (second, self.ask(second, path, headers).await);
        }
        if answer.is_ok() {
            // Another request may have found the same.
            let _ = self.server.set(server.clone());
        }
        answer
    }

    async fn ask(
        &self,
        server: &ServerUrl,
        path: &str,
        headers: HeaderMap,
    ) -> Result<Response, Error> {
        let request = Request::get(server.join(path)?).with_headers(headers);
        follow(&self.session, request, self.deadline).await
    }
}

/// What a tag means.
pub(super) enum Tagged {
    /// The manifest that we know.
    Known,
    /// This one.
    Other(Manifest),
}

fn headers(accept: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))])
}

/// The entity tag of a manifest with this digest, in quotes.
pub(super) fn entity_tag(digest: &ImageDigest) -> HeaderValue {
    HeaderValue::try_from(format!("\"{digest}\"")).expect("a digest is visible ASCII")
}

/// Reads a manifest; its descriptor is of the bytes that arrived.
async fn read_manifest(response: Response, limit: u64) -> Result<Manifest, Error> {
    let host = response.host().to_owned();
    let announced = response.header("docker-content-digest").map(str::to_owned);
    let content_type = response.header("content-type").map(str::to_owned);
    let bytes = response.document(limit).await?;
    let found = ImageDigest::of(&bytes);
    if let Some(expected) = announced.filter(|announced| *announced != found.to_string()) {
        let expected = super::text::sanitised(&expected);
        return Err(Error::DigestMismatch { host, expected, found });
    }
    let media_type = media_type(&bytes, content_type.as_deref())
        .map_err(|problem| Error::Malformed { host, problem })?;
    let size = bytes.len() as u64;
    let descriptor = Descriptor { digest: found, size, media_type: Some(media_type) };
    Ok(Manifest { descriptor, bytes })
}

/// Compares what arrived with what was asked for.
pub(super) fn check(
    host: String,
    digest: &ImageDigest,
    expected: u64,
    found_digest: ImageDigest,
    found: u64,
) -> Result<(), Error> {
    if *digest != found_digest {
        let expected = digest.to_string();
        return Err(Error::DigestMismatch { host, expected, found: found_digest });
    }
    if expected != found {
        return Err(Error::SizeMismatch { host, digest: *digest, expected, found });
    }
    Ok(())
}

/// What is longer than promised is something else than was asked for.
pub(super) fn overlong(error: Error, digest: &ImageDigest, expected: u64) -> Error {
    match error {
        Error::TooLarge { host, limit } if limit == expected => {
            Error::Overlong { host, digest: *digest, expected }
        }
        other => other,
    }
}

/// Bytes.
pub(super) const MAX_MANIFEST: u64 = 4 << 20;
