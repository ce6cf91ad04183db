//! What a transcript says, its text, and whether every word of it is signed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp as Instant;

use super::super::{Request, request_digest};
use super::{DIALECT, Error, Transcript};
use crate::crypto::{Sha256, Signature};
use crate::tuf::{Gun, Key, KeyId, RoleName, Version};

/// All that a transcript says.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) matter: Matter,
    pub(super) people: Vec<Person>,
    pub(super) keys: BTreeMap<KeyId, Key>,
    pub(super) closing: Option<Closing>,
}

/// What was to be signed, as every signer saw it.
#[derive(Clone, Debug)]
pub(in super::super) struct Matter {
    pub(super) gun: Gun,
    pub(super) request: Sha256,
    pub(super) made: Instant,
    /// Each published file that it follows, with its version and digest; none in a transcript of the
    /// first form, whose digest names what is to be signed alone.
    pub(super) follows: Vec<(RoleName, Version, Sha256)>,
    /// Each file with its version and the digest of what is signed in it.
    pub(super) files: Vec<(RoleName, Version, Sha256)>,
    /// What changes, a sentence each.
    pub(super) words: Vec<String>,
}

/// Somebody who signed.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name that was given.
    pub name: String,
    /// When, UTC, by the clock of the machine on which it was signed.
    pub at: Instant,
    /// The files that were signed, and with which keys.
    pub signed: Vec<(RoleName, KeyId)>,
    /// The signatures under the statement, one by each of those keys.
    pub(super) statements: Vec<(KeyId, Signature)>,
}

/// Whoever submitted, for the whole.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    pub(super) at: Instant,
    pub(super) id: KeyId,
    pub(super) signature: Signature,
}

impl Matter {
    /// What a request asks for.
    pub(in super::super) fn of(request: &Request) -> Self {
        Self {
            gun: request.gun().clone(),
            request: request.digest(),
            made: request.made,
            follows: request.follows(),
            files: request.files(),
            words: request.changes(),
        }
    }

    /// What a signer states beside the signatures, and signs. It begins as no metadata can.
    pub(in super::super) fn statement(
        &self,
        name: &str,
        at: Instant,
        signed: &[(RoleName, KeyId)],
    ) -> String {
        format!("countersign ceremony\n{}{}", self.text(), signing(name, at, signed))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let Self { gun, request, made, follows, files, words } = self;
        let _ = writeln!(text, "repository: {gun}\nrequest: {request}, made {made:.0}");
        for (heading, files) in [("follows:\n", follows), ("files:\n", files)] {
            text.push_str(if files.is_empty() { "" } else { heading });
            for (role, version, digest) in files {
                let _ = writeln!(text, "  {role} {version} sha256:{digest}");
            }
        }
        text.push_str("what changes:\n");
        for sentence in words {
            let _ = writeln!(text, "  {sentence}");
        }
        text
    }

    fn has(&self, role: &RoleName) -> bool {
        self.files.iter().any(|(file, ..)| file == role)
    }

    /// The digest says what the files are.
    fn is_whole(&self) -> bool {
        request_digest(&self.follows, &self.files) == self.request
    }
}

impl Content {
    /// Checks every signature, and that nothing is said that none of them covers.
    pub(super) fn checked(self) -> Result<Transcript, Error> {
        let refuse = |problem: String| Err(Error::Transcript { problem });
        if !self.matter.is_whole() {
            return refuse("the files are not those of the request".to_owned());
        }
        for person in &self.people {
            if let Some(problem) = self.fault(person) {
                return refuse(format!("{}: {problem}", person.name));
            }
        }
        if let Some(Closing { at, id, signature }) = &self.closing
            && !self.is_by(id, &self.closing_statement(*at, id), signature)
        {
            return refuse(format!("the signature of key {id} on the whole is false"));
        }
        let text = self.text();
        Ok(Transcript { content: self, text })
    }

    /// What a transcript says that is signed as a whole.
    pub(super) fn closing_statement(&self, at: Instant, id: &KeyId) -> String {
        let open = Self { closing: None, ..self.clone() };
        format!("countersign transcript\n{}{}", open.text(), closing(at, id))
    }

    fn fault(&self, person: &Person) -> Option<String> {
        let used: BTreeSet<KeyId> = person.signed.iter().map(|(_, id)| *id).collect();
        let stated: BTreeSet<KeyId> = person.statements.iter().map(|(id, _)| *id).collect();
        if used.is_empty() || used != stated {
            return Some("not every key that signed stands by it".to_owned());
        }
        if !person.signed.iter().all(|(role, _)| self.matter.has(role)) {
            return Some("signed a file that is none of the request's".to_owned());
        }
        let statement = self.matter.statement(&person.name, person.at, &person.signed);
        let is_false =
            |(id, signature): &&(KeyId, Signature)| !self.is_by(id, &statement, signature);
        let (id, _) = person.statements.iter().find(is_false)?;
        Some(format!("the signature of key {id} under the statement is false"))
    }

    fn is_by(&self, id: &KeyId, statement: &str, signature: &Signature) -> bool {
        let public = self.keys.get(id).and_then(Key::public);
        public.is_some_and(|key| key.verify(statement.as_bytes(), signature).is_ok())
    }

    fn text(&self) -> String {
        let mut text = format!("{TITLE}\n\n{}", self.matter.text());
        for person in &self.people {
            text.push('\n');
            text.push_str(&signing(&person.name, person.at, &person.signed));
            for (id, signature) in &person.statements {
                let _ = writeln!(text, "  signature of {id}: {}", written(signature));
            }
        }
        text.push_str("\nkeys:\n");
        for (id, key) in &self.keys {
            let written = DIALECT.write_key(key);
            let _ = writeln!(text, "  {id} {}", String::from_utf8_lossy(&written).trim_end());
        }
        if let Some(Closing { at, id, signature }) = &self.closing {
            text.push_str(&closing(*at, id));
            let _ = writeln!(text, "  signature of {id}: {}", written(signature));
        }
        text
    }
}

fn signing(name: &str, at: Instant, signed: &[(RoleName, KeyId)]) -> String {
    let mut text = format!("signed by {name} at {at:.0}:\n");
    for (role, id) in signed {
        let _ = writeln!(text, "  {role} with key {id}");
    }
    text
}

fn closing(at: Instant, id: &KeyId) -> String {
    format!("\nsubmitted at {at:.0}, and all of this signed with key {id}\n")
}

fn written(signature: &Signature) -> String {
    format!("{} {}", signature.scheme(), STANDARD.encode(signature.as_bytes()))
}

pub(super) const TITLE: &str = "Transcript of a signing ceremony";
