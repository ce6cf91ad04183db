//! Why a tag has no trusted digest, or could not be signed.

use std::collections::BTreeSet;

use super::SignerName;
use crate::image::{ImageDigest, Tag};
use crate::tuf::{Gun, KeyId, RoleName, Version};
use crate::{client, edit, keys, tuf};

/// Why a tag has no trusted digest, or could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The collection could not be read or changed.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// No role that counts signs this tag.
    #[error("{gun}: no trusted role signs the tag {tag}{}", listed_elsewhere(.elsewhere))]
    NoSuchTag {
        /// The collection.
        gun: Gun,
        /// The tag.
        tag: Tag,
        /// Roles that do sign it, but do not count for pulls.
        elsewhere: Vec<RoleName>,
    },
    /// No tag means this digest now.
    #[error("{gun}: no tag is signed as {digest} now")]
    NoSuchDigest {
        /// The collection.
        gun: Gun,
        /// The digest.
        digest: ImageDigest,
    },
    /// Signed, but with no SHA-256.
    #[error("{role}: signs {tag} without a sha256 digest")]
    NoDigest {
        /// The role.
        role: RoleName,
        /// The tag.
        tag: Tag,
    },
    /// The reference names another digest than the signed one.
    #[error("{tag} is signed as {signed}, not as {given}")]
    OtherDigest {
        /// The tag.
        tag: Tag,
        /// What the user wrote.
        given: ImageDigest,
        /// What is signed.
        signed: ImageDigest,
    },
    /// What is to come is signed already, as something else.
    #[error("{role}: signs {name} as {signed}, and not as {offered}")]
    SignedOtherwise {
        /// The role.
        role: RoleName,
        /// The tag.
        name: String,
        /// The digest that is signed.
        signed: String,
        /// The digest that comes.
        offered: String,
    },
    /// A signer whose word is wanted signs another digest.
    #[error("{role}: signs {tag} as {found}, not as {expected}")]
    SignersDiffer {
        /// The signer's role.
        role: RoleName,
        /// The tag.
        tag: Tag,
        /// What the role that decides says.
        expected: ImageDigest,
        /// What the signer says, in words if it has no sha256.
        found: String,
    },
    /// A signer whose word is wanted does not sign the tag.
    #[error("{role}: its signature of {tag} is required, and {reason}")]
    NotSignedBy {
        /// The signer's role.
        role: RoleName,
        /// The tag.
        tag: Tag,
        /// Why there is none.
        reason: String,
    },
    /// The entry was made for another collection.
    #[error("{role}: the entry of {name} was signed for {found}, not for {expected}")]
    OtherCollection {
        /// The role.
        role: RoleName,
        /// The tag.
        name: String,
        /// This collection.
        expected: Gun,
        /// The collection in the entry.
        found: String,
    },
    /// No role that may sign the tag has a key here.
    #[error("no key here may sign {tag} in {gun} (roles: {})", with_keys(.roles))]
    NoSigningKey {
        /// The collection.
        gun: Gun,
        /// The tag.
        tag: Tag,
        /// Roles that could sign it, and their keys.
        roles: Vec<(RoleName, Vec<KeyId>)>,
    },
    /// No one key of a role is meant.
    #[error("{role}: {text:?} {reason}")]
    NoSuchKey {
        /// The role.
        role: RoleName,
        /// The id that was given.
        text: String,
        /// Why it means no key, or not one.
        reason: &'static str,
    },
    /// What would be signed, nobody would find: a role that is asked before signs the tag.
    #[error(
        "{role}: signs {tag} as something else, is asked before other roles, and cannot be signed \
         here (keys: {})", short(.keys)
    )]
    Outranked {
        /// The role.
        role: RoleName,
        /// The tag.
        tag: Tag,
        /// Canonical ids of its keys.
        keys: Vec<KeyId>,
    },
    /// The role asked for cannot be signed.
    #[error("{role}: {reason}")]
    Role {
        /// The role.
        role: RoleName,
        /// Why.
        reason: String,
    },
    /// A role that is published cannot be used, and so not be signed on top of.
    #[error("{}", about(.role, .reason))]
    Unusable {
        /// The role.
        role: RoleName,
        /// Why not.
        reason: String,
    },
    /// Nothing is there that could be signed again.
    #[error("{role}: not delegated, or nothing of it is published")]
    Unpublished {
        /// The role.
        role: RoleName,
    },
    /// No name of a signer.
    #[error("signer name {name:?} {reason}")]
    SignerName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The collection has no such signer.
    #[error("no signer {name} in {gun}")]
    NoSuchSigner {
        /// The collection.
        gun: Gun,
        /// The signer.
        name: SignerName,
    },
    /// The change would leave a role that nobody can read, and that cannot be signed again here.
    #[error(
        "{role}: would be left without enough signatures by keys that it still has, and none of \
         them is here to sign it again"
    )]
    Breaks {
        /// The role.
        role: RoleName,
    },
    /// Something that only a trust server's collections have.
    #[error("{gun}: {what} need a trust server; this repository's trust data are plain files")]
    NeedsServer {
        /// The collection.
        gun: Gun,
        /// What was asked for.
        what: &'static str,
    },
    /// Something that cannot be said in TUF 1.0, or not so that all its readers understand it.
    #[error("{gun}: cannot be written in TUF 1.0: {what}")]
    NoForm {
        /// The collection.
        gun: Gun,
        /// What has no form.
        what: String,
    },
    /// tough refuses what it should write.
    #[error("{role}: cannot be written for readers of TUF 1.0")]
    Editor {
        /// The role.
        role: RoleName,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was signed would be refused by its readers.
    #[error("{gun}: readers would refuse what was signed, so it was not written")]
    Unreadable {
        /// The collection.
        gun: Gun,
        /// Why they would.
        source: Box<client::Error>,
    },
    /// A state of the collection that cannot be shown.
    #[error("version {version}: {reason}")]
    NoSuchVersion {
        /// The version of its timestamp.
        version: Version,
        /// Why not.
        reason: String,
    },
    /// A request would change nothing.
    #[error("{gun}: nothing would change, so there is nothing to sign")]
    NothingToChange {
        /// The collection.
        gun: Gun,
    },
    /// No key that a request needs is here.
    #[error("{gun}: nothing to sign here{}", needed(.keys))]
    NothingToSign {
        /// The collection.
        gun: Gun,
        /// The keys whose signatures are needed, as metadata names them.
        keys: Vec<KeyId>,
    },
    /// Signatures that belong to another request.
    #[error("the signatures by {name} are for another request")]
    OtherRequest {
        /// Whose they are.
        name: String,
    },
    /// A request follows a root that what is known here does not lead to.
    #[error("the request follows root {found} of {gun}, and root {expected} was not seen here yet")]
    FarAhead {
        /// The collection.
        gun: Gun,
        /// The root that it follows.
        found: Version,
        /// The one after the root that is known here.
        expected: Version,
    },
    /// A file of a signing request that cannot be used.
    #[error("{problem}")]
    RequestFile {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A transcript that says what nobody signed.
    #[error("{problem}")]
    Transcript {
        /// Whose words, and what is wrong.
        problem: String,
    },
    /// A private key could not be used or kept.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The change has no signed form.
    #[error(transparent)]
    Edit(#[from] edit::Error),
    /// The custom data has no signed form.
    #[error(transparent)]
    Custom(tuf::Error),
    /// A staged change is none that could be published.
    #[error("no change that can be published: {problem}")]
    Staged {
        /// What is wrong with it.
        problem: String,
    },
    /// A staged change stands in the way of all of them.
    #[error("staged change {number}")]
    StagedChange {
        /// Its place in the list, from 0.
        number: usize,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A new key could not be made.
    #[error("no key could be made")]
    KeyGeneration(#[source] crate::crypto::Error),
}

fn listed_elsewhere(found: &[RoleName]) -> String {
    match found {
        [] => String::new(),
        found => format!(
            " (signed in {}, which does not count for pulls)",
            found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn with_keys(roles: &[(RoleName, Vec<KeyId>)]) -> String {
    let one = |(role, keys): &(RoleName, Vec<KeyId>)| {
        let keys = short(keys);
        format!("{role} with {}", if keys.is_empty() { "no key at all" } else { &keys })
    };
    roles.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn short(keys: &[KeyId]) -> String {
    keys.iter().map(KeyId::short).collect::<Vec<_>>().join(", ")
}

/// A reason with its role before it, which most reasons name themselves.
fn about(role: &RoleName, reason: &str) -> String {
    let named = reason.strip_prefix(role.as_str()).is_some_and(|rest| rest.starts_with(':'));
    if named { reason.to_owned() } else { format!("{role}: {reason}") }
}

fn needed(keys: &[KeyId]) -> String {
    match keys {
        [] => String::new(),
        keys => {
            let keys: BTreeSet<_> = keys.iter().map(KeyId::short).collect();
            let keys = keys.into_iter().collect::<Vec<_>>().join(", ");
            format!(" (it needs one of the keys {keys})")
        }
    }
}
