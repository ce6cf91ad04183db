//! The body of a publish: `multipart/form-data`, byte for byte as Notary's client frames it.
//!
//! Nothing may follow a file's own bytes: the server keeps what it finds before the boundary
//! (Notary `server/handlers/default.go`, `storage/httpstore.go`).

use reqwest::header::HeaderValue;

use crate::{crypto::Sha256Stream, tuf::RoleName};

/// A body, and the `Content-Type` that goes with it.
pub(super) struct Upload {
    pub(super) content_type: HeaderValue,
    pub(super) body: Vec<u8>,
}

impl Upload {
    /// Frames files; without any it is the empty form, with which a server-made snapshot is
    /// renewed.
    pub(super) fn of(files: &[(RoleName, Vec<u8>)]) -> Self {
        let boundary = boundary(files);
        let size = files.iter().map(|(_, bytes)| bytes.len() + FRAME).sum::<usize>() + FRAME;
        let mut body = Vec::with_capacity(size);
        let mut line_break = "";
        for (role, bytes) in files {
            body.extend_from_slice(head(line_break, &boundary, role).as_bytes());
            body.extend_from_slice(bytes);
            line_break = "\r\n";
        }
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let content_type = HeaderValue::try_from(content_type).expect("hex is visible ASCII");
        Self { content_type, body }
    }
}

fn head(line_break: &str, boundary: &str, role: &RoleName) -> String {
    format!(
        "{line_break}--{boundary}\r\n\
         Content-Disposition: form-data; name=\"files\"; filename=\"{role}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
}

/// 60 hex digits that cannot be found in the files, since they are a digest of them.
fn boundary(files: &[(RoleName, Vec<u8>)]) -> String {
    let mut digest = Sha256Stream::new();
    files.iter().for_each(|(_, bytes)| digest.update(bytes));
    digest.finish().to_string().chars().take(BOUNDARY_DIGITS).collect()
}

const BOUNDARY_DIGITS: usize = 60;
/// Bytes around a file, about.
const FRAME: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(files: &[(RoleName, Vec<u8>)]) -> (String, String) {
        let upload = Upload::of(files);
        let content_type = upload.content_type.to_str().expect("ASCII").to_owned();
        let (_, boundary) = content_type.split_once("boundary=").expect("a boundary");
        let body = String::from_utf8(upload.body).expect("text");
        (body.replace(boundary, "B"), boundary.to_owned())
    }

    #[test]
    fn files_are_framed_without_trailing_newline() {
        let releases = "targets/releases".parse().expect("a role");
        let files = [(RoleName::Root, b"{}".to_vec()), (releases, b"[1]".to_vec())];
        let (body, boundary) = framed(&files);
        assert_eq!(boundary.len(), 60);
        assert_eq!(
            body,
            "--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"root\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{}\r\n\
             --B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"targets/releases\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n[1]\r\n--B--\r\n"
        );
    }

    #[test]
    fn no_files_are_an_empty_form() {
        assert_eq!(framed(&[]).0, "\r\n--B--\r\n");
    }
}
