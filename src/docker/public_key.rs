//! Public keys in files, as `docker trust key generate` and OpenSSL write them.

use jiff::Timestamp as Instant;

use crate::crypto::{self, Certificate, PublicKey, pem};
use crate::tuf::{Dialect, Key};

/// Why a file holds no key that could sign a role.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// No PEM block.
    #[error("no public key in PEM found")]
    Missing,
    /// Another kind of block; a private key, say.
    #[error("a PEM block {label:?}, where CERTIFICATE or PUBLIC KEY is expected")]
    OtherBlock {
        /// What it says it is.
        label: String,
    },
    /// A certificate that is not to be relied on.
    #[error("the certificate {problem}")]
    Certificate {
        /// What is wrong with it.
        problem: String,
    },
    /// No key that can be used.
    #[error(transparent)]
    Key(#[from] crypto::Error),
}

/// Reads the public key or certificate in the first block of a PEM text, as a delegation will name
/// it. A certificate must be valid at `now`; later nobody looks at its dates.
///
/// # Errors
///
/// [`PublicKeyError`].
pub fn public_key(dialect: Dialect, text: &[u8], now: Instant) -> Result<Key, PublicKeyError> {
    let block = pem::decode(text)?.into_iter().next().ok_or(PublicKeyError::Missing)?;
    match block.label.as_str() {
        "PUBLIC KEY" => Ok(dialect.key(&PublicKey::from_spki(&block.contents)?)),
        "CERTIFICATE" => certified(dialect, &Certificate::parse(&block.contents)?, now),
        label => Err(PublicKeyError::OtherBlock { label: label.chars().take(40).collect() }),
    }
}

fn certified(
    dialect: Dialect,
    certificate: &Certificate,
    now: Instant,
) -> Result<Key, PublicKeyError> {
    certificate.public_key()?;
    let problem = if certificate.signed_with_sha1() {
        "is signed with SHA-1".to_owned()
    } else if !certificate.is_valid_at(now) {
        let (from, until) = (certificate.not_before(), certificate.not_after());
        format!("is valid from {from} to {until} only")
    } else {
        return dialect.certificate_key(certificate).ok_or_else(|| PublicKeyError::Certificate {
            problem: "holds a key of a kind that no role is signed with".to_owned(),
        });
    };
    Err(PublicKeyError::Certificate { problem })
}
