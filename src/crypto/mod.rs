//! Digests, keys, signatures and certificates; no JSON and no roles.
//!
//! A [`PublicKey`] exists only if its bytes are one sound key in one encoding, so that its
//! [fingerprint](PublicKey::fingerprint) says which key it is whatever it came wrapped in.
//! The *key* chooses how a signature is checked; a [`Scheme`] that does not belong to the key's
//! algorithm is a bad signature. Whatever signs is a [`Signer`], and no signature leaves
//! a [`PrivateKey`] or a [`RemoteKey`] before the public half has accepted it.

// Whatever it is given, what reads and decides here comes to an answer.
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)
)]

mod asn1;
mod bundle;
mod certificate;
mod chain;
mod digest;
mod encoding;
mod error;
pub(crate) mod hex;
mod issue;
mod key;
mod pages;
#[cfg_attr(not(any(feature = "client", test)), expect(dead_code, reason = "keys read headers"))]
pub(crate) mod pem;
mod private;
mod remote;
mod secret;
mod signature;
mod signer;
mod spki;

#[cfg(test)]
pub(crate) mod tests;

pub use bundle::{CertificateBundle, certificates_from_pem};
pub use certificate::Certificate;
pub use digest::{Hashed, Sha256, Sha256Stream, Sha512};
pub use error::Error;
pub use key::{Algorithm, PublicKey};
pub use private::{PrivateKey, Unjudged};
pub use remote::{Hand, RemoteKey};
pub use secret::SecretBytes;
pub use signature::{Scheme, Signature};
pub use signer::Signer;
