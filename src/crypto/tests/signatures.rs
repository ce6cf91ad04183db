//! Threats K-07, K-10, K-11, K-13, K-14: which bytes are a signature.

use super::*;

#[test]
fn only_exact_signatures_are_accepted() {
    for row in table(include_str!("../../../tests/vectors/crypto/signatures.tsv")) {
        let [case, verdict, scheme, spki, message, signature] = row[..] else { panic!("columns") };
        let key = PublicKey::from_spki(&hex(spki)).unwrap();
        let signature = Signature::new(named(scheme), hex(signature));
        let answer = key.verify(&hex(message), &signature);
        assert_eq!(answer.is_ok(), verdict == "accept", "{case}: {answer:?}");
    }
}

#[test]
fn every_kind_of_key_accepts_its_own_signature_and_no_other() {
    for key in one_key_of_each_kind() {
        let signature = key.sign(b"hello").unwrap();
        assert_eq!(signature.scheme(), key.scheme());
        key.public().verify(b"hello", &signature).unwrap();
        assert!(key.public().verify(b"hellp", &signature).is_err());
        for other in one_key_of_each_kind() {
            if other.public() != key.public() {
                assert!(other.public().verify(b"hello", &signature).is_err());
            }
        }
    }
}

#[test]
fn the_key_chooses_the_scheme() {
    let schemes = [Scheme::EcdsaFixed, Scheme::RsaPss, Scheme::RsaPkcs1, Scheme::Ed25519];
    for key in one_key_of_each_kind() {
        let algorithm = key.public().algorithm();
        for scheme in schemes {
            let rsa = [Scheme::RsaPss, Scheme::RsaPkcs1];
            let own =
                scheme == key.scheme() || algorithm == Algorithm::Rsa && rsa.contains(&scheme);
            assert_eq!(key.sign_with(scheme, b"x").is_ok(), own, "{algorithm} {scheme}");
            let bytes = key.sign(b"x").unwrap().as_bytes().to_vec();
            let answer = key.public().verify(b"x", &Signature::new(scheme, bytes));
            assert_eq!(matches!(answer, Err(Error::WrongScheme { .. })), !own);
            assert_eq!(answer.is_ok(), scheme == key.scheme(), "{algorithm} {scheme}");
        }
    }
}

#[test]
fn ecdsa_signatures_go_through_der_unchanged() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::EcdsaP521] {
        let key = PrivateKey::generate(algorithm).unwrap();
        for round in 0..64_u8 {
            let signature = key.sign(&[round]).unwrap();
            let back = Signature::ecdsa_from_der(algorithm, &signature.to_der()).unwrap();
            assert_eq!(back, signature);
        }
    }
}

#[test]
fn ecdsa_in_other_than_strict_der_is_refused() {
    let read = |text| Signature::ecdsa_from_der(Algorithm::EcdsaP256, &hex(text));
    assert!(read("3006 020101 020101").is_ok());
    for (case, der) in [
        ("trailing byte", "3006 020101 020101 00"),
        ("byte inside", "3007 020101 020101 00"),
        ("long-form length", "308106 020101 020101"),
        ("indefinite length", "3080 020101 020101 0000"),
        ("leading zero", "3007 02020001 020101"),
        ("negative", "3006 020181 020101"),
        ("empty integer", "3005 0200 020101"),
        ("one part", "3003 020101"),
        ("three parts", "3009 020101 020101 020101"),
        ("too wide", &format!("3026 0221 01{} 020101", "00".repeat(32))),
        ("nothing", ""),
    ] {
        assert!(read(der).is_err(), "{case}");
    }
    assert!(Signature::ecdsa_from_der(Algorithm::Rsa, &hex("3006 020101 020101")).is_err());
}

#[test]
fn signatures_made_by_notary_verify() {
    let key = base64("M/E8URXzon0iFE8oMMG6uR0p6yilfpShJ5MK4JBzB5g=");
    let signature = Signature::new(Scheme::Ed25519, base64(NOTARY_SIGNATURE));
    let key = PublicKey::from_ed25519(&key).unwrap();
    key.verify(NOTARY_TIMESTAMP.as_bytes(), &signature).unwrap();
}

fn named(scheme: &str) -> Scheme {
    match scheme {
        "ecdsa" => Scheme::EcdsaFixed,
        "rsapss" => Scheme::RsaPss,
        "rsapkcs1" => Scheme::RsaPkcs1,
        "ed25519" => Scheme::Ed25519,
        other => panic!("no scheme: {other}"),
    }
}

const NOTARY_TIMESTAMP: &str = concat!(
    r#"{"_type":"Timestamp","expires":"2026-12-05T21:18:54.634412777Z","meta":{"snapshot":"#,
    r#"{"hashes":{"sha256":"Ut2z9rWqzHNhghLW8az0zPGZByVymVyKnuIq0Dqf4/8=","sha512":"#,
    r#""4DOVJWevCzPZNOYacwfVnOx2B94rebXP/aNVoi3NTuUiBKwj/3RiZQ3MjfGX4hEjXDOmsMGxaNzBFBPvVmucVg=="},"#,
    r#""length":683}},"version":1}"#
);
const NOTARY_SIGNATURE: &str =
    "yOvXijXkpCnVOdr43Nlume2t1hOfNDLW/BY7R/TWFbbq9qrnplG+BttQCF2BDJR1ukCWavh2BqPJej3wSR3cAg==";
