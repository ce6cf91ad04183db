//! The body of an upload: `multipart/form-data`, one part for each role (RFC 7578; Notary
//! `server/handlers/default.go`).
//!
//! Stricter than the original: a role stands once, a body ends where it says it ends, and a part
//! says once what it is.

use std::collections::BTreeMap;

use super::Error;
use crate::tuf::RoleName;

/// Takes an upload apart.
pub(super) fn parse(content_type: &str, body: &[u8]) -> Result<BTreeMap<RoleName, Vec<u8>>, Error> {
    let boundary = boundary(content_type)?;
    let delimiter = format!("\r\n--{boundary}");
    let mut files = BTreeMap::new();
    let mut rest = first_delimiter(body, &delimiter)?;
    loop {
        if let Some(epilogue) = rest.strip_prefix(b"--") {
            return match epilogue {
                b"" | b"\r\n" => Ok(files),
                _ => Err(malformed("something follows its end")),
            };
        }
        let part = rest.strip_prefix(b"\r\n").ok_or_else(|| malformed("a boundary in no line"))?;
        if files.len() >= MAX_PARTS {
            return Err(malformed("too many parts"));
        }
        let end = find(part, delimiter.as_bytes()).ok_or_else(|| malformed("it breaks off"))?;
        let (role, content) = read_part(&part[..end])?;
        if files.insert(role, content.to_vec()).is_some() {
            return Err(malformed("a role stands twice"));
        }
        rest = &part[end + delimiter.len()..];
    }
}

fn boundary(content_type: &str) -> Result<&str, Error> {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(malformed("not multipart/form-data"));
    }
    let mut boundaries = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    });
    let boundary = match (boundaries.next(), boundaries.next()) {
        (Some(boundary), None) => unquoted(boundary),
        _ => None,
    };
    let fits = |boundary: &&str| {
        (1..=70).contains(&boundary.len()) && boundary.bytes().all(|byte| byte.is_ascii_graphic())
    };
    boundary.filter(fits).ok_or_else(|| malformed("no usable boundary"))
}

/// What follows the first delimiter. Go's writer begins an empty form with a line break, and
/// nothing else may.
fn first_delimiter<'b>(body: &'b [u8], delimiter: &str) -> Result<&'b [u8], Error> {
    let delimiter = delimiter.as_bytes();
    body.strip_prefix(&delimiter[2..])
        .or_else(|| body.strip_prefix(delimiter))
        .ok_or_else(|| malformed("it does not begin with its boundary"))
}

fn read_part(part: &[u8]) -> Result<(RoleName, &[u8]), Error> {
    let end = find(&part[..part.len().min(MAX_HEAD_BYTES)], b"\r\n\r\n")
        .ok_or_else(|| malformed("a part without an end of its headers"))?;
    let head = std::str::from_utf8(&part[..end]).map_err(|_| malformed("headers are no text"))?;
    Ok((role(head)?, &part[end + 4..]))
}

/// The role that a part's headers name.
fn role(head: &str) -> Result<RoleName, Error> {
    let mut dispositions = head.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else {
        return Err(malformed("a part must have one Content-Disposition"));
    };
    let name = file_name(disposition)?;
    let stem = name.strip_suffix(".json").unwrap_or(name);
    stem.parse().map_err(|_| Error::Role { role: name.chars().take(80).collect() })
}

fn file_name(disposition: &str) -> Result<&str, Error> {
    let mut parameters = disposition.split(';').map(str::trim);
    if !parameters.next().is_some_and(|kind| kind.eq_ignore_ascii_case("form-data")) {
        return Err(malformed("a part that is no form data"));
    }
    let mut name = None;
    for parameter in parameters {
        let (key, value) =
            parameter.split_once('=').ok_or_else(|| malformed("a bare parameter"))?;
        match key.to_ascii_lowercase().as_str() {
            "name" => {}
            "filename" if name.is_none() => name = Some(value),
            _ => return Err(malformed("a parameter that does not belong there")),
        }
    }
    let name = name.ok_or(Error::FileName)?;
    let name = unquoted(name).ok_or_else(|| malformed("a file name with escapes"))?;
    if name.is_empty() { Err(Error::FileName) } else { Ok(name) }
}

