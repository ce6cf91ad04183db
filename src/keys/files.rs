//! Touching the disk: nothing half-written, nothing through a link, nothing others can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::Error;

/// Reads a private key file, which nobody else may read.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = open(path)?;
    let mode = file.metadata().map_err(disk("examining", path))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode, fix: FILE_MODE });
    }
    read(file, path)
}

/// Reads a private key file for the notes in its headers alone.
pub(super) fn read_notes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read(open(path)?, path)
}

/// Puts a private key file in place: the old one or the new one, whole, at every moment.
pub(super) fn write_private(directory: &Path, name: &str, text: &[u8]) -> Result<(), Error> {
    make_directory(directory)?;
    check_directory(directory)?;
    let target = directory.join(name);
    let failed = disk("writing", &target);
    // Beside its target, so that renaming is atomic; made with mode 0600 and O_EXCL.
    let mut file = tempfile::Builder::new()
        .prefix(".")
        .suffix(".tmp")
        .tempfile_in(directory)
        .map_err(&failed)?;
    file.write_all(text).map_err(&failed)?;
    file.as_file().sync_all().map_err(&failed)?;
    file.persist(&target).map_err(|it| failed(it.error))?;
    sync_directory(directory)
}

/// Removes a file; a link goes, not what it leads to.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(disk("removing", path))?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Refuses a directory in which others could swap files, or that is none.
pub(super) fn check_directory(path: &Path) -> Result<(), Error> {
    let metadata = fs::symlink_metadata(path).map_err(disk("examining", path))?;
    if !metadata.is_dir() {
        return Err(Error::NotAFile { path: path.to_owned(), problem: "not a directory" });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode, fix: DIRECTORY_MODE });
    }
    Ok(())
}

/// An error of the disk with what was being done to what.
pub(super) fn disk(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Disk { action, path: path.to_owned(), source }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    // A pipe must not make us wait for somebody to write into it.
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path).map_err(|source| match source.raw_os_error() {
        Some(libc::ELOOP) => Error::NotAFile { path: path.to_owned(), problem: "a symbolic link" },
        _ => disk("opening", path)(source),
    })?;
    match file.metadata().map_err(disk("examining", path))?.is_file() {
        true => Ok(file),
        false => Err(Error::NotAFile { path: path.to_owned(), problem: "not a regular file" }),
    }
}

fn read(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut text = Zeroizing::new(Vec::with_capacity(SIZE_MAX + 1));
    file.take(SIZE_MAX as u64 + 1).read_to_end(&mut text).map_err(disk("reading", path))?;
    match text.len() > SIZE_MAX {
        true => Err(Error::NotAFile { path: path.to_owned(), problem: "too large for a key" }),
        false => Ok(text),
    }
}

fn make_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .map_err(disk("making directory", path))
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|it| it.sync_all()).map_err(disk("syncing", path))
}

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// Bytes; the largest key that is supported takes a tenth of it.
const SIZE_MAX: usize = 64 * 1024;
