//! Bearer tokens of a token service (docker registry token authentication, RFC 7519).
//!
//! A token may say which key signed it. That is never a reason to believe in the key: a signature
//! counts if it is by one of the configured certificates' keys, or by a certificate that one of
//! them issued.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::HeaderMap;
use jiff::{SignedDuration, Timestamp as Instant};
use serde::{Deserialize, Deserializer};

use super::{Caller, Permission, Sight, credentials};
use crate::crypto::certificates_from_pem;
use crate::crypto::{
    self, Algorithm, Certificate, CertificateBundle, PublicKey, Scheme, Signature,
};
use crate::server::Error;
use crate::server::replaceable::Replaceable;

/// Whose tokens are believed. Clones share the certificates, so that they can be replaced.
#[derive(Clone)]
pub struct Tokens {
    realm: String,
    issuer: String,
    service: String,
    certificates: Replaceable<Vec<Certificate>>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    x5c: Vec<String>,
    /// What must be understood (RFC 7515 §4.1.11); we understand no extension.
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    #[serde(default, deserialize_with = "null_is_nothing")]
    nbf: i64,
    #[serde(default, deserialize_with = "null_is_nothing")]
    sub: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    access: Vec<Grant>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Grant {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default, deserialize_with = "null_is_nothing")]
    actions: Vec<String>,
}

impl Tokens {
    /// Believes tokens for `service` by `issuer`, signed with a key of these PEM certificates or of
    /// one that they issued. `realm` is where callers are sent to get one.
    ///
    /// # Errors
    ///
    /// If there is no certificate.
    pub fn new(
        realm: String,
        issuer: String,
        service: String,
        certificates: &[u8],
    ) -> Result<Self, crypto::Error> {
        let certificates = Replaceable::new(certificates_from_pem(certificates)?);
        Ok(Self { realm, issuer, service, certificates })
    }

    /// Takes over the certificates of others.
    pub(super) fn replace(&self, other: &Self) {
        self.certificates.replace(&other.certificates);
    }

    pub(super) fn admit(
        &self,
        permission: &Permission<'_>,
        headers: &HeaderMap,
        now: Instant,
    ) -> Result<Caller, Error> {
        let refuse = |problem, error| Err(self.refusal(permission, problem, error));
        let Some(token) = credentials(headers, "bearer") else {
            return refuse(None, None);
        };
        let claims = match self.verified(token, now) {
            Ok(claims) => claims,
            Err(problem) => return refuse(Some(problem), Some("invalid_token")),
        };
        let granted = |action: &&str| {
            claims.access.iter().any(|grant| {
                grant.kind == permission.kind()
                    && grant.name == permission.name()
                    && grant.actions.iter().any(|granted| granted == action || granted == "*")
            })
        };
        if !permission.actions().iter().all(granted) {
            return refuse(Some("a token for something else"), Some("insufficient_scope"));
        }
        Ok(Caller::of(Some(claims.sub)))
    }

    /// What a token lets its bearer read.
    pub(super) fn sight(
        &self,
        headers: &HeaderMap,
        now: Instant,
    ) -> Result<(Caller, Sight), Error> {
        let refuse = |problem, error| Err(self.refusal(&Permission::Browse, problem, error));
        let Some(token) = credentials(headers, "bearer") else { return refuse(None, None) };
        let claims = match self.verified(token, now) {
            Ok(claims) => claims,
            Err(problem) => return refuse(Some(problem), Some("invalid_token")),
        };
        let reads = |grant: &Grant| {
            let pulls = grant.actions.iter().any(|action| action == "pull" || action == "*");
            grant.kind == "repository" && pulls
        };
        let names = claims.access.iter().filter(|grant| reads(grant));
        let sight = Sight::These(names.map(|grant| grant.name.clone()).collect());
        Ok((Caller::of(Some(claims.sub)), sight))
    }