/// A token, or a quoted string that needs no escapes.
fn unquoted(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"'))?;
    (!inner.contains(['"', '\\'])).then_some(inner)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let start = from + at;
        if haystack[start..].starts_with(needle) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

fn malformed(problem: &'static str) -> Error {
    Error::Upload { problem }
}

/// More than a collection has roles.
const MAX_PARTS: usize = 300;
const MAX_HEAD_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "multipart/form-data; boundary=xyz";

    fn part(head: &str, content: &str) -> String {
        format!("--xyz\r\n{head}\r\n\r\n{content}\r\n")
    }

    fn named(name: &str) -> String {
        format!(
            "Content-Disposition: form-data; name=\"files\"; filename={name}\r\nContent-Type: application/octet-stream"
        )
    }

    fn read(body: &str) -> Result<BTreeMap<RoleName, Vec<u8>>, Error> {
        parse(FORM, body.as_bytes())
    }

    #[test]
    fn parts_are_files_of_roles() {
        let body = part(&named("\"targets/releases\""), "\r\n--xy\r\n")
            + &part(&named("root.json"), "{}")
            + "--xyz--\r\n";
        let files = read(&body).expect("an upload");
        assert_eq!(files.len(), 2);
        assert_eq!(files[&RoleName::releases()], b"\r\n--xy\r\n");
        assert_eq!(files[&RoleName::Root], b"{}");
        assert!(read("\r\n--xyz--\r\n").expect("an empty form of Go").is_empty());
        assert!(read("--xyz--").expect("an empty form").is_empty());
    }

    #[test]
    fn multipart_part_names() {
        let body = |name: &str| part(&named(name), "{}") + "--xyz--\r\n";
        for name in ["\"targets/../root\"", "root.json.json", "other", "\"a b\"", "ROOT"] {
            assert!(matches!(read(&body(name)), Err(Error::Role { .. })), "{name}");
        }
        assert!(matches!(read(&body("\"\"")), Err(Error::FileName)));
        let unnamed = part("Content-Disposition: form-data; name=files", "{}") + "--xyz--\r\n";
        assert!(matches!(read(&unnamed), Err(Error::FileName)));
        for head in [
            named("root") + "\r\n" + &named("root"),
            "Content-Disposition: form-data; name=files; filename*=UTF-8''root".to_owned(),
            "Content-Disposition: form-data; filename=root; filename=targets".to_owned(),
            "Content-Disposition: form-data; filename=\"ro\\ot\"".to_owned(),
            "Content-Disposition: attachment; filename=root".to_owned(),
            "Content-Type: text/plain".to_owned(),
        ] {
            let body = part(&head, "{}") + "--xyz--\r\n";
            assert!(matches!(read(&body), Err(Error::Upload { .. })), "{head}");
        }
        let twice = part(&named("root"), "{}") + &part(&named("root.json"), "{}") + "--xyz--\r\n";
        assert!(matches!(read(&twice), Err(Error::Upload { .. })));
    }

    #[test]
    fn truncated_multipart_every_offset() {
        let body =
            part(&named("root"), "{\"a\":1}") + &part(&named("targets"), "{}") + "--xyz--\r\n";
        let whole = body.len() - "\r\n".len();
        for length in 0..whole {
            assert!(read(&body[..length]).is_err(), "{length}");
        }
        assert!(read(&body[..whole]).is_ok());
        assert!(read(&(body + "x")).is_err());
    }

    #[test]
    fn content_type_table() {
        for bad in [
            "",
            "text/plain",
            "multipart/mixed; boundary=xyz",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=\"a b\"",
        ] {
            assert!(matches!(parse(bad, b"--xyz--"), Err(Error::Upload { .. })), "{bad}");
        }
        assert!(parse("Multipart/Form-Data; Boundary=\"xyz\"; charset=x", b"--xyz--").is_ok());
    }
}
