//! Threats K-20, K-21, K-25 and Notary's profile.

use super::*;

#[test]
fn self_signed_certificate_reads_back_as_a_bundle() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let (from, to) = (at("2026-11-21T10:00:00Z"), at("2036-11-18T10:00:00Z"));
        let made = Certificate::self_signed("example.com/a_b", &key, from, to).unwrap();
        let bundle = CertificateBundle::of_leaf(made.clone()).unwrap();
        let read = CertificateBundle::from_pem(&bundle.to_pem()).unwrap();
        assert_eq!(read, bundle);
        assert_eq!(made.common_name(), Some("example.com/a_b"));
        assert_eq!(made.public_key().unwrap(), key.public());
        assert_eq!((made.not_before(), made.not_after()), (from, to));
        assert!(!made.is_ca() && !made.signed_with_sha1());
    }
}
