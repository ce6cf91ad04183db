//! Threats L-10, L-13 and the encodings of private keys.

use super::*;

#[test]
fn private_keys_are_read_as_others_write_them_and_refused_when_spoiled() {
    for row in table(PRIVATE) {
        let [case, form, verdict, bytes, spki] = row[..] else { panic!("five columns") };
        let read = read(form, &hex(bytes));
        assert_eq!(read.is_ok(), verdict == "accept", "{case}, {form}: {read:?}");
        if let Ok(key) = read {
            assert_eq!(key.public().spki(), hex(spki), "{case}, {form}");
            key.public().verify(b"m", &key.sign(b"m").unwrap()).unwrap();
        }
    }
}

#[test]
fn cut_private_keys_are_refused() {
    for row in table(PRIVATE) {
        let [case, form, "accept", bytes, _] = row[..] else { continue };
        for length in 0..hex(bytes).len() {
            assert!(read(form, &hex(bytes)[..length]).is_err(), "{case}, {form}, {length}");
        }
    }
}

#[test]
fn what_notary_would_write_reads_back_as_the_same_key() {
    for key in one_key_of_each_kind() {
        let written = key.to_notary_pkcs8();
        let back = PrivateKey::from_pkcs8(&written).unwrap();
        assert_eq!(back.public(), key.public());
        assert_eq!(*back.to_notary_pkcs8(), *written);
    }
}

#[test]
fn rsa_keys_are_used_and_not_made() {
    let answer = PrivateKey::generate(Algorithm::Rsa);
    assert!(matches!(answer, Err(Error::NotGenerated { algorithm: Algorithm::Rsa })));
}

#[test]
fn secrets_have_no_debug_no_clone_and_no_display() {
    let key = PrivateKey::from_ed25519_seed(&[0xab; 32]).unwrap();
    let text = format!("{key:?}");
    assert_eq!(text, format!("PrivateKey({:?})", key.public()));
    assert!(!text.contains("abab") && !text.contains("171, 171"));

    // Whatever implements the trait has two candidates here and does not compile.
    trait NotImplemented<A> {
        fn check() {}
    }
    impl<T> NotImplemented<()> for T {}
    impl<T: Clone> NotImplemented<u8> for T {}
    impl<T: std::fmt::Display> NotImplemented<u16> for T {}
    <PrivateKey as NotImplemented<_>>::check();
}

#[test]
fn what_a_faulty_signer_made_is_refused_by_its_own_key() {
    let key = PrivateKey::with_foreign_public(&[1; 32], &[2; 32]);
    assert!(matches!(key.sign(b"m"), Err(Error::SelfCheck { algorithm: Algorithm::Ed25519 })));
}

fn read(form: &str, bytes: &[u8]) -> Result<PrivateKey, Error> {
    match form {
        "sec1" => PrivateKey::from_sec1(bytes),
        "pkcs1" => PrivateKey::from_pkcs1(bytes),
        "pkcs8" => PrivateKey::from_pkcs8(bytes),
        other => panic!("no form: {other}"),
    }
}
