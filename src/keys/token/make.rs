//! New keys on a token: made there, or copied there.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use der::Encode;
use der::asn1::OctetStringRef;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::objects::{self, TokenKey};
use super::problem::Problem;
use super::seat::Seat;
use crate::crypto::{Algorithm, PrivateKey, SecretBytes, Signer};

/// An ECDSA key in the pieces that a token takes.
pub(super) struct Parts {
    curve: &'static [u8],
    /// The uncompressed point, in an OCTET STRING.
    point: Vec<u8>,
    scalar: SecretBytes,
}

impl Parts {
    pub(super) fn of(key: &PrivateKey) -> Option<Parts> {
        let scalar = key.scalar()?;
        let curve = objects::curve_name(key.public().algorithm())?;
        let spki = key.public().spki();
        let point = &spki[spki.len().checked_sub(1 + 2 * scalar.len())?..];
        let point = OctetStringRef::new(point).ok()?.to_der().ok()?;
        Some(Parts { curve, point, scalar: SecretBytes::from(scalar) })
    }
}

/// Makes a pair whose private half the token does not give away.
pub(super) fn generate(
    seat: &mut Seat,
    algorithm: Algorithm,
    label: &str,
) -> Result<TokenKey, Problem> {
    let curve = objects::curve_name(algorithm)
        .ok_or_else(|| format!("{algorithm} keys are not made on tokens, only ECDSA keys"))?;
    if !seat.offers(MechanismType::ECC_KEY_PAIR_GEN)? {
        return Err("makes no ECDSA keys".into());
    }
    let id = new_id()?;
    let public = [common(&id, label), public_rights(curve)].concat();
    let private = [common(&id, label), private_rights()].concat();
    let session = seat.session()?;
    let (handle, _) = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
    objects::read(session, handle)?.ok_or_else(|| "made a key that cannot be used".into())
}

/// Copies both halves of a key; of a failure nothing remains.
pub(super) fn take_in(seat: &mut Seat, parts: &Parts, label: &str) -> Result<TokenKey, Problem> {
    let id = new_id()?;
    let kind = Attribute::KeyType(KeyType::EC);
    let mut private = [common(&id, label), private_rights()].concat();
    private.extend([
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        kind.clone(),
        Attribute::EcParams(parts.curve.to_vec()),
        Attribute::Value(parts.scalar.to_vec()),
    ]);
    let mut public = [common(&id, label), public_rights(parts.curve)].concat();
    public.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        kind,
        Attribute::EcPoint(parts.point.clone()),
    ]);
    let session = seat.session()?;
    let stored = session.create_object(&private);
    wipe(private);
    let secret = stored?;
    let handle = session.create_object(&public).inspect_err(|_| {
        // Half a key is none; what cannot be removed has no public half and is never listed.
        let _ = session.destroy_object(secret);
    })?;
    objects::read(session, handle)?.ok_or_else(|| "took a key that cannot be used".into())
}

fn common(id: &[u8], label: &str) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Id(id.to_vec()),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}

fn public_rights(curve: &[u8]) -> Vec<Attribute> {
    vec![Attribute::Private(false), Attribute::Verify(true), Attribute::EcParams(curve.to_vec())]
}

fn private_rights() -> Vec<Attribute> {
    vec![
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ]
}

fn wipe(template: Vec<Attribute>) {
    for attribute in template {
        if let Attribute::Value(secret) = attribute {
            drop(Zeroizing::new(secret));
        }
    }
}

/// Two keys of one token never share it.
fn new_id() -> Result<Vec<u8>, Problem> {
    let mut id = vec![0; ID_BYTES];
    let filled = SystemRandom::new().fill(&mut id);
    filled.map(|()| id).map_err(|_| "no random bytes from the system".into())
}

const ID_BYTES: usize = 16;
