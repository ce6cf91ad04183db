//! Private keys as notary-signer keeps them in its table (Notary 0.7.0
//! `signer/keydbstore/sql_keydbstore.go`): a JSON Web Encryption in its compact form (RFC 7516
//! §3.1). The passphrase gives a key (PBES2-HS256+A128KW, RFC 7518 §4.8), which wraps another one,
//! which encrypts (A256GCM, §5.3).

use std::num::NonZeroU32;

use aes_kw::cipher::KeyInit as _;
use aes_kw::{AesKw, KwAes128};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{aead, pbkdf2};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Error, Passphrase};
use crate::crypto::{Algorithm, PrivateKey, SecretBytes, Signer as _};

/// Encrypts a key as notary-signer does, and so that it can open it.
///
/// # Errors
///
/// [`Error::Sealing`] if there are no random bytes.
pub fn seal_for_signer(key: &PrivateKey, passphrase: &Passphrase) -> Result<String, Error> {
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; aead::NONCE_LEN]);
    let mut content_key = SecretBytes::zeroed(CONTENT_KEY_BYTES);
    let random = SystemRandom::new();
    for bytes in [salt.as_mut_slice(), &mut nonce, &mut content_key] {
        random.fill(bytes).map_err(|_| Error::Sealing)?;
    }
    let salt = URL_SAFE_NO_PAD.encode(salt);
    let header = format!(
        r#"{{"alg":"{KEY_ALGORITHM}","enc":"{CONTENT_ALGORITHM}","p2c":{ITERATIONS},"p2s":"{salt}"}}"#
    );
    let header = URL_SAFE_NO_PAD.encode(header);
    let mut wrapped = [0; CONTENT_KEY_BYTES + 8];
    let decoded = URL_SAFE_NO_PAD.decode(&salt).map_err(|_| Error::Sealing)?;
    wrapping(passphrase, &decoded, ITERATIONS)
        .wrap_key(&content_key, &mut wrapped)
        .map_err(|_| Error::Sealing)?;
    let mut content = key.to_notary_raw();
    let tag = content_cipher(&content_key)?
        .seal_in_place_separate_tag(
            aead::Nonce::assume_unique_for_key(nonce),
            aead::Aad::from(header.as_bytes()),
            &mut content,
        )
        .map_err(|_| Error::Sealing)?;
    let parts = [&wrapped, nonce.as_slice(), &content, tag.as_ref()];
    let parts = parts.map(|part| URL_SAFE_NO_PAD.encode(part));
    Ok(format!("{header}.{}", parts.join(".")))
}

/// Decrypts a key that notary-signer keeps as one of this algorithm, P-256 or Ed25519.
///
/// # Errors
///
/// [`Error::Format`] if it is in another form, [`Error::Locked`] for a wrong passphrase or damage.
pub fn open_from_signer(
    text: &str,
    algorithm: Algorithm,
    passphrase: &Passphrase,
) -> Result<PrivateKey, Error> {
    let sealed = Sealed::read(text)?;
    let mut content_key = SecretBytes::zeroed(CONTENT_KEY_BYTES);
    wrapping(passphrase, &sealed.salt, sealed.iterations)
        .unwrap_key(&sealed.wrapped, &mut content_key)
        .map_err(|_| Error::Locked)?;
    let mut content = SecretBytes::concat(&[&sealed.content, &sealed.tag]);
    let plain = content_cipher(&content_key)?
        .open_in_place(sealed.nonce, aead::Aad::from(sealed.header.as_bytes()), &mut content)
        .map_err(|_| Error::Locked)?;
    let key = match algorithm {
        Algorithm::Ed25519 => PrivateKey::from_notary_ed25519(plain),
        _ => PrivateKey::from_sec1(plain),
    };
    let key = key.map_err(|_| Error::Format { problem: "no private key in it" })?;
    match key.public().algorithm() == algorithm {
        true => Ok(key),
        false => Err(Error::Format { problem: "a key of another algorithm" }),
    }
}

/// The parts of the text.
struct Sealed<'a> {
    header: &'a str,
    salt: Vec<u8>,
    iterations: NonZeroU32,
    wrapped: Vec<u8>,
    nonce: aead::Nonce,
    content: Vec<u8>,
    tag: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    p2c: u32,
    p2s: String,
}

