//! One signed file on its way to the server.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::crypto::{Sha256, Sha512};
use serde_json::{Value, json};

use super::{TestKey, canonical};

/// A file that was just signed, open to every change.
pub struct File {
    /// What it says. Changed here without more, the signatures no longer fit.
    pub signed: Value,
    /// Its signatures.
    pub signatures: Vec<Value>,
    signers: Vec<Arc<TestKey>>,
    bytes: Option<Vec<u8>>,
}

impl File {
    pub fn signed_by(signed: Value, signers: &[Arc<TestKey>]) -> Self {
        let mut file =
            Self { signed, signatures: Vec::new(), signers: signers.to_vec(), bytes: None };
        file.sign();
        file
    }

    /// Signs again, with the keys that it was signed with.
    pub fn sign(&mut self) {
        let signers = self.signers.clone();
        self.sign_with(&signers);
    }

    /// Signs again, with these keys alone.
    pub fn sign_with(&mut self, keys: &[Arc<TestKey>]) {
        let message = canonical(&self.signed);
        self.signatures = keys.iter().map(|key| key.sign(&message)).collect();
    }

    /// Changes what it says and signs that, as the holder of its keys can.
    pub fn change(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.signed);
        self.sign();
    }

    /// What is signed.
    pub fn message(&self) -> Vec<u8> {
        canonical(&self.signed)
    }

    /// Changes the finished text; the signatures stay.
    pub fn rewrite(&mut self, change: impl FnOnce(String) -> String) {
        let text = String::from_utf8(self.text()).expect("text");
        self.bytes = Some(change(text).into_bytes());
    }

    /// Changes the finished bytes; the signatures stay.
    pub fn rewrite_bytes(&mut self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        self.bytes = Some(change(self.text()));
    }

    /// Signs a text that is the canonical form of what it says with something replaced, and keeps
    /// that text as the signed part: for what no JSON value can say.
    pub fn sign_text(&mut self, change: impl FnOnce(String) -> String) {
        let text = change(String::from_utf8(self.message()).expect("text"));
        let signatures: Vec<Value> =
            self.signers.iter().map(|key| key.sign(text.as_bytes())).collect();
        let signatures = canonical(&Value::Array(signatures));
        let parts = [b"{\"signed\":", text.as_bytes(), b",\"signatures\":", &signatures, b"}"];
        self.bytes = Some(parts.concat());
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.text()
    }

    fn text(&self) -> Vec<u8> {
        if let Some(bytes) = &self.bytes {
            return bytes.clone();
        }
        json!({"signed": self.signed, "signatures": self.signatures}).to_string().into_bytes()
    }
}

/// SHA-256 and SHA-512 in base64.
pub fn hashes_of(bytes: &[u8]) -> (String, String) {
    let (sha256, sha512) = (Sha256::of(bytes), Sha512::of(bytes));
    (STANDARD.encode(sha256.as_bytes()), STANDARD.encode(sha512.as_bytes()))
}

/// How a file is listed.
pub fn listing_of(bytes: &[u8]) -> Value {
    let (sha256, sha512) = hashes_of(bytes);
    json!({"hashes": {"sha256": sha256, "sha512": sha512}, "length": bytes.len()})
}
