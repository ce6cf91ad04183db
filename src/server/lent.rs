//! Large files while they are being sent.
//!
//! A file that is too large to be kept lies in memory for as long as its readers take, and readers may be
//! slow on purpose. Those who read the same bytes share them, and there are never more than fit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Error;
use super::upload::blocks;
use crate::crypto::Sha256;

/// What is being sent.
pub(super) struct Lent {
    files: Mutex<HashMap<Sha256, Weak<Large>>>,
    room: Arc<Semaphore>,
}

/// A file, and the memory that it takes until its last reader has it.
struct Large {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// One reader's share.
struct Share(Arc<Large>);

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl Lent {
    /// Lends about so many bytes at once.
    pub(super) fn new(bytes: usize) -> Self {
        Self { files: Mutex::default(), room: Arc::new(Semaphore::new(blocks(bytes))) }
    }

    /// These bytes, of that digest, as others have them already, if somebody does.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if they do not fit beside what is being sent.
    pub(super) fn share(&self, sha256: Sha256, bytes: Bytes) -> Result<Bytes, Error> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(large) = files.get(&sha256).and_then(Weak::upgrade) {
            return Ok(Bytes::from_owner(Share(large)));
        }
        let wanted = u32::try_from(blocks(bytes.len())).map_err(|_| Error::Busy)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(wanted);
        let large = Arc::new(Large { bytes, _room: room.map_err(|_| Error::Busy)? });
        files.retain(|_, file| file.strong_count() > 0);
        files.insert(sha256, Arc::downgrade(&large));
        Ok(Bytes::from_owner(Share(large)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_of_the_same_bytes_share_them_and_others_find_room_or_none() {
        let lent = Lent::new(10 << 10);
        let file = |byte: u8| {
            let bytes = Bytes::from(vec![byte; 6 << 10]);
            (Sha256::of(&bytes), bytes)
        };
        let share = |byte: u8| {
            let (sha256, bytes) = file(byte);
            lent.share(sha256, bytes)
        };
        let first = share(1).expect("room");
        let more: Vec<Bytes> = (0..100).map(|_| share(1).expect("shared")).collect();
        assert!(more.iter().all(|other| other.as_ptr() == first.as_ptr()));
        assert_eq!(first, file(1).1);
        assert!(matches!(share(2), Err(Error::Busy)), "no room for another one");
        drop(first);
        assert!(matches!(share(2), Err(Error::Busy)), "somebody reads it still");
        drop(more);
        assert_eq!(share(2).expect("room again"), file(2).1);
        let _second = share(2).expect("room");
        assert_eq!(lent.files.lock().expect("files").len(), 1, "nothing is left of the first");
    }
}
