//! Signing with a key of a token.

use cryptoki::error::Error as Refusal;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::UserType;

use super::objects::{self, TokenKey};
use super::problem::Problem;
use super::seat::{Open, Seat};
use crate::crypto::{Scheme, Sha256};

/// Signs the message; whether the signature is good is for the public half to say.
pub(super) fn sign(
    seat: &mut Seat,
    key: &TokenKey,
    scheme: Scheme,
    message: &[u8],
) -> Result<Vec<u8>, Problem> {
    let cannot = || Problem::from(format!("cannot sign with {scheme}"));
    let (mechanism, takes) = mechanism(seat, scheme)?.ok_or_else(cannot)?;
    if !seat.offers(mechanism.mechanism_type())? {
        return Err(cannot());
    }
    let digest = Sha256::of(message);
    let input = match takes {
        Takes::Message => message,
        Takes::Digest => digest.as_bytes(),
    };
    let open = seat.opened()?;
    let private = objects::private_key(&open.session, key)?;
    let signed = match objects::wants_pin_each_time(&open.session, private) {
        false => open.session.sign(&mechanism, private, input),
        true => sign_with_pin(open, &mechanism, private, input),
    };
    Ok(signed?)
}

/// What an operation works on.
enum Takes {
    Message,
    Digest,
}

/// The operation for a scheme, and what it works on.
fn mechanism(
    seat: &mut Seat,
    scheme: Scheme,
) -> Result<Option<(Mechanism<'static>, Takes)>, Problem> {
    let ed25519 = EddsaParams::new(EddsaSignatureScheme::Ed25519);
    Ok(Some(match scheme {
        Scheme::EcdsaFixed => (Mechanism::Ecdsa, Takes::Digest),
        Scheme::Ed25519 => (Mechanism::Eddsa(ed25519), Takes::Message),
        Scheme::RsaPkcs1 => (Mechanism::Sha256RsaPkcs, Takes::Message),
        Scheme::RsaPss if seat.offers(MechanismType::SHA256_RSA_PKCS_PSS)? => {
            (Mechanism::Sha256RsaPkcsPss(pss()), Takes::Message)
        }
        Scheme::RsaPss => (Mechanism::RsaPkcsPss(pss()), Takes::Digest),
        Scheme::OfKey => return Ok(None),
    }))
}

/// For keys that ask for the PIN before every signature, as the YubiKey's slot 9c does.
fn sign_with_pin(
    open: &Open,
    mechanism: &Mechanism<'_>,
    key: ObjectHandle,
    input: &[u8],
) -> Result<Vec<u8>, Refusal> {
    open.session.sign_init(mechanism, key)?;
    open.session.login(UserType::ContextSpecific, open.pin.as_ref())?;
    open.session.sign_update(input)?;
    open.session.sign_final()
}

fn pss() -> PkcsPssParams {
    PkcsPssParams {
        hash_alg: MechanismType::SHA256,
        mgf: PkcsMgfType::MGF1_SHA256,
        s_len: PSS_SALT.into(),
    }
}

/// Bytes (Notary 0.7 `tuf/signed/verifiers.go`).
const PSS_SALT: u64 = 32;
