//! Keys that sign whatever they are given.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::crypto::{
    Algorithm, Certificate, CertificateBundle, PrivateKey, Scheme, Sha256, Signer,
};
use jiff::Timestamp as Instant;
use serde_json::{Value, json};

use super::rsa::rsa_key;
use super::{after_hours, canonical};

/// A key and how metadata writes it, which may be wrong.
#[derive(Clone)]
pub struct TestKey {
    pub signer: Arc<PrivateKey>,
    pub keytype: String,
    /// The public part before base64.
    pub written: Vec<u8>,
}

impl TestKey {
    pub fn p256() -> Arc<Self> {
        Self::bare(PrivateKey::generate(Algorithm::EcdsaP256).expect("a key"))
    }

    pub fn ed25519() -> Arc<Self> {
        Self::bare(PrivateKey::generate(Algorithm::Ed25519).expect("a key"))
    }

    /// The one RSA key of the tests.
    pub fn rsa() -> Arc<Self> {
        Self::bare(rsa_key())
    }

    pub fn bare(signer: PrivateKey) -> Arc<Self> {
        let public = signer.public();
        let (keytype, written) = match public.ed25519() {
            Some(raw) => ("ed25519", raw.to_vec()),
            None if public.algorithm() == Algorithm::Rsa => ("rsa", public.spki().to_vec()),
            None => ("ecdsa", public.spki().to_vec()),
        };
        let (keytype, written) = (keytype.to_owned(), written);
        Arc::new(Self { signer: Arc::new(signer), keytype, written })
    }

    /// A root key for a collection.
    pub fn certified(gun: &str) -> Arc<Self> {
        Self::p256().in_certificate(gun)
    }

    /// The same key inside a certificate that is valid for ten years, from a day ago.
    pub fn in_certificate(&self, name: &str) -> Arc<Self> {
        self.in_certificate_between(name, after_hours(-24), after_hours(24 * 3650))
    }

    pub fn in_certificate_between(&self, name: &str, from: Instant, until: Instant) -> Arc<Self> {
        let leaf = Certificate::self_signed(name, self.signer.as_ref(), from, until);
        let bundle = CertificateBundle::of_leaf(leaf.expect("a certificate")).expect("a leaf");
        self.written_as(&format!("{}-x509", self.family()), bundle.to_pem())
    }

    /// The same key under other words.
    pub fn written_as(&self, keytype: &str, written: Vec<u8>) -> Arc<Self> {
        let (signer, keytype) = (Arc::clone(&self.signer), keytype.to_owned());
        Arc::new(Self { signer, keytype, written })
    }

    /// As it stands in `keys`.
    pub fn object(&self) -> Value {
        let public = STANDARD.encode(&self.written);
        json!({"keytype": self.keytype, "keyval": {"private": null, "public": public}})
    }

    /// Under what it stands there.
    pub fn id(&self) -> String {
        Sha256::of(&canonical(&self.object())).to_string()
    }

    /// An entry of `signatures`.
    pub fn sign(&self, message: &[u8]) -> Value {
        self.sign_with(self.signer.scheme(), message)
    }

    pub fn sign_with(&self, scheme: Scheme, message: &[u8]) -> Value {
        let signature = self.signer.sign_with(scheme, message).expect("a signature");
        let method = match scheme {
            Scheme::EcdsaFixed => "ecdsa",
            Scheme::RsaPss => "rsapss",
            Scheme::RsaPkcs1 => "rsapkcs1v15",
            Scheme::Ed25519 => "eddsa",
            Scheme::OfKey => panic!("Notary has no such method"),
        };
        let sig = STANDARD.encode(signature.as_bytes());
        json!({"keyid": self.id(), "method": method, "sig": sig})
    }

    fn family(&self) -> &'static str {
        match self.signer.public().algorithm() {
            Algorithm::Rsa => "rsa",
            _ => "ecdsa",
        }
    }
}
