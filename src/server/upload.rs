//! Receiving a body: not more than allowed, not longer than allowed, and not more of them at once
//! than fit.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::CONTENT_TYPE;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Error, Inner, multipart};
use crate::tuf::RoleName;

/// Memory for uploads.
pub(super) struct Budget(Arc<Semaphore>);

/// An upload, and the memory that it takes until it is dropped.
pub(super) struct Received {
    pub(super) files: BTreeMap<RoleName, Vec<u8>>,
    pub(super) room: OwnedSemaphorePermit,
}

impl Budget {
    /// For all uploads together, and never too little for one of that size.
    pub(super) fn new(all: usize, one: usize) -> Self {
        Self(Arc::new(Semaphore::new(blocks(all).max(taken_by(one)))))
    }

    fn nothing(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.0).try_acquire_many_owned(0).map_err(|_| Error::Busy)
    }

    /// Has an upload that takes this room take as much as so many bytes of it need.
    fn widen(&self, room: &mut OwnedSemaphorePermit, bytes: usize) -> Result<(), Error> {
        let missing = taken_by(bytes).saturating_sub(room.num_permits());
        let missing = u32::try_from(missing).map_err(|_| Error::Busy)?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(missing).map_err(|_| Error::Busy)?;
        room.merge(more);
        Ok(())
    }

    /// Reads a body of at most so many bytes, whole, and the room that it takes.
    pub(super) async fn collect<B>(
        &self,
        limit: usize,
        body: B,
    ) -> Result<(OwnedSemaphorePermit, Vec<u8>), Error>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let mut body = pin!(body);
        if body.size_hint().lower() > limit as u64 {
            return Err(Error::TooLarge { limit });
        }
        let mut room = self.nothing()?;
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Error::Upload { problem: "it breaks off" })?;
            let Ok(data) = frame.into_data() else { continue };
            if received.len() + data.len() > limit {
                return Err(Error::TooLarge { limit });
            }
            self.widen(&mut room, received.len() + data.len())?;
            received.extend_from_slice(&data);
        }
        Ok((room, received))
    }
}

/// Twice, because a body is there as a whole and in parts.
fn taken_by(bytes: usize) -> usize {
    2 * blocks(bytes)
}

impl Inner {
    /// Reads an upload whole.
    pub(super) async fn receive<B>(&self, headers: &HeaderMap, body: B) -> Result<Received, Error>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        if !content_type.to_ascii_lowercase().starts_with("multipart/form-data") {
            return Err(Error::Upload { problem: "not multipart/form-data" });
        }
        let collecting = self.budget.collect(self.options.upload_bytes, body);
        let (room, body) = tokio::time::timeout(self.options.upload_time, collecting)
            .await
            .map_err(|_| Error::TimedOut)??;
        Ok(Received { files: multipart::parse(content_type, &body)?, room })
    }
}

/// Memory is counted in blocks of 1 KiB.
pub(super) fn blocks(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}
