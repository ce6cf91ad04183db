//! What is said to a signer program and what it says, version 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::PluginKey;
use crate::crypto::{Algorithm, PublicKey, Scheme, Sha256, Signature, pem};
use crate::keys::KeyEntry;
use crate::tuf::canonical_key_id;

/// Which keys are there?
pub(super) fn list_request() -> Vec<u8> {
    json!({"version": VERSION, "request": "list"}).to_string().into_bytes()
}

/// Sign this.
pub(super) fn sign_request(
    name: &str,
    public: &PublicKey,
    scheme: Scheme,
    message: &[u8],
) -> Vec<u8> {
    json!({
        "version": VERSION,
        "request": "sign",
        "key": name,
        "public_key": STANDARD.encode(public.spki()),
        "scheme": scheme_name(scheme),
        "message": STANDARD.encode(message),
        "sha256": Sha256::of(message).to_string(),
    })
    .to_string()
    .into_bytes()
}

/// The keys of an answer.
pub(super) fn read_keys(answer: &[u8]) -> Result<Vec<PluginKey>, String> {
    let listed: Keys = read(answer)?;
    if listed.keys.len() > KEYS_MAX {
        return Err(format!("lists more than {KEYS_MAX} keys"));
    }
    listed.keys.into_iter().map(read_key).collect()
}

/// The signature of an answer, as the scheme defines its bytes.
pub(super) fn read_signature(answer: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, String> {
    let signed: Signed = read(answer)?;
    let bytes = STANDARD.decode(&signed.signature);
    let bytes = bytes.map_err(|_| "the signature is not base64".to_owned())?;
    match signed.encoding {
        Encoding::Raw => Ok(bytes),
        Encoding::Der => match Signature::ecdsa_from_der(algorithm, &bytes) {
            Ok(signature) => Ok(signature.as_bytes().to_vec()),
            Err(_) => Err("the signature is not an ECDSA signature in DER".to_owned()),
        },
    }
}

/// Reads an answer, which may also say why there is none.
fn read<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T, String> {
    if let Ok(Refusal { error }) = serde_json::from_slice(answer) {
        return Err(error.chars().take(ERROR_CHARS).collect());
    }
    // What came is not repeated: it may be anything.
    serde_json::from_slice(answer).map_err(|error| {
        format!("its answer cannot be read (line {}, column {})", error.line(), error.column())
    })
}

fn read_key(written: WrittenKey) -> Result<PluginKey, String> {
    let WrittenKey { key: name, public_key, role, gun } = written;
    let unusable = |problem: &dyn std::fmt::Display| {
        format!("key {:?}: {problem}", name.chars().take(ERROR_CHARS).collect::<String>())
    };
    let der = spki(&public_key).ok_or_else(|| unusable(&"its public key is no PEM or base64"))?;
    let public = PublicKey::from_spki(&der).map_err(|error| unusable(&error))?;
    let id = canonical_key_id(&public);
    Ok(PluginKey { name, entry: KeyEntry { id, role, gun, is_unreadable: false }, public })
}

/// The DER of a public key in PEM or in base64.
fn spki(text: &str) -> Option<Vec<u8>> {
    if !text.contains("-----BEGIN") {
        return STANDARD.decode(text.trim()).ok();
    }
    let blocks = pem::decode(text.as_bytes()).ok()?;
    let block = blocks.into_iter().find(|block| block.label == "PUBLIC KEY")?;
    Some(block.contents.to_vec())
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::EcdsaFixed => "ecdsa-sha256",
        Scheme::RsaPss => "rsa-pss-sha256",
        Scheme::RsaPkcs1 => "rsa-pkcs1-sha256",
        Scheme::Ed25519 => "ed25519",
        // Nobody signs with it.
        Scheme::OfKey => "",
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<WrittenKey>,
}

#[derive(Deserialize)]
struct WrittenKey {
    key: String,
    public_key: String,
    role: Option<String>,
    gun: Option<String>,
}

#[derive(Deserialize)]
struct Signed {
    signature: String,
    #[serde(default)]
    encoding: Encoding,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Raw,
    Der,
}

const VERSION: u32 = 1;
const KEYS_MAX: usize = 10_000;
const ERROR_CHARS: usize = 300;
