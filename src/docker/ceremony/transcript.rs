//! Who signed what, when: a document in which each signer's line is signed with the signer's key.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp as Instant;

use super::{Contribution, Error, Request};
use crate::crypto::Sha256;
use crate::tuf::{Gun, KeyId, RoleName};

/// A record of a ceremony, for the archive.
///
/// Every participant's statement carries a signature of the participant's own key, which the
/// published metadata names: the transcript needs no further witness, and nobody can add a line in
/// another's name.
#[derive(Clone, Debug)]
pub struct Transcript {
    text: String,
}

impl Transcript {
    /// The record of a request and its contributions, which were collected before.
    pub(super) fn of(
        request: &Request,
        contributions: &[Contribution],
        now: Instant,
    ) -> Result<Transcript, Error> {
        let mut text = String::from("Transcript of a signing ceremony\n\n");
        let mut line = |words: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{words}");
        };
        line(format_args!("repository: {}", request.gun()));
        line(format_args!("request:    {}, made {:.0}", request.digest(), request.made()));
        line(format_args!("submitted:  {now:.0}\n\nWhat was signed:"));
        request.words().iter().for_each(|words| line(format_args!("  {words}")));
        for contribution in contributions {
            line(format_args!("\nSigned by {} at {:.0}:", contribution.name, contribution.at));
            for (role, id) in signed(request, contribution)? {
                line(format_args!("  {role} with key {id}"));
            }
            let (id, signature) = &contribution.statement;
            let encoded = STANDARD.encode(signature.as_bytes());
            let (gun, name) = (&contribution.gun, &contribution.name);
            let statement = statement(gun, &contribution.request, name, contribution.at);
            line(format_args!("  statement: {}", statement.trim_end().replace('\n', " | ")));
            line(format_args!("  signed with key {id}, {}: {encoded}", signature.scheme()));
        }
        Ok(Transcript { text })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// What a signer states beside the signatures, and signs.
pub(super) fn statement(gun: &Gun, request: &Sha256, name: &str, at: Instant) -> String {
    format!("countersign ceremony\nrepository {gun}\nrequest {request}\nname {name}\nat {at}\n")
}

fn signed(request: &Request, contribution: &Contribution) -> Result<Vec<(RoleName, KeyId)>, Error> {
    let mut proposal = request.proposal.clone();
    let mut all = Vec::new();
    for (role, bytes) in &contribution.files {
        let ids = proposal.collect(role, bytes)?;
        all.extend(ids.into_iter().map(|id| (role.clone(), id)));
    }
    Ok(all)
}
