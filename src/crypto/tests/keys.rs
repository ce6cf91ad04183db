//! Threats K-08, K-12, K-13, K-14: which bytes are a key.

use super::*;

#[test]
fn only_sound_keys_in_their_one_encoding_are_keys() {
    for row in table(include_str!("../../../tests/vectors/crypto/keys.tsv")) {
        let [case, verdict, spki] = row[..] else { panic!("three columns") };
        let read = PublicKey::from_spki(&hex(spki));
        assert_eq!(read.is_ok(), verdict == "accept", "{case}: {read:?}");
        if let Ok(key) = read {
            assert_eq!(key.spki(), hex(spki), "{case}");
            assert_eq!(key.fingerprint(), Sha256::of(key.spki()), "{case}");
        }
    }
}

#[test]
fn ed25519_keys_that_anyone_can_sign_for_are_refused() {
    for row in table(include_str!("../../../tests/vectors/crypto/ed25519.tsv")) {
        let [case, verdict, raw] = row[..] else { panic!("three columns") };
        let read = PublicKey::from_ed25519(&hex(raw));
        assert_eq!(read.is_ok(), verdict == "accept", "{case}: {read:?}");
        if let Ok(key) = read {
            assert_eq!(key.ed25519().unwrap().as_slice(), hex(raw), "{case}");
            assert_eq!(PublicKey::from_spki(key.spki()).unwrap(), key, "{case}");
        }
    }
}

#[test]
fn damaged_keys_never_become_the_same_key() {
    for row in table(include_str!("../../../tests/vectors/crypto/keys.tsv")) {
        let [case, "accept", spki] = row[..] else { continue };
        let good = PublicKey::from_spki(&hex(spki)).unwrap();
        for place in 0..hex(spki).len() {
            let mut bytes = hex(spki);
            bytes[place] ^= 1;
            assert!(PublicKey::from_spki(&bytes).ok() != Some(good.clone()), "{case}, {place}");
            assert!(PublicKey::from_spki(&hex(spki)[..place]).is_err(), "{case}, cut at {place}");
        }
    }
}

#[test]
fn debug_names_the_algorithm_and_the_fingerprint() {
    let key = PrivateKey::from_ed25519_seed(&[7; 32]).unwrap();
    let start = &key.public().fingerprint().to_string()[..8];
    assert_eq!(format!("{:?}", key.public()), format!("ed25519:{start}…"));
}

proptest::proptest! {
    #[test]
    fn bytes_of_strangers_do_no_harm(bytes: Vec<u8>, at: u16, byte: u8) {
        let _ = PublicKey::from_ed25519(&bytes);
        let _ = certificates_from_pem(&bytes);
        let _ = Signature::ecdsa_from_der(Algorithm::EcdsaP256, &bytes);
        let _ = Signature::new(Scheme::EcdsaFixed, bytes.clone()).to_der();
        for row in table(PRIVATE).step_by(7) {
            let mut changed = hex(row[3]);
            let place = usize::from(at) % changed.len();
            changed.splice(place..=place, bytes.iter().copied().chain([byte]));
            let _ = PrivateKey::from_sec1(&changed);
            let _ = PrivateKey::from_pkcs1(&changed);
            let _ = PrivateKey::from_pkcs8(&changed);
            let _ = PublicKey::from_spki(&changed);
            let _ = Certificate::parse(&changed);
        }
    }
}
