//! Who signed what, when: a document in which every word is signed.
//!
//! Each signer signs, with each key used, a statement: all that was to be signed as it was shown,
//! the signer's name, the time, and which files that key signed. The document has that text once,
//! and the keys with which to check it; whoever submits may sign the whole.

mod content;
mod read;

use std::collections::BTreeSet;

use jiff::Timestamp as Instant;

use super::{Contribution, Error, Request};
use crate::crypto::{Sha256, Signer};
use crate::edit;
use crate::tuf::{Dialect, Gun, KeyId, RoleName};
use content::{Closing, Content};

pub(super) use content::Matter;
pub use content::Person;

/// A record of a ceremony, for the archive. One that was made or read is good in every signature.
///
/// It proves who signed what with which keys, and needs no further witness: nobody can add a line
/// in another's name, or change one. Whether these are the repository's keys its metadata say.
#[derive(Clone, Debug)]
pub struct Transcript {
    content: Content,
    text: String,
}

impl Transcript {
    /// The record of a request and its contributions, which were collected before.
    pub(super) fn of(request: &Request, contributions: &[Contribution]) -> Result<Self, Error> {
        let person = |contribution: &Contribution| {
            Ok(Person {
                name: contribution.name.clone(),
                at: contribution.at,
                signed: signed(request, contribution)?,
                statements: contribution.statements.clone(),
            })
        };
        let people = contributions.iter().map(person).collect::<Result<Vec<Person>, Error>>()?;
        let signed = people.iter().flat_map(|person| &person.signed);
        let used: BTreeSet<KeyId> = signed.map(|(_, id)| *id).collect();
        let keys = request.needs()?.into_iter().flat_map(|need| need.keys);
        let keys = keys.map(|key| (key.id(), key)).filter(|(id, _)| used.contains(id)).collect();
        Content { matter: Matter::of(request), people, keys, closing: None }.checked()
    }

    /// Reads a transcript, and checks every signature in it.
    ///
    /// # Errors
    ///
    /// [`Error::RequestFile`] for what is none; [`Error::Transcript`] for one that was changed.
    pub fn read(text: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(text).map_err(|_| read::refuse())?;
        let transcript = read::content(text)?.checked()?;
        // What is not written again was said by nobody.
        if transcript.text == text { Ok(transcript) } else { Err(read::refuse()) }
    }

    /// The same, signed as a whole.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] if the key does not sign.
    pub fn closed(&self, at: Instant, signer: &dyn Signer) -> Result<Self, Error> {
        let mut content = self.content.clone();
        let key = DIALECT.key(signer.public());
        let id = key.id();
        content.keys.insert(id, key);
        let made = signer.sign(content.closing_statement(at, &id).as_bytes());
        let signature =
            made.map_err(|source| edit::Error::Signing { role: RoleName::Root, source })?;
        content.closing = Some(Closing { at, id, signature });
        content.checked()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text without the keys at its end: what people read.
    pub fn account(&self) -> &str {
        self.text.split("\nkeys:\n").next().unwrap_or_default()
    }

    /// The collection.
    pub fn gun(&self) -> &Gun {
        &self.content.matter.gun
    }

    /// Which request was signed.
    pub fn request(&self) -> &Sha256 {
        &self.content.matter.request
    }

    /// Who signed, in the order of the submission.
    pub fn people(&self) -> &[Person] {
        &self.content.people
    }

    /// The key that signed the whole, if one did.
    pub fn closed_by(&self) -> Option<KeyId> {
        self.content.closing.as_ref().map(|closing| closing.id)
    }
}

/// Which files a contribution signs, and with which keys.
pub(super) fn signed(
    request: &Request,
    contribution: &Contribution,
) -> Result<Vec<(RoleName, KeyId)>, Error> {
    let mut proposal = request.proposal.clone();
    let mut all = Vec::new();
    for (role, bytes) in &contribution.files {
        let ids = proposal.collect(role, bytes)?;
        all.extend(ids.into_iter().map(|id| (role.clone(), id)));
    }
    all.sort_unstable();
    Ok(all)
}

/// Requests are made where a trust server of Notary's kind takes them.
const DIALECT: Dialect = Dialect::Notary;
