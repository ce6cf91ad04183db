//! Small files, read whole: those that the program finds by itself, which may be anything by now, and
//! those that somebody named.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
///
/// Those of the system, or if it is larger or something else: a pipe would keep us waiting for
/// ever, and a device may have no end.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_bounded(open_regular(path)?, limit)
}

/// Reads what a user named, of at most `limit` bytes. He may have named a pipe (`<(…)`) and then
/// waits for it.
///
/// # Errors
///
/// Those of the system, or if it is larger.
pub fn read_named(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_bounded(File::open(path)?, limit)
}

fn read_bounded(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let enough = limit.saturating_add(1);
    // At once as much as is needed: a key would stay behind wherever it outgrew its place.
    let expected = usize::try_from(file.metadata()?.len().saturating_add(1).min(enough));
    let mut bytes = Vec::with_capacity(expected.unwrap_or_default());
    file.take(enough).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= limit {
        true => Ok(bytes),
        false => Err(io::Error::new(ErrorKind::FileTooLarge, told(limit))),
    }
}

fn told(limit: u64) -> String {
    match limit.is_multiple_of(MIB) {
        true => format!("larger than {} MiB", limit / MIB),
        false => format!("larger than {limit} bytes"),
    }
}

fn open_regular(path: &Path) -> io::Result<File> {
    let waitless = i32::try_from(OFlags::NONBLOCK.bits()).expect("a small number");
    let file = OpenOptions::new().read(true).custom_flags(waitless).open(path)?;
    match file.metadata()?.file_type() {
        kind if kind.is_file() => Ok(file),
        kind if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file")),
    }
}

const MIB: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_that_end_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let kind = |name: &str| read_regular(&at(name), 3).map_err(|error| error.kind());
        std::fs::write(at("three"), "abc").expect("written");
        std::fs::write(at("four"), "abcd").expect("written");
        symlink(at("three"), at("link")).expect("a link");
        symlink("/dev/zero", at("device")).expect("a link");
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR).expect("a pipe");
        assert_eq!(kind("three"), Ok(b"abc".to_vec()));
        assert_eq!(kind("link"), Ok(b"abc".to_vec()));
        assert_eq!(kind("four"), Err(ErrorKind::FileTooLarge));
        assert_eq!(kind("device"), Err(ErrorKind::InvalidInput));
        assert_eq!(kind("pipe"), Err(ErrorKind::InvalidInput));
        assert_eq!(kind("none"), Err(ErrorKind::NotFound));
        assert_eq!(
            read_regular(folder.path(), 3).map_err(|it| it.kind()),
            Err(ErrorKind::IsADirectory)
        );
    }
}
