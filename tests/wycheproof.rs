//! Threats K-10, K-12, K-13, K-14: the vectors of Wycheproof
//! (<https://github.com/C2SP/wycheproof>), all sets whose algorithm some key of ours has, through
//! the entries through which files are verified.
//!
//! What Wycheproof calls acceptable, we refuse: leniency that some implementations have.

use countersign::crypto::{Algorithm, Error, PublicKey, Scheme, Signature};
use wycheproof::{
    HashFunction, Mgf, TestResult, ecdh, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify,
};

/// How many signatures were to be accepted, and how many refused.
#[derive(Debug, Default, PartialEq)]
struct Verdicts {
    good: usize,
    bad: usize,
}

impl Verdicts {
    fn note(&mut self, verdict: TestResult, answer: Result<(), Error>, what: &str) {
        let is_good = verdict == TestResult::Valid;
        assert_eq!(answer.is_ok(), is_good, "{what}: {verdict:?}, and we say {answer:?}");
        if is_good { self.good += 1 } else { self.bad += 1 }
    }

    /// The same for a set that may be of another algorithm than ours: what is good there is not
    /// good here. What is bad there may be our very algorithm.
    fn note_of(
        &mut self,
        is_ours: bool,
        verdict: TestResult,
        answer: Result<(), Error>,
        what: &str,
    ) {
        match (is_ours, verdict) {
            (true, verdict) => self.note(verdict, answer, what),
            (false, TestResult::Valid) => self.note(TestResult::Invalid, answer, what),
            (false, _) => {}
        }
    }

    /// Whether there was something to accept and something to refuse.
    fn are_of_both_kinds(&self) -> bool {
        self.good > 0 && self.bad > 0
    }
}

/// The verdicts on one set of ECDSA, when each signature is read so.
fn ecdsa_set(set: ecdsa::TestName, read: impl Fn(&[u8]) -> Result<Signature, Error>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for group in ecdsa::TestSet::load(set).expect("a set").test_groups {
        let key = PublicKey::from_spki(&group.der).expect("a key");
        for test in group.tests {
            let answer = read(&test.sig).and_then(|it| key.verify(&test.msg, &it));
            verdicts.note(
                test.result,
                answer,
                &format!("{set:?} {}: {}", test.tc_id, test.comment),
            );
        }
    }
    verdicts
}

/// Notary's form: the two halves side by side, SHA-256 on every curve.
#[test]
fn ecdsa_as_notary_writes_it() {
    use ecdsa::TestName::EcdsaSecp256r1Sha256P1363 as P256;
    let raw = |bytes: &[u8]| Ok(Signature::new(Scheme::EcdsaFixed, bytes.to_vec()));
    assert!(ecdsa_set(P256, raw).are_of_both_kinds());
}

/// The form of tokens and certificates, read strictly into Notary's.
#[test]
fn ecdsa_read_from_der() {
    use ecdsa::TestName::{EcdsaSecp256r1Sha256 as P256, EcdsaSecp384r1Sha256 as P384};
    for (set, algorithm) in [(P256, Algorithm::EcdsaP256), (P384, Algorithm::EcdsaP384)] {
        let read = |der: &[u8]| Signature::ecdsa_from_der(algorithm, der);
        assert!(ecdsa_set(set, read).are_of_both_kinds());
    }
}

/// TUF 1.0's form: DER as it came, the hash of the curve.
#[test]
fn ecdsa_as_tuf_writes_it() {
    use ecdsa::TestName::{EcdsaSecp256r1Sha256 as P256, EcdsaSecp384r1Sha384 as P384};
    for set in [P256, P384] {
        let read = |der: &[u8]| Ok(Signature::new(Scheme::OfKey, der.to_vec()));
        assert!(ecdsa_set(set, read).are_of_both_kinds());
    }
}

/// Points off the curve, other curves, curves that are spelt out, compressed points.
#[test]
fn ec_point_table_of_wycheproof() {
    use ecdh::TestName::{EcdhSecp256r1, EcdhSecp384r1, EcdhSecp521r1};
    for (set, algorithm) in [
        (EcdhSecp256r1, Algorithm::EcdsaP256),
        (EcdhSecp384r1, Algorithm::EcdsaP384),
        (EcdhSecp521r1, Algorithm::EcdsaP521),
    ] {
        let mut verdicts = Verdicts::default();
        let groups = ecdh::TestSet::load(set).expect("a set").test_groups;
        for test in groups.into_iter().flat_map(|group| group.tests) {
            let what = format!("{set:?} {}: {}", test.tc_id, test.comment);
            match PublicKey::from_spki(&test.public_key) {
                // Wrong for an agreement with a key on this curve, and a good key all the same.
                Ok(key) if key.algorithm() != algorithm => {}
                read => verdicts.note(test.result, read.map(drop), &what),
            }
        }
        assert!(verdicts.are_of_both_kinds(), "{verdicts:?}");
    }
}

/// Over SHA-256 alone, whatever others sign with the same keys.
#[test]
fn rsa_table_of_wycheproof_pkcs1() {
    use rsa_pkcs1_verify::{TestName, TestSet};
    let mut verdicts = Verdicts::default();
    for set in TestName::all() {
        for group in TestSet::load(set).expect("a set").test_groups {
            let key = PublicKey::from_spki(&group.der).expect("a key");
            let is_ours = group.hash == HashFunction::Sha2_256;
            for test in group.tests {
                let signature = Signature::new(Scheme::RsaPkcs1, test.sig.to_vec());
                let answer = key.verify(&test.msg, &signature);
                let what = format!("{set:?} {}: {}", test.tc_id, test.comment);
                verdicts.note_of(is_ours, test.result, answer, &what);
            }
        }
    }
    assert!(verdicts.are_of_both_kinds());
}

/// SHA-256 twice, and 32 bytes of salt.
#[test]
fn rsa_table_of_wycheproof_pss() {
    use rsa_pss_verify::{TestName, TestSet};
    let mut verdicts = Verdicts::default();
    for set in TestName::all() {
        for group in TestSet::load(set).expect("a set").test_groups {
            // Keys that name their parameters are not of the kind that TUF knows.
            let Ok(key) = PublicKey::from_spki(&group.der) else { continue };
            let hashes = (group.hash, group.mgf, group.mgf_hash, group.salt_size);
            let ours = (HashFunction::Sha2_256, Mgf::Mgf1, Some(HashFunction::Sha2_256), 32);
            for test in group.tests {
                let signature = Signature::new(Scheme::RsaPss, test.sig.to_vec());
                let answer = key.verify(&test.msg, &signature);
                let what = format!("{set:?} {}: {}", test.tc_id, test.comment);
                verdicts.note_of(hashes == ours, test.result, answer, &what);
            }
        }
    }
    assert!(verdicts.are_of_both_kinds());
}

#[test]
fn ed25519_strict_table_of_wycheproof() {
    use eddsa::{TestName, TestSet};
    let mut verdicts = Verdicts::default();
    for group in TestSet::load(TestName::Ed25519).expect("a set").test_groups {
        let key = PublicKey::from_spki(&group.der).expect("a key");
        for test in group.tests {
            let signature = Signature::new(Scheme::Ed25519, test.sig.to_vec());
            let answer = key.verify(&test.msg, &signature);
            verdicts.note(test.result, answer, &format!("{}: {}", test.tc_id, test.comment));
        }
    }
    assert!(verdicts.are_of_both_kinds());
}
