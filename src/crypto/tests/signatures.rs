//! Threats K-07, K-10, K-11, K-13, K-14.

use super::*;

#[test]
fn every_kind_of_key_accepts_its_own_signature_and_no_other_message() {
    for algorithm in ALL {
        let key = PrivateKey::generate(algorithm).unwrap();
        let signature = key.sign(b"hello").unwrap();
        key.public().verify(b"hello", &signature).unwrap();
        assert!(key.public().verify(b"hellp", &signature).is_err(), "{algorithm}");
        let other = PrivateKey::generate(algorithm).unwrap();
        assert!(other.public().verify(b"hello", &signature).is_err(), "{algorithm}");
    }
}
