//! PEM without headers, as certificates are kept in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Error;

/// A block: what it says it is, and its content.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) der: Vec<u8>,
}

/// One block exactly as Go's `encoding/pem` writes it: 64 columns, LF, final LF.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(COLUMNS) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// All blocks of a text; whatever stands between them is passed over.
pub(super) fn decode(text: &[u8]) -> Result<Vec<Block>, Error> {
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
    let mut body = String::new();
    for line in lines {
        match boundary(line, "END") {
            Some(end) if end == label => {
                let der = STANDARD
                    .decode(body)
                    .map_err(|_| Error::Pem { problem: "a block is not strict base64" })?;
                return Ok(Block { label: label.to_owned(), der });
            }
            Some(_) => return Err(Error::Pem { problem: "a block ends under another name" }),
            None => body.push_str(line.trim_start()),
        }
    }
    Err(Error::Pem { problem: "a block does not end" })
}

fn boundary<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?.strip_suffix("-----")?.strip_prefix(kind)?.strip_prefix(' ')
}

const COLUMNS: usize = 64;
