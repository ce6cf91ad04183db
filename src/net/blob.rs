//! Blobs, hashed as they come.

use bytes::Bytes;

use super::{
    Error,
    registry::{check, overlong},
    response::Response,
};
use crate::{crypto::Sha256Stream, image::ImageDigest};

/// A blob on its way.
///
/// Its last piece is held back until all of it was compared with its digest: whoever got the whole
/// blob got the right one, and whoever passes it on never completes a wrong one.
pub struct Blob {
    response: Response,
    digest: ImageDigest,
    size: u64,
    hash: Option<Sha256Stream>,
    found: u64,
    held: Option<Bytes>,
}

impl Blob {
    pub(super) fn new(response: Response, digest: ImageDigest, size: u64) -> Self {
        let hash = Some(Sha256Stream::new());
        Self { response, digest, size, hash, found: 0, held: None }
    }

    /// The registry as errors name it.
    pub(super) fn host(&self) -> &str {
        self.response.host()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::DigestMismatch`], [`Error::SizeMismatch`] or [`Error::Overlong`] in the place of the
    /// last piece, if something else arrived.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        while self.hash.is_some() {
            let piece = self.response.piece(self.size).await;
            match piece.map_err(|error| overlong(error, &self.digest, self.size))? {
                // Else a wrong blob could be complete without its last piece.
                Some(piece) if piece.is_empty() => {}
                Some(piece) => {
                    if let Some(before) = self.take(piece) {
                        return Ok(Some(before));
                    }
                }
                None => self.end()?,
            }
        }
        Ok(self.held.take())
    }

    /// Keeps a piece back, and gives out the one before.
    fn take(&mut self, piece: Bytes) -> Option<Bytes> {
        self.found += piece.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(&piece);
        }
        self.held.replace(piece)
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(hash) = self.hash.take() else { return Ok(()) };
        let held = self.held.take();
        let host = self.host().to_owned();
        check(host, &self.digest, self.size, hash.finish().into(), self.found)?;
        self.held = held;
        Ok(())
    }
}
