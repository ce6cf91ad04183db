//! Reading a transcript line by line. What is read is written again and compared, so nothing here
//! needs to be strict.

use std::collections::BTreeMap;
use std::str::Lines;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp as Instant;

use super::super::file::{check_name, scheme};
use super::content::{Closing, Content, Matter, Person, TITLE};
use super::{DIALECT, Error};
use crate::crypto::{Sha256, Signature};
use crate::tuf::{Gun, Key, KeyId, RoleName, Version};

/// What a transcript says.
pub(super) fn content(text: &str) -> Result<Content, Error> {
    Reader { lines: text.lines() }.content().ok_or_else(refuse)
}

pub(super) fn refuse() -> Error {
    Error::RequestFile { problem: "no transcript, or not as it was written" }
}

struct Reader<'t> {
    lines: Lines<'t>,
}

impl<'t> Reader<'t> {
    fn content(mut self) -> Option<Content> {
        self.expect(TITLE)?;
        self.expect("")?;
        let matter = self.matter()?;
        self.expect("")?;
        let mut people = Vec::new();
        while let Some(head) = self.take_after("signed by ") {
            people.push(self.person(head)?);
            self.expect("")?;
        }
        self.expect("keys:")?;
        let keys = self.keys()?;
        let closing = match self.lines.clone().next() {
            None => None,
            Some(_) => Some(self.closing()?),
        };
        Some(Content { matter, people, keys, closing })
    }

    fn matter(&mut self) -> Option<Matter> {
        let gun = Gun::raw(self.take_after("repository: ")?).ok()?;
        let (request, made) = self.take_after("request: ")?.split_once(", made ")?;
        let follows = match self.take_after("follows:") {
            Some(_) => self.files()?,
            None => Vec::new(),
        };
        self.expect("files:")?;
        let files = self.files()?;
        self.expect("what changes:")?;
        let words = std::iter::from_fn(|| self.take_after("  ").map(str::to_owned)).collect();
        let (request, made) = (request.parse().ok()?, made.parse().ok()?);
        Some(Matter { gun, request, made, follows, files, words })
    }

    fn files(&mut self) -> Option<Vec<(RoleName, Version, Sha256)>> {
        let mut files = Vec::new();
        while let Some(line) = self.take_after("  ") {
            files.push(file(line)?);
        }
        Some(files)
    }

    fn person(&mut self, head: &str) -> Option<Person> {
        let (name, at) = head.strip_suffix(':')?.rsplit_once(" at ")?;
        check_name(name).ok()?;
        let (mut signed, mut statements) = (Vec::new(), Vec::new());
        while let Some(line) = self.take_after("  ") {
            match line.strip_prefix(SIGNATURE) {
                Some(line) => statements.push(signature(line)?),
                None => {
                    let (role, id) = line.split_once(" with key ")?;
                    signed.push((role.parse().ok()?, id.parse().ok()?));
                }
            }
        }
        Some(Person { name: name.to_owned(), at: at.parse().ok()?, signed, statements })
    }

    fn keys(&mut self) -> Option<BTreeMap<KeyId, Key>> {
        let mut keys = BTreeMap::new();
        while let Some(line) = self.take_after("  ") {
            let (_, written) = line.split_once(' ')?;
            // Its id is computed, and compared with what is written.
            let key = DIALECT.read_key(&RoleName::Root, written.as_bytes()).ok()?;
            keys.insert(key.id(), key);
        }
        Some(keys)
    }

    fn closing(&mut self) -> Option<Closing> {
        self.expect("")?;
        let (at, _) = self.take_after("submitted at ")?.split_once(", ")?;
        let at: Instant = at.parse().ok()?;
        let (id, signature) = signature(self.take_after("  ")?.strip_prefix(SIGNATURE)?)?;
        Some(Closing { at, id, signature })
    }

    fn expect(&mut self, line: &str) -> Option<()> {
        (self.lines.next()? == line).then_some(())
    }

    /// The rest of the next line, if it begins so; else it stays.
    fn take_after(&mut self, start: &str) -> Option<&'t str> {
        let rest = self.lines.clone().next()?.strip_prefix(start)?;
        self.lines.next();
        Some(rest)
    }
}

fn file(line: &str) -> Option<(RoleName, Version, Sha256)> {
    let (named, digest) = line.split_once(" sha256:")?;
    let (role, version) = named.split_once(' ')?;
    let version = Version::new(version.parse().ok()?)?;
    Some((role.parse().ok()?, version, digest.parse().ok()?))
}

fn signature(line: &str) -> Option<(KeyId, Signature)> {
    let (id, signature) = line.split_once(": ")?;
    let (named, encoded) = signature.split_once(' ')?;
    let made = Signature::new(scheme(named).ok()?, STANDARD.decode(encoded).ok()?);
    Some((id.parse().ok()?, made))
}

const SIGNATURE: &str = "signature of ";
