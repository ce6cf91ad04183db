//! Go's words for why a file cannot be used, which scripts of docker's and notary's may look for.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// What the system said, without the file.
pub(super) fn why(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::AlreadyExists => "file exists".to_owned(),
        _ => error.to_string(),
    }
}

/// That a file cannot be opened, read or written.
pub(super) fn unusable(path: &Path, error: &Error) -> String {
    match error.kind() {
        ErrorKind::IsADirectory => format!("read {}: is a directory", path.display()),
        _ => format!("open {}: {}", path.display(), why(error)),
    }
}
