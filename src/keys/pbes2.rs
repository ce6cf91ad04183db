//! Password-based encryption of PKCS#8 keys (RFC 8018 §6.2), in Notary's profile.

use std::num::NonZeroU32;

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Sequence};
use pbkdf2::pbkdf2_hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::{Error, Passphrase};
use crate::crypto::SecretBytes;

/// Encrypts a `PrivateKeyInfo` exactly as Notary 0.7 does, which is all that it can decrypt:
/// PBKDF2 with HMAC-SHA-1, which goes without saying and is not said, and AES-256-CBC.
pub(super) fn seal(plain: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, Error> {
    let (mut salt, mut iv) = ([0; 8], [0; 16]);
    let random = SystemRandom::new();
    random.fill(&mut salt).and_then(|()| random.fill(&mut iv)).map_err(|_| Error::Sealing)?;
    let key = derive(passphrase, Prf::Sha1, &salt, ITERATIONS, Cipher::Aes256);
    write(None, &salt, &iv, &encrypt(&key, &iv, plain)?).map_err(|_| Error::Sealing)
}

/// Encrypts so that guessing passphrases is slow; OpenSSL opens it, Notary does not.
pub(super) fn seal_strongly(plain: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, Error> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    let random = SystemRandom::new();
    random.fill(&mut salt).and_then(|()| random.fill(&mut iv)).map_err(|_| Error::Sealing)?;
    let key = derive(passphrase, Prf::Sha256, &salt, STRONG_ITERATIONS, Cipher::Aes256);
    let ciphertext = encrypt(&key, &iv, plain)?;
    write(Some(STRONG_ITERATIONS), &salt, &iv, &ciphertext).map_err(|_| Error::Sealing)
}

fn encrypt(key: &[u8], iv: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(key, iv);
    Ok(cipher.map_err(|_| Error::Sealing)?.encrypt_padded_vec::<Pkcs7>(plain))
}

/// Decrypts an `EncryptedPrivateKeyInfo`.
///
/// Unlike Notary this heeds the pseudo-random function that is named, so files of current
/// OpenSSL open too.
pub(super) fn open(der: &[u8], passphrase: &Passphrase) -> Result<SecretBytes, Error> {
    let scheme = Scheme::read(der)?;
    let key = derive(passphrase, scheme.prf, scheme.salt, scheme.iterations, scheme.cipher);
    decrypt(scheme.cipher, &key, scheme.iv, scheme.ciphertext)
}

/// Checks that an `EncryptedPrivateKeyInfo` can be opened at all, and at what cost.
pub(super) fn check(der: &[u8]) -> Result<(), Error> {
    Scheme::read(der).map(|_| ())
}

/// AES in CBC mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
}

impl Cipher {
    pub(super) fn key_bytes(self) -> usize {
        match self {
            Cipher::Aes128 => 16,
            Cipher::Aes192 => 24,
            Cipher::Aes256 => 32,
        }
    }
}

/// Decrypts, with one error for whatever does not come out right.
pub(super) fn decrypt(
    cipher: Cipher,
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<SecretBytes, Error> {
    let plain = match cipher {
        Cipher::Aes128 => {
            unpad(cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv), ciphertext)
        }
        Cipher::Aes192 => {
            unpad(cbc::Decryptor::<aes::Aes192>::new_from_slices(key, iv), ciphertext)
        }
        Cipher::Aes256 => {
            unpad(cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv), ciphertext)
        }
    };
    plain.ok_or(Error::Locked)
}

