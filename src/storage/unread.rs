//! A stored file, looked at and not read yet.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::path::PathBuf;

use super::Error;
use crate::crypto::{Sha256, Sha256Stream};

/// A stored file as it was when it was looked at: what takes its name later does not show in it.
#[derive(Debug)]
pub struct Unread(Place);

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    Disk { file: File, path: PathBuf, size: u64, limit: u64 },
}

impl Unread {
    /// A file that is there already.
    pub fn here(bytes: Vec<u8>) -> Self {
        Self(Place::Memory(bytes))
    }

    /// An open file; `None` if it is no regular one, or not one of at most `limit` bytes.
    pub(super) fn open(file: File, path: PathBuf, limit: u64) -> Result<Option<Self>, Error> {
        match file.metadata() {
            Ok(metadata) if !metadata.is_file() || metadata.len() > limit => Ok(None),
            Ok(metadata) => {
                let size = metadata.len();
                Ok(Some(Self(Place::Disk { file, path, size, limit })))
            }
            Err(source) => Err(Error::Io { action: "read", path, source }),
        }
    }

    /// Its size in bytes, when it was looked at.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::Disk { size, .. } => *size,
        }
    }

    /// Its bytes; `None` if it grew beyond the limit meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn read(self) -> Result<Option<Vec<u8>>, Error> {
        let (mut file, path, size, limit) = match self.0 {
            Place::Memory(bytes) => return Ok(Some(bytes)),
            Place::Disk { file, path, size, limit } => (file, path, size, limit),
        };
        match file.rewind().and_then(|()| read(file, size, limit)) {
            Ok(bytes) => Ok((bytes.len() as u64 <= limit).then_some(bytes)),
            Err(source) => Err(Error::Io { action: "read", path, source }),
        }
    }

    /// Goes through it once, and keeps of its bytes only those in `parts`: ranges in order. `None`
    /// if it cannot be read, or grew beyond the limit meanwhile.
    pub fn skim(&self, parts: &[Range<u64>]) -> Option<Skimmed> {
        let mut passage = Passage::default();
        match &self.0 {
            Place::Memory(bytes) => passage.take(bytes, parts),
            Place::Disk { file, limit, .. } => {
                let mut file = file;
                file.rewind().ok()?;
                let mut file = file.take(limit.saturating_add(1));
                let mut buffer = vec![0; BUFFER];
                loop {
                    match file.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(count) => passage.take(buffer.get(..count)?, parts),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(_) => return None,
                    }
                }
                if passage.length > *limit {
                    return None;
                }
            }
        }
        let Passage { length, sha256, kept } = passage;
        Some(Skimmed { length, sha256: sha256.finish(), parts: kept })
    }
}

/// A file that was gone through.
#[derive(Debug)]
pub struct Skimmed {
    /// Its bytes were as many.
    pub length: u64,
    /// Of all its bytes.
    pub sha256: Sha256,
    /// The bytes that were to be kept.
    pub parts: Vec<u8>,
}

#[derive(Default)]
struct Passage {
    length: u64,
    sha256: Sha256Stream,
    kept: Vec<u8>,
}

impl Passage {
    /// The next bytes.
    fn take(&mut self, bytes: &[u8], parts: &[Range<u64>]) {
        self.sha256.update(bytes);
        let (start, end) = (self.length, self.length.saturating_add(bytes.len() as u64));
        let here = |at: u64| usize::try_from(at.clamp(start, end).saturating_sub(start)).ok();
        for part in parts {
            let within = here(part.start).zip(here(part.end));
            let kept = within.and_then(|(from, to)| bytes.get(from..to));
            self.kept.extend_from_slice(kept.unwrap_or_default());
        }
        self.length = end;
    }
}

fn read(file: File, size: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes that are read at a time, and hashed while the processor still has them near.
const BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The same file in memory and on disk.
    fn both(bytes: &[u8], limit: u64) -> [Unread; 2] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, bytes).expect("written");
        let file = File::open(&path).expect("opened");
        let there = Unread::open(file, path, limit).expect("looked at").expect("a file");
        [Unread::here(bytes.to_vec()), there]
    }

    #[test]
    fn a_file_is_hashed_whole_and_its_parts_are_kept_wherever_they_lie() {
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let size = bytes.len() as u64;
        let at = BUFFER as u64;
        let parts = [0..7, at - 3..at + 3, 2 * at..5 * at, size - 1..u64::MAX];
        let expected: Vec<u8> = parts
            .iter()
            .flat_map(|part| {
                let [from, to] =
                    [part.start, part.end.min(size)].map(|at| usize::try_from(at).expect("small"));
                bytes[from..to].to_vec()
            })
            .collect();
        for unread in both(&bytes, size) {
            let skimmed = unread.skim(&parts).expect("skimmed");
            assert_eq!((skimmed.length, skimmed.sha256), (size, Sha256::of(&bytes)));
            assert!(skimmed.parts == expected, "{}", skimmed.parts.len());
            assert!(unread.read().expect("read").expect("bytes") == bytes, "read after it");
        }
    }

    #[test]
    fn a_file_that_grows_beyond_its_limit_is_none() {
        let [_, unread] = both(b"four", 5);
        let Place::Disk { path, .. } = &unread.0 else { panic!("on disk") };
        assert!(!path.exists(), "its name is gone, it is not");
        assert_eq!(unread.skim(&[]).expect("skimmed").length, 4);
        let [_, unread] = both(b"four", 4);
        let Place::Disk { file, path, size, .. } = unread.0 else { panic!("on disk") };
        let grown = Unread(Place::Disk { file, path, size, limit: 3 });
        assert!(grown.skim(&[]).is_none());
        assert!(grown.read().expect("read").is_none());
    }
}