    fn verified(&self, token: &str, now: Instant) -> Result<Claims, &'static str> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err("a token that is too long");
        }
        let (message, signature) = token.rsplit_once('.').ok_or("not a token")?;
        let (header, claims) = message.split_once('.').ok_or("not a token")?;
        let header: Header = part(header)?;
        let bytes = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "not a token")?;
        self.check_signature(&header, message.as_bytes(), bytes, now)?;
        let claims: Claims = part(claims)?;
        self.check_claims(&claims, now)?;
        Ok(claims)
    }

    fn check_signature(
        &self,
        header: &Header,
        message: &[u8],
        signature: Vec<u8>,
        now: Instant,
    ) -> Result<(), &'static str> {
        if header.crit.is_some() {
            return Err("a token with an extension that must be understood");
        }
        let (scheme, algorithm) = match header.alg.as_str() {
            "RS256" => (Scheme::RsaPkcs1, Algorithm::Rsa),
            "ES256" => (Scheme::EcdsaFixed, Algorithm::EcdsaP256),
            "EdDSA" => (Scheme::Ed25519, Algorithm::Ed25519),
            _ => return Err("a token signed in a way that is not accepted"),
        };
        let signature = Signature::new(scheme, signature);
        let signed = |key: &PublicKey| {
            key.algorithm() == algorithm && key.verify(message, &signature).is_ok()
        };
        let certificates = self.certificates.current();
        let trusted = certificates.iter().filter_map(|one| one.public_key().ok());
        let issued = issued(&header.x5c, &certificates, now);
        let issued = issued.iter().filter_map(|one| one.leaf().public_key().ok());
        match trusted.chain(issued).any(signed) {
            true => Ok(()),
            false => Err("a token whose signature is not by a trusted key"),
        }
    }

    fn check_claims(&self, claims: &Claims, now: Instant) -> Result<(), &'static str> {
        let meant_for_us = match &claims.aud {
            Audience::One(audience) => *audience == self.service,
            Audience::Many(audiences) => audiences.contains(&self.service),
        };
        let until = |seconds: i64| {
            Instant::from_second(seconds).map_err(|_| "a token with a date that is none")
        };
        let expired = until(claims.exp)?.checked_add(LEEWAY).is_ok_and(|end| end <= now);
        let early = until(claims.nbf)?.checked_sub(LEEWAY).is_ok_and(|start| start > now);
        match () {
            () if claims.iss != self.issuer => Err("a token of another issuer"),
            () if !meant_for_us => Err("a token for another service"),
            () if expired => Err("a token that has expired"),
            () if early => Err("a token that is not valid yet"),
            () => Ok(()),
        }
    }

    fn refusal(
        &self,
        permission: &Permission<'_>,
        problem: Option<&'static str>,
        error: Option<&'static str>,
    ) -> Error {
        let scope = permission.scope();
        let mut challenge = format!(
            "Bearer realm=\"{}\",service=\"{}\",scope=\"{scope}\"",
            self.realm, self.service
        );
        if let Some(error) = error {
            challenge.push_str(&format!(",error=\"{error}\""));
        }
        Error::Unauthorised { problem, challenge, needed: permission.needed() }
    }
}

/// The chain that came with a token, if it leads to a configured certificate.
fn issued(chain: &[String], trusted: &[Certificate], now: Instant) -> Option<CertificateBundle> {
    if chain.is_empty() || chain.len() > MAX_CHAIN {
        return None;
    }
    let mut pem = String::new();
    for certificate in chain {
        let der = STANDARD.decode(certificate).ok()?;
        pem.push_str(&crate::crypto::pem::encode("CERTIFICATE", &[], &der));
    }
    let bundle = CertificateBundle::from_pem(pem.as_bytes()).ok()?;
    bundle.chains_to(trusted, now).is_ok().then_some(bundle)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, &'static str> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| "not a token")?;
    serde_json::from_slice(&json).map_err(|_| "not a token")
}

/// Token services written in Go write an empty list as `null`.
fn null_is_nothing<'de, D, T>(value: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(value).map(Option::unwrap_or_default)
}

const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
const MAX_TOKEN_BYTES: usize = 16 << 10;
const MAX_CHAIN: usize = 8;
