//! PEM as Go's `encoding/pem` writes it: RFC 1421 headers, 64 columns, LF.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Error;

/// A block: what it says it is, what its headers say, and its content.
///
/// The content is wiped when dropped, since it may be a private key.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) contents: Zeroizing<Vec<u8>>,
}

impl Block {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// One block exactly as Go writes it; the headers in the order given.
#[expect(clippy::arithmetic_side_effects, reason = "sizes of what is in memory")]
pub(crate) fn encode(label: &str, headers: &[(&str, &str)], contents: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(contents));
    let size = headers.iter().map(|(name, value)| name.len() + value.len() + 3).sum::<usize>();
    // Room for everything at once, so that no copy stays behind when the text grows.
    let room = size + body.len() + body.len() / COLUMNS + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(room));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    headers.iter().for_each(|(name, value)| text.extend([name, ": ", value, "\n"]));
    if !headers.is_empty() {
        text.push('\n');
    }
    for line in body.as_bytes().chunks(COLUMNS) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

/// All blocks of a text; whatever stands between them is passed over.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<Block>, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::Pem { problem: "not text" })?;
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        if let Some(label) = boundary(line, "BEGIN") {
            blocks.push(read_block(label, &mut lines)?);
        }
    }
    Ok(blocks)
}

fn read_block<'a>(label: &str, lines: &mut impl Iterator<Item = &'a str>) -> Result<Block, Error> {
    let mut headers = Vec::new();
    let mut body = Zeroizing::new(String::new());
    for line in lines {
        match boundary(line, "END") {
            Some(end) if end == label => {
                let contents = STANDARD
                    .decode(body.as_bytes())
                    .map_err(|_| Error::Pem { problem: "a block is not strict base64" })?;
                let contents = Zeroizing::new(contents);
                return Ok(Block { label: label.to_owned(), headers, contents });
            }
            Some(_) => return Err(Error::Pem { problem: "a block ends under another name" }),
            None => match line.split_once(':') {
                Some((name, value)) if body.is_empty() => push_header(&mut headers, name, value)?,
                _ => body.push_str(line.trim_start()),
            },
        }
    }
    Err(Error::Pem { problem: "a block does not end" })
}

fn push_header(headers: &mut Vec<(String, String)>, name: &str, value: &str) -> Result<(), Error> {
    if headers.iter().any(|(it, _)| it == name.trim()) {
        return Err(Error::Pem { problem: "a header stands twice" });
    }
    headers.push((name.trim().to_owned(), value.trim().to_owned()));
    Ok(())
}

fn boundary<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?.strip_suffix("-----")?.strip_prefix(kind)?.strip_prefix(' ')
}

const COLUMNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for length in [0, 1, 47, 48, 49, 200] {
            for headers in [&[][..], &[("gun", "localhost:5000/a"), ("role", "targets")]] {
                let contents = vec![0x5a; length];
                let text = encode("PRIVATE KEY", headers, &contents);
                let [block] = &decode(text.as_bytes()).unwrap()[..] else { panic!("one block") };
                assert_eq!(*block.contents, contents);
                assert_eq!(block.headers.len(), headers.len());
                assert_eq!(block.header("role"), headers.get(1).map(|(_, role)| *role));
                assert_eq!(block.header("gun"), headers.first().map(|(_, gun)| *gun));
            }
        }
    }

    #[test]
    fn repeated_header_is_refused() {
        let text = "-----BEGIN X-----\nrole: a\nrole: b\n\nAAAA\n-----END X-----\n";
        assert!(decode(text.as_bytes()).is_err());
    }
}
