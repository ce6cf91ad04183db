//! OpenSSL's older encryption of a whole PEM block: `DEK-Info`, and MD5 to derive the key.
//!
//! It is read, so that old keys can be brought over, and never written.

use md5::{Digest, Md5};

use super::pbes2::{self, Cipher};
use super::{Error, Passphrase};
use crate::crypto::{SecretBytes, hex};

/// What a `DEK-Info` header says.
pub(super) struct Envelope {
    cipher: Cipher,
    iv: [u8; 16],
}

impl Envelope {
    /// Reads `AES-256-CBC,<32 hexadecimal digits>`.
    pub(super) fn parse(header: &str) -> Result<Envelope, Error> {
        let damaged = Error::Format { problem: "its DEK-Info cannot be read" };
        let Some((cipher, iv)) = header.split_once(',') else { return Err(damaged) };
        let cipher = match cipher.trim() {
            "AES-128-CBC" => Cipher::Aes128,
            "AES-192-CBC" => Cipher::Aes192,
            "AES-256-CBC" => Cipher::Aes256,
            _ => return Err(Error::Encryption { problem: "the cipher is not AES-CBC" }),
        };
        let iv = hex::read(iv.trim()).and_then(|iv| iv.try_into().ok());
        Ok(Envelope { cipher, iv: iv.ok_or(damaged)? })
    }

    /// Decrypts the content of the block.
    pub(super) fn open(
        &self,
        ciphertext: &[u8],
        passphrase: &Passphrase,
    ) -> Result<SecretBytes, Error> {
        let key = derive(passphrase, &self.iv[..8], self.cipher.key_bytes());
        pbes2::decrypt(self.cipher, &key, &self.iv, ciphertext)
    }
}

/// `EVP_BytesToKey` with MD5 and one round: hashes of the last hash, the passphrase, the salt.
fn derive(passphrase: &Passphrase, salt: &[u8], length: usize) -> SecretBytes {
    let mut key = SecretBytes::zeroed(length.next_multiple_of(MD5));
    for start in (0..length).step_by(MD5) {
        let mut hash = Md5::new();
        hash.update(&key[start.saturating_sub(MD5)..start]);
        hash.update(passphrase.as_bytes());
        hash.update(salt);
        key[start..start + MD5].copy_from_slice(&hash.finalize());
    }
    key.truncate(length);
    key
}

/// Bytes of its digest.
const MD5: usize = 16;