fn unpad<D: BlockModeDecrypt, E>(
    decryptor: Result<D, E>,
    ciphertext: &[u8],
) -> Option<SecretBytes> {
    let mut buffer = SecretBytes::from(ciphertext);
    let length = decryptor.ok()?.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

/// The pseudo-random function of a derivation: HMAC with one of these.
#[derive(Clone, Copy)]
enum Prf {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

fn derive(
    passphrase: &Passphrase,
    prf: Prf,
    salt: &[u8],
    iterations: NonZeroU32,
    cipher: Cipher,
) -> SecretBytes {
    let mut key = SecretBytes::zeroed(cipher.key_bytes());
    let (passphrase, rounds) = (passphrase.as_bytes(), iterations.get());
    match prf {
        Prf::Sha1 => pbkdf2_hmac::<sha1::Sha1>(passphrase, salt, rounds, &mut key),
        Prf::Sha256 => pbkdf2_hmac::<sha2::Sha256>(passphrase, salt, rounds, &mut key),
        Prf::Sha384 => pbkdf2_hmac::<sha2::Sha384>(passphrase, salt, rounds, &mut key),
        Prf::Sha512 => pbkdf2_hmac::<sha2::Sha512>(passphrase, salt, rounds, &mut key),
    }
    key
}

/// Everything but the passphrase.
struct Scheme<'a> {
    prf: Prf,
    salt: &'a [u8],
    iterations: NonZeroU32,
    cipher: Cipher,
    iv: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> Scheme<'a> {
    fn read(der: &'a [u8]) -> Result<Scheme<'a>, Error> {
        let damaged = |_| Error::Format { problem: "not an encrypted PKCS#8 key" };
        let info = EncryptedPrivateKeyInfo::from_der(der).map_err(damaged)?;
        if info.algorithm.oid != PBES2 {
            return Err(Error::Encryption { problem: "not PBES2" });
        }
        let parameters = info.algorithm.parameters.decode_as::<Pbes2>().map_err(damaged)?;
        if parameters.kdf.oid != PBKDF2 {
            return Err(Error::Encryption { problem: "the key is not derived by PBKDF2" });
        }
        let kdf = parameters.kdf.parameters.decode_as::<Pbkdf2>().map_err(damaged)?;
        let cipher = cipher(parameters.cipher.oid)?;
        if kdf.key_length.is_some_and(|length| usize::from(length) != cipher.key_bytes()) {
            return Err(Error::Encryption { problem: "a key of another length than the cipher's" });
        }
        let iv = parameters.cipher.parameters.decode_as::<&OctetStringRef>().map_err(damaged)?;
        Ok(Scheme {
            prf: prf(kdf.prf)?,
            salt: kdf.salt.as_bytes(),
            iterations: iterations(kdf.iterations)?,
            cipher,
            iv: iv.as_bytes(),
            ciphertext: info.ciphertext.as_bytes(),
        })
    }
}

fn cipher(oid: ObjectIdentifier) -> Result<Cipher, Error> {
    match oid {
        AES_128_CBC => Ok(Cipher::Aes128),
        AES_192_CBC => Ok(Cipher::Aes192),
        AES_256_CBC => Ok(Cipher::Aes256),
        _ => Err(Error::Encryption { problem: "the cipher is not AES-CBC" }),
    }
}

fn prf(named: Option<Optional<'_>>) -> Result<Prf, Error> {
    match named.map(|prf| prf.oid) {
        None | Some(HMAC_SHA1) => Ok(Prf::Sha1),
        Some(HMAC_SHA256) => Ok(Prf::Sha256),
        Some(HMAC_SHA384) => Ok(Prf::Sha384),
        Some(HMAC_SHA512) => Ok(Prf::Sha512),
        Some(_) => Err(Error::Encryption { problem: "unknown pseudo-random function" }),
    }
}

/// A hostile file must not keep us busy for hours.
fn iterations(count: u64) -> Result<NonZeroU32, Error> {
    u32::try_from(count)
        .ok()
        .filter(|count| *count <= ITERATIONS_MAX)
        .and_then(NonZeroU32::new)
        .ok_or(Error::Encryption { problem: "iterations outside 1 to 10000000" })
}

/// `strong` is HMAC-SHA-256 and so many rounds; else as Notary.
fn write(
    strong: Option<NonZeroU32>,
    salt: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> der::Result<Vec<u8>> {
    let prf = Optional { oid: HMAC_SHA256, parameters: Some(AnyRef::NULL) };
    let kdf = Pbkdf2 {
        salt: OctetStringRef::new(salt)?,
        iterations: u64::from(strong.unwrap_or(ITERATIONS).get()),
        key_length: None,
        prf: strong.map(|_| prf),
    }
    .to_der()?;
    let iv = OctetStringRef::new(iv)?.to_der()?;
    let parameters = Pbes2 {
        kdf: Algorithm { oid: PBKDF2, parameters: AnyRef::try_from(kdf.as_slice())? },
        cipher: Algorithm { oid: AES_256_CBC, parameters: AnyRef::try_from(iv.as_slice())? },
    }
    .to_der()?;
    let algorithm = Algorithm { oid: PBES2, parameters: AnyRef::try_from(parameters.as_slice())? };
    EncryptedPrivateKeyInfo { algorithm, ciphertext: OctetStringRef::new(ciphertext)? }.to_der()
}

#[derive(Sequence)]
struct EncryptedPrivateKeyInfo<'a> {
    algorithm: Algorithm<'a>,
    ciphertext: &'a OctetStringRef,
}

#[derive(Sequence)]
struct Algorithm<'a> {
    oid: ObjectIdentifier,
    parameters: AnyRef<'a>,
}

#[derive(Sequence)]
struct Optional<'a> {
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct Pbes2<'a> {
    kdf: Algorithm<'a>,
    cipher: Algorithm<'a>,
}

#[derive(Sequence)]
struct Pbkdf2<'a> {
    salt: &'a OctetStringRef,
    iterations: u64,
    key_length: Option<u16>,
    prf: Option<Optional<'a>>,
}

/// What Notary 0.7 writes.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(2048).expect("2048 is not zero");
/// Half a second where Notary's takes a thousandth.
const STRONG_ITERATIONS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");
const ITERATIONS_MAX: u32 = 10_000_000;

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
