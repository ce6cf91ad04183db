//! A signed file, opened but not yet believed.

use super::KeyId;
use crate::crypto::Signature;

/// What a file says, the bytes its signatures are over, and the signatures. Nothing is verified.
///
/// The content can be reached only through names that say so; `verify::threshold` is what turns an
/// envelope into something trusted.
#[derive(Clone, Debug)]
pub struct Envelope<T> {
    content: T,
    message: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

impl<T> Envelope<T> {
    pub(super) fn new(content: T, message: Vec<u8>, signatures: Vec<EnvelopeSignature>) -> Self {
        Self { content, message, signatures }
    }

    /// The content before any signature was checked: for finding out whose signatures to ask for (a
    /// new root names its own keys), and for what to fetch next. Never for an answer.
    pub fn unverified_content(&self) -> &T {
        &self.content
    }

    /// The content, for who has checked the signatures, or will check the bytes against a trusted
    /// hash.
    pub fn into_unverified_content(self) -> T {
        self.content
    }

    /// The bytes that were signed: the canonical form of `signed`.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Signatures in file order.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }
}

/// One entry of `signatures`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvelopeSignature {
    /// The key that is said to have signed; `None` when the text is no id of this dialect.
    pub keyid: Option<KeyId>,
    /// The signature; `None` when its method is not known, so that it counts for nothing.
    pub signature: Option<Signature>,
}
