//! Requests and contributions as files: JSON with the metadata files in it as they will be
//! published, and in words what they are.
//!
//! The words are for whoever opens the file in an editor. They are made anew by every reader, and
//! never believed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp as Instant;
use serde::{Deserialize, Serialize};

use super::{Contribution, Error, Request};
use crate::crypto::{Scheme, Signature};
use crate::tuf::{Gun, KeyId, RoleName};
use crate::verify::Policy;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    countersign: String,
    repository: String,
    made: Instant,
    request: String,
    what_changes: Vec<String>,
    published: BTreeMap<String, String>,
    to_sign: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ContributionFile {
    countersign: String,
    repository: String,
    request: String,
    signs: Vec<String>,
    name: String,
    at: Instant,
    files: BTreeMap<String, String>,
    /// What the signer says of it, which the transcript has in words, under each key used.
    statements: Vec<Statement>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    key: String,
    scheme: String,
    signature: String,
}

impl Statement {
    fn of((key, signature): &(KeyId, Signature)) -> Self {
        Self {
            key: key.to_string(),
            scheme: signature.scheme().to_string(),
            signature: STANDARD.encode(signature.as_bytes()),
        }
    }

    fn read(self) -> Result<(KeyId, Signature), Error> {
        let bytes = STANDARD.decode(&self.signature);
        let bytes = bytes.map_err(|_| refuse("its statement's signature is not base64"))?;
        let key = self.key.parse().map_err(|_| refuse("an id in it is none"))?;
        Ok((key, Signature::new(scheme(&self.scheme)?, bytes)))
    }
}

impl Request {
    /// The collection that a request file is for, to know by which rules to read it.
    ///
    /// # Errors
    ///
    /// [`Error::RequestFile`].
    pub fn gun_of(text: &[u8]) -> Result<Gun, Error> {
        let file: RequestFile = read(text, REQUEST)?;
        Gun::raw(&file.repository).map_err(|_| refuse("its repository has no proper name"))
    }

    /// Reads a request, and verifies what it says is published.
    ///
    /// # Errors
    ///
    /// [`Error::RequestFile`] for what is none; [`Error::Client`] if what it follows is not signed
    /// as it must be; [`Error::Edit`] if what it asks for makes no sense.
    pub fn read(text: &[u8], policy: Policy) -> Result<Request, Error> {
        let file: RequestFile = read(text, REQUEST)?;
        let gun = Gun::raw(&file.repository);
        let gun = gun.map_err(|_| refuse("its repository has no proper name"))?;
        if gun != policy.gun {
            return Err(refuse("it is for another repository"));
        }
        let files: Vec<_> = by_role(file.to_sign)?.into_iter().collect();
        let published = by_role(file.published)?;
        let request = Request::verified(policy.into(), file.made, published, &files)?;
        if request.digest().to_string() != file.request {
            return Err(refuse("its content is not what its digest says"));
        }
        Ok(request)
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let file = RequestFile {
            countersign: REQUEST.to_owned(),
            repository: self.gun().to_string(),
            made: self.made,
            request: self.digest().to_string(),
            what_changes: self.words(),
            published: as_text(&self.before),
            to_sign: as_text(&self.proposal.files().into_iter().collect()),
        };
        pretty(&file)
    }
}

impl Contribution {
    /// Reads somebody's signatures; nothing is verified before they are
    /// [collected](Request::collect).
    ///
    /// # Errors
    ///
    /// [`Error::RequestFile`] for what is none.
    pub fn read(text: &[u8]) -> Result<Contribution, Error> {
        let file: ContributionFile = read(text, CONTRIBUTION)?;
        check_name(&file.name)?;
        Ok(Contribution {
            gun: Gun::raw(&file.repository)
                .map_err(|_| refuse("its repository has no proper name"))?,
            request: file.request.parse().map_err(|_| refuse("its digest is none"))?,
            name: file.name,
            at: file.at,
            files: by_role(file.files)?,
            statements: file
                .statements
                .into_iter()
                .map(Statement::read)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The text of the file; it says in words what it signs.
    pub fn to_text(&self, request: &Request) -> String {
        let file = ContributionFile {
            countersign: CONTRIBUTION.to_owned(),
            repository: self.gun.to_string(),
            request: self.request.to_string(),
            signs: request.words(),
            name: self.name.clone(),
            at: self.at,
            files: as_text(&self.files),
            statements: self.statements.iter().map(Statement::of).collect(),
        };
        pretty(&file)
    }
}

/// A name stands in a line of the statement and of the transcript.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let is_fit =
        !name.trim().is_empty() && name.len() <= NAME_MAX && !name.contains(char::is_control);
    match is_fit {
        true => Ok(()),
        false => Err(refuse("the signer's name is not one line of at most 200 bytes")),
    }
}

fn read<T: for<'de> Deserialize<'de>>(text: &[u8], kind: &'static str) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Kind {
        countersign: String,
    }
    if text.len() > BYTES_MAX {
        return Err(refuse("too large for a request or a signature file"));
    }
    match serde_json::from_slice::<Kind>(text) {
        Ok(found) if found.countersign == kind => {}
        Ok(found) => return Err(refuse(misplaced(&found.countersign, kind))),
        Err(_) => return Err(refuse("not a file of a signing request")),
    }
    serde_json::from_slice(text).map_err(|_| refuse("damaged, or of another version"))
}

/// What is wrong with a file that calls itself something else.
fn misplaced(found: &str, kind: &str) -> &'static str {
    match kind {
        _ if FIRST_FORM.contains(&found) => {
            "of the first form, which does not name what it follows: make the request again, and have it signed anew"
        }
        REQUEST => "no signing request, but another of its files",
        _ => "no signature file, but another of its files",
    }
}

fn by_role(files: BTreeMap<String, String>) -> Result<BTreeMap<RoleName, Vec<u8>>, Error> {
    let one = |(role, text): (String, String)| {
        let role = role.parse().map_err(|_| refuse("it names a role that is none"))?;
        Ok((role, text.into_bytes()))
    };
    files.into_iter().map(one).collect()
}

fn as_text(files: &BTreeMap<RoleName, Vec<u8>>) -> BTreeMap<String, String> {
    let one = |(role, bytes): (&RoleName, &Vec<u8>)| {
        (role.to_string(), String::from_utf8_lossy(bytes).into_owned())
    };
    files.iter().map(one).collect()
}

pub(super) fn scheme(name: &str) -> Result<Scheme, Error> {
    let all = [Scheme::EcdsaFixed, Scheme::RsaPss, Scheme::RsaPkcs1, Scheme::Ed25519];
    let found = all.into_iter().find(|scheme| scheme.to_string() == name);
    found.ok_or_else(|| refuse("its statement is signed in an unknown way"))
}

fn pretty(file: &impl Serialize) -> String {
    let text =
        serde_json::to_string_pretty(file).expect("text, numbers and lists have a JSON form");
    text + "\n"
}

fn refuse(problem: &'static str) -> Error {
    Error::RequestFile { problem }
}

const REQUEST: &str = "signing request 2";
const CONTRIBUTION: &str = "signatures 2";
/// Files whose digest names what is to be signed, and not what that follows.
const FIRST_FORM: [&str; 2] = ["signing request 1", "signatures 1"];
const NAME_MAX: usize = 200;
/// Twice the largest targets file, written as text.
const BYTES_MAX: usize = 128 << 20;