impl<'a> Sealed<'a> {
    fn read(text: &'a str) -> Result<Self, Error> {
        let bad = |problem| Error::Format { problem };
        if text.len() > MAX_BYTES {
            return Err(bad("too long for a key"));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let &[header, wrapped, nonce, content, tag] = parts.as_slice() else {
            return Err(bad("not five parts"));
        };
        let decode = |part: &str| {
            URL_SAFE_NO_PAD.decode(part).map_err(|_| Error::Format { problem: "no base64" })
        };
        let said: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| bad("an unknown header"))?;
        if said.alg != KEY_ALGORITHM || said.enc != CONTENT_ALGORITHM {
            return Err(bad("another encryption than notary-signer's"));
        }
        let iterations = NonZeroU32::new(said.p2c).filter(|count| *count <= MAX_ITERATIONS);
        let nonce = aead::Nonce::try_assume_unique_for_key(&decode(nonce)?);
        Ok(Self {
            header,
            salt: decode(&said.p2s)?,
            iterations: iterations.ok_or_else(|| bad("an absurd number of iterations"))?,
            wrapped: decode(wrapped)?,
            nonce: nonce.map_err(|_| bad("a nonce of another length"))?,
            content: decode(content)?,
            tag: decode(tag)?,
        })
    }
}

/// RFC 7518 §4.8.1.1: the algorithm's name is part of the salt.
fn wrapping(passphrase: &Passphrase, salt: &[u8], iterations: NonZeroU32) -> KwAes128 {
    let mut key = Zeroizing::new([0; 16]);
    let salt = [KEY_ALGORITHM.as_bytes(), &[0], salt].concat();
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, iterations, &salt, passphrase.as_bytes(), key.as_mut());
    AesKw::new(&(*key).into())
}

fn content_cipher(key: &[u8]) -> Result<aead::LessSafeKey, Error> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| Error::Sealing)?;
    Ok(aead::LessSafeKey::new(key))
}

const KEY_ALGORITHM: &str = "PBES2-HS256+A128KW";
const CONTENT_ALGORITHM: &str = "A256GCM";
const ITERATIONS: NonZeroU32 = NonZeroU32::new(8192).expect("not zero");
const MAX_ITERATIONS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");
const SALT_BYTES: usize = 12;
const CONTENT_KEY_BYTES: usize = 32;
const MAX_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned())
    }

    /// A row that notary-signer 0.7.0 made.
    const PUBLIC: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtwgSEFZ9NodzqHn5dmhgeQCGeK1ghqZQVP3XprMyk+b9/HECglLhZRb0F/EgZppNJ3SmDa2LFhObxFmljGbI5Q==";
    const PRIVATE: &str = "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIiwicDJjIjo4MTkyLCJwMnMiOiJWMnpOVG56Sk56QjItdXNaIn0.zWHhDZy1YNy-7I0NMb1Lrbd0X2BlYr_PJwcDfYrBl1UGVRoSL50quw.78MXoLASzNvYB_AC.8-nSMfzPKB1YLOnfQRWS9giVnExSt4WAfzFbuj1gOOjk1I_yqFc_toR4brXjRW62QlJMjXog4JK-mJEs1KaQkhTjF-joldOWYjXUSf1c8SQSvf47wJafaYjrC9gRZXeSXzrPwQ_JptMZUNOR_wY94_YRgrxERAdfjw.-eSjFAvMKOGk3VvHUvhQxw";

    #[test]
    fn a_key_of_notary_signer_opens() {
        let open = |text: &str| open_from_signer(PRIVATE, Algorithm::EcdsaP256, &passphrase(text));
        let key = open("signerpass").expect("opened");
        let public = base64::engine::general_purpose::STANDARD.encode(key.public().spki());
        assert_eq!(public, PUBLIC);
        assert!(matches!(open("signerpas"), Err(Error::Locked)));
    }

    #[test]
    fn what_is_sealed_opens_again_and_has_the_signer_s_form() {
        for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
            let key = PrivateKey::generate(algorithm).expect("a key");
            let sealed = seal_for_signer(&key, &passphrase("x")).expect("sealed");
            let opened = open_from_signer(&sealed, algorithm, &passphrase("x")).expect("opened");
            assert_eq!(opened.public(), key.public());
            let lengths = |text: &str| text.split('.').map(str::len).take(3).collect::<Vec<_>>();
            assert_eq!(lengths(&sealed), lengths(PRIVATE));
        }
    }

    #[test]
    fn a_changed_key_does_not_open_and_nothing_panics() {
        let tried =
            |text: &str| open_from_signer(text, Algorithm::EcdsaP256, &passphrase("signerpass"));
        for place in (0..PRIVATE.len()).step_by(7) {
            let other = if PRIVATE.as_bytes()[place] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &PRIVATE[..place], &PRIVATE[place + 1..]);
            assert!(tried(&changed).is_err(), "{place}");
            assert!(tried(&PRIVATE[..place]).is_err(), "{place}");
        }
        let header = |text: &str| {
            let rest = PRIVATE.split_once('.').expect("parts").1;
            format!("{}.{rest}", URL_SAFE_NO_PAD.encode(text))
        };
        for text in [
            r#"{"alg":"dir","enc":"A256GCM","p2c":1,"p2s":""}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":0,"p2s":""}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":4294967295,"p2s":""}"#,
            "{}",
        ] {
            assert!(matches!(tried(&header(text)), Err(Error::Format { .. })), "{text}");
        }
    }
}
