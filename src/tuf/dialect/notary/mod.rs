//! Notary v1's written form, byte for byte that of notary 0.7 and docker.

pub(super) mod custom;
pub(super) mod glance;
pub(super) mod key;
pub(super) mod read;
pub(super) mod write;

use crate::crypto::Scheme;

/// A signature method's name in metadata (Notary `tuf/data/types.go`); none for what Notary has
/// no name for.
fn method_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::EcdsaFixed => "ecdsa",
        Scheme::RsaPss => "rsapss",
        Scheme::RsaPkcs1 => "rsapkcs1v15",
        Scheme::Ed25519 => "eddsa",
        Scheme::OfKey => "",
    }
}

/// The scheme of a method name; case does not matter, as in Notary. `None` for what counts for
/// nothing, `pycrypto-pkcs#1 pss` included, which Notary never got to verify either.
fn scheme_named(method: &str) -> Option<Scheme> {
    [Scheme::EcdsaFixed, Scheme::RsaPss, Scheme::RsaPkcs1, Scheme::Ed25519]
        .into_iter()
        .find(|scheme| method.eq_ignore_ascii_case(method_name(*scheme)))
}
