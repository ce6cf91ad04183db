//! The entries of a tar file, as far as they are whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use tar::Header;

/// Where the content of an entry is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Bytes from the beginning of the file.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) length: u64,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) places: HashMap<String, Place>,
    /// Where the last whole entry ends.
    pub(super) end: u64,
}

/// Reads the headers of a file. What follows the last whole entry, be it an end mark or half an entry, does
/// not count.
pub(super) fn scan(file: &mut File) -> io::Result<Entries> {
    let size = file.metadata()?.len();
    let mut entries = Entries::default();
    let mut block = [0; BLOCK as usize];
    loop {
        file.seek(SeekFrom::Start(entries.end))?;
        if file.read_exact(&mut block).is_err() {
            return Ok(entries);
        }
        let Some((name, length)) = header(&block) else { return Ok(entries) };
        let offset = entries.end + BLOCK;
        let Some(end) =
            length.checked_next_multiple_of(BLOCK).and_then(|it| it.checked_add(offset))
        else {
            return Ok(entries);
        };
        if end > size {
            return Ok(entries);
        }
        entries.places.insert(name, Place { offset, length });
        entries.end = end;
    }
}

/// Whether an entry of this name begins behind the block at a place, in whatever stands there.
pub(super) fn follows(file: &mut File, from: u64, name: &str) -> io::Result<bool> {
    file.seek(SeekFrom::Start(from + BLOCK))?;
    let mut blocks = BufReader::new(file);
    let mut block = [0; BLOCK as usize];
    while blocks.read_exact(&mut block).is_ok() {
        if header(&block).is_some_and(|(found, _)| found == name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes at a place.
pub(super) fn read(file: &mut File, place: Place) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(place.offset))?;
    let mut bytes = Vec::new();
    file.take(place.length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == place.length {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Writes an entry where the file stands.
pub(super) fn write(file: &mut File, name: &str, bytes: &[u8], seconds: u64) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(seconds);
    header.set_cksum();
    let padding = bytes.len().next_multiple_of(BLOCK as usize) - bytes.len();
    // One call, so that a disk that is full leaves little behind.
    let mut entry = Vec::with_capacity(BLOCK as usize + bytes.len() + padding);
    entry.extend_from_slice(header.as_bytes());
    entry.extend_from_slice(bytes);
    entry.resize(entry.len() + padding, 0);
    file.write_all(&entry)
}

/// The mark at the end of a tar file.
pub(super) const END: [u8; 2 * BLOCK as usize] = [0; 2 * BLOCK as usize];

/// The name and size of an entry; `None` for what is no header of an ordinary file.
fn header(block: &[u8; BLOCK as usize]) -> Option<(String, u64)> {
    let header = Header::from_byte_slice(block);
    let mut sum = block.to_vec();
    sum[CHECKSUM].fill(b' ');
    let sum: u32 = sum.iter().map(|byte| u32::from(*byte)).sum();
    if header.cksum().ok()? != sum || !header.entry_type().is_file() {
        return None;
    }
    let name = header.path().ok()?.to_str()?.to_owned();
    Some((name, header.entry_size().ok()?))
}

/// Bytes.
pub(super) const BLOCK: u64 = 512;
/// Where a header's checksum stands, which counts as blanks in the sum.
const CHECKSUM: std::ops::Range<usize> = 148..156;
