//! The secret on which all online keys depend.

use std::num::NonZeroU32;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, pbkdf2};
use zeroize::Zeroizing;

use crate::crypto::{self, SecretBytes};

/// 32 bytes that nobody can guess.
pub struct MasterSecret(SecretBytes);

impl MasterSecret {
    /// Takes over bytes that nobody can guess.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(SecretBytes::from(bytes.as_slice()))
    }

    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// [`crypto::Error::NoRandom`].
    pub fn generate() -> Result<Self, crypto::Error> {
        let mut bytes = SecretBytes::zeroed(BYTES);
        SystemRandom::new().fill(&mut bytes).map_err(|_| crypto::Error::NoRandom)?;
        Ok(Self(bytes))
    }

    /// Derives it from a passphrase (PBKDF2 with HMAC-SHA-256), the same from the same salt. Slow
    /// on purpose.
    pub fn from_passphrase(passphrase: &str, salt: &[u8; 32]) -> Self {
        let mut bytes = SecretBytes::zeroed(BYTES);
        let passphrase = passphrase.as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, passphrase, &mut bytes);
        Self(bytes)
    }

    /// What may be written down, to know the secret again without knowing it.
    pub fn mark(&self) -> [u8; 16] {
        let mut mark = [0; 16];
        mark.copy_from_slice(&expand(&self.extracted(), &[b"mark"])[..16]);
        mark
    }

    /// The bytes themselves, for keeping them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_array().expect("that many were put in")
    }

    /// What everything else is derived from.
    pub(super) fn extracted(&self) -> hkdf::Prk {
        hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(&self.0)
    }
}

/// Bytes derived for one purpose.
pub(super) fn expand(from: &hkdf::Prk, purpose: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    from.expand(purpose, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("one block of the hash function is never too much");
    out
}

const BYTES: usize = 32;
const SALT: &[u8] = b"countersign online keys 1";
const ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");
