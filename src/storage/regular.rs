//! Files that the program finds by itself: they may be anything by now.

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
    let mut bytes = Vec::new();
    open_regular(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= limit {
        true => Ok(bytes),
        false => Err(io::Error::new(ErrorKind::FileTooLarge, format!("larger than {limit} bytes"))),
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
